/* Sets: one frame of each of several channels, taken at the same time.
 *
 * Each round looks at the frames that the channels still have, finds the newest set among them, and takes it. If a
 * frame disappears between the look and the taking, the next round finds a newer set. If there is no set, one wait for
 * all channels ends at the first frame that the look did not see, because it compares with the newest sequences of that
 * look.
 *
 * Only the pins of the taken frames are in shared memory. If the caller dies, its pins are cleared like those of any
 * reader. */
#include "frame_set.h"

#include <stdlib.h>
#include <string.h>

#include "channel_handle.h"
#include "deadline.h"
#include "last_error.h"
#include "tuning.h"

struct search {
    wmmf_set_item *items;
    uint32_t count;
    uint64_t tolerance_ns;
    uint64_t newest[WMMF_WAIT_MANY_MAX]; /* sequence of each channel's newest frame; 0: none yet */
    struct moments moments[WMMF_WAIT_MANY_MAX];
    wmmf_frame frames[WMMF_WAIT_MANY_MAX];
};

static const struct moment *latest_of(const struct moments *moments) {
    return &moments->of[moments->count - 1];
}

/* Take the channel whose latest frame is the earliest of all. A frame of another channel that is later than that by
 * more than the tolerance is in no set. Only such frames are dropped, so the last one that remains in each channel is
 * at least as new as in any other set. */
bool moments_match(struct moments *lists, uint32_t count, uint64_t tolerance_ns) {
    for (bool agree = false; !agree;) {
        uint64_t limit = UINT64_MAX;
        for (uint32_t i = 0; i < count; i++) {
            if (lists[i].count == 0)
                return false;
            if (latest_of(&lists[i])->timestamp_ns < limit)
                limit = latest_of(&lists[i])->timestamp_ns;
        }
        limit = tolerance_ns > UINT64_MAX - limit ? UINT64_MAX : limit + tolerance_ns;
        agree = true;
        for (uint32_t i = 0; i < count; i++)
            for (; lists[i].count != 0 && latest_of(&lists[i])->timestamp_ns > limit; agree = false)
                lists[i].count--;
    }
    return true;
}

/* Looking. */

static int order(const void *left, const void *right) {
    const struct moment *a = left, *b = right;
    if (a->timestamp_ns != b->timestamp_ns)
        return a->timestamp_ns < b->timestamp_ns ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

/* Discards earlier contents. */
static int32_t make_room(struct moments *moments, uint64_t room) {
    if (room <= moments->room)
        return WMMF_OK;
    free(moments->of);
    moments->of = malloc((size_t)room * sizeof *moments->of);
    moments->room = moments->of ? room : 0;
    return moments->of ? WMMF_OK : WMMF_E_NO_MEMORY;
}

/* False: the slot has been taken for a newer frame. */
static bool look_at_frame(const struct pictures *pictures, uint64_t sequence, struct moment *moment) {
    uint32_t slot = slot_of(pictures, sequence);
    if (slot == NO_SLOT)
        return false;
    moment->sequence = sequence;
    moment->timestamp_ns = load_relaxed_u64(&pictures->frames[slot].timestamp_ns);
    fence_acquire(); /* the time was loaded before the stamp is compared again */
    return load_relaxed_u64(&pictures->frames[slot].stamp) == 2 * sequence;
}

/* Collects the frames after `after`, up to the newest. A hostile writer's claim about the oldest gives no more frames
 * than there are slots. Writers may give frames any time, so the times need not be in order. */
static int32_t look_at_pictures(const struct pictures *pictures, uint64_t after, uint64_t newest,
                                struct moments *moments) {
    uint64_t first = oldest_sequence(pictures, newest);
    if (after >= newest || first > newest)
        return WMMF_OK;
    if (first <= after)
        first = after + 1;
    if (newest >= pictures->slots && first <= newest - pictures->slots)
        first = newest - pictures->slots + 1;
    int32_t status = make_room(moments, newest - first + 1);
    bool ordered = true;
    for (uint64_t sequence = first; status == WMMF_OK && sequence <= newest; sequence++) {
        struct moment *next = &moments->of[moments->count];
        if (!look_at_frame(pictures, sequence, next))
            continue;
        ordered = ordered && (moments->count == 0 || order(next - 1, next) < 0);
        moments->count++;
    }
    if (!ordered)
        qsort(moments->of, (size_t)moments->count, sizeof *moments->of, order);
    return status;
}

/* If the pictures are replaced in between, the new ones may not have these frames, and taking them fails. */
static int32_t look_at_channel(const wmmf_set_item *item, uint64_t *newest, struct moments *moments) {
    *newest = 0;
    moments->count = 0;
    int32_t status = wmmf_channel_wait(item->channel, 0, 0, newest);
    if (status != WMMF_OK)
        return status == WMMF_E_TIMEOUT ? WMMF_OK : status;
    struct generation *generation = generation_enter(item->channel);
    status = look_at_pictures(&generation->pictures, item->after, *newest, moments);
    generation_leave(generation);
    return status;
}

static int32_t look_at_all(struct search *search) {
    for (uint32_t i = 0; i < search->count; i++) {
        int32_t status = look_at_channel(&search->items[i], &search->newest[i], &search->moments[i]);
        if (status != WMMF_OK) {
            search->items[i].status = status;
            return status;
        }
    }
    return WMMF_OK;
}

/* Taking. */

static void release_frame(const wmmf_set_item *item, const wmmf_frame *frame) {
    struct last_error failure = *last_error(); /* which this must preserve */
    if (!item->buffer)
        wmmf_channel_release(item->channel, frame);
    if (failure.noted) {
        error_detail("%s", failure.detail);
        error_note(failure.system);
    }
}

/* CHANGED: that frame is gone. */
static int32_t take(const wmmf_set_item *item, const struct moment *moment, wmmf_frame *frame) {
    memset(frame, 0, sizeof *frame);
    frame->struct_size = sizeof *frame;
    int32_t status = item->buffer ? wmmf_channel_read_pick(item->channel, WMMF_PICK_AT, moment->sequence, item->buffer,
                                                           item->length, 0, frame)
                                  : wmmf_channel_acquire_pick(item->channel, WMMF_PICK_AT, moment->sequence, 0, frame);
    if (status == WMMF_E_LOST || status == WMMF_E_TIMEOUT)
        return CHANGED;
    /* A hostile writer changed its time, or the name has another channel now. */
    if (status == WMMF_OK && frame->timestamp_ns != moment->timestamp_ns) {
        release_frame(item, frame);
        return CHANGED;
    }
    return status;
}

static int32_t take_all(struct search *search) {
    int32_t status = WMMF_OK;
    uint32_t taken = 0;
    while (taken < search->count && status == WMMF_OK) {
        status = take(&search->items[taken], latest_of(&search->moments[taken]), &search->frames[taken]);
        if (status == WMMF_OK)
            taken++;
        else if (status != CHANGED)
            search->items[taken].status = status;
    }
    while (status != WMMF_OK && taken > 0) {
        taken--;
        release_frame(&search->items[taken], &search->frames[taken]);
    }
    return status;
}

static void store_results(const struct search *search) {
    for (uint32_t i = 0; i < search->count; i++) {
        wmmf_set_item *item = &search->items[i];
        *item->frame = search->frames[i];
        item->frame->missed = item->after == 0 ? 0 : search->frames[i].sequence - item->after - 1;
        item->after = search->frames[i].sequence;
    }
}

/* WMMF_E_TIMEOUT: there is no set among the current frames. */
static int32_t try_once(struct search *search) {
    int32_t status = look_at_all(search);
    if (status != WMMF_OK)
        return status;
    if (!moments_match(search->moments, search->count, search->tolerance_ns))
        return WMMF_E_TIMEOUT;
    return take_all(search);
}

/* Waiting. */

static int32_t wait_for_a_frame(struct search *search, int64_t timeout_ns) {
    wmmf_wait_item waits[WMMF_WAIT_MANY_MAX];
    for (uint32_t i = 0; i < search->count; i++)
        waits[i] = (wmmf_wait_item){.channel = search->items[i].channel, .sequence = search->newest[i]};
    int32_t status = wmmf_wait_many(waits, search->count, NULL, timeout_ns);
    for (uint32_t i = 0; i < search->count && status == WMMF_OK; i++)
        if (waits[i].status != WMMF_OK && waits[i].status != WMMF_E_TIMEOUT)
            search->items[i].status = status = waits[i].status;
    return status;
}

static int32_t search_until(struct search *search, int64_t deadline) {
    for (int attempt = 0;; attempt++) {
        int32_t status = try_once(search);
        if (status != CHANGED && status != WMMF_E_TIMEOUT)
            return status;
        if (status == CHANGED && attempt < CHANNEL_COPIES)
            continue;
        int64_t left = deadline_remaining(deadline, INT64_MAX);
        status = left == 0 ? WMMF_E_TIMEOUT : wait_for_a_frame(search, left);
        if (status != WMMF_OK)
            return status;
    }
}

static int32_t items_check(const wmmf_set_item *items, uint32_t count) {
    if (count == 0 || count > WMMF_WAIT_MANY_MAX)
        return refused(WMMF_E_ARGUMENT, "count", count, "1 to 63");
    if (!items)
        return null_argument("items");
    for (uint32_t i = 0; i < count; i++) {
        int32_t status = frame_check(items[i].channel, items[i].frame);
        if (status == WMMF_OK && items[i].reserved != 0)
            status = refused(WMMF_E_ARGUMENT, "reserved", items[i].reserved, "0");
        if (items[i].length != 0)
            status = pointer_check(status, items[i].buffer, "buffer");
        if (status == WMMF_OK && !items[i].buffer)
            status = channel_check_in_place(items[i].channel);
        if (status != WMMF_OK)
            return status;
    }
    return WMMF_OK;
}

int32_t wmmf_channel_acquire_set(wmmf_set_item *items, uint32_t count, uint64_t tolerance_ns, int64_t timeout_ns) {
    error_clear();
    int32_t status = items_check(items, count);
    if (status != WMMF_OK)
        return status;
    struct search *search = calloc(1, sizeof *search);
    if (!search)
        return WMMF_E_NO_MEMORY;
    search->items = items;
    search->count = count;
    search->tolerance_ns = tolerance_ns;
    for (uint32_t i = 0; i < count; i++)
        items[i].status = WMMF_OK;
    status = search_until(search, deadline_after(timeout_ns));
    if (status == WMMF_OK)
        store_results(search);
    for (uint32_t i = 0; i < count; i++)
        free(search->moments[i].of);
    free(search);
    return status;
}
