/* Mutual exclusion and what deaths leave behind: the rule that excludes, and the reaping, of csrc/src/rwlock.c and
 * participants.c. Any process may die between any two steps, also one that reaps.
 *
 * A step is one atomic access to shared memory or one call of the kernel. In C all of them are seq_cst, so
 * interleaving shows every order. Waiting is a guard: here sleepers may look again at any time, and waking.pml
 * checks what wakes them. The yielding of writers is left out: any writer may go first, which allows more than the
 * code does. A process that joins claims a dead record and reaps it, as a waiter does here.
 *
 * HOLDS: a lock in the payload. A process names it in its hold first (H1) and clears the hold last (H2); only
 * records that name the lock count. The lock begins overwritten, with an owner that does not hold it. A process
 * frees it if no hold of the owner names the lock and the word has not changed after that look. A version tells one
 * ownership from the next.
 *
 * If a thread ends with the lock, that is the death of its process, except that the process itself cleans up.
 *
 * Checked: a writer is inside alone; no reader reads what a dead writer left half written, and the next writer is
 * told; every living process gets to its end, however the others died (no invalid end state). */
#define N      (WRITERS + READERS)
#define NOBODY 255

#ifdef HOLDS
byte owner = GARBAGE;             /* the lock word */
byte version;                     /* of it */
bool named[N];                    /* the holds */
#define ADVANCE               version++;
#define IS_READING(j)         (named[j] && reading[j] != 0)
#define NAME_LOCK             named[me] = true;  /* H1 */
#define FORGET_LOCK           named[me] = false; /* H2 */
#else
byte owner = NOBODY;              /* the lock word */
#define ADVANCE
#define IS_READING(j) (reading[j] != 0)
#define NAME_LOCK
#define FORGET_LOCK
#endif
bool inconsistent;                /* its flag */
bool odd;                         /* the sequence's lowest bit */
byte reading[N];                  /* the records */

bool dead[N];                     /* the kernel */
byte deaths = DEATHS;

#define READING 1
#define WRITING 2
byte place[N], readers_inside, writers_inside;
bool half_written;

/* Deliberate mistakes, each of which must be found. */
#ifdef BREAK_TOKEN
#define MAY_SEAL(i) (i != me)
#else
#define MAY_SEAL(i) dead[i]
#endif
#ifdef BREAK_REAP
#define INSIDE false
#else
#define INSIDE odd
#endif

#ifdef HOLDS
/* Our own hold only waits. */
inline free_without_hold() {
    if
    :: seen == me || !named[seen] ->
        was_inside = INSIDE;      /* B2 */
        atomic {                  /* B3 */
            if
            :: owner == seen && version == seen_version ->
                owner = NOBODY;
                inconsistent = inconsistent || was_inside
            :: else
            fi
        }
    :: else
    fi;
    atomic { was_inside = false; seen = 0; seen_version = 0 }
}
#endif

#define IS_READABLE (owner == NOBODY && !inconsistent)

/* The caller has sealed the token, so that nobody owns the lock as i. Each step may be done again, by others that have
 * sealed it at the same time or after a death. */
inline reap(i) {
    if
    :: owner == i ->              /* B1 */
        was_inside = INSIDE;      /* B2 */
        atomic {                  /* B3 */
            if
            :: owner == i -> owner = NOBODY; inconsistent = inconsistent || was_inside
            :: else
            fi
        }
    :: else
    fi;
    reading[i] = 0;               /* B4 */
#ifdef HOLDS
    named[i] = false;
#endif
    atomic { was_inside = false; i = 0 }                            /* T2 */
}

proctype Writer(byte me) {
    byte i, j, round;
#ifdef HOLDS
    byte seen, seen_version;
#endif
    bool was_inside, repairing;
    {
        do
        :: round == ROUNDS -> break
        :: round < ROUNDS ->
            round++;
#ifndef BREAK_NAME
            NAME_LOCK
#endif
            do
            :: atomic { owner == NOBODY -> owner = me; ADVANCE break }             /* W3 */
#ifdef HOLDS
            :: atomic { owner != NOBODY -> seen = owner; seen_version = version };
                free_without_hold()
#endif
            :: atomic { owner != NOBODY && owner != me && MAY_SEAL(owner) -> i = owner };   /* T1 */
                reap(i)
            od;
#ifdef BREAK_NAME
            NAME_LOCK
#endif
            j = WRITERS;
            do                    /* W4: the readers that were inside */
            :: j == N -> break
            :: j < N && !IS_READING(j) -> j++
            :: atomic { j < N && IS_READING(j) && MAY_SEAL(j) -> i = j };   /* T1 */
                reap(i)
            od;
            atomic { odd = true; repairing = inconsistent; j = 0 };                 /* W5 */
            atomic {
                place[me] = WRITING;
                writers_inside++;
                assert(writers_inside == 1 && readers_inside == 0);
                assert(!half_written || repairing);
                half_written = true
            };
            if
            :: repairing -> inconsistent = false       /* mark_consistent */
            :: repairing                               /* or not: the next writer is told */
            :: else
            fi;
            if
            :: atomic { half_written = inconsistent; writers_inside--; place[me] = 0; repairing = false };
                odd = inconsistent;                    /* W6 */
#ifdef BREAK_FORGET
                FORGET_LOCK
#endif
                owner = NOBODY;                        /* W7 */
                FORGET_LOCK
            :: atomic { writers_inside--; place[me] = 0 };                          /* its thread ends */
#ifndef BREAK_THREAD
                was_inside = odd;                      /* B2 */
#endif
                atomic { owner = NOBODY; inconsistent = inconsistent || was_inside };   /* B3 */
                FORGET_LOCK
                break
            fi
        od;
done:   skip
    } unless {
        dead[me]
    }
}

proctype Reader(byte me) {
    byte i, round;
#ifdef HOLDS
    byte seen, seen_version;
#endif
    bool was_inside;
    {
        do
        :: round == ROUNDS -> break
        :: round < ROUNDS ->
            round++;
#ifdef BREAK_ANNOUNCE
            IS_READABLE;
            reading[me]++;
#else
            NAME_LOCK
            do
            :: inconsistent -> goto done
            :: owner == NOBODY ->
                reading[me]++;                         /* R1 */
                if
                :: IS_READABLE -> break                /* R2 */
                :: else -> reading[me]--               /* R4 */
                fi
            :: atomic { owner != NOBODY && MAY_SEAL(owner) -> i = owner };   /* T1 */
                reap(i)
#ifdef HOLDS
            :: atomic { owner != NOBODY -> seen = owner; seen_version = version };
                free_without_hold()
#endif
            od;
#endif
            atomic {                                   /* R3 */
                place[me] = READING;
                readers_inside++;
                assert(writers_inside == 0 && !half_written)
            };
            atomic { assert(!half_written); readers_inside--; place[me] = 0 };
            reading[me]--;                             /* R4 */
            FORGET_LOCK
        od;
done:   skip
    } unless {
        dead[me]
    }
}

/* Ends a process. It is then inside nothing. */
proctype Death() {
    byte i;
    do
    :: break
    :: atomic { deaths > 0 && i < N - 1 -> i++ }
    :: atomic {
            deaths > 0 && !dead[i] ->
            deaths--;
            dead[i] = true;
            if
            :: place[i] == READING -> readers_inside--
            :: place[i] == WRITING -> writers_inside--
            :: else
            fi;
            place[i] = 0;
            i = 0
        }
    od
}

init {
    byte i;
    atomic {
        do
        :: i < N ->
            if
            :: i < WRITERS -> run Writer(i)
            :: else -> run Reader(i)
            fi;
            i++
        :: else -> break
        od;
        if
        :: DEATHS > 0 -> run Death()
        :: else
        fi
    }
}
