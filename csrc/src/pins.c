#include "pins.h"

#include "eventcount.h"
#include "participants.h"

/* The state of a pin: bits 0-11 holders, bits 12-15 the caller's number of the generation, bits 16-63 the sequence.
 * With a frame but without a holder it is being stored or taken away, by one thread. */
#define HOLDERS UINT64_C(0xFFF)
/* A hold: bits 0-6 1 + the index of the pin, bits 7-31 a number, so that a hold that was given back is known. */
#define HOLD_INDEX        UINT32_C(0x7F)
#define HOLD_NUMBER_SHIFT 7
#define HOLDS_APART       UINT32_C(4096) /* more than threads can take at the moment when readers change */
#define GENERATION_SHIFT  12
#define SEQUENCE_SHIFT    16

static uint64_t state_of(uint32_t generation, uint64_t sequence) {
    return sequence << SEQUENCE_SHIFT | (uint64_t)generation << GENERATION_SHIFT;
}

static shared_u64 *shared_pin(const struct readers *readers, const struct pin *pin) {
    const wmmf_section *section = readers->section;
    return &section->pins[(uint64_t)section->index * section->pins_each + (uint64_t)(pin - readers->own)];
}

/* One that holds this frame already. Its shared pin was stored before its first holder was counted, and stays as long
 * as one is: so the caller's look at the frame also comes after it. */
static struct pin *share(struct readers *readers, uint64_t wanted) {
    for (uint32_t i = 0; i < readers->pins; i++) {
        struct pin *pin = &readers->own[i];
        uint64_t state = load_acquire_u64(&pin->state);
        while ((state & ~HOLDERS) == wanted && (state & HOLDERS) != 0 && (state & HOLDERS) != HOLDERS)
            if (cas_seq_u64(&pin->state, &state, state + 1))
                return pin;
    }
    return NULL;
}

struct pin *pins_take(struct readers *readers, const struct pictures *pictures, uint32_t generation, uint32_t slot,
                      uint64_t sequence) {
    uint64_t wanted = state_of(generation, sequence);
    struct pin *pin = share(readers, wanted);
    for (uint32_t i = 0; i < readers->pins && !pin; i++) {
        uint64_t free = 0;
        if (load_relaxed_u64(&readers->own[i].state) != 0 || !cas_seq_u64(&readers->own[i].state, &free, wanted))
            continue;
        pin = &readers->own[i];
        store_relaxed_u32(&pin->slot, slot);
        uint32_t before = load_relaxed_u32(&pin->hold) & ~HOLD_INDEX;
        store_relaxed_u32(&pin->hold, (before + (1 << HOLD_NUMBER_SHIFT)) | (i + 1));
        store_seq_u64(shared_pin(readers, pin), (slot + 1) |
                                                    (uint64_t)(pictures->number & 0xFFFF) << PIN_GENERATION_SHIFT |
                                                    sequence << PIN_SEQUENCE_SHIFT);
        store_release_u64(&pin->state, wanted | 1);
    }
    return pin;
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
    struct pinned pinned = {state >> SEQUENCE_SHIFT, (uint32_t)(state >> GENERATION_SHIFT) % PIN_GENERATIONS,
                            load_relaxed_u32(&pin->slot)};
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
    /* seq_cst, which releases: our loads of the picture are done before a writer sees the pin gone. */
    store_seq_u64(shared_pin(readers, pin), 0);
    store_release_u64(&pin->state, 0);
    eventcount_wake(readers->section, EVENT_READERS); /* where only writers that wait for a slot sleep, here */
    return true;
}

/* The slot that a pin is about; NO_SLOT: none of these pictures. */
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
            reap_if_dead(section, i);
    }
}

/* A slot that was given back meanwhile may have a newer frame, or a half-filled one: only a pin that is still there
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
