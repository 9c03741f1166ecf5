/* The handle of a channel: its sections as this process has them open, and which pictures are current. */
#ifndef WMMF_CHANNEL_HANDLE_H
#define WMMF_CHANNEL_HANDLE_H

#include "pins.h"
#include "section.h"

/* The channel found by its name, and its readers. If the name was removed and the owner has created the channel again,
 * a handle goes on with another base; the old ones stay open until the handle is closed, for threads that sleep there.
 */
struct base {
    wmmf_section *section;
    struct channel_header *header;
    struct readers readers;
    uint64_t pin_limit_ns;
    struct base *older;
};

/* Since when a writer has wanted to use a slot that was pinned. */
struct blocked {
    uint64_t stamp; /* of the frame there; if it differs, this is out of date */
    int64_t since_ns;
};

/* One generation of pictures. `users` counts the threads that work on it, the pins that keep it, and 1 while it is the
 * current one; the last one to go unmaps it. */
struct generation {
    shared_u32 users; /* see channel.c */
    struct base *base;
    struct pictures pictures;
    /* For writers, under the lock. */
    uint64_t *reserved; /* bits of the slots that have their memory */
    uint64_t *taken;    /* bits of the slots that must not be used, for find_slot */
    struct blocked *blocked;
};

struct wmmf_channel {
    shared_u64 base; /* the address of the current base, for calls that need no pictures: see channel_base */
    struct generation generations[PIN_GENERATIONS];
    shared_u32 current;   /* index of the generation that has the next frame */
    shared_u32 following; /* locked by a thread that changes these three */
    bool read_only;
    bool publishing; /* our record says that we publish */
    uint32_t name_space;
    char *name;

    /* The frame that the owner of the lock is filling. Threads compete for the right to end it. */
    shared_u32 filling; /* wmmf_frame.hold of that frame; 0: none */
    uint32_t fillings;  /* the last such number */
    uint32_t filling_slot;
    struct generation *filling_in;

    shared_u32 spins_in_vain; /* waits since spinning last helped */
    shared_u64 name_seen_ns;  /* when we last looked whether the name leads here */
    shared_u32 republished;
    shared_u32 nameless;
};

/* Bases stay until the channel is closed, so a base that is no longer current may still be used. Acquire pairs with the
 * release of the thread that made it current, so it is complete. */
static inline struct base *channel_base(const wmmf_channel *channel) {
    return (struct base *)(uintptr_t)load_acquire_u64(&channel->base);
}

/* WMMF_E_ARGUMENT for NULL, WMMF_E_FORKED in a child. */
int32_t channel_check(const wmmf_channel *channel);
int32_t frame_check(const wmmf_channel *channel, const wmmf_frame *frame);
/* WMMF_E_READ_ONLY: this handle can only copy. */
int32_t channel_check_in_place(const wmmf_channel *channel);

/* Enters the current pictures, which stay mapped until the caller leaves them. */
struct generation *generation_enter(wmmf_channel *channel);
void generation_leave(struct generation *generation);
/* For a frame that is held. */
static inline struct generation *generation_at(wmmf_channel *channel, uint32_t index) {
    return &channel->generations[index];
}
static inline uint32_t generation_index(const wmmf_channel *channel, const struct generation *generation) {
    return (uint32_t)(generation - channel->generations);
}

/* A status that ends the use of a generation. */
#define CHANGED 1 /* there are other pictures: follow */
static inline int32_t generation_status(const struct generation *generation) {
    uint64_t current = load_seq_u64(&generation->base->header->current);
    if (current == generation->pictures.id)
        return WMMF_OK;
    return current & CURRENT_POISONED ? WMMF_E_POISONED : CHANGED;
}

/* Follows to the pictures that are current now. WMMF_OK also if there is nothing to follow to. */
int32_t channel_follow(wmmf_channel *channel, const struct generation *from);
/* New pictures in place of the current ones. The caller owns the lock. */
int32_t channel_replace(wmmf_channel *channel, const struct pictures_shape *shape);
/* Wakes all threads that wait for a frame. */
void channel_wake(const struct base *base);
/* Takes the lock that writers take turns with. */
int32_t channel_own(wmmf_section *section, int64_t timeout_ns);
/* Releases it, without a frame. */
void channel_disown(wmmf_section *section);
/* Whether a living process notes in its record that it publishes; `but_us`: through another handle than this. */
bool channel_is_published(const struct base *base, bool but_us);
/* From the channel's header, which any writer may have changed. */
int32_t channel_find_readers(const struct channel_header *header, struct inner_plan *plan, uint32_t *pins);
/* Notes in our record that we publish. */
void channel_publishes(wmmf_channel *channel);
/* For publishers: checks twice a second that the name still leads here; if not, creates the channel again under it, if
 * this user owns it. */
void channel_keep_name(wmmf_channel *channel, int64_t now_ns);

#endif
