/* Sleeping and waking across processes. */
#ifndef WMMF_EVENTCOUNT_H
#define WMMF_EVENTCOUNT_H

#include "handle.h"

/* The protocol: enter; look whether there still is something to wait for; then sleep or leave.
 * The count goes up before the look and the waker changes the state before it reads the count, all of it seq_cst: so
 * either the sleeper sees the change, or the waker sees the sleeper. */

/* Returns what to give to eventcount_wait. */
uint32_t eventcount_prepare(const struct rwlock *lock, enum event index);
void eventcount_cancel(const struct rwlock *lock, enum event index, uint32_t seen);
/* False if nobody woke us in time; our count is then taken back. */
bool eventcount_wait(const struct rwlock *lock, enum event index, uint32_t seen, int64_t timeout_ns);
/* Sleeps without having been counted, as a read-only handle must: nobody needs to wake us. */
void eventcount_poll(const struct rwlock *lock, enum event index, int64_t timeout_ns);
/* The epoch, and the sleep on it, for those who sleep on several (wait_many.c). */
uint32_t eventcount_epoch(const struct rwlock *lock, enum event index);
struct platform_sleep eventcount_sleep(const struct rwlock *lock, enum event index, uint32_t seen);
void eventcount_wake_sleepers(const struct rwlock *lock, enum event index);

/* E4. Here, because as a rule nobody sleeps. */
static inline void eventcount_wake(const struct rwlock *lock, enum event index) {
    if (load_seq_u64(&lock->events[index]) >= EVENTCOUNT_SLEEPER)
        eventcount_wake_sleepers(lock, index);
}

#endif
