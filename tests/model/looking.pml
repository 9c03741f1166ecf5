/* The order in which a waiter for a change looks (sleep_until_change in csrc/src/rwlock.c), by the rules of C11.
 * The other models treat all accesses as seq_cst. Here one is not: a writer stores the sequence with release only.
 * A load of it, though seq_cst itself, may find the old value for ever, unless the waiter has seen something that
 * the writer stored after it: the lock word.
 *
 * Interleaving is the order of all seq_cst accesses; `knows` is what happened before by release and acquire.
 *
 * Checked: no waiter sleeps for ever (no invalid end state). In C a sleeper looks again after a while. That is left
 * out here, so that it does not hide a lost wake-up.
 *
 * Configuration: WAITERS. */
bool sequence_stored, lock_freed;
byte sleepers, epoch;             /* the eventcount */

/* Deliberate mistakes, each of which must be found. */
#ifdef BREAK_ORDER
#define LOOK look_at_sequence(); look_at_lock()
#else
#define LOOK look_at_lock(); look_at_sequence()
#endif

inline look_at_lock() {
    knows = lock_freed
}

inline look_at_sequence() {
    if
    :: sequence_stored -> changed = true
    :: !knows                     /* the old value, which may be out of date */
    fi
}

active proctype Writer() {
    sequence_stored = true;       /* W6 */
    lock_freed = true;            /* W7 */
    if                            /* E4 */
    :: atomic { sleepers > 0 -> sleepers = 0; epoch++ }
    :: sleepers == 0
    fi
}

active [WAITERS] proctype Waiter() {
    byte seen;
    bool knows, changed;
    atomic { sleepers++; seen = epoch };                  /* E1 */
    LOOK;
    if
    :: changed
    :: !changed -> epoch != seen  /* E3: asleep until then */
    fi
}
