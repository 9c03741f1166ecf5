#include "pins.h"

#include "eventcount.h"
#include "participants.h"

/* The state of a pin: bits 0-10 holders, bits 11-15 1 + the caller's number of the generation, 0 = none; bits 16-63 the
 * sequence. Without a holder, the pin is free if there is no sequence; otherwise one thread is storing or removing it.
 */
#define HOLDERS  UINT64_C(0x7FF)
#define RESERVED (~UINT64_C(0) << SEQUENCE_SHIFT) /* in place of a sequence: there is no frame yet */
/* A hold: bits 0-6 1 + the index of the pin, bits 7-31 a number by which a released hold is recognised. */
#define HOLD_INDEX        UINT32_C(0x7F)
#define HOLD_NUMBER_SHIFT 7
#define HOLDS_APART       UINT32_C(4096) /* more holds than threads can take while the readers' section changes */
#define GENERATION_SHIFT  11
#define GENERATION        UINT32_C(0x1F)
#define SEQUENCE_SHIFT    16

static uint64_t state_of(uint32_t generation, uint64_t sequence) {
    return sequence << SEQUENCE_SHIFT | (uint64_t)(generation + 1) << GENERATION_SHIFT;
}

static shared_u64 *shared_pin(const struct readers *readers, const struct pin *pin) {
    const wmmf_section *section = readers->section;
    return &section->pins[(uint64_t)section->index * section->pins_each + (uint64_t)(pin - readers->own)];
}

static uint32_t generation_of(uint64_t state) {
    return (uint32_t)(state >> GENERATION_SHIFT & GENERATION) - 1; /* none: NO_GENERATION */
}

static bool is_free(uint64_t state) {
    return (state & HOLDERS) == 0 && state >> SEQUENCE_SHIFT == 0;
}

struct pin *pins_reserve_kept(struct readers *readers, uint32_t generation) {
    uint64_t wanted = state_of(generation, 0);
    for (uint32_t i = 0; i < readers->pins; i++) {
        uint64_t state = wanted;
        if (load_relaxed_u64(&readers->own[i].state) == wanted &&
            cas_seq_u64(&readers->own[i].state, &state, wanted | RESERVED))
            return &readers->own[i];
    }
    return NULL;
}

struct pin *pins_reserve(struct readers *readers, uint32_t generation, uint32_t *before) {
    for (uint32_t i = 0; i < readers->pins; i++) {
        uint64_t state = load_relaxed_u64(&readers->own[i].state);
        if (!is_free(state) || !cas_seq_u64(&readers->own[i].state, &state, state_of(generation, 0) | RESERVED))
            continue;
        *before = generation_of(state);
        return &readers->own[i];
    }
    return NULL;
}

void pins_unreserve(struct pin *pin, uint32_t generation) {
    store_seq_u64(&pin->state, state_of(generation, 0));
}

bool pins_drop(struct pin *pin, uint32_t generation) {
    uint64_t kept = state_of(generation, 0);
    return cas_seq_u64(&pin->state, &kept, 0);
}

/* The shared pin was stored before its first holder was counted, and stays as long as there is a holder. So the
 * caller's look at the frame also comes after the store. */
struct pin *pins_share(struct readers *readers, uint32_t generation, uint64_t sequence) {
    uint64_t wanted = state_of(generation, sequence);
    for (uint32_t i = 0; i < readers->pins; i++) {
        struct pin *pin = &readers->own[i];
        uint64_t state = load_acquire_u64(&pin->state);
        while ((state & ~HOLDERS) == wanted && (state & HOLDERS) != 0 && (state & HOLDERS) != HOLDERS)
            if (cas_seq_u64(&pin->state, &state, state + 1))
                return pin;
    }
    return NULL;
}

void pins_store(struct readers *readers, struct pin *pin, const struct pictures *pictures, uint32_t generation,
                uint32_t slot, uint64_t sequence) {
    uint32_t number = (load_relaxed_u32(&pin->hold) & ~HOLD_INDEX) + (1 << HOLD_NUMBER_SHIFT);
    store_relaxed_u32(&pin->slot, slot);
    store_relaxed_u32(&pin->hold, number | ((uint32_t)(pin - readers->own) + 1));
    store_seq_u64(shared_pin(readers, pin), (slot + 1) | (uint64_t)(pictures->number & 0xFFFF) << PIN_GENERATION_SHIFT |
                                                sequence << PIN_SEQUENCE_SHIFT);
    store_release_u64(&pin->state, state_of(generation, sequence) | 1);
}

void pins_number_after(struct readers *readers, const struct readers *older) {
    for (uint32_t i = 0; i < WMMF_CHANNEL_PINS_MAX; i++)
        readers->own[i].hold = load_relaxed_u32(&older->own[i].hold) + (HOLDS_APART << HOLD_NUMBER_SHIFT);
}

struct pin *pins_find(struct readers *readers, uint32_t hold) {
    uint32_t index = (hold & HOLD_INDEX) - 1;
    if (index >= readers->pins)
        return NULL;
    struct pin *pin = &readers->own[index];
    bool held = load_acquire_u64(&pin->state) & HOLDERS;
    return held && load_relaxed_u32(&pin->hold) == hold ? pin : NULL;
}

struct pinned pin_frame(const struct pin *pin) {
    uint64_t state = load_acquire_u64(&pin->state);
    struct pinned pinned = {state >> SEQUENCE_SHIFT, generation_of(state), load_relaxed_u32(&pin->slot)};
    return pinned;
}

bool pins_give(struct readers *readers, struct pin *pin) {
    uint64_t state = load_acquire_u64(&pin->state);
    do {
        if ((state & HOLDERS) == 0)
            return false;
    } while (!cas_seq_u64(&pin->state, &state, state - 1));
    if ((state & HOLDERS) != 1)
        return true;
    /* Both release: our loads of the picture are done before a writer sees the pin gone, or a thread of ours the state.
     * The fence keeps two looks behind both stores. One is for sleeping writers: a writer looks at the pins once it has
     * counted itself in. The other is the caller's look at the current generation: a thread that changes that looks at
     * the states afterwards. */
    store_release_u64(shared_pin(readers, pin), 0);
    store_release_u64(&pin->state, state_of(generation_of(state), 0));
    fence_seq();
    eventcount_wake(&readers->section->lock, EVENT_READERS); /* here, writers that wait for a slot sleep there */
    return true;
}

/* The slot of a pin; NO_SLOT: it is not of these pictures. */
static uint32_t pinned_slot(const struct pictures *pictures, uint64_t pin) {
    uint32_t slot = (uint32_t)(pin & PIN_SLOT) - 1;
    bool ours = (pin >> PIN_GENERATION_SHIFT & 0xFFFF) == (pictures->number & 0xFFFF);
    return ours && slot < pictures->slots ? slot : NO_SLOT;
}

static uint64_t pins_in_use(const wmmf_section *section) {
    return (uint64_t)participants_in_use(section) * section->pins_each;
}

void pins_collect(const struct readers *readers, const struct pictures *pictures, uint64_t *taken) {
    uint64_t count = pins_in_use(readers->section);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t pin = load_seq_u64(&readers->section->pins[i]);
        uint32_t slot = pin ? pinned_slot(pictures, pin) : NO_SLOT;
        if (slot != NO_SLOT)
            taken[slot / 64] |= UINT64_C(1) << slot % 64;
    }
}

void pins_revoke(const struct readers *readers, const struct pictures *pictures, uint32_t slot) {
    uint64_t count = pins_in_use(readers->section);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t pin = load_seq_u64(&readers->section->pins[i]);
        if (pin != 0 && pinned_slot(pictures, pin) == slot)
            cas_seq_u64(&readers->section->pins[i], &pin, 0);
    }
}

void pins_reap(const struct readers *readers) {
    wmmf_section *section = readers->section;
    uint32_t used = participants_in_use(section);
    for (uint32_t i = 0; i < used; i++) {
        bool pins = false;
        for (uint32_t pin = 0; pin < section->pins_each; pin++)
            pins = pins || load_seq_u64(&section->pins[(uint64_t)i * section->pins_each + pin]) != 0;
        if (pins)
            reap_if_dead(&section->lock, i);
    }
}

/* A slot that was released meanwhile may have a newer frame, or a half-filled one: only a pin that is still there
 * counts. */
uint32_t pins_of(const wmmf_section *section, const struct pictures *pictures, uint32_t index, uint64_t *oldest) {
    uint32_t found = 0;
    *oldest = 0;
    for (uint32_t i = 0; i < section->pins_each; i++) {
        const shared_u64 *place = &section->pins[(uint64_t)index * section->pins_each + i];
        uint64_t pin = load_seq_u64(place);
        uint32_t slot = pinned_slot(pictures, pin);
        if (pin == 0)
            continue;
        uint64_t sequence = slot == NO_SLOT ? 0 : load_acquire_u64(&pictures->frames[slot].stamp) / 2;
        if (load_seq_u64(place) != pin)
            continue;
        found++;
        if (sequence != 0 && (*oldest == 0 || sequence < *oldest))
            *oldest = sequence;
    }
    return found;
}
