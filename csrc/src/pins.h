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

/* A pin of ours, in private memory: which frame it holds, and for how many holders. A pin that holds none still keeps
 * the generation of its last frame mapped, so that the next frame need not be counted there. */
struct pin {
    shared_u64 state; /* see pins.c; 0: free, and keeps no generation */
    shared_u32 slot;
    shared_u32 hold; /* wmmf_frame.hold */
};

/* The readers' section, as this process has it open. */
struct readers {
    wmmf_section *section; /* NULL: we may not write it, or only read the channel and there is no record left */
    uint32_t pins;         /* of a reader, at most */
    struct pin own[WMMF_CHANNEL_PINS_MAX];
};

static inline bool readers_can_pin(const struct readers *readers) {
    return readers->section && readers->section->index != NO_RECORD;
}

/* Generations are numbers of the caller's, which counts how often each is kept. */
#define PIN_GENERATIONS 16
#define NO_GENERATION   UINT32_MAX
/* Takes a free pin that keeps this generation. NULL: there is none. */
struct pin *pins_reserve_kept(struct readers *readers, uint32_t generation);
/* Takes any free pin, which keeps this generation from now on; *before is the one that it kept. NULL: there is none. */
struct pin *pins_reserve(struct readers *readers, uint32_t generation, uint32_t *before);
/* Frees a pin that was reserved. As after pins_give the caller asks whether its generation is still to be kept. */
void pins_unreserve(struct pin *pin, uint32_t generation);
/* What a free pin keeps is not kept any more. False: the pin is in use, or does not keep that. */
bool pins_drop(struct pin *pin, uint32_t generation);

/* Stores a pin that was reserved. The caller then has to look whether the frame may still be pinned. */
void pins_store(struct readers *readers, struct pin *pin, const struct pictures *pictures, uint32_t generation,
                uint32_t slot, uint64_t sequence);
/* Counts on a pin that we have stored for this frame before. NULL: there is none. */
struct pin *pins_share(struct readers *readers, uint32_t generation, uint64_t sequence);
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
/* Takes one holder away, and the pin with the last one. False: there was none any more. After that the caller looks
 * which generation is current. */
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
