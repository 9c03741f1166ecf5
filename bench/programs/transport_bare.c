/* Slots in shared memory, with nothing that makes them safe: no recovery, no checks, no description of frames, one
 * writer, and a reader that says which slot it reads without making sure that the writer saw it in time. The
 * waiting (spin, then sleep) and the choice of a slot are those of the library. */
#include "system.h"
#include "transport.h"

#include <stdlib.h>
#include <string.h>

#define READERS     16
#define SLOTS       64
#define SPINS       1000
#define VAIN_SPINS  4
#define TRY_AGAIN   64
#define SLOT_OF     UINT64_C(0xFF)
#define SECOND_NS   INT64_C(1000000000)
#define CACHE_LINE  __attribute__((aligned(64)))
#define HEADER_SIZE 4096

struct pin {
    CACHE_LINE uint32_t slot; /* 1 + the slot that this reader reads; 0: none */
};

struct shared {
    uint64_t slot_size;
    uint32_t slots;
    uint32_t readers;
    CACHE_LINE uint64_t newest; /* number << 8 | slot; 0: none yet */
    CACHE_LINE uint32_t epoch;
    uint32_t sleepers;
    struct pin pins[READERS];
};

struct transport {
    shared_memory *memory;
    struct shared *shared;
    uint8_t *first_slot;
    uint32_t *pin;
    uint64_t had;
    uint64_t written[SLOTS];
    uint32_t filling;
    uint32_t spins_in_vain;
};

static transport *transport_on(shared_memory *memory) {
    if (!memory)
        return NULL;
    transport *passing = calloc(1, sizeof *passing);
    passing->memory = memory;
    passing->shared = system_address(memory);
    passing->first_slot = (uint8_t *)passing->shared + HEADER_SIZE;
    return passing;
}

transport *transport_create(const char *name, uint64_t capacity, uint32_t slots) {
    uint64_t slot_size = (capacity + 63) / 64 * 64;
    transport *passing = transport_on(system_create(name, HEADER_SIZE + slots * slot_size));
    if (passing) {
        passing->shared->slot_size = slot_size;
        passing->shared->slots = slots;
    }
    return passing;
}

transport *transport_open(const char *name) {
    transport *passing = transport_on(system_open(name));
    if (passing) {
        uint32_t reader = __atomic_fetch_add(&passing->shared->readers, 1, __ATOMIC_SEQ_CST);
        passing->pin = &passing->shared->pins[reader % READERS].slot;
    }
    return passing;
}

void transport_close(transport *passing) {
    system_close(passing->memory);
    free(passing);
}

static uint8_t *slot_at(const transport *passing, uint32_t slot) {
    return passing->first_slot + slot * passing->shared->slot_size;
}

/* Of the free slots, the one that was written last: its memory is still in the cache. */
uint8_t *transport_begin(transport *passing) {
    struct shared *shared = passing->shared;
    uint64_t newest = __atomic_load_n(&shared->newest, __ATOMIC_RELAXED);
    uint64_t taken = newest ? UINT64_C(1) << (newest & SLOT_OF) : 0;
    uint32_t readers = __atomic_load_n(&shared->readers, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < readers && i < READERS; i++) {
        uint32_t pinned = __atomic_load_n(&shared->pins[i].slot, __ATOMIC_RELAXED);
        if (pinned)
            taken |= UINT64_C(1) << (pinned - 1);
    }
    uint32_t best = shared->slots;
    for (uint32_t slot = 0; slot < shared->slots; slot++)
        if (!(taken & (UINT64_C(1) << slot)) &&
            (best == shared->slots || passing->written[slot] > passing->written[best]))
            best = slot;
    if (best == shared->slots)
        return NULL;
    passing->filling = best;
    return slot_at(passing, best);
}

void transport_publish(transport *passing) {
    struct shared *shared = passing->shared;
    uint64_t number = (__atomic_load_n(&shared->newest, __ATOMIC_RELAXED) >> 8) + 1;
    passing->written[passing->filling] = number;
    __atomic_store_n(&shared->newest, number << 8 | passing->filling, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&shared->sleepers, __ATOMIC_SEQ_CST) == 0)
        return;
    uint32_t sleepers = __atomic_exchange_n(&shared->sleepers, 0, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&shared->epoch, 1, __ATOMIC_SEQ_CST);
    system_wake(passing->memory, &shared->epoch, sleepers);
}

bool transport_write(transport *passing, const void *bytes, uint64_t size) {
    uint8_t *slot = transport_begin(passing);
    if (!slot)
        return false;
    memcpy(slot, bytes, size);
    transport_publish(passing);
    return true;
}

static uint64_t look(const transport *passing) {
    return __atomic_load_n(&passing->shared->newest, __ATOMIC_SEQ_CST);
}

static bool is_newer(const transport *passing, uint64_t newest) {
    return newest != passing->had;
}

static void sleep_until_newer(transport *passing) {
    struct shared *shared = passing->shared;
    uint32_t seen = __atomic_load_n(&shared->epoch, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&shared->sleepers, 1, __ATOMIC_SEQ_CST);
    if (!is_newer(passing, look(passing)))
        system_sleep(passing->memory, &shared->epoch, seen, SECOND_NS / 10);
}

/* Like the library: does not spin if the last spins were in vain, except for one try now and then. */
static bool spin_until_newer(transport *passing, bool always) {
    bool found = false;
    bool promising = passing->spins_in_vain < VAIN_SPINS || passing->spins_in_vain % TRY_AGAIN == 0;
    for (int turns = always || promising ? SPINS : 0; turns > 0 && !found; turns--) {
        spin_pause();
        found = is_newer(passing, look(passing));
    }
    passing->spins_in_vain = found ? 0 : passing->spins_in_vain + 1;
    return found;
}

/* False: none came. */
static bool wait_for_newer(transport *passing, bool spin) {
    if (is_newer(passing, look(passing)))
        return true;
    int64_t end = system_now_ns() + WAIT_NS;
    if (spin_until_newer(passing, spin))
        return true;
    while (!is_newer(passing, look(passing))) {
        if (system_now_ns() >= end)
            return false;
        if (spin)
            spin_until_newer(passing, true);
        else
            sleep_until_newer(passing);
    }
    return true;
}

static const uint8_t *acquire(transport *passing, bool spin) {
    if (!wait_for_newer(passing, spin))
        return NULL;
    uint64_t newest = look(passing);
    passing->had = newest;
    __atomic_store_n(passing->pin, 1 + (uint32_t)(newest & SLOT_OF), __ATOMIC_RELAXED);
    return slot_at(passing, (uint32_t)(newest & SLOT_OF));
}

const uint8_t *transport_acquire(transport *passing) {
    return acquire(passing, false);
}

void transport_release(transport *passing) {
    __atomic_store_n(passing->pin, 0, __ATOMIC_RELEASE);
}

bool transport_read(transport *passing, void *buffer, uint64_t size, bool spin) {
    const uint8_t *slot = acquire(passing, spin);
    if (!slot)
        return false;
    memcpy(buffer, slot, size);
    transport_release(passing);
    return true;
}
