/* Sleeping and waking across processes. */
#ifndef WMMF_EVENTCOUNT_H
#define WMMF_EVENTCOUNT_H

#include "handle.h"

/* The protocol: count yourself in; check that there still is something to wait for; then sleep or cancel. The sleeper
 * counts itself before its look, and the waker changes the state before it reads the count, all seq_cst. So either the
 * sleeper sees the change, or the waker sees the sleeper. */

/* Returns the epoch to pass to eventcount_wait. */
uint32_t eventcount_prepare(const struct rwlock *lock, enum event index);
void eventcount_cancel(const struct rwlock *lock, enum event index, uint32_t seen);
/* False if nobody woke us in time; our count is then removed. */
bool eventcount_wait(const struct rwlock *lock, enum event index, uint32_t seen, int64_t timeout_ns);
/* Sleeps without being counted, as a read-only handle must: nobody needs to wake us. So it is a short sleep, of at most
 * READ_ONLY_RECHECK_NS. */
void eventcount_poll(const struct rwlock *lock, enum event index, int64_t timeout_ns);
/* The epoch, and the sleep on it, for a thread that sleeps on several (wait_many.c). */
uint32_t eventcount_epoch(const struct rwlock *lock, enum event index);
struct platform_sleep eventcount_sleep(const struct rwlock *lock, enum event index, uint32_t seen);
void eventcount_wake_sleepers(const struct rwlock *lock, enum event index);

/* E4. Inline, because usually nobody sleeps. */
static inline void eventcount_wake(const struct rwlock *lock, enum event index) {
    if (load_seq_u64(&lock->events[index]) >= EVENTCOUNT_SLEEPER)
        eventcount_wake_sleepers(lock, index);
}

#endif
