/* Reading frames: in place, with a pin (pins.h), or as a validated copy. */
#include <inttypes.h>
#include <string.h>

#include "channel_handle.h"
#include "deadline.h"
#include "eventcount.h"
#include "last_error.h"
#include "tuning.h"

/* Which frame a reader wants. */
struct request {
    uint32_t pick; /* enum wmmf_pick */
    uint64_t after;
};

/* Where that frame is. */
struct found {
    uint64_t newest; /* as loaded then */
    uint64_t sequence;
    uint32_t slot;
};

static int32_t request_check(const struct request *request) {
    return request->pick <= WMMF_PICK_TIME ? WMMF_OK : refused(WMMF_E_ARGUMENT, "pick", request->pick, "0 to 4");
}

/* Searches backwards from the newest one: writers may give frames any timestamp, so the timestamps need not be in
 * order. */
static uint64_t sequence_at(const struct pictures *pictures, uint64_t newest, uint64_t oldest, uint64_t timestamp) {
    uint64_t first = newest > pictures->slots && oldest < newest - pictures->slots ? newest - pictures->slots : oldest;
    for (uint64_t sequence = newest; sequence >= first && sequence != 0; sequence--) {
        uint32_t slot = slot_of(pictures, sequence);
        if (slot != NO_SLOT && load_relaxed_u64(&pictures->frames[slot].timestamp_ns) <= timestamp)
            return sequence;
    }
    return 0;
}

/* The sequence of the wanted frame. WMMF_E_TIMEOUT: not yet. */
static int32_t choose(const struct pictures *pictures, const struct request *request, uint64_t newest,
                      uint64_t *sequence) {
    uint64_t last = newest_sequence(newest), oldest;
    *sequence = last;
    switch ((enum wmmf_pick)request->pick) {
    case WMMF_PICK_NEXT:
        return last == request->after ? WMMF_E_TIMEOUT : WMMF_OK;
    case WMMF_PICK_LATEST:
        return WMMF_OK;
    case WMMF_PICK_EVERY:
        oldest = oldest_sequence(pictures, last);
        *sequence = request->after + 1 > oldest ? request->after + 1 : oldest;
        return request->after >= last ? WMMF_E_TIMEOUT : WMMF_OK;
    case WMMF_PICK_AT:
        *sequence = request->after;
        if (request->after > last)
            return WMMF_E_TIMEOUT;
        return request->after < oldest_sequence(pictures, last) ? WMMF_E_LOST : WMMF_OK;
    case WMMF_PICK_TIME:
        *sequence = sequence_at(pictures, last, oldest_sequence(pictures, last), request->after);
        return *sequence == 0 ? WMMF_E_LOST : WMMF_OK;
    }
    return WMMF_E_ARGUMENT;
}

/* If possible, looks only at `newest`, so that the writer does not have to fetch other cache lines back from us. */
static int32_t find(const struct pictures *pictures, const struct request *request, struct found *found) {
    found->newest = load_seq_u64(&pictures->header->newest);
    if ((found->newest & NEWEST_SLOT) == 0) {
        bool gone = request->pick == WMMF_PICK_AT && request->after <= newest_sequence(found->newest);
        return gone ? WMMF_E_LOST : WMMF_E_TIMEOUT;
    }
    int32_t status = choose(pictures, request, found->newest, &found->sequence);
    if (status != WMMF_OK)
        return status;
    bool is_newest = found->sequence == newest_sequence(found->newest);
    found->slot = is_newest ? newest_slot(pictures, found->newest) : slot_of(pictures, found->sequence);
    return found->slot != NO_SLOT || !is_newest ? WMMF_OK : WMMF_E_FORMAT;
}

/* Finds the wanted frame in these pictures. CHANGED: look in other pictures; a reader of every frame first takes the
 * rest of the old ones. */
static int32_t look(const struct generation *generation, const struct request *request, struct found *found) {
    int32_t status = generation_status(generation);
    if (status == CHANGED && request->pick == WMMF_PICK_EVERY && find(&generation->pictures, request, found) == WMMF_OK)
        return WMMF_OK;
    return status != WMMF_OK ? status : find(&generation->pictures, request, found);
}

/* Adds the numbers to a status, but not for a poll, which often finds nothing and should be fast. */
static void explain(const struct pictures *pictures, const struct request *request) {
    uint64_t newest = load_seq_u64(&pictures->header->newest), last = newest_sequence(newest);
    if ((newest & NEWEST_SLOT) == 0) {
        error_detail("no frame has been published %s", last == 0 ? "yet" : "since the pictures were replaced");
    } else if (request->pick == WMMF_PICK_AT) {
        error_detail("frame %" PRIu64 ": expected %" PRIu64 " to %" PRIu64 ", which the channel has", request->after,
                     oldest_sequence(pictures, last), last);
    } else if (request->pick == WMMF_PICK_TIME) {
        error_detail("frames %" PRIu64 " to %" PRIu64 ", which the channel has, are all later than %" PRIu64 " ns",
                     oldest_sequence(pictures, last), last, request->after);
    }
}

/* Waiting. */

/* Sleeps as long as a look finds the same status: no such frame yet, or CHANGED, to pictures that were lost with their
 * owner. If new ones were announced since we tried to follow, this costs a slice. A handle that cannot announce that it
 * sleeps polls. */
static void sleep_until_news(const struct generation *generation, const struct request *request, int32_t status,
                             int64_t slice) {
    const struct base *base = generation->base;
    struct found found;
    if (!base->readers.section) {
        eventcount_poll(&base->section->lock, EVENT_CHANGE, slice);
        return;
    }
    uint32_t seen = eventcount_prepare(&base->readers.section->lock, EVENT_CHANGE);
    if (look(generation, request, &found) == status)
        eventcount_wait(&base->readers.section->lock, EVENT_CHANGE, seen, slice);
    else
        eventcount_cancel(&base->readers.section->lock, EVENT_CHANGE, seen);
}

/* If a writer on another core answers at once, spinning sees it at once; a writer on our core cannot run while we spin.
 * So we spin as long as that helps. */
static int32_t spin_until_news(wmmf_channel *channel, const struct generation *generation,
                               const struct request *request, struct found *found) {
    uint32_t in_vain = load_relaxed_u32(&channel->spins_in_vain);
    int32_t status = WMMF_E_TIMEOUT;
    int turns = in_vain < CHANNEL_VAIN_SPINS || in_vain % CHANNEL_SPIN_AGAIN == 0 ? CHANNEL_SPINS : 0;
    while (turns-- > 0 && (status = look(generation, request, found)) == WMMF_E_TIMEOUT)
        spin_pause();
    store_relaxed_u32(&channel->spins_in_vain, status == WMMF_E_TIMEOUT ? in_vain + 1 : 0);
    return status;
}

/* After a look that ended with `seen`: follows to other pictures, or else sleeps for a slice. WMMF_OK: look again. */
static int32_t follow_or_sleep(wmmf_channel *channel, const struct generation *generation,
                               const struct request *request, int32_t seen, int64_t slice) {
    int32_t status = seen;
    if (seen == CHANGED) {
        status = channel_follow(channel, generation);
        if (generation_at(channel, load_seq_u32(&channel->current)) != generation)
            return status;
    }
    bool may_come = status == WMMF_OK || status == WMMF_E_TIMEOUT;
    if (may_come && slice != 0) {
        sleep_until_news(generation, request, seen, slice);
        return WMMF_OK;
    }
    if (may_come || status == WMMF_E_LOST)
        explain(&generation->pictures, request);
    return may_come ? WMMF_E_TIMEOUT : status;
}

/* Waits for the wanted frame. WMMF_OK: *out is entered for the caller. */
static int32_t wait_for(wmmf_channel *channel, const struct request *request, int64_t timeout_ns,
                        struct generation **out, struct found *found) {
    int64_t deadline = -1; /* the clock is read only if there is something to wait for */
    for (;;) {
        struct generation *generation = generation_enter(channel);
        int32_t status = look(generation, request, found);
        if ((status == WMMF_E_TIMEOUT || status == CHANGED) && timeout_ns != 0 && deadline < 0) {
            deadline = deadline_after(timeout_ns);
            status = spin_until_news(channel, generation, request, found);
        }
        if (status == WMMF_OK) {
            *out = generation;
            return WMMF_OK;
        }
        int64_t slice = deadline < 0 ? 0 : deadline_remaining(deadline, RECHECK_NS);
        status = follow_or_sleep(channel, generation, request, status, slice);
        generation_leave(generation);
        if (status != WMMF_OK)
            return status;
    }
}

/* In place. */

static uint64_t missed(const struct request *request, uint64_t sequence) {
    bool counts = request->pick <= WMMF_PICK_EVERY && request->after != 0 && sequence > request->after;
    return counts ? sequence - request->after - 1 : 0;
}

/* Whether our pin came before the slot could be reused. */
static bool is_pinned_in_time(const struct pictures *pictures, const struct found *found) {
    if (found->sequence == newest_sequence(found->newest) && load_seq_u64(&pictures->header->newest) == found->newest)
        return true;
    return pictures->history && found->sequence >= load_seq_u64(&pictures->header->oldest);
}

/* After a pin was freed. A thread that follows to other pictures changes `current`, then drops what free pins keep. So
 * one of the two sees the other, and the one that drops the pin leaves the generation. */
static void keep_while_current(wmmf_channel *channel, struct pin *pin, uint32_t generation) {
    if (load_seq_u32(&channel->current) != generation && pins_drop(pin, generation))
        generation_leave(generation_at(channel, generation));
}

static bool give(wmmf_channel *channel, struct readers *readers, struct pin *pin, uint32_t generation) {
    if (!pins_give(readers, pin))
        return false;
    keep_while_current(channel, pin, generation);
    return true;
}

static void unreserve(wmmf_channel *channel, struct pin *pin, uint32_t generation) {
    if (!pin)
        return;
    pins_unreserve(pin, generation);
    keep_while_current(channel, pin, generation);
}

/* With a pin that was reserved in this generation. Without one, only a frame that we already hold can get another
 * holder. CHANGED: the frame was gone before we had it. */
static int32_t pin_found(wmmf_channel *channel, struct generation *generation, struct pin *reserved,
                         const struct request *request, const struct found *found, wmmf_frame *frame) {
    struct readers *readers = &generation->base->readers;
    const struct pictures *pictures = &generation->pictures;
    uint32_t index = generation_index(channel, generation);
    struct pin *pin = found->slot != NO_SLOT ? pins_share(readers, index, found->sequence) : NULL;
    if (pin || found->slot == NO_SLOT) {
        unreserve(channel, reserved, index);
        if (!pin)
            return CHANGED;
    } else if (!reserved) {
        return failed(WMMF_E_FULL, "this handle holds %" PRIu32 " frames, as many as it has pins", readers->pins);
    } else {
        pin = reserved;
        pins_store(readers, pin, pictures, index, found->slot, found->sequence);
    }
    /* Written directly to the caller's struct: a copy of what was just stored piece by piece would stall. */
    wmmf_frame before = *frame;
    int32_t status = CHANGED;
    if (is_pinned_in_time(pictures, found))
        status = load_acquire_u64(&pictures->frames[found->slot].stamp) == 2 * found->sequence
                     ? pictures_describe(pictures, found->slot, found->sequence, frame)
                     : WMMF_E_FORMAT;
    /* The frame is not sound: the writer's fault, unless our pin was removed and the slot reused meanwhile. */
    if (status == WMMF_E_FORMAT && !is_pinned_in_time(pictures, found))
        status = CHANGED;
    if (status != WMMF_OK) {
        *frame = before;
        give(channel, readers, pin, index);
        return status;
    }
    frame->missed = missed(request, found->sequence);
    frame->hold = load_relaxed_u32(&pin->hold);
    return WMMF_OK;
}

/* In a generation that the caller has entered. Passes it on to the pin, or leaves it. */
static int32_t pin_entered(wmmf_channel *channel, struct generation *generation, const struct request *request,
                           const struct found *found, wmmf_frame *frame) {
    uint32_t before = NO_GENERATION;
    if (!readers_can_pin(&generation->base->readers)) {
        generation_leave(generation);
        return WMMF_E_READ_ONLY;
    }
    struct pin *pin = pins_reserve(&generation->base->readers, generation_index(channel, generation), &before);
    if (before != NO_GENERATION)
        generation_leave(generation_at(channel, before));
    int32_t status = pin_found(channel, generation, pin, request, found, frame);
    if (!pin)
        generation_leave(generation);
    return status;
}

/* The usual case: the frame is there, and a free pin still keeps the current generation. False: another case, and
 * *status is undefined. */
static bool pin_at_once(wmmf_channel *channel, const struct request *request, wmmf_frame *frame, int32_t *status) {
    uint32_t index = load_seq_u32(&channel->current);
    struct pin *pin = pins_reserve_kept(&channel_base(channel)->readers, index);
    if (!pin)
        return false;
    struct generation *generation = generation_at(channel, index); /* of this base, like all that its pins keep */
    struct found found;
    if (look(generation, request, &found) != WMMF_OK) {
        unreserve(channel, pin, index);
        return false;
    }
    *status = pin_found(channel, generation, pin, request, &found, frame);
    return true;
}

static int32_t acquire(wmmf_channel *channel, const struct request *request, int64_t timeout_ns, wmmf_frame *frame) {
    int32_t status = CHANGED;
    for (int attempt = 0; status == CHANGED; attempt++) {
        struct generation *generation;
        struct found found;
        if (attempt == CHANNEL_ATTEMPTS)
            return WMMF_E_FORMAT;
        if (pin_at_once(channel, request, frame, &status))
            continue;
        status = wait_for(channel, request, timeout_ns, &generation, &found);
        if (status != WMMF_OK)
            return status;
        status = pin_entered(channel, generation, request, &found, frame);
    }
    return status;
}

int32_t channel_check_in_place(const wmmf_channel *channel) {
    if (readers_can_pin(&channel_base(channel)->readers))
        return WMMF_OK;
    return failed(WMMF_E_READ_ONLY, "this handle cannot hold frames in place, it gets copies");
}

int32_t wmmf_channel_acquire_pick(wmmf_channel *channel, uint32_t pick, uint64_t after, int64_t timeout_ns,
                                  wmmf_frame *frame) {
    struct request request = {pick, after};
    int32_t status = frame_check(channel, frame);
    if (status == WMMF_OK)
        status = request_check(&request);
    if (status == WMMF_OK)
        status = channel_check_in_place(channel);
    return status != WMMF_OK ? status : acquire(channel, &request, timeout_ns, frame);
}

int32_t wmmf_channel_acquire(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, wmmf_frame *frame) {
    return wmmf_channel_acquire_pick(channel, WMMF_PICK_NEXT, after, timeout_ns, frame);
}

/* The pin that holds a frame, perhaps from before the channel was created again. NULL: the frame is not held. */
static struct pin *pin_of(wmmf_channel *channel, const wmmf_frame *frame, struct base **base) {
    for (*base = channel_base(channel); *base; *base = (*base)->older) {
        struct pin *pin = pins_find(&(*base)->readers, frame->hold);
        if (pin)
            return pin;
    }
    return NULL;
}

static bool is_intact(wmmf_channel *channel, const struct pinned *pinned) {
    const struct generation *generation = generation_at(channel, pinned->generation);
    fence_acquire(); /* earlier reads of the picture come before our look */
    return load_relaxed_u64(&generation->pictures.frames[pinned->slot].stamp) == 2 * pinned->sequence;
}

int32_t wmmf_channel_intact(wmmf_channel *channel, const wmmf_frame *frame) {
    struct base *base;
    int32_t status = frame_check(channel, frame);
    if (status != WMMF_OK)
        return status;
    const struct pin *pin = pin_of(channel, frame, &base);
    if (!pin)
        return WMMF_E_NOT_OWNER;
    struct pinned pinned = pin_frame(pin);
    return is_intact(channel, &pinned) ? WMMF_OK : WMMF_E_NOT_INTACT;
}

int32_t wmmf_channel_release(wmmf_channel *channel, const wmmf_frame *frame) {
    struct base *base;
    int32_t status = frame_check(channel, frame);
    if (status != WMMF_OK)
        return status;
    struct pin *pin = pin_of(channel, frame, &base);
    if (!pin)
        return WMMF_E_NOT_OWNER;
    struct pinned pinned = pin_frame(pin);
    bool intact = is_intact(channel, &pinned);
    if (!give(channel, &base->readers, pin, pinned.generation))
        return WMMF_E_NOT_OWNER;
    return intact ? WMMF_OK : WMMF_E_NOT_INTACT;
}

/* Copies. */

/* A seqlock on the slot's stamp: if it is the same before and after, the copy is of one frame. CHANGED: a writer was
 * quicker. */
static int32_t copy_without_pin(const struct pictures *pictures, const struct request *request,
                                const struct found *found, void *buffer, uint64_t length, wmmf_frame *frame) {
    if (found->slot == NO_SLOT)
        return CHANGED;
    const shared_u64 *place = &pictures->frames[found->slot].stamp;
    uint64_t stamp = 2 * found->sequence;
    if (load_acquire_u64(place) != stamp)
        return CHANGED;
    wmmf_frame description;
    int32_t status = pictures_describe(pictures, found->slot, found->sequence, &description);
    if (status == WMMF_OK && description.used > length)
        status = WMMF_E_RANGE;
    if (status == WMMF_OK)
        picture_copy(buffer, description.data, description.used);
    fence_acquire();
    if (load_relaxed_u64(place) != stamp)
        return CHANGED;
    if (status != WMMF_E_FORMAT) {
        description.missed = missed(request, found->sequence);
        *frame = description;
    }
    return status;
}

static int32_t copy_pinned(wmmf_channel *channel, const wmmf_frame *frame, void *buffer, uint64_t length) {
    int32_t status = frame->used <= length ? WMMF_OK : WMMF_E_RANGE;
    if (status == WMMF_OK)
        picture_copy(buffer, frame->data, frame->used);
    int32_t released = wmmf_channel_release(channel, frame);
    return released == WMMF_OK ? status : released;
}

/* A short copy is first tried without a pin, because a pin makes the writer's next look at it wait for memory.
 * WMMF_E_FULL: with `pinning`, other frames have all pins. */
static int32_t read_found(wmmf_channel *channel, struct generation *generation, const struct request *request,
                          const struct found *found, bool pinning, void *buffer, uint64_t length, wmmf_frame *frame) {
    const struct pictures *pictures = &generation->pictures;
    int32_t status = CHANGED;
    pinning = pinning && readers_can_pin(&generation->base->readers);
    if (!pinning || pictures->capacity <= CHANNEL_MOMENTARY)
        status = copy_without_pin(pictures, request, found, buffer, length, frame);
    if (status != CHANGED || !pinning) {
        generation_leave(generation);
        return status;
    }
    status = pin_entered(channel, generation, request, found, frame);
    if (status != WMMF_OK)
        return status;
    status = copy_pinned(channel, frame, buffer, length);
    return status == WMMF_E_NOT_INTACT ? CHANGED : status;
}

static int32_t read_wanted(wmmf_channel *channel, const struct request *request, void *buffer, uint64_t length,
                           int64_t timeout_ns, wmmf_frame *frame) {
    wmmf_frame before = *frame;
    int64_t deadline = -1;
    bool pinning = true;
    for (int attempt = 0;; attempt++) {
        struct generation *generation;
        struct found found;
        int64_t left = deadline < 0 ? timeout_ns : deadline_remaining(deadline, INT64_MAX);
        int32_t status = wait_for(channel, request, left, &generation, &found);
        if (status == WMMF_OK)
            status = read_found(channel, generation, request, &found, pinning, buffer, length, frame);
        if (status == WMMF_E_FULL && pinning) {
            error_forget();
            pinning = false;
            status = CHANGED;
        }
        if (status != CHANGED)
            return status;
        *frame = before;
        if (deadline < 0)
            deadline = deadline_after(timeout_ns);
        if (attempt >= CHANNEL_COPIES && deadline_remaining(deadline, 1) == 0)
            return WMMF_E_TIMEOUT;
        spin_pause();
    }
}

int32_t wmmf_channel_read_pick(wmmf_channel *channel, uint32_t pick, uint64_t after, void *buffer, uint64_t length,
                               int64_t timeout_ns, wmmf_frame *frame) {
    struct request request = {pick, after};
    int32_t status = frame_check(channel, frame);
    if (status == WMMF_OK)
        status = request_check(&request);
    if (length != 0)
        status = pointer_check(status, buffer, "buffer");
    if (status == WMMF_OK)
        status = read_wanted(channel, &request, buffer, length, timeout_ns, frame);
    if (status == WMMF_OK || status == WMMF_E_RANGE) {
        frame->data = NULL;
        frame->hold = 0;
    }
    if (status == WMMF_E_RANGE && length != 0) /* without a buffer, the caller asks for the description only */
        error_detail("the picture has %" PRIu64 " bytes: expected at most %" PRIu64 ", the length of the buffer",
                     frame->used, length);
    return status;
}

int32_t wmmf_channel_read(wmmf_channel *channel, uint64_t after, void *buffer, uint64_t length, int64_t timeout_ns,
                          wmmf_frame *frame) {
    return wmmf_channel_read_pick(channel, WMMF_PICK_NEXT, after, buffer, length, timeout_ns, frame);
}

int32_t wmmf_channel_wait(wmmf_channel *channel, uint64_t after, int64_t timeout_ns, uint64_t *sequence) {
    struct request request = {WMMF_PICK_NEXT, after};
    struct generation *generation;
    struct found found;
    int32_t status = channel_check(channel);
    if (status == WMMF_OK)
        status = wait_for(channel, &request, timeout_ns, &generation, &found);
    if (status != WMMF_OK)
        return status;
    generation_leave(generation);
    if (sequence)
        *sequence = found.sequence;
    return WMMF_OK;
}
