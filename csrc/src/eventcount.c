#include "eventcount.h"

#include "tuning.h"

/* The epoch is the half that the kernel compares: the lower one, which comes first (little endian, see layout.h). */
static shared_u32 *epoch_of(eventcount *event) {
    return (shared_u32 *)(void *)event;
}

/* The number of the place where threads sleep: see platform_sleep. */
static uint64_t place_of(const struct rwlock *lock, enum event index) {
    return lock->offset / PAYLOAD_ALIGNMENT * EVENT_COUNT + index;
}

/* The steps' names are those of tests/model/waking.pml: E1. */
uint32_t eventcount_prepare(const struct rwlock *lock, enum event index) {
    return (uint32_t)add_seq_u64(&lock->events[index], EVENTCOUNT_SLEEPER);
}

/* E2. */
void eventcount_cancel(const struct rwlock *lock, enum event index, uint32_t seen) {
    eventcount *event = &lock->events[index];
    uint64_t now = load_seq_u64(event);
    /* Once the epoch has moved, our count is gone with the others. If we cannot remove our count (ATTEMPTS_MAX), that
     * costs one needless wake-up. */
    for (int attempt = 0; attempt < ATTEMPTS_MAX && (uint32_t)now == seen && now >= EVENTCOUNT_SLEEPER; attempt++)
        if (cas_seq_u64(event, &now, now - EVENTCOUNT_SLEEPER))
            return;
}

/* E3. */
bool eventcount_wait(const struct rwlock *lock, enum event index, uint32_t seen, int64_t timeout_ns) {
    shared_u32 *epoch = epoch_of(&lock->events[index]);
    platform_sleep(lock->section->mapping, place_of(lock, index), epoch, seen, timeout_ns);
    if (load_seq_u32(epoch) != seen)
        return true;
    eventcount_cancel(lock, index, seen);
    return false;
}

void eventcount_poll(const struct rwlock *lock, enum event index, int64_t timeout_ns) {
    int64_t slice = timeout_ns < READ_ONLY_RECHECK_NS ? timeout_ns : READ_ONLY_RECHECK_NS;
    shared_u32 *epoch = epoch_of(&lock->events[index]);
    platform_sleep(lock->section->mapping, place_of(lock, index), epoch, load_seq_u32(epoch), slice);
}

uint32_t eventcount_epoch(const struct rwlock *lock, enum event index) {
    return load_seq_u32(epoch_of(&lock->events[index]));
}

struct platform_sleep eventcount_sleep(const struct rwlock *lock, enum event index, uint32_t seen) {
    struct platform_sleep sleep = {lock->section->mapping, place_of(lock, index), epoch_of(&lock->events[index]), seen};
    return sleep;
}

/* E4 and, in the platform, E5. */
void eventcount_wake_sleepers(const struct rwlock *lock, enum event index) {
    eventcount *event = &lock->events[index];
    uint64_t now = load_seq_u64(event);
    for (int attempt = 0; attempt < ATTEMPTS_MAX && now >= EVENTCOUNT_SLEEPER; attempt++) {
        /* Dying after this, with nobody woken: the sleepers look again by themselves (RECHECK_NS). */
        if (cas_seq_u64(event, &now, (uint32_t)(now + 1))) {
            platform_wake(lock->section->mapping, place_of(lock, index), epoch_of(event),
                          (uint32_t)(now / EVENTCOUNT_SLEEPER));
            return;
        }
    }
}
