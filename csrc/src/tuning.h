/* Every spin count, pause, recheck and slice of the library. Those of the bindings are in wmmf.h: WMMF_WAIT_SLICE_NS,
 * WMMF_COPY_NS_PER_BYTE and WMMF_RETRY_NS. */
#ifndef WMMF_TUNING_H
#define WMMF_TUNING_H

#include <stddef.h>
#include <stdint.h>

/* Waiting for a lock. */
#define LOCK_SPINS           200                /* looks at the lock word before a thread sleeps */
#define RECHECK_NS           INT64_C(10000000)  /* a sleeper looks again, and asks the kernel about the dead */
#define READ_ONLY_RECHECK_NS INT64_C(1000000)   /* the same, for handles that cannot announce that they sleep */
#define POLL_NS              INT64_C(1000000)   /* a sleeper that the system cannot wake looks again */
#define IDLE_RECHECK_NS      INT64_C(200000000) /* maximum of RECHECK_NS in a long idle wait for many */
#define YIELDING_NS          INT64_C(1000000)   /* how long we yield a free lock to a waiter that shows no life */

/* How many sleepers one wake-up wakes at most: a peer may claim any number (Windows). */
#define WAKES_MAX 4096

/* Short waits for another thread: spin, then yield, then sleep. A yield alone would never end where the other thread
 * has a lower priority than ours. */
#define BACKOFF_SPINS    100
#define BACKOFF_YIELDS   100
#define BACKOFF_PAUSE_NS INT64_C(100000)

/* A thread that nobody wakes asks about the dead once in this many turns: about every RECHECK_NS. */
#define BACKOFF_TURNS   300
#define READ_ONLY_TURNS 10

/* How often a peer may make a compare-and-swap, or a look at two words, fail before we go on without. */
#define ATTEMPTS_MAX 1000

/* A copy is made in pieces, so that a reader behind it is never far away. */
#define CHUNK_MIN ((size_t)1024)
#define CHUNK_MAX ((size_t)256 * 1024)

/* Opening. */
#define READY_TIMEOUT_NS INT64_C(1000000000) /* how long a creator has to initialise its section */
#define READY_PAUSE_NS   INT64_C(200000)     /* the first pause between two looks; each is twice the one before */
#define JOIN_PROBES      4                   /* how many used records each newcomer checks for dead owners */

/* Memory. Creating a section also looks for files that killed processes have left. */
#define SWEEP_PERIOD_NS   UINT64_C(50000000)  /* at most this often in one process ... */
#define SWEEP_VISITS_MAX  64u                 /* ... and this many files each time ... */
#define SWEEP_NAMES       256u                /* ... among usually not many more names */
#define ROOM_CHECK_BYTES  (UINT64_C(1) << 18) /* we ask the system how much is left once for this many bytes ... */
#define ROOM_MARGIN_BYTES (UINT64_C(1) << 20) /* ... and leave this much of it to others; ... */
#define ROOM_LOOK_NS      UINT64_C(50000000)  /* ... the answer is good for this long ... */
#define ROOM_PARTS        16                  /* ... and for one part in this many of what is left */
#define RESERVE_PIECE_MAX (UINT64_C(1) << 22) /* memory is reserved in pieces of this size ... */
#define RESERVE_PIECE_MIN (UINT64_C(1) << 16) /* ... down to this size, if signals keep coming */

/* How many regions of pages we look at to find the length of another program's section (Windows). */
#define VIEW_REGIONS_MAX 64

/* Frame channels. */
#define CHANNEL_SPINS      1000    /* looks at the newest frame before a thread sleeps */
#define CHANNEL_VAIN_SPINS 4       /* after this many waits in a row without success it stops spinning ... */
#define CHANNEL_SPIN_AGAIN 64      /* ... except for one in this many waits */
#define CHANNEL_MOMENTARY  4096    /* a picture of up to this many bytes is first copied without a pin */
#define CHANNEL_ATTEMPTS   1000000 /* tries to catch the newest frame; an honest writer is not that quick that often */
#define FOLLOW_ATTEMPTS    100     /* no sane owner replaces the pictures that often while we open them */
#define CHANNEL_COPIES     3       /* tries to copy a whole frame, however short the timeout */
#define STANDBYS_AS_ONE    16      /* up to this many standbys each look every RECHECK_NS, more of them less often */
#define NAME_CHECK_NS      INT64_C(500000000) /* how often a publisher looks whether the name leads to its channel */

#endif
