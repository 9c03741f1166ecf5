/* Timeouts as points in monotonic time. */
#ifndef WMMF_DEADLINE_H
#define WMMF_DEADLINE_H

#include "platform.h"

#define DEADLINE_NEVER   INT64_MAX
#define DEADLINE_AT_ONCE 0

static inline int64_t deadline_after(int64_t timeout_ns) {
    if (timeout_ns < 0)
        return DEADLINE_NEVER;
    if (timeout_ns == 0)
        return DEADLINE_AT_ONCE;
    int64_t now = platform_monotonic_ns();
    return timeout_ns >= DEADLINE_NEVER - now ? DEADLINE_NEVER : now + timeout_ns;
}

/* Nanoseconds until the deadline, at most `most`; 0 if it has passed. */
static inline int64_t deadline_remaining(int64_t deadline, int64_t most) {
    if (deadline == DEADLINE_NEVER)
        return most;
    if (deadline == DEADLINE_AT_ONCE)
        return 0;
    int64_t left = deadline - platform_monotonic_ns();
    return left <= 0 ? 0 : left < most ? left : most;
}

#endif
