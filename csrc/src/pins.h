/* Pins: how readers keep a writer from overwriting their frames.
 *
 * The rule: a reader first stores its pin, then checks that the frame may still be pinned; a writer first announces
 * that a frame may not be pinned any more, then looks at all pins before it reuses the slot. All four are seq_cst, so
 * of two that come at the same time at least one sees the other: the reader then takes a newer frame, the writer leaves
 * the slot alone. (Hazard pointers: Michael, IEEE TPDS 15(6), 2004.) The model is tests/model/pinning.pml.
 *
 * All readers may write pins, so only honest readers can rely on them. To a writer a pin means only that a slot may be
 * in use: garbage costs it slots. If garbage removes a pin, its reader loses the frame; it learns that from the frame's
 * stamp, which only writers can store.
 *
 * Dying with a pin stored: the pin is cleared with the participant's record, when the kernel says that the reader is
 * dead. */
#ifndef WMMF_PINS_H
#define WMMF_PINS_H

#include "pictures.h"

/* A pin of ours, in private memory: its frame, and how many holders it has. A pin without a holder still keeps the
 * generation of its last frame mapped, so that the next frame need not be counted there. */
struct pin {
    shared_u64 state; /* see pins.c; 0: free, without a generation */
    shared_u32 slot;
    shared_u32 hold; /* wmmf_frame.hold */
};

/* The readers' section, as this process has it open. */
struct readers {
    wmmf_section *section; /* NULL: we may not write it, or we only read the channel and no record is free */
    uint32_t pins;         /* maximum per reader */
    struct pin own[WMMF_CHANNEL_PINS_MAX];
};

static inline bool readers_can_pin(const struct readers *readers) {
    return readers->section && readers->section->index != NO_RECORD;
}

/* The caller numbers the generations, and counts how many pins keep each. */
#define PIN_GENERATIONS 16
#define NO_GENERATION   UINT32_MAX
/* Takes a free pin that keeps this generation. NULL: there is none. */
struct pin *pins_reserve_kept(struct readers *readers, uint32_t generation);
/* Takes any free pin, which keeps this generation from now on; *before is the one that it kept. NULL: there is none. */
struct pin *pins_reserve(struct readers *readers, uint32_t generation, uint32_t *before);
/* Frees a reserved pin. The caller then checks whether its generation must still be kept, as after pins_give. */
void pins_unreserve(struct pin *pin, uint32_t generation);
/* A free pin no longer keeps its generation. False: the pin is in use, or does not keep this generation. */
bool pins_drop(struct pin *pin, uint32_t generation);

/* Stores a reserved pin. The caller must then check that the frame may still be pinned. */
void pins_store(struct readers *readers, struct pin *pin, const struct pictures *pictures, uint32_t generation,
                uint32_t slot, uint64_t sequence);
/* Adds a holder to a pin that we have already stored for this frame. NULL: there is none. */
struct pin *pins_share(struct readers *readers, uint32_t generation, uint64_t sequence);
/* Makes the holds of these readers differ from those that older ones gave out. */
void pins_number_after(struct readers *readers, const struct readers *older);
/* The pin of a frame with this hold; NULL: it is not held. */
struct pin *pins_find(struct readers *readers, uint32_t hold);
/* The frame that it holds. */
struct pinned {
    uint64_t sequence;
    uint32_t generation;
    uint32_t slot;
};
struct pinned pin_frame(const struct pin *pin);
/* Removes one holder, and the pin with the last one. False: there was none left. The caller then checks which
 * generation is current. */
bool pins_give(struct readers *readers, struct pin *pin);

/* Sets the bits of all slots of this generation that are pinned. */
void pins_collect(const struct readers *readers, const struct pictures *pictures, uint64_t *taken);
/* Removes all pins on a slot. */
void pins_revoke(const struct readers *readers, const struct pictures *pictures, uint32_t slot);
/* Clears the pins of the dead. */
void pins_reap(const struct readers *readers);
/* How many pins a reader has, and the sequence of its oldest frame. */
uint32_t pins_of(const wmmf_section *readers, const struct pictures *pictures, uint32_t index, uint64_t *oldest);

#endif
