/* Every spin count, pause, recheck and slice of the library. The slice in which bindings wait is WMMF_WAIT_SLICE_NS. */
#ifndef WMMF_TUNING_H
#define WMMF_TUNING_H

#include <stddef.h>
#include <stdint.h>

/* Waiting for a lock. */
#define LOCK_SPINS           200                /* looks at the lock word before a thread sleeps */
#define RECHECK_NS           INT64_C(10000000)  /* a sleeper looks again, and asks the kernel about the dead */
#define READ_ONLY_RECHECK_NS INT64_C(1000000)   /* the same, for handles that cannot announce that they sleep */
#define IDLE_RECHECK_NS      INT64_C(200000000) /* what RECHECK_NS grows to in a wait for many that has long been idle */
#define YIELDING_NS          INT64_C(1000000)   /* how long a free lock is left to a waiter that shows no life */

/* Short waits for another thread: spin, then yield, then sleep. A yield alone would never end where the other thread
 * has a lower priority than ours. */
#define BACKOFF_SPINS    100
#define BACKOFF_YIELDS   100
#define BACKOFF_PAUSE_NS INT64_C(100000)

/* In one of so many turns a thread that nobody wakes asks about the dead: about RECHECK_NS. */
#define BACKOFF_TURNS   300
#define READ_ONLY_TURNS 10

/* Rounds in which a peer may spoil a compare-and-swap, or a look at two words, before we go on without. */
#define ATTEMPTS_MAX 1000

/* A copy is made in pieces, so that a reader behind it is never far away. */
#define CHUNK_MIN ((size_t)1024)
#define CHUNK_MAX ((size_t)256 * 1024)

/* Opening. */
#define READY_TIMEOUT_NS INT64_C(1000000000) /* how long a creator has to initialise its section */
#define READY_PAUSE_NS   INT64_C(200000)     /* the first pause between two looks; each is twice the one before */
#define JOIN_PROBES      4                   /* how many used records each newcomer checks for dead owners */

/* Memory. Files that killed processes have left are looked for while creating. */
#define SWEEP_PERIOD_NS   UINT64_C(50000000)  /* at most this often in one process ... */
#define SWEEP_VISITS_MAX  64u                 /* ... and this many files each time ... */
#define SWEEP_NAMES       256u                /* ... of mostly not many more names */
#define ROOM_CHECK_BYTES  (UINT64_C(1) << 18) /* the system is asked how much is left once for this many bytes ... */
#define ROOM_MARGIN_BYTES (UINT64_C(1) << 20) /* ... and this much of it is left to others */
#define RESERVE_PIECE_MAX (UINT64_C(1) << 22) /* memory is reserved in such pieces ... */
#define RESERVE_PIECE_MIN (UINT64_C(1) << 16) /* ... down to such, if signals keep coming */

/* States of pages that are looked at, to tell how long a section of another program is (Windows). */
#define VIEW_REGIONS_MAX 64

/* Frame channels. */
#define CHANNEL_SPINS      1000    /* looks at the newest frame before a thread sleeps */
#define CHANNEL_VAIN_SPINS 4       /* after this many waits in a row without success it stops spinning ... */
#define CHANNEL_SPIN_AGAIN 64      /* ... except for one in this many waits */
#define CHANNEL_MOMENTARY  4096    /* bytes of a picture that is copied without a pin first */
#define CHANNEL_ATTEMPTS   1000000 /* to catch the newest frame; an honest writer is not that quick that often */
#define CHANNEL_COPIES     3       /* tries to copy a frame whole, however short the timeout */
#define STANDBYS_AS_ONE    16      /* of so many that stand by each looks after RECHECK_NS, of more more seldom */
#define NAME_CHECK_NS      INT64_C(500000000) /* how often a publisher looks whether the name leads to its channel */

#endif
