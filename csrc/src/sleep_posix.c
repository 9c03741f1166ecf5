/* Sleeping, waking and clocks on Linux. Threads sleep on futexes: any process that maps the word can wake them. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "posix.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tuning.h"

/* A time as the kernel takes it, whatever the C library's `time_t` is. */
struct time64 {
    int64_t seconds;
    int64_t nanoseconds;
};

static struct time64 time64(int64_t ns) {
    struct time64 time = {ns / 1000000000, ns % 1000000000};
    return time;
}

/* If SYS_futex takes 32-bit times, there is SYS_futex_time64, since Linux 5.1. */
static void futex_wait(const shared_u32 *word, uint32_t seen, int64_t timeout_ns) {
    struct time64 time = time64(timeout_ns);
#if defined(SYS_futex_time64) && LONG_MAX == INT32_MAX
    if (syscall(SYS_futex_time64, word, FUTEX_WAIT, seen, &time, NULL, 0) == 0 || errno != ENOSYS)
        return;
    struct {
        int32_t seconds, nanoseconds;
    } time32 = {time.seconds < INT32_MAX ? (int32_t)time.seconds : INT32_MAX, (int32_t)time.nanoseconds};
    syscall(SYS_futex, word, FUTEX_WAIT, seen, &time32, NULL, 0);
#else
    syscall(SYS_futex, word, FUTEX_WAIT, seen, &time, NULL, 0);
#endif
}

void platform_sleep(struct platform_mapping *mapping, uint64_t place, const shared_u32 *epoch, uint32_t seen,
                    int64_t timeout_ns) {
    (void)mapping;
    (void)place;
    futex_wait(epoch, seen, timeout_ns);
}

void platform_wake(struct platform_mapping *mapping, uint64_t place, shared_u32 *epoch, uint32_t sleepers) {
    (void)mapping;
    (void)place;
    (void)sleepers; /* the futex itself knows the sleepers; after a crash the count may be too low */
    syscall(SYS_futex, epoch, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* futex_waitv of Linux 5.16, which older headers do not have. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define FUTEX_SIZE_U32 2
struct waited_word {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};

static struct waited_word waited_word(const shared_u32 *word, uint32_t seen) {
    struct waited_word waited = {seen, (uint64_t)(uintptr_t)word, FUTEX_SIZE_U32, 0};
    return waited;
}

/* False: this kernel does not have the call, or a filter forbids it. */
static bool sleep_on_any(const struct waited_word *words, uint32_t count, int64_t timeout_ns) {
    int64_t now = platform_monotonic_ns();
    struct time64 until = time64(timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX);
    return syscall(SYS_futex_waitv, words, count, 0, &until, CLOCK_MONOTONIC) >= 0 || errno == EAGAIN ||
           errno == ETIMEDOUT || errno == EINTR;
}

/* The last word is the waker's. Without futex_waitv we sleep only on that word, or on the only one there is, and poll
 * the others every POLL_NS. */
void platform_sleep_many(const struct platform_sleep *sleeps, uint32_t count, struct wmmf_waker *waker,
                         int64_t timeout_ns) {
    struct waited_word words[WMMF_WAIT_MANY_MAX + 1];
    for (uint32_t i = 0; i < count; i++)
        words[i] = waited_word(sleeps[i].epoch, sleeps[i].seen);
    if (waker)
        words[count++] = waited_word(&waker->woken, 0);
    if (sleep_on_any(words, count, timeout_ns))
        return;
    int64_t slice = count == 1 || timeout_ns < POLL_NS ? timeout_ns : POLL_NS;
    const shared_u32 *word = waker ? &waker->woken : sleeps[count - 1].epoch;
    futex_wait(word, (uint32_t)words[count - 1].value, slice);
}

int32_t platform_waker_open(struct wmmf_waker *waker) {
    waker->event = NULL; /* a futex needs no object */
    return WMMF_OK;
}

void platform_waker_close(struct wmmf_waker *waker) {
    (void)waker;
}

void platform_waker_wake(struct wmmf_waker *waker) {
    platform_wake(NULL, EVENT_CHANGE, &waker->woken, 1);
}

void platform_pause(int64_t ns) {
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    nanosleep(&time, NULL);
}

void platform_yield(void) {
    sched_yield();
}

int64_t platform_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t unix_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t platform_unix_ns(void) {
    return unix_ns(CLOCK_REALTIME);
}

uint64_t platform_unix_coarse_ns(void) {
    return unix_ns(CLOCK_REALTIME_COARSE);
}
