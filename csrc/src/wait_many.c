/* Waiting for several sections and channels at once, and wakers that end such a wait.
 *
 * No wake-up is lost. In each round the caller counts itself in at every eventcount, then looks at every item, then
 * sleeps on all epochs as they were before that look. Each eventcount works on its own (eventcount.h): a change that
 * the look missed comes from a writer that sees our count, clears it and advances the epoch, which ends the sleep. A
 * waker does the same with one word: it stores 1 before it wakes, and the sleep does not begin unless the word is 0.
 * For some changes nobody wakes us: the death of a writer, or any change if the handle is read-only and cannot count
 * itself in. We find those by looking again after a slice, like the single waits. The slices of an idle wait grow, so
 * that a process that always waits for many costs next to nothing. The delay of such a change is then about as long as
 * the wait has already lasted.
 *
 * Dying while asleep leaves a count in each eventcount, which costs one needless wake-up each, as with any sleeper. */
#include <stdlib.h>

#include "channel.h"
#include "deadline.h"
#include "last_error.h"
#include "eventcount.h"
#include "rwlock.h"
#include "tuning.h"

int32_t wmmf_waker_create(wmmf_waker **out) {
    error_clear();
    if (!out)
        return null_argument("out");
    wmmf_waker *waker = calloc(1, sizeof *waker);
    int32_t status = waker ? platform_waker_open(waker) : WMMF_E_NO_MEMORY;
    if (status != WMMF_OK) {
        free(waker);
        return status;
    }
    *out = waker;
    return WMMF_OK;
}

int32_t wmmf_waker_wake(wmmf_waker *waker) {
    error_clear();
    if (!waker)
        return null_argument("waker");
    /* seq_cst: the thread that takes the wake sees what the caller did before. */
    if (exchange_seq_u32(&waker->woken, 1) == 0)
        platform_waker_wake(waker);
    return WMMF_OK;
}

int32_t wmmf_waker_close(wmmf_waker *waker) {
    error_clear();
    if (!waker)
        return WMMF_OK;
    platform_waker_close(waker);
    free(waker);
    return WMMF_OK;
}

/* Where an item sleeps: at EVENT_CHANGE. */
struct place {
    wmmf_section *section;
    uint32_t seen;
};

struct round {
    wmmf_wait_item *items;
    wmmf_waker *waker;
    uint32_t count;
    bool polling; /* at least one handle cannot count itself in */
    struct place places[WMMF_WAIT_MANY_MAX];
};

static int32_t arguments_check(const wmmf_wait_item *items, uint32_t count, const wmmf_waker *waker) {
    if (count > WMMF_WAIT_MANY_MAX)
        return refused(WMMF_E_ARGUMENT, "count", count, "at most 63");
    if (count != 0 ? !items : !waker)
        return null_argument(count != 0 ? "items" : "waker");
    for (uint32_t i = 0; i < count; i++)
        if (!items[i].section == !items[i].channel || items[i].reserved != 0)
            return refused(WMMF_E_ARGUMENT, "item", i, "either a section or a channel, and 0 as reserved");
    return WMMF_OK;
}

static int32_t look_at(wmmf_wait_item *item) {
    return item->section ? wmmf_wait(item->section, item->sequence, 0, &item->current)
                         : wmmf_channel_wait(item->channel, item->sequence, 0, &item->current);
}

/* Whether the wait is over. */
static bool look_at_all(const struct round *round) {
    bool over = false;
    for (uint32_t i = 0; i < round->count; i++) {
        wmmf_wait_item *item = &round->items[i];
        item->status = look_at(item);
        over = over || item->status != WMMF_E_TIMEOUT;
    }
    /* Takes only a wake that has come; a later one stays for the next wait. */
    uint32_t woken = 1;
    return (round->waker && cas_seq_u32(&round->waker->woken, &woken, 0)) || over;
}

static void find_places(struct round *round) {
    for (uint32_t i = 0; i < round->count; i++) {
        const wmmf_wait_item *item = &round->items[i];
        struct place *place = &round->places[i];
        place->section = item->channel ? channel_place(item->channel) : item->section;
        round->polling = round->polling || place->section->read_only;
    }
}

/* Finds items that will never change because the calling thread itself has the lock. Not for a look without a timeout.
 */
static bool find_deadlocks(const struct round *round) {
    bool found = false;
    for (uint32_t i = 0; i < round->count; i++) {
        wmmf_wait_item *item = &round->items[i];
        if (item->section && rwlock_wait_would_deadlock(&item->section->lock)) {
            item->status = WMMF_E_DEADLOCK;
            found = true;
        }
    }
    return found;
}

static void prepare_all(struct round *round) {
    for (uint32_t i = 0; i < round->count; i++) {
        struct place *place = &round->places[i];
        place->seen = place->section->read_only ? eventcount_epoch(&place->section->lock, EVENT_CHANGE)
                                                : eventcount_prepare(&place->section->lock, EVENT_CHANGE);
    }
}

/* If an eventcount has woken us meanwhile, our count is already gone there. */
static void cancel_all(const struct round *round) {
    for (uint32_t i = 0; i < round->count; i++)
        if (!round->places[i].section->read_only)
            eventcount_cancel(&round->places[i].section->lock, EVENT_CHANGE, round->places[i].seen);
}

static void sleep_on_all(const struct round *round, int64_t timeout_ns) {
    struct platform_sleep sleeps[WMMF_WAIT_MANY_MAX];
    for (uint32_t i = 0; i < round->count; i++)
        sleeps[i] = eventcount_sleep(&round->places[i].section->lock, EVENT_CHANGE, round->places[i].seen);
    platform_sleep_many(sleeps, round->count, round->waker, timeout_ns);
}

static int64_t next_recheck(const struct round *round, int64_t recheck) {
    if (round->polling)
        return READ_ONLY_RECHECK_NS;
    return recheck < IDLE_RECHECK_NS / 2 ? 2 * recheck : IDLE_RECHECK_NS;
}

int32_t wmmf_wait_many(wmmf_wait_item *items, uint32_t count, wmmf_waker *waker, int64_t timeout_ns) {
    error_clear();
    int32_t status = arguments_check(items, count, waker);
    if (status != WMMF_OK)
        return status;
    struct round round = {.items = items, .waker = waker, .count = count};
    int64_t deadline = deadline_after(timeout_ns);
    bool over = look_at_all(&round);
    if (!over) {
        find_places(&round); /* for items that can change: the others are decided */
        over = timeout_ns != 0 && find_deadlocks(&round);
    }
    int64_t recheck = round.polling ? READ_ONLY_RECHECK_NS : RECHECK_NS;
    for (int64_t slice; !over && (slice = deadline_remaining(deadline, recheck)) != 0;
         recheck = next_recheck(&round, recheck)) {
        prepare_all(&round);
        over = look_at_all(&round);
        if (!over)
            sleep_on_all(&round, slice);
        cancel_all(&round);
        over = over || look_at_all(&round);
    }
    error_clear(); /* what is left is that of the item that was looked at last */
    return over ? WMMF_OK : WMMF_E_TIMEOUT;
}
