/* The handle of a channel: its sections as this process has them open, and which pictures are current. */
#ifndef WMMF_CHANNEL_HANDLE_H
#define WMMF_CHANNEL_HANDLE_H

#include "pins.h"

/* The channel as it is found by its name, and its readers. When the name was taken away and the owner has published the
 * channel again, a handle goes on with another; the old ones stay open until it is closed, for those who sleep there.
 */
struct base {
    wmmf_section *section;
    struct channel_header *header;
    struct readers readers;
    uint64_t pin_limit_ns;
    struct base *older;
};

/* Since when a writer would have used a slot, had it not been pinned. */
struct blocked {
    uint64_t stamp; /* of the frame there; another one: this is out of date */
    int64_t since_ns;
};

/* One generation of pictures. `users` counts the threads that work on it, the pins that keep it, and 1 while it is the
 * current one; the last one to go unmaps it. */
struct generation {
    shared_u32 users; /* see channel.c */
    struct base *base;
    struct pictures pictures;
    /* For writers, under the lock. */
    uint64_t *reserved; /* slots that have their memory: bits */
    uint64_t *taken;    /* slots that must not be used: bits, for find_slot */
    struct blocked *blocked;
};

struct wmmf_channel {
    shared_u64 base; /* the address of the current one, for calls that need no pictures: see channel_base */
    struct generation generations[PIN_GENERATIONS];
    shared_u32 current;   /* index of the generation that the next frame is looked for in */
    shared_u32 following; /* 1 while a thread changes these three */
    bool read_only;
    bool publishing; /* our record says so */
    uint32_t name_space;
    char *name;

    /* The frame that is being filled: by the owner of the lock, but that threads compete for the right to end it. */
    shared_u32 filling; /* wmmf_frame.hold of that frame; 0: none */
    uint32_t fillings;  /* the last such number */
    uint32_t filling_slot;
    struct generation *filling_in;

    shared_u32 spins_in_vain; /* waits in which spinning did not help, since it last did */
    shared_u64 name_seen_ns;  /* when we last looked whether the name leads here */
    shared_u32 republished;
    shared_u32 nameless;
};

/* Bases stay until the channel is closed, so one that is no longer current may still be used. Acquire: with the release
 * of the thread that made it current, it is complete. */
static inline struct base *channel_base(const wmmf_channel *channel) {
    return (struct base *)(uintptr_t)load_acquire_u64(&channel->base);
}

/* WMMF_E_ARGUMENT for NULL, WMMF_E_FORKED in a child. */
int32_t channel_check(const wmmf_channel *channel);
int32_t frame_check(const wmmf_channel *channel, const wmmf_frame *frame);
/* WMMF_E_READ_ONLY: this handle can only copy. */
int32_t channel_check_in_place(const wmmf_channel *channel);

/* The current pictures, kept for the caller until it leaves them. */
struct generation *generation_enter(wmmf_channel *channel);
void generation_leave(struct generation *generation);
/* For a frame that is held. */
static inline struct generation *generation_at(wmmf_channel *channel, uint32_t index) {
    return &channel->generations[index];
}
static inline uint32_t generation_index(const wmmf_channel *channel, const struct generation *generation) {
    return (uint32_t)(generation - channel->generations);
}

/* What ends the use of a generation. */
#define CHANGED 1 /* there are other pictures: follow */
static inline int32_t generation_status(const struct generation *generation) {
    uint64_t current = load_seq_u64(&generation->base->header->current);
    if (current == generation->pictures.id)
        return WMMF_OK;
    return current & CURRENT_POISONED ? WMMF_E_POISONED : CHANGED;
}

/* Goes on to the pictures that are current now. WMMF_OK also if there is nothing to follow to. */
int32_t channel_follow(wmmf_channel *channel, const struct generation *from);
/* New pictures in place of the current ones. The caller owns the lock. */
int32_t channel_replace(wmmf_channel *channel, const struct pictures_shape *shape);
/* Wakes everything that waits for a frame. */
void channel_wake(const struct base *base);
/* Gives the lock back. */
void channel_disown(wmmf_section *section);
/* Says in our record that we are there to publish. */
void channel_publishes(wmmf_channel *channel);
/* For publishers: looks, twice a second, whether the name still leads here; else publishes the channel under it again,
 * if this user owns it. */
void channel_keep_name(wmmf_channel *channel, int64_t now_ns);

#endif
