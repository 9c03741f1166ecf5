/* Short waits for another thread that will soon go on. */
#ifndef WMMF_BACKOFF_H
#define WMMF_BACKOFF_H

#include "platform.h"
#include "tuning.h"

/* The wait of turn 0, 1, 2 ...: spin, then yield, then sleep for at most `pause_ns`. Only a sleep lets a thread of
 * lower priority run: with SCHED_FIFO on Linux, and with priorities on Windows, a yield reaches only threads of the
 * same priority. */
static inline void backoff(int turn, int64_t pause_ns) {
    if (turn < BACKOFF_SPINS)
        spin_pause();
    else if (turn < BACKOFF_SPINS + BACKOFF_YIELDS)
        platform_yield();
    else
        platform_pause(pause_ns < BACKOFF_PAUSE_NS ? pause_ns : BACKOFF_PAUSE_NS);
}

/* A lock for short steps of this process's threads; 0: free. seq_cst: its holder sees what the one before did. */
static inline void short_lock(shared_u32 *lock) {
    uint32_t nobody = 0;
    for (int turn = 0; !cas_seq_u32(lock, &nobody, 1); turn++, nobody = 0)
        backoff(turn, BACKOFF_PAUSE_NS);
}

static inline void short_unlock(shared_u32 *lock) {
    store_seq_u32(lock, 0);
}

#endif
