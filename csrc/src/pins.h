/* Pins: how readers tell a writer which frames to leave as they are.
 *
 * The rule: a reader first stores its pin, then looks whether the frame may still be pinned; a writer first makes it
 * known that a frame may not be pinned any more, then looks at all pins before it reuses the slot. All four are
 * seq_cst, so of two that come at the same time at least one sees the other: the reader then takes a newer frame, the
 * writer leaves the slot alone. (Hazard pointers: Michael, IEEE TPDS 15(6), 2004.) The model is
 * tests/model/pinning.pml.
 *
 * All readers may write pins, so they are promises among honest readers. A writer believes only
 * that a slot may be in use, never more: garbage costs it slots. A pin that garbage removes costs a reader
 * its frame; the frame's stamp, which only writers can store, tells the reader.
 *
 * Dying with a pin stored: it goes with the participant's record, when the kernel says that the reader is dead. */
#ifndef WMMF_PINS_H
#define WMMF_PINS_H

#include "pictures.h"

/* A pin of ours, in private memory: which frame it holds, and for how many holders. */
struct pin {
    shared_u64 state; /* see pins.c; 0: free */
    shared_u32 slot;
    shared_u32 hold; /* wmmf_frame.hold */
};

/* The readers' section, as this process has it open. */
struct readers {
    wmmf_section *section; /* NULL: we may not write it, or there is no record left */
    uint32_t pins;         /* of a reader, at most */
    struct pin own[WMMF_CHANNEL_PINS_MAX];
};

/* Stores a pin, or counts on one that we have stored for this frame before. `generation` is a number of the caller's,
 * at most PIN_GENERATIONS - 1. NULL: all are in use. The caller then has to look whether the frame may still be pinned.
 */
#define PIN_GENERATIONS 16
struct pin *pins_take(struct readers *readers, const struct pictures *pictures, uint32_t generation, uint32_t slot,
                      uint64_t sequence);
/* Holds of these readers are to differ from those that were given out by older ones. */
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
/* Takes one holder away, and the pin with the last one. False: there was none any more. */
bool pins_give(struct readers *readers, struct pin *pin);

/* Sets the bits of all slots of this generation that are pinned. */
void pins_collect(const struct readers *readers, const struct pictures *pictures, uint64_t *taken);
/* Removes all pins on a slot. */
void pins_revoke(const struct readers *readers, const struct pictures *pictures, uint32_t slot);
/* Clears the pins of the dead. */
void pins_reap(const struct readers *readers);
/* How many a reader has, and the sequence of its oldest frame. */
uint32_t pins_of(const wmmf_section *readers, const struct pictures *pictures, uint32_t index, uint64_t *oldest);

#endif
