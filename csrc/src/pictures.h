/* The pictures of a channel: one generation of slots, as this process has them mapped. */
#ifndef WMMF_PICTURES_H
#define WMMF_PICTURES_H

#include <string.h>

#include "handle.h"

#define NO_SLOT UINT32_MAX

/* The parameters with which they are created. */
struct pictures_shape {
    uint64_t capacity;
    uint32_t slots; /* those that are reused at once */
    uint32_t history;
};

/* Constants are copies: each field of the shared header is loaded once. */
struct pictures {
    wmmf_section *section;
    uint64_t id;
    struct pictures_header *header;
    shared_u32 *order; /* [sequence % slots]: 1 + slot of the frame with that sequence, the latest such */
    struct frame_header *frames;
    uint8_t *first;
    uint64_t capacity;
    uint64_t picture_size;
    uint32_t slots; /* all of them */
    uint32_t history;
    uint32_t number;
};

static inline struct pictures_shape pictures_shape(const struct pictures *pictures) {
    struct pictures_shape shape = {pictures->capacity, pictures->slots - pictures->history, pictures->history};
    return shape;
}

/* WMMF_E_ARGUMENT, WMMF_E_SIZE: such pictures are impossible. */
int32_t pictures_check(const struct pictures_shape *shape);
/* A new generation, with no frame yet; the next one has the sequence after `sequence`. */
int32_t pictures_create(const wmmf_section *channel, const struct pictures_shape *shape, uint32_t number,
                        uint64_t sequence, struct pictures *pictures);
int32_t pictures_open(const wmmf_section *channel, uint64_t id, bool read_only, struct pictures *pictures);
void pictures_close(struct pictures *pictures);

/* Reserves the memory of a slot's picture, before its first use. */
int32_t pictures_reserve(const struct pictures *pictures, uint32_t slot);

static inline uint8_t *picture_at(const struct pictures *pictures, uint32_t slot) {
    return pictures->first + slot * pictures->picture_size;
}

/* memcpy, which must not get NULL, not even for 0 bytes: an empty frame needs no buffer. */
static inline void picture_copy(void *to, const void *from, uint64_t size) {
    if (size != 0)
        memcpy(to, from, (size_t)size);
}

static inline uint64_t newest_sequence(uint64_t newest) {
    return newest >> NEWEST_SEQUENCE_SHIFT;
}

/* NO_SLOT: there is no frame yet, or a peer wrote a slot that these pictures do not have. */
static inline uint32_t newest_slot(const struct pictures *pictures, uint64_t newest) {
    uint32_t slot = (uint32_t)(newest & NEWEST_SLOT) - 1;
    return slot < pictures->slots ? slot : NO_SLOT;
}

/* The sequence of the oldest frame that may be pinned, if `newest` is that of the newest. */
static inline uint64_t oldest_sequence(const struct pictures *pictures, uint64_t newest) {
    return pictures->history ? load_seq_u64(&pictures->header->oldest) : newest;
}

/* Where a frame was put, if it is still there. */
static inline uint32_t slot_of(const struct pictures *pictures, uint64_t sequence) {
    uint32_t slot = load_relaxed_u32(&pictures->order[sequence % pictures->slots]) - 1;
    return slot < pictures->slots && load_acquire_u64(&pictures->frames[slot].stamp) == 2 * sequence ? slot : NO_SLOT;
}

/* Copies the description of the frame in a slot, each field loaded once. WMMF_E_FORMAT: no writer of this library wrote
 * it. */
int32_t pictures_describe(const struct pictures *pictures, uint32_t slot, uint64_t sequence, wmmf_frame *frame);
/* Writes the description. */
void pictures_set_description(const struct pictures *pictures, uint32_t slot, const wmmf_frame *frame);
/* Whether the description fits the frame's bytes. Writers check it before publishing, readers after loading. */
int32_t frame_is_sound(wmmf_frame *frame, uint64_t capacity);

#endif
