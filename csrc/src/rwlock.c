/* The reader/writer lock of the native layout: the section's own, and any in its payload.
 *
 * The rule that excludes: a reader first announces itself in its own record, then looks at the lock word; a writer
 * first puts itself into the lock word, then looks at all records. All four are seq_cst, so of two that come at the
 * same time at least one sees the other: the reader then steps back, the writer waits until the readers are gone.
 *
 * The rule that is fair: a writer in the lock word stops new readers, so it waits for at most the readers that were
 * inside. Before a writer takes a free lock on which others wait, it yields to those that have precedence: all waiting
 * readers, and writers with an older ticket. It yields for only YIELDING_NS to a waiter that shows no life (it may be
 * stopped), so a thread that only waits cannot hold up others.
 *
 * The steps' names (R1, W3 ...) are those of the models in tests/model, which search all orders of them.
 *
 * Dying: see each step. A waiter looks again every RECHECK_NS, asks the kernel about those that it waits for, and
 * checks again before timing out; otherwise a caller that only polls would never recover a dead owner's lock. */
#include "rwlock.h"

#include <string.h>

#include "deadline.h"
#include "eventcount.h"
#include "lock_holders.h"
#include "participants.h"
#include "tuning.h"

/* A scan looks at all that participants say about a lock: at their own records for the section's lock, at their holds
 * for a lock in the payload, one after the other. */
static uint32_t records_each(const struct rwlock *lock) {
    return lock->offset != 0 ? lock->section->locks : 1;
}

static uint32_t records_count(const struct rwlock *lock) {
    return participants_in_use(lock->section) * records_each(lock);
}

/* NULL: the hold belongs to another lock, or to none. */
static struct lock_record *record_at(const struct rwlock *lock, uint32_t i) {
    if (lock->offset == 0)
        return &lock->section->records[i].lock;
    struct hold *hold = &lock->section->holds[i];
    return load_seq_u64(&hold->offset) == lock->offset ? &hold->lock : NULL;
}

uint32_t rwlock_readers(const struct rwlock *lock) {
    uint32_t readers = 0, count = records_count(lock);
    for (uint32_t i = 0; i < count; i++) {
        const struct lock_record *record = record_at(lock, i);
        readers += record ? (uint32_t)(load_seq_u64(&record->reading) & READ_HOLDERS) : 0;
    }
    return readers;
}

static shared_u32 *skipped_at(const struct rwlock *lock, uint32_t i) {
    return lock->offset != 0 ? &lock->section->skipped_holds[i] : &lock->section->skipped[i];
}

static bool reap_record_if_dead(struct rwlock *lock, uint32_t i) {
    return reap_if_dead(lock, i / records_each(lock));
}

/* H1. A hold names its lock before it says anything else, and before its participant is in the lock word. So a process
 * that finds the participant dead also finds the lock, and a process that finds the participant in the word also finds
 * the hold. */
static void name_lock(struct rwlock *lock) {
    if (lock->offset != 0)
        store_seq_u64(&((struct hold *)(void *)lock->me)->offset, lock->offset);
}

/* H2: after everything else. Dying before: the hold names a lock but has nothing of it, and the next participant clears
 * the hold. */
static void forget_lock(struct rwlock *lock) {
    if (lock->offset == 0 || !lock->me)
        return;
    store_seq_u64(&((struct hold *)(void *)lock->me)->offset, 0);
    holders_free(lock);
}

int32_t rwlock_word_status(uint64_t word) {
    if (word & LOCK_POISONED)
        return WMMF_E_POISONED;
    return word & LOCK_INCONSISTENT ? WMMF_E_OWNER_DIED : WMMF_OK;
}

bool rwlock_is_poisoned(const struct rwlock *lock) {
    return load_seq_u64(lock->word) & LOCK_POISONED;
}

void rwlock_poison(struct rwlock *lock) {
    /* This comes first, so that no death in between leaves a frame that a channel's readers take for a live one. */
    if (lock->section->poison_word)
        or_seq_u64(lock->section->poison_word, lock->section->poison_bits);
    or_seq_u64(lock->word, LOCK_POISONED);
    participants_wake_all(lock);
    if (lock->section->poison_sleepers)
        participants_wake_all(lock->section->poison_sleepers);
}

/* Whether the owner in `word` has no hold for this lock in the payload. If `word` is still there after the look, it was
 * there all the time, and a real owner's hold would have been there as well (H1, H2). Then there is no owner: the lock
 * was overwritten, or not all of its file reached the disk. */
static bool owner_has_no_hold(const struct rwlock *lock, uint64_t word) {
    if (lock->offset == 0)
        return false;
    uint32_t first = ((uint32_t)(word & LOCK_OWNER) - 1) * lock->section->locks;
    for (uint32_t i = 0; i < lock->section->locks; i++) {
        const struct lock_record *record = record_at(lock, first + i);
        if (record && record != lock->me) /* ours only waits */
            return false;
    }
    return true;
}

/* Returns whether it changed anything. */
static bool check_owner(struct rwlock *lock, uint64_t word) {
    if (!lock_owner_is_valid(lock->section, word)) {
        rwlock_poison(lock);
        return true;
    }
    if ((word & LOCK_OWNER) == 0)
        return false;
    if (reap_if_dead(lock, (uint32_t)(word & LOCK_OWNER) - 1))
        return true;
    if (!owner_has_no_hold(lock, word) || !participants_free_word(lock, word))
        return false;
    participants_wake_all(lock);
    return true;
}

static void spin_while_owned(struct rwlock *lock) {
    for (int i = 0; i < LOCK_SPINS && (load_relaxed_u64(lock->word) & LOCK_OWNER); i++)
        spin_pause();
}

/* The state of one call that waits, over all its turns. */
struct wait {
    int64_t timeout_ns;
    bool started; /* the clock is read only if there is something to wait for */
    bool asked;   /* whether the caller would wait for itself: asked once, since only the caller could change that */
    bool reaped;  /* the dead, after the deadline: only once, so that a peer that pretends deaths cannot hold us up */
    int turn;     /* counts the turns of a read-only handle, which nobody wakes */
    int64_t deadline;
};

/* A turn ends with a status, or with this: try again. */
#define AGAIN 1

static bool first_time(bool *done) {
    bool first = !*done;
    *done = true;
    return first;
}

/* Whether the caller would wait for itself, because another handle of this thread has the lock. This is also checked
 * without a timeout. */
static bool would_deadlock(const struct rwlock *lock, struct wait *wait) {
    return first_time(&wait->asked) && holders_elsewhere(lock);
}

/* How long to sleep now; 0: the timeout has expired. */
static int64_t wait_slice(struct wait *wait) {
    if (!wait->started) {
        wait->deadline = deadline_after(wait->timeout_ns);
        wait->started = true;
    }
    return deadline_remaining(wait->deadline, RECHECK_NS);
}

/* Readers. */

/* R1, R2. Dying after the announcement costs nothing: a writer asks the kernel about us and clears the record. */
static bool try_read(struct rwlock *lock) {
    add_seq_u64(&lock->me->reading, READ_TRY);
    return (load_seq_u64(lock->word) & (LOCK_OWNER | LOCK_INCONSISTENT | LOCK_POISONED)) == 0;
}

static void end_read(struct rwlock *lock) {
    /* R4. seq_cst, which releases: our loads of the payload are done before a writer sees us gone. */
    add_seq_u64(&lock->me->reading, READ_END);
    if (load_seq_u64(lock->word) & LOCK_OWNER) /* R5 */
        eventcount_wake(lock, EVENT_WRITERS);
}

/* While a writer is in the lock word. */
static int32_t sleep_to_read(struct rwlock *lock, struct wait *wait) {
    if (would_deadlock(lock, wait))
        return WMMF_E_DEADLOCK;
    int64_t slice = wait_slice(wait);
    if (slice == 0)
        return first_time(&wait->reaped) && check_owner(lock, load_seq_u64(lock->word)) ? AGAIN : WMMF_E_TIMEOUT;
    /* A writer that scanned before we counted ourselves may clear the flag just now. One writer then goes ahead of us,
     * and we set the flag again in the next turn. */
    add_seq_u32(&lock->me->wait_epoch, 1);
    or_seq_u64(lock->word, LOCK_WAITERS);
    uint32_t seen = eventcount_prepare(lock, EVENT_READERS);
    uint64_t word = load_seq_u64(lock->word);
    if ((word & LOCK_OWNER) == 0 || (word & LOCK_POISONED)) {
        eventcount_cancel(lock, EVENT_READERS, seen);
    } else if (!eventcount_wait(lock, EVENT_READERS, seen, slice)) {
        check_owner(lock, load_seq_u64(lock->word));
    }
    return AGAIN;
}

static int32_t try_or_sleep_to_read(struct rwlock *lock, struct wait *wait) {
    spin_while_owned(lock);
    uint64_t word = load_seq_u64(lock->word);
    int32_t status = rwlock_word_status(word);
    if (status != WMMF_OK)
        return status;
    if ((word & LOCK_OWNER) == 0) {
        if (try_read(lock))
            return WMMF_OK;
        end_read(lock);
    }
    return sleep_to_read(lock, wait);
}

static int32_t wait_to_read(struct rwlock *lock, int64_t timeout_ns) {
    struct wait wait = {.timeout_ns = timeout_ns};
    struct lock_record *me = lock->me;
    int32_t status;
    add_seq_u32(&me->waiting_readers, 1);
    do
        status = try_or_sleep_to_read(lock, &wait);
    while (status == AGAIN);
    add_seq_u32(&me->waiting_readers, UINT32_MAX);
    eventcount_wake(lock, EVENT_WRITERS); /* a writer may be yielding to us */
    return status;
}

int32_t rwlock_lock_read(struct rwlock *lock, int64_t timeout_ns) {
    int32_t status = holders_enter_reader(lock);
    if (status != WMMF_OK)
        return status;
    name_lock(lock);
    if (try_read(lock))
        return WMMF_OK;
    end_read(lock);
    status = wait_to_read(lock, timeout_ns);
    if (status != WMMF_OK) {
        holders_leave_reader(lock);
        forget_lock(lock);
    }
    return status;
}

int32_t rwlock_unlock_read(struct rwlock *lock) {
    if (!holders_leave_reader(lock))
        return WMMF_E_NOT_OWNER;
    end_read(lock);
    forget_lock(lock);
    return rwlock_is_poisoned(lock) ? WMMF_E_POISONED : WMMF_OK;
}

/* Writers. */

struct queue {
    bool others;    /* another thread waits */
    bool before_us; /* and has precedence */
};

static bool is_waiting(const struct lock_record *record) {
    return load_seq_u64(&record->ticket) != 0 || load_seq_u32(&record->waiting_readers) != 0;
}

/* W2. */
static struct queue look_at_queue(const struct rwlock *lock, uint64_t ticket) {
    struct queue queue = {false, false};
    uint32_t count = records_count(lock);
    for (uint32_t i = 0; i < count; i++) {
        const struct lock_record *record = record_at(lock, i);
        if (!record)
            continue;
        uint64_t theirs = load_seq_u64(&record->ticket);
        bool reader = load_seq_u32(&record->waiting_readers) != 0;
        bool writer = theirs != 0 && theirs != ticket;
        if (!reader && !writer)
            continue;
        queue.others = true;
        bool skipped = load_relaxed_u32(skipped_at(lock, i)) == load_seq_u32(&record->wait_epoch);
        if (!skipped && (reader || theirs < ticket))
            queue.before_us = true;
    }
    return queue;
}

/* Handles the waiters that do not take a free lock: the dead are reaped, the others do not count until they show life.
 */
static void skip_waiters(struct rwlock *lock) {
    uint32_t count = records_count(lock);
    for (uint32_t i = 0; i < count; i++) {
        const struct lock_record *record = record_at(lock, i);
        if (record && is_waiting(record) && !reap_record_if_dead(lock, i))
            store_relaxed_u32(skipped_at(lock, i), load_seq_u32(&record->wait_epoch));
    }
}

/* Whether we have yielded a free lock for so long that the others must be stopped or dead. The time counts from one try
 * to the next. Threads of a handle that come here at the same time share it, or start it again. */
static bool yielding_is_over(struct rwlock *lock, uint64_t word) {
    struct writer_notes *notes = lock->notes;
    uint64_t version = word / LOCK_VERSION;
    uint64_t now = (uint64_t)platform_monotonic_ns();
    if (load_relaxed_u64(&notes->yielding_version) != version || load_relaxed_u64(&notes->yielding_since_ns) == 0) {
        store_relaxed_u64(&notes->yielding_since_ns, now);
        store_relaxed_u64(&notes->yielding_version, version);
        return false;
    }
    if ((int64_t)(now - load_relaxed_u64(&notes->yielding_since_ns)) < YIELDING_NS)
        return false;
    store_relaxed_u64(&notes->yielding_since_ns, 0);
    return true;
}

/* Reaps the dead in our way; returns whether there was one. */
static bool reap_dead(struct rwlock *lock, bool (*is_in_our_way)(const struct lock_record *)) {
    bool found = false;
    uint32_t count = records_count(lock);
    for (uint32_t i = 0; i < count; i++) {
        const struct lock_record *record = record_at(lock, i);
        if (record && is_in_our_way(record) && reap_record_if_dead(lock, i))
            found = true;
    }
    return found;
}

static uint64_t owned_by(const struct rwlock *lock, uint64_t word) {
    return ((word & ~LOCK_OWNER) + LOCK_VERSION) | (lock->section->index + 1);
}

static uint64_t draw_ticket(struct rwlock *lock) {
    return add_seq_u64(lock->next_ticket, 1) + 1;
}

/* Several threads of a handle share its record: the first one's ticket stands for all. */
static void show_ticket(struct rwlock *lock, uint64_t ticket) {
    uint64_t none = 0;
    cas_seq_u64(&lock->me->ticket, &none, ticket);
}

static void hide_ticket(struct rwlock *lock, uint64_t ticket) {
    cas_seq_u64(&lock->me->ticket, &ticket, 0);
}

void rwlock_leave_queue(struct rwlock *lock, uint64_t place) {
    if (place != 0) {
        hide_ticket(lock, place);
        eventcount_wake(lock, EVENT_WRITERS); /* a writer behind us in the queue may go now */
    }
    forget_lock(lock);
}

/* W3. AGAIN: another has the lock, has precedence, or was quicker. */
static int32_t try_to_own(struct rwlock *lock, uint64_t ticket, bool repair) {
    uint64_t word = load_seq_u64(lock->word);
    for (int attempt = 0; attempt < LOCK_SPINS; attempt++) {
        int32_t status = rwlock_word_status(word);
        if (status == WMMF_E_POISONED || (status == WMMF_E_OWNER_DIED && !repair))
            return status;
        if (word & LOCK_OWNER)
            return AGAIN;
        struct queue queue = look_at_queue(lock, ticket);
        if (queue.before_us)
            return AGAIN;
        uint64_t mine = owned_by(lock, word);
        if (cas_seq_u64(lock->word, &word, queue.others ? mine : mine & ~LOCK_WAITERS))
            return WMMF_OK;
    }
    return AGAIN;
}

/* Finds changes that wake nobody: the owner is dead, or those with precedence are dead or show no life. */
static bool clear_the_way(struct rwlock *lock) {
    uint64_t word = load_seq_u64(lock->word);
    if (word & LOCK_OWNER)
        return check_owner(lock, word);
    if (!yielding_is_over(lock, word))
        return false;
    skip_waiters(lock);
    return true;
}

/* Like clear_the_way, but without yielding: there is no time left. */
static bool clear_the_way_now(struct rwlock *lock) {
    bool owned = (load_seq_u64(lock->word) & LOCK_OWNER) != 0;
    return (!owned && reap_dead(lock, is_waiting)) || clear_the_way(lock);
}

static bool may_own(struct rwlock *lock, uint64_t word, uint64_t ticket) {
    return (word & LOCK_POISONED) || ((word & LOCK_OWNER) == 0 && !look_at_queue(lock, ticket).before_us);
}

/* Dying in the queue makes the others yield once in vain. */
static int32_t sleep_in_queue(struct rwlock *lock, struct wait *wait, uint64_t ticket) {
    if (would_deadlock(lock, wait))
        return WMMF_E_DEADLOCK;
    int64_t slice = wait_slice(wait);
    if (slice == 0)
        return first_time(&wait->reaped) && clear_the_way_now(lock) ? AGAIN : WMMF_E_TIMEOUT;
    show_ticket(lock, ticket);
    add_seq_u32(&lock->me->wait_epoch, 1);
    or_seq_u64(lock->word, LOCK_WAITERS);
    uint32_t seen = eventcount_prepare(lock, EVENT_WRITERS);
    uint64_t word = load_seq_u64(lock->word);
    if (may_own(lock, word, ticket)) {
        eventcount_cancel(lock, EVENT_WRITERS, seen);
        return AGAIN;
    }
    bool yielding = (word & LOCK_OWNER) == 0;
    bool woken = eventcount_wait(lock, EVENT_WRITERS, seen, yielding && slice > YIELDING_NS ? YIELDING_NS : slice);
    if (!woken || (load_seq_u64(lock->word) & LOCK_OWNER) == 0)
        clear_the_way(lock);
    return AGAIN;
}

/* Puts us into the lock word as soon as it is our turn. *place is our ticket; 0: we have none yet. After a timeout we
 * are still in the queue with it. */
static int32_t wait_to_own(struct rwlock *lock, struct wait *wait, bool repair, uint64_t *place) {
    if (*place == 0)
        *place = draw_ticket(lock);
    int32_t status;
    do {
        spin_while_owned(lock);
        status = try_to_own(lock, *place, repair);
        if (status == AGAIN)
            status = sleep_in_queue(lock, wait, *place);
    } while (status == AGAIN);
    if (status == WMMF_OK)
        hide_ticket(lock, *place);
    return status;
}

/* W1. A writer that is in the queue leaves it in wait_to_own: LOCK_WAITERS may be gone (see sleep_to_read), but its
 * ticket is not. */
static inline int32_t take_ownership(struct rwlock *lock, struct wait *wait, bool repair, uint64_t *place) {
    uint64_t word = load_seq_u64(lock->word);
    if (*place == 0 && (word & (LOCK_OWNER | LOCK_WAITERS | LOCK_INCONSISTENT | LOCK_POISONED)) == 0 &&
        cas_seq_u64(lock->word, &word, owned_by(lock, word)))
        return WMMF_OK;
    return wait_to_own(lock, wait, repair, place);
}

/* W7. Dying as the owner, here or before the sequence is odd: the payload is untouched, reap() just frees the word. */
static void give_up_ownership(struct rwlock *lock) {
    uint64_t word = load_seq_u64(lock->word);
    /* Only if rwlock_renew has not taken it from us. */
    for (int attempt = 0; attempt < ATTEMPTS_MAX && (word & LOCK_OWNER) == lock->section->index + 1; attempt++)
        if (cas_seq_u64(lock->word, &word, word & ~LOCK_OWNER))
            break;
    eventcount_wake(lock, EVENT_READERS);
    eventcount_wake(lock, EVENT_WRITERS);
}

static bool is_reading(const struct lock_record *record) {
    return (load_seq_u64(&record->reading) & READ_HOLDERS) != 0;
}

static bool is_read_at(const struct rwlock *lock, uint32_t i) {
    const struct lock_record *record = record_at(lock, i);
    return record && is_reading(record);
}

static int32_t sleep_while_reading(struct rwlock *lock, struct wait *wait, uint32_t i) {
    if (rwlock_is_poisoned(lock))
        return WMMF_E_POISONED;
    if (would_deadlock(lock, wait))
        return WMMF_E_DEADLOCK;
    int64_t slice = wait_slice(wait);
    if (slice == 0)
        return first_time(&wait->reaped) && reap_dead(lock, is_reading) ? AGAIN : WMMF_E_TIMEOUT;
    uint32_t seen = eventcount_prepare(lock, EVENT_WRITERS);
    if (!is_read_at(lock, i) || rwlock_is_poisoned(lock)) {
        eventcount_cancel(lock, EVENT_WRITERS, seen);
    } else if (!eventcount_wait(lock, EVENT_WRITERS, seen, slice)) {
        reap_dead(lock, is_reading);
    }
    return AGAIN;
}

/* W4: waits until the readers that were inside before us are gone, or are found dead. */
static int32_t wait_for_readers(struct rwlock *lock, struct wait *wait) {
    uint32_t count = records_count(lock);
    for (uint32_t i = 0; i < count; i++) {
        for (int spin = 0; spin < LOCK_SPINS && is_read_at(lock, i); spin++)
            spin_pause();
        while (is_read_at(lock, i)) {
            int32_t status = sleep_while_reading(lock, wait, i);
            if (status != AGAIN)
                return status;
        }
    }
    return WMMF_OK;
}

/* Takes the payload exclusively, but announces no change yet. */
static int32_t exclude_all(struct rwlock *lock, int64_t timeout_ns, bool repair, uint64_t *place) {
    struct wait wait = {.timeout_ns = timeout_ns};
    int32_t status = take_ownership(lock, &wait, repair, place);
    if (status != WMMF_OK)
        return status;
    status = wait_for_readers(lock, &wait);
    if (status == WMMF_OK)
        return status;
    if (*place == 0)
        *place = draw_ticket(lock);
    show_ticket(lock, *place); /* before others can take the lock that we give up */
    or_seq_u64(lock->word, LOCK_WAITERS);
    give_up_ownership(lock);
    return status;
}

/* W5. From here on a death leaves the payload inconsistent. For readers without the lock: the first fence keeps
 * this progress behind the even sequence of the write before, the odd sequence releases it, and the last
 * fence keeps our stores to the payload behind both, those of a large memcpy as well. */
static void begin_change(struct rwlock *lock, uint64_t begin, uint64_t touched, uint64_t end) {
    fence_release();
    if (lock->progress) {
        store_relaxed_u64(&lock->progress->begin, begin);
        store_relaxed_u64(&lock->progress->settled, begin);
        store_relaxed_u64(&lock->progress->touched, touched);
        store_relaxed_u64(&lock->progress->end, end);
    }
    store_release_u64(lock->sequence, load_relaxed_u64(lock->sequence) | 1);
    fence_release_before_copy();
}

/* For display and audits: how often, and since when. Released: nobody sees it before the lock word that says the same.
 */
static void count_taken(struct rwlock *lock) {
    struct lock_record *me = lock->me;
    store_release_u64(&me->writes, load_relaxed_u64(&me->writes) | 1);
    store_relaxed_u64(&me->writing_since_unix_ns, platform_unix_coarse_ns());
}

/* `counts`: as one more, unlike a lock that was taken without a result. */
static void count_released(struct rwlock *lock, bool counts) {
    struct lock_record *me = lock->me;
    store_relaxed_u64(&me->writes, (load_relaxed_u64(&me->writes) & ~UINT64_C(1)) + (counts ? 2 : 0));
    store_relaxed_u64(&me->writing_since_unix_ns, 0);
}

static int32_t own(struct rwlock *lock, int64_t timeout_ns, bool repair, uint64_t *place) {
    uint64_t thread;
    if (lock->offset != 0 && !holders_find_place(lock, *place))
        *place = 0;
    int32_t status = holders_check_writer(lock, &thread);
    if (status == WMMF_OK && !lock->me) {
        status = holders_take_hold(lock);
        if (status == WMMF_OK)
            name_lock(lock);
    }
    if (status == WMMF_OK)
        status = exclude_all(lock, timeout_ns, repair, place);
    if (status == WMMF_OK) {
        holders_enter_writer(lock, thread);
        count_taken(lock);
    } else if (status == WMMF_E_TIMEOUT) {
        holders_keep_place(lock, *place);
    } else {
        rwlock_leave_queue(lock, *place);
    }
    if (status != WMMF_E_TIMEOUT)
        *place = 0;
    return status;
}

/* W6, W7: releases the lock. The sequence releases our stores to the payload; from here on our death harms nobody. A
 * write that a death interrupted also counts, so that its sequence is never reached: see copy_version. As long as it is
 * not repaired, such a write is still in progress: the sequence stays odd, and the word tells the next writer that
 * repairs. */
static void disown(struct rwlock *lock) {
    bool consistent = (load_seq_u64(lock->word) & LOCK_INCONSISTENT) == 0;
    count_released(lock, true);
    if (consistent)
        store_release_u64(lock->sequence, load_relaxed_u64(lock->sequence) + (lock->notes->repairing ? 3 : 1));
    give_up_ownership(lock);
    eventcount_wake(lock, EVENT_CHANGE);
}

int32_t rwlock_lock_write(struct rwlock *lock, int64_t timeout_ns, uint64_t *place) {
    int32_t status = own(lock, timeout_ns, true, place);
    if (status != WMMF_OK)
        return status;
    status = rwlock_word_status(load_seq_u64(lock->word));
    lock->notes->repairing = status == WMMF_E_OWNER_DIED;
    begin_change(lock, 0, UINT64_MAX, UINT64_MAX);
    return status;
}

int32_t rwlock_unlock_write(struct rwlock *lock) {
    if (!holders_leave_writer(lock))
        return WMMF_E_NOT_OWNER;
    int32_t status = rwlock_is_poisoned(lock) ? WMMF_E_POISONED : WMMF_OK;
    disown(lock);
    forget_lock(lock);
    return status;
}

static bool is_of_payload(const wmmf_section *section, const uint8_t *from, size_t length) {
    uintptr_t payload = (uintptr_t)section_payload(section);
    return (uintptr_t)from < payload + section_size(section) && (uintptr_t)from + length > payload;
}

/* Small enough that a reader behind a writer is never far away. */
size_t rwlock_chunk_size(size_t length) {
    size_t chunk = length / 8;
    return chunk < CHUNK_MIN ? CHUNK_MIN : chunk > CHUNK_MAX ? CHUNK_MAX : chunk;
}

int32_t rwlock_write(wmmf_section *section, uint64_t offset, const void *buffer, size_t length, int64_t timeout_ns,
                     uint64_t *place) {
    struct rwlock *lock = &section->lock;
    struct progress *progress = lock->progress;
    int32_t status = own(lock, timeout_ns, false, place);
    if (status != WMMF_OK)
        return status;
    lock->notes->repairing = false;
    /* A move within the payload is one piece, because the first chunk could overwrite the source of the second. */
    size_t chunk = is_of_payload(section, buffer, length) ? length : rwlock_chunk_size(length);
    if (chunk > length)
        chunk = length;
    uint8_t *payload = section_payload(section) + offset;
    begin_change(lock, offset, offset + chunk, offset + length);
    for (size_t done = 0; done < length; done += chunk) {
        if (chunk > length - done)
            chunk = length - done;
        /* Announced before it is done (for the first chunk, with the whole write), and settled after: a death in
         * between leaves an odd sequence, as anywhere here. */
        if (done != 0) {
            store_relaxed_u64(&progress->touched, offset + done + chunk);
            fence_release_before_copy();
        }
        memmove(payload + done, (const uint8_t *)buffer + done, chunk);
        store_release_u64(&progress->settled, offset + done + chunk);
    }
    holders_forget_writer(lock);
    disown(lock);
    return WMMF_OK;
}

/* A frame that a dead writer left half filled is not published, so there is nothing to repair. */
int32_t rwlock_own(struct rwlock *lock, int64_t timeout_ns) {
    struct wait wait = {.timeout_ns = timeout_ns};
    uint64_t place = 0;
    uint64_t thread;
    int32_t status = holders_check_writer(lock, &thread);
    if (status == WMMF_OK)
        status = take_ownership(lock, &wait, true, &place);
    if (status != WMMF_OK) {
        rwlock_leave_queue(lock, place);
        return status;
    }
    holders_enter_writer(lock, thread);
    count_taken(lock);
    return WMMF_OK;
}

bool rwlock_claim(struct rwlock *lock) {
    return holders_claim_writer(lock);
}

void rwlock_disown(struct rwlock *lock, bool counts) {
    count_released(lock, counts);
    give_up_ownership(lock);
}

/* Constants first, the lock last: dying before leaves it poisoned until the next renewal. */
void rwlock_renew(wmmf_section *section) {
    struct rwlock *lock = &section->lock;
    struct header *header = section->header;
    uint64_t thread;
    (void)holders_check_writer(lock, &thread); /* whatever this thread holds, the lock is new */
    for (uint32_t i = 0; i < section->participants; i++) {
        struct lock_record *record = &section->records[i].lock;
        store_relaxed_u64(&record->writes, 0);
        store_seq_u64(&record->ticket, 0);
        store_seq_u32(&record->waiting_readers, 0);
        store_seq_u64(&record->reading, 0);
    }
    store_relaxed_u64(&header->magic, SECTION_MAGIC);
    store_relaxed_u32(&header->format_version, WMMF_FORMAT_VERSION);
    store_relaxed_u32(&header->participants, section->participants);
    store_relaxed_u64(&header->payload_offset, payload_begin(section));
    store_relaxed_u64(&header->payload_size, section->size);
    store_relaxed_u64(&header->reserve, 0);
    store_relaxed_u64(&header->committed, 0);
    store_relaxed_u64(&header->section_id, section->section_id);
    store_relaxed_u64(&header->created_unix_ns, section->created_unix_ns);
    store_relaxed_u32(&header->kind, section->kind);
    store_seq_u64(&header->records_used, section->participants);
    store_relaxed_u64(&header->sequence, load_relaxed_u64(&header->sequence) & ~UINT64_C(1));
    uint64_t word = load_seq_u64(lock->word), mine;
    int attempt = 0;
    do
        mine = (word & ~(LOCK_VERSION - 1)) + LOCK_VERSION + section->index + 1;
    while (!cas_seq_u64(lock->word, &word, mine) && ++attempt < ATTEMPTS_MAX);
    if (attempt == ATTEMPTS_MAX) /* a peer keeps changing it: nothing that it stored counts here */
        store_seq_u64(lock->word, mine);
    holders_enter_writer(lock, thread);
    count_taken(lock);
}

int32_t rwlock_mark_consistent(struct rwlock *lock) {
    if (!holders_writing(lock))
        return WMMF_E_NOT_OWNER;
    if (rwlock_is_poisoned(lock))
        return WMMF_E_POISONED;
    and_seq_u64(lock->word, ~LOCK_INCONSISTENT);
    return WMMF_OK;
}

/* For all others, the end of a thread that holds the lock is like the death of its process. */

static void abandon_write(struct rwlock *lock) {
    count_released(lock, false);
    participants_abandon_lock(lock);
    forget_lock(lock);
}

static void abandon_read(struct rwlock *lock) {
    end_read(lock);
    forget_lock(lock);
}

const struct lock_abandon rwlock_abandon = {abandon_read, abandon_write};

/* Waiting for a change. */

/* Either number only grows, so their sum is larger after any change. */
uint64_t rwlock_changes(const struct rwlock *lock) {
    return load_seq_u64(lock->sequence) / 2 + load_seq_u64(lock->notified);
}

int32_t rwlock_notify(struct rwlock *lock) {
    if (rwlock_is_poisoned(lock))
        return WMMF_E_POISONED;
    /* Dying after this, with nobody woken: waiting threads look again by themselves (RECHECK_NS). */
    add_seq_u64(lock->notified, 1);
    eventcount_wake(lock, EVENT_CHANGE);
    return WMMF_OK;
}

/* A read-only handle cannot count itself in, so it polls. */
static void sleep_until_change(struct rwlock *lock, uint64_t sequence, int64_t slice) {
    if (lock->section->read_only) {
        eventcount_poll(lock, EVENT_CHANGE, slice);
        return;
    }
    uint32_t seen = eventcount_prepare(lock, EVENT_CHANGE);
    /* The lock word first: the sequence is stored with release only, before its writer changes the word with seq_cst
     * and looks for sleepers. If that look missed us, we see that word, which acquires, and so the sequence before it.
     */
    bool poisoned = rwlock_is_poisoned(lock);
    if (poisoned || rwlock_changes(lock) != sequence) {
        eventcount_cancel(lock, EVENT_CHANGE, seen);
    } else if (!eventcount_wait(lock, EVENT_CHANGE, seen, slice)) {
        check_owner(lock, load_seq_u64(lock->word));
    }
}

/* Whether the writer that a read-only handle sees at work is dead; a handle that may write reaps it instead. */
bool rwlock_owner_seems_dead(const struct rwlock *lock, uint64_t word) {
    uint64_t owner = word & LOCK_OWNER;
    return owner != 0 && lock_owner_is_valid(lock->section, word) &&
           !platform_token_alive(lock->section->mapping, (uint32_t)owner - 1) && load_seq_u64(lock->word) == word;
}

/* AGAIN: no change yet. */
static int32_t look_for_change(const struct rwlock *lock, uint64_t sequence, uint64_t word, uint64_t *current) {
    uint64_t now = rwlock_changes(lock);
    if (word & LOCK_POISONED)
        return WMMF_E_POISONED;
    if (now != sequence) {
        if (current)
            *current = now;
        return WMMF_OK;
    }
    /* If there is an owner, it is repairing; if there is none, nothing will change by itself. */
    return (word & LOCK_INCONSISTENT) && !(word & LOCK_OWNER) ? WMMF_E_OWNER_DIED : AGAIN;
}

/* Nobody can change the payload while the calling thread has the lock, through any handle. */
bool rwlock_wait_would_deadlock(const struct rwlock *lock) {
    return holders_holding(lock) || holders_elsewhere(lock);
}

static int32_t wait_for_change(struct rwlock *lock, struct wait *wait, uint64_t sequence, uint64_t word) {
    bool waits = wait->timeout_ns != 0; /* without a timeout it is only a look */
    if (waits && first_time(&wait->asked) && rwlock_wait_would_deadlock(lock))
        return WMMF_E_DEADLOCK;
    int64_t slice = wait_slice(wait);
    if (lock->section->read_only) {
        bool ask = slice == 0 || wait->turn++ % READ_ONLY_TURNS == READ_ONLY_TURNS - 1;
        if (ask && rwlock_owner_seems_dead(lock, word))
            return WMMF_E_OWNER_DIED;
    }
    if (slice == 0)
        return first_time(&wait->reaped) && !lock->section->read_only && check_owner(lock, word) ? AGAIN
                                                                                                 : WMMF_E_TIMEOUT;
    sleep_until_change(lock, sequence, slice);
    return AGAIN;
}

int32_t rwlock_wait(struct rwlock *lock, uint64_t sequence, int64_t timeout_ns, uint64_t *current) {
    struct wait wait = {.timeout_ns = timeout_ns};
    for (int spin = 0;; spin++) {
        uint64_t word = load_seq_u64(lock->word);
        int32_t status = look_for_change(lock, sequence, word, current);
        if (status != AGAIN)
            return status;
        if (spin < LOCK_SPINS && timeout_ns != 0) {
            spin_pause();
            continue;
        }
        status = wait_for_change(lock, &wait, sequence, word);
        if (status != AGAIN)
            return status;
    }
}
