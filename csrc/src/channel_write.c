/* Publishing frames.
 *
 * One writer at a time: from begin to publish it owns the lock of the channel's section, which has no other use. It
 * fills a slot that is neither the newest, nor in the history, nor pinned (pins.h).
 *
 * Dying before the store to `newest`: the writer has changed nothing that anybody reads. Dying after it: only the
 * wake-up is missing, and sleepers look again by themselves (RECHECK_NS). Others take its ownership away like that of
 * any lock. */
#include <inttypes.h>
#include <string.h>

#include "backoff.h"
#include "channel.h"
#include "channel_handle.h"
#include "deadline.h"
#include "eventcount.h"
#include "last_error.h"
#include "rwlock.h"
#include "tuning.h"

static bool is_set(const uint64_t *bits, uint32_t slot) {
    return bits[slot / 64] >> slot % 64 & 1;
}

/* Whether the frame in a slot may still be pinned, newest or not. */
static bool in_history(const struct pictures *pictures, uint64_t stamp) {
    return pictures->history && !(stamp & 1) && stamp / 2 >= load_relaxed_u64(&pictures->header->oldest);
}

/* Of the free slots, takes the one that was the newest last: its memory is still in the cache. With a history that is
 * the frame that has just left it or, at first, a slot that was never used. Only if both are taken we look at all
 * slots. */
static uint32_t find_slot(struct generation *generation) {
    const struct pictures *pictures = &generation->pictures;
    uint64_t newest = load_relaxed_u64(&pictures->header->newest);
    uint64_t best_stamp = 0;
    uint32_t best = NO_SLOT, slot = newest_slot(pictures, newest);
    memset(generation->taken, 0, (pictures->slots / 64 + 1) * sizeof *generation->taken);
    pins_collect(&generation->base->readers, pictures, generation->taken);
    if (slot != NO_SLOT)
        generation->taken[slot / 64] |= UINT64_C(1) << slot % 64;
    if (pictures->history) {
        slot = slot_of(pictures, load_relaxed_u64(&pictures->header->oldest) - 1);
        if (slot != NO_SLOT && !is_set(generation->taken, slot))
            return slot;
        slot = (uint32_t)((newest_sequence(newest) + 1) % pictures->slots);
        if (load_relaxed_u64(&pictures->frames[slot].stamp) == 0 && !is_set(generation->taken, slot))
            return slot;
    }
    for (slot = 0; slot < pictures->slots; slot++) {
        if (is_set(generation->taken, slot))
            continue;
        uint64_t stamp = load_relaxed_u64(&pictures->frames[slot].stamp);
        if (!in_history(pictures, stamp) && (best == NO_SLOT || stamp > best_stamp)) {
            best = slot;
            best_stamp = stamp;
        }
    }
    return best;
}

/* Takes back a slot that pins have kept from us for longer than the limit. The age of the pins does not count, because
 * readers could renew them; the time for which we have wanted the slot counts. So readers cannot keep it any longer.
 * The frame's reader learns it from the stamp. Dying before the slot is used: other writers start to count again. */
static uint32_t take_back(struct generation *generation) {
    const struct pictures *pictures = &generation->pictures;
    int64_t limit = (int64_t)generation->base->pin_limit_ns;
    if (limit == 0)
        return NO_SLOT;
    int64_t now = platform_monotonic_ns();
    uint32_t newest = newest_slot(pictures, load_relaxed_u64(&pictures->header->newest));
    uint32_t oldest = NO_SLOT;
    for (uint32_t slot = 0; slot < pictures->slots; slot++) {
        struct blocked *blocked = &generation->blocked[slot];
        uint64_t stamp = load_relaxed_u64(&pictures->frames[slot].stamp);
        if (slot == newest || in_history(pictures, stamp))
            continue;
        if (blocked->since_ns == 0 || blocked->stamp != stamp) {
            blocked->stamp = stamp;
            blocked->since_ns = now;
        } else if (now - blocked->since_ns >= limit && (oldest == NO_SLOT || stamp < pictures->frames[oldest].stamp)) {
            oldest = slot;
        }
    }
    if (oldest != NO_SLOT)
        pins_revoke(&generation->base->readers, pictures, oldest);
    return oldest;
}

/* Nobody pins a frame that has left the history: see pins.h. Stored before the look at the pins. */
static void end_history(const struct pictures *pictures) {
    if (!pictures->history)
        return;
    uint64_t sequence = newest_sequence(load_relaxed_u64(&pictures->header->newest));
    uint64_t oldest = load_relaxed_u64(&pictures->header->oldest);
    if (sequence > pictures->history && sequence - pictures->history > oldest)
        store_seq_u64(&pictures->header->oldest, sequence - pictures->history);
}

static int32_t wait_for_slot(struct generation *generation, int64_t deadline, uint32_t *slot) {
    const struct readers *readers = &generation->base->readers;
    end_history(&generation->pictures);
    while ((*slot = find_slot(generation)) == NO_SLOT) {
        pins_reap(readers);
        if ((*slot = find_slot(generation)) != NO_SLOT || (*slot = take_back(generation)) != NO_SLOT)
            break;
        int64_t slice = deadline_remaining(deadline, RECHECK_NS);
        if (slice == 0)
            return failed(WMMF_E_TIMEOUT, "readers hold all of the %" PRIu32 " slots that could be filled",
                          generation->pictures.slots - generation->pictures.history - 1);
        int32_t status = generation_status(generation);
        if (status != WMMF_OK)
            return status;
        uint32_t seen = eventcount_prepare(&readers->section->lock, EVENT_READERS);
        if (find_slot(generation) != NO_SLOT)
            eventcount_cancel(&readers->section->lock, EVENT_READERS, seen);
        else
            eventcount_wait(&readers->section->lock, EVENT_READERS, seen, slice);
    }
    return WMMF_OK;
}

/* We do not know whether another handle has already reserved it; reserving it again changes nothing. */
static int32_t make_room(struct generation *generation, uint32_t slot) {
    if (is_set(generation->reserved, slot))
        return WMMF_OK;
    int32_t status = pictures_reserve(&generation->pictures, slot);
    if (status == WMMF_OK)
        generation->reserved[slot / 64] |= UINT64_C(1) << slot % 64;
    return status;
}

/* The caller owns the lock. If the current pictures are lost, because their owner died before any other process had
 * followed, creates new ones. */
static int32_t follow_or_replace(wmmf_channel *channel, const struct generation *generation) {
    struct pictures_shape shape = pictures_shape(&generation->pictures);
    int32_t status = channel_follow(channel, generation);
    if (status != WMMF_OK || generation_at(channel, load_seq_u32(&channel->current)) != generation)
        return status;
    bool lost = !(load_seq_u64(&generation->base->header->current) & CURRENT_REPLACED);
    return lost && platform_check_own(generation->base->section->mapping) == WMMF_OK ? channel_replace(channel, &shape)
                                                                                     : WMMF_E_NOT_FOUND;
}

/* Takes the lock and enters the current pictures. */
static int32_t own_pictures(wmmf_channel *channel, int64_t timeout_ns, int64_t deadline, struct generation **out) {
    int64_t left = timeout_ns;
    for (int turn = 0;; turn++) {
        struct generation *generation = generation_enter(channel);
        wmmf_section *section = generation->base->section;
        /* Readers may be looking at it, and we load it before we store: fetch the line once, for both. */
        prefetch_to_store(&generation->pictures.header->newest);
        int32_t status = channel_own(section, left);
        if (status == WMMF_OK) {
            status = generation_status(generation);
            if (status == WMMF_OK) {
                *out = generation;
                return WMMF_OK;
            }
            if (status == CHANGED)
                status = follow_or_replace(channel, generation);
            channel_disown(section);
        }
        generation_leave(generation);
        if (status != WMMF_OK)
            return status;
        left = timeout_ns < 0 ? timeout_ns : deadline_remaining(deadline, INT64_MAX);
        /* Bounded: a hostile peer may replace the pictures faster than we follow. */
        if (turn > 0 && left == 0)
            return WMMF_E_TIMEOUT;
        backoff(turn, BACKOFF_PAUSE_NS);
    }
}

static int32_t begin(wmmf_channel *channel, int64_t timeout_ns, bool with_memory) {
    struct generation *generation = NULL;
    if (channel->read_only)
        return WMMF_E_READ_ONLY;
    int64_t deadline = deadline_after(timeout_ns);
    int32_t status = own_pictures(channel, timeout_ns, deadline, &generation);
    if (status != WMMF_OK)
        return status;
    uint32_t found;
    status = wait_for_slot(generation, deadline, &found);
    if (status == WMMF_OK && with_memory)
        status = make_room(generation, found);
    if (status != WMMF_OK) {
        channel_disown(generation->base->section);
        generation_leave(generation);
        return status;
    }
    /* The thread that began it has ended. Only begin, by the owner of the lock, stores a number other than 0. */
    if (load_relaxed_u32(&channel->filling) != 0 && exchange_seq_u32(&channel->filling, 0) != 0)
        generation_leave(channel->filling_in);
    if (!channel->publishing)
        channel_publishes(channel);
    channel->filling_slot = found;
    channel->filling_in = generation;
    shared_u64 *stamp = &generation->pictures.frames[found].stamp;
    /* For readers that copy without a pin, and readers that lost their pin: the fence keeps our stores to
     * the slot behind the odd stamp. */
    store_relaxed_u64(stamp, load_relaxed_u64(stamp) | 1);
    fence_release_before_copy();
    channel->fillings = channel->fillings % (UINT32_MAX - 1) + 1;
    store_release_u32(&channel->filling, channel->fillings);
    return WMMF_OK;
}

static void end(struct generation *generation, bool published) {
    rwlock_disown(&generation->base->section->lock, published);
    generation_leave(generation);
}

/* Whether this is the frame that is begun. While it is, its description does not change. */
static bool is_begun(const wmmf_channel *channel, const wmmf_frame *frame) {
    return frame->hold != 0 && load_acquire_u32(&channel->filling) == frame->hold;
}

/* Takes the right to end what begin began: only one thread gets it, or the end of the thread that began it. */
static bool claim(wmmf_channel *channel, const wmmf_frame *frame) {
    uint32_t hold = frame->hold;
    if (hold == 0 || !cas_seq_u32(&channel->filling, &hold, 0))
        return false;
    if (rwlock_claim(&channel->filling_in->base->section->lock))
        return true;
    generation_leave(channel->filling_in);
    return false;
}

/* Unless it is pinned, the next frame goes to the slot of the previous one: fetch the lines back that readers took. */
static void fetch_next(const struct pictures *pictures, uint64_t before) {
    uint32_t slot = newest_slot(pictures, before);
    if (slot == NO_SLOT || pictures->history)
        return;
    prefetch_to_store(&pictures->frames[slot]);
    prefetch_to_store(picture_at(pictures, slot));
}

/* Ends what begin began, whatever the result. The caller has the right to. */
static int32_t publish(wmmf_channel *channel, wmmf_frame *frame) {
    struct generation *generation = channel->filling_in;
    const struct pictures *pictures = &generation->pictures;
    uint32_t slot = channel->filling_slot;
    int64_t now = platform_monotonic_ns();
    uint64_t before = load_relaxed_u64(&pictures->header->newest);
    if (frame->timestamp_ns == 0)
        frame->timestamp_ns = (uint64_t)now;
    frame->sequence = newest_sequence(before) + 1;
    pictures_set_description(pictures, slot, frame);
    store_relaxed_u32(&pictures->order[frame->sequence % pictures->slots], slot + 1);
    store_release_u64(&pictures->frames[slot].stamp, 2 * frame->sequence);
    int32_t status = generation_status(generation);
    if (status == WMMF_OK) {
        /* Dying before the next store: the time of a frame that nobody sees delays the report that the channel is
         * stalled. */
        store_relaxed_u64(&pictures->header->published_ns, (uint64_t)now);
        /* seq_cst, which releases the picture: from here on everybody sees the frame. */
        store_seq_u64(&pictures->header->newest, frame->sequence << NEWEST_SEQUENCE_SHIFT | (slot + 1));
        channel_wake(generation->base);
        fetch_next(pictures, before);
    } else if (status == CHANGED) {
        status = WMMF_E_POISONED; /* the channel was renewed, and the lock taken from us */
    }
    end(generation, status == WMMF_OK);
    channel_keep_name(channel, now);
    return status;
}

/* In pieces: the instructions with which compilers clear larger blocks are slow to start. */
#define PIECE 80
static void clear(wmmf_frame *frame) {
    uint8_t *bytes = (uint8_t *)frame;
    memset(bytes, 0, PIECE);
    memset(bytes + PIECE, 0, PIECE);
    memset(bytes + 2 * PIECE, 0, sizeof *frame - 2 * PIECE);
    frame->struct_size = sizeof *frame;
}

static int32_t begin_frame(wmmf_channel *channel, int64_t timeout_ns, bool with_memory, wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status == WMMF_OK)
        status = begin(channel, timeout_ns, with_memory);
    if (status != WMMF_OK)
        return status;
    const struct pictures *pictures = &channel->filling_in->pictures;
    clear(frame);
    frame->hold = channel->fillings;
    frame->slot = channel->filling_slot;
    frame->data = picture_at(pictures, channel->filling_slot);
    frame->used = frame->capacity = pictures->capacity;
    return WMMF_OK;
}

int32_t wmmf_channel_begin(wmmf_channel *channel, int64_t timeout_ns, wmmf_frame *frame) {
    return begin_frame(channel, timeout_ns, true, frame);
}

int32_t channel_begin_without_memory(wmmf_channel *channel, int64_t timeout_ns, wmmf_frame *frame) {
    return begin_frame(channel, timeout_ns, false, frame);
}

bool channel_has_memory(const wmmf_channel *channel, const wmmf_frame *frame) {
    return is_set(channel->filling_in->reserved, frame->slot);
}

int32_t channel_reserve(wmmf_channel *channel, const wmmf_frame *frame) {
    return make_room(channel->filling_in, frame->slot);
}

/* Like frame_is_sound, and says what is wrong. */
static int32_t check_frame(wmmf_frame *frame, uint64_t capacity) {
    int32_t status = frame_is_sound(frame, capacity);
    if (status == WMMF_OK)
        return WMMF_OK;
    if (frame->used > capacity)
        error_detail("used %" PRIu64 ": expected at most %" PRIu64 ", the capacity", frame->used, capacity);
    else if (frame->user_size > WMMF_FRAME_USER_SIZE)
        refused(status, "user_size", frame->user_size, "at most 64");
    else
        error_detail("width %" PRIu32 ", height %" PRIu32 ", stride %" PRIu32 ", fourcc 0x%08" PRIX32
                     ", element %" PRIu32 ", dimensions %" PRIu32 ", used %" PRIu64 ": expected %s",
                     frame->width, frame->height, frame->stride, frame->fourcc, frame->element, frame->dimensions,
                     frame->used,
                     status == WMMF_E_RANGE ? "as many used bytes as the picture or array has"
                                            : "either a picture or an array, whose values agree");
    return status;
}

int32_t wmmf_channel_publish(wmmf_channel *channel, wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status != WMMF_OK)
        return status;
    if (!is_begun(channel, frame))
        return WMMF_E_NOT_OWNER;
    status = check_frame(frame, channel->filling_in->pictures.capacity);
    if (status != WMMF_OK)
        return status;
    return claim(channel, frame) ? publish(channel, frame) : WMMF_E_NOT_OWNER;
}

int32_t wmmf_channel_cancel(wmmf_channel *channel, const wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status != WMMF_OK)
        return status;
    if (!claim(channel, frame))
        return WMMF_E_NOT_OWNER;
    end(channel->filling_in, false);
    return WMMF_OK;
}

int32_t wmmf_channel_write(wmmf_channel *channel, const void *data, int64_t timeout_ns, wmmf_frame *frame) {
    int32_t status = frame_check(channel, frame);
    if (status == WMMF_OK && frame->used != 0)
        status = pointer_check(status, data, "data");
    if (status != WMMF_OK)
        return status;
    struct generation *generation = generation_enter(channel);
    status = check_frame(frame, generation->pictures.capacity);
    generation_leave(generation);
    if (status == WMMF_OK)
        status = begin(channel, timeout_ns, true);
    if (status != WMMF_OK)
        return status;
    const struct pictures *pictures = &channel->filling_in->pictures; /* maybe newer ones */
    frame->hold = channel->fillings;
    frame->slot = channel->filling_slot;
    if (!claim(channel, frame))
        return WMMF_E_NOT_OWNER;
    status = check_frame(frame, pictures->capacity);
    if (status != WMMF_OK) {
        end(channel->filling_in, false);
        return status;
    }
    picture_copy(picture_at(pictures, channel->filling_slot), data, frame->used);
    return publish(channel, frame);
}
