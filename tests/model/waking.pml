/* Who wakes whom: waiting, gates and courtesy of csrc/src/lock.c and gate.c, step by step. Who is inside, and what deaths
 * leave behind, is the matter of exclusion.pml; the names of the steps are the same.
 *
 * Each step is one atomic access to shared memory or one call of the kernel, all seq_cst in C, so interleaving is the
 * whole truth.
 *
 * Without RECHECK a sleeper sleeps until it is woken: then an invalid end state is a wake-up that was lost. With RECHECK
 * it may look again at any time, as after RECHECK_NS, and processes may die between any two steps: then a cycle
 * without progress, under weak fairness, is somebody who lives and does not get on.
 *
 * Left out, and why that is sound: the word's version (without it more compare-and-swaps succeed, so the model does
 * more than the code); several threads of one handle (they share a record as several handles share the section);
 * spinning before sleep (as if it had been in vain). NO_COURTESY leaves out tickets, too, for larger numbers.
 *
 * Configuration: WRITERS, READERS, CHANGES (waiters for a change), ROUNDS of each, CRASHES at most. */
#define N      (WRITERS + READERS + CHANGES)
#define NOBODY 255

/* The lock word, the sequence's lowest bit, and the number of finished writes. */
byte owner = NOBODY;
bool waiters, inconsistent, poisoned, odd;
byte writes;

/* Participant records. */
byte reading[N], ticket[N];
bool waiting_readers[N];
byte next_ticket;

/* Gates. */
#define READ   0
#define WRITE  1
#define CHANGE 2
byte sleepers[3];
bool moved[N * 3] = true;         /* the bell, since this process entered: all that it asks of the count */
bool asleep[N * 3];
#define PLACE(who, g) ((who) * 3 + (g))

/* The kernel: who lives, and who holds whose token. */
bool alive[N];
byte token[N];
byte crashes = CRASHES;

/* Who is inside. */
byte writers_inside;

/* Deliberate mistakes, each of which must be found. */
#ifdef BREAK_LOOK
#define LOOKS_AGAIN false
#else
#define LOOKS_AGAIN true
#endif

#ifdef NO_COURTESY                /* whoever comes goes first: no tickets, no flag, nobody looks at who waits */
#define show_waiting()
#define take_ticket()
#define show_ticket()
#define drop_ticket()
#define wait_to_read(x)
#define look_at_queue() atomic { others = true; before_us = false }
#else
#define show_waiting()  waiters = true;
#define take_ticket()   atomic { next_ticket++; mine = next_ticket };
#define show_ticket()   ticket[me] = mine;
#define drop_ticket()   ticket[me] = 0;
#define wait_to_read(x) waiting_readers[me] = x;

inline look_at_queue() {          /* W2 */
    others = false;
    before_us = false;
    j = 0;
    do
    :: j == me -> j++
    :: j != me && j < N ->
        atomic {
            if
            :: waiting_readers[j] || ticket[j] != 0 ->
                others = true;
                before_us = before_us || (!passed && (waiting_readers[j] || ticket[j] < mine))
            :: else
            fi;
            j++
        }
    :: else -> break
    od;
    j = 0
}
#endif

inline enter(g) {                 /* G1: bell and count are one word */
    atomic { moved[PLACE(me, g)] = false; sleepers[g]++ }
}

inline leave(g) {                 /* G2 */
#ifdef BREAK_GATE
    if
    :: !moved[PLACE(me, g)] ->
        atomic {
            if
            :: sleepers[g] != 0 -> sleepers[g]--
            :: else
            fi
        }
    :: else
    fi;
    moved[PLACE(me, g)] = true
#else
    atomic {
        if
        :: !moved[PLACE(me, g)] && sleepers[g] != 0 -> sleepers[g]--
        :: else
        fi;
        moved[PLACE(me, g)] = true
    }
#endif
}

inline sleep(g) {                 /* G3: the kernel compares and sleeps in one step */
    atomic { asleep[PLACE(me, g)] = !moved[PLACE(me, g)] };
    if
    :: atomic { !asleep[PLACE(me, g)] -> woken = moved[PLACE(me, g)] }
#ifdef RECHECK
    :: atomic { asleep[PLACE(me, g)] -> asleep[PLACE(me, g)] = false; woken = moved[PLACE(me, g)] }
#endif
    fi;
    if
    :: !woken -> leave(g)
    :: else
    fi
}

inline wake(g) {
    d_step {                      /* G4 */
        count = sleepers[g];
        if
        :: count != 0 ->
            sleepers[g] = 0;
            k = 0;
            do
            :: k < N -> moved[PLACE(k, g)] = true; k++
            :: else -> break
            od;
            k = 0
        :: else
        fi
    };
    if
    :: count != 0 ->
        d_step {                  /* G5 */
            k = 0;
            do
            :: k < N -> asleep[PLACE(k, g)] = false; k++
            :: else -> break
            od;
            k = 0;
            count = 0
        }
    :: else
    fi
}

inline bury(i) {                  /* the caller holds the token; see exclusion.pml */
    if
    :: owner == i ->
        was_inside = odd;
        atomic {
            if
            :: owner == i -> owner = NOBODY; inconsistent = inconsistent || was_inside
            :: else
            fi
        }
    :: else
    fi;
    ticket[i] = 0;
    waiting_readers[i] = false;
    reading[i] = 0;
    wake(READ);
    wake(WRITE);
    wake(CHANGE)
}

inline bury_if_dead(i) {
    atomic {
        claimed = (i != me && token[i] == NOBODY);
        if
        :: claimed -> token[i] = me
        :: else
        fi
    };
    if
    :: claimed ->
        bury(i);
        token[i] = NOBODY
    :: else
    fi
}

inline check_owner() {
    o = owner;
    if
    :: o != NOBODY -> bury_if_dead(o)
    :: else
    fi
}

inline give_up() {
#ifdef BREAK_WAKE
    atomic { others = (sleepers[READ] != 0); before_us = (sleepers[WRITE] != 0) };
#else
    others = true;
    before_us = true;
#endif
    atomic { owner = NOBODY; poisoned = poisoned || inconsistent };  /* W7 */
    if
    :: others -> wake(READ)
    :: else
    fi;
    if
    :: before_us -> wake(WRITE)
    :: else
    fi
}

/* Our patience is at an end: bury the dead, do not mind the living. */
inline pass_waiters() {
    j = 0;
    do
    :: j < N -> bury_if_dead(j); j++
    :: else -> break
    od;
    j = 0;
    passed = true
}

inline end_read() {
    reading[me]--;                /* R4 */
    if
    :: owner != NOBODY -> wake(WRITE)   /* R5 */
    :: else
    fi
}

#define LOCALS byte count, k, o; bool woken, claimed, was_inside

proctype Writer(byte me) {
    LOCALS;
    byte j, mine, round;
    bool others, before_us, passed, repairing, snapshot_waiters;
    {
        do
        :: round < ROUNDS ->
            round++;
            passed = false;
#ifndef NO_COURTESY
            atomic {              /* W1 */
                if
                :: owner == NOBODY && !waiters && !inconsistent && !poisoned -> owner = me; goto owned
                :: else
                fi
            };
#endif
            take_ticket()
            do
            :: poisoned -> goto refused
            :: !poisoned ->
                atomic {          /* one load of the word */
                    snapshot_waiters = waiters;
                    if
                    :: owner == NOBODY -> skip
                    :: else -> goto queue
                    fi
                };
                if
                :: true ->
                    look_at_queue();
                    if
                    :: !before_us ->
                        atomic {  /* W3 */
                            if
                            :: owner == NOBODY && waiters == snapshot_waiters && !poisoned ->
                                owner = me;
                                waiters = waiters && others;
                                break
                            :: else
                            fi
                        }
                    :: else
                    fi
                fi;
                if
                :: true ->
queue:              show_ticket()
                    show_waiting()
                    enter(WRITE);
                    if
                    :: owner == NOBODY -> look_at_queue()
                    :: else -> before_us = true
                    fi;
                    if
                    :: !before_us -> leave(WRITE)
                    :: else ->
                        sleep(WRITE);
                        if
                        :: !woken && owner != NOBODY -> check_owner()
                        :: !woken && owner == NOBODY -> pass_waiters()
                        :: else
                        fi
                    fi
                fi
            od;
            drop_ticket()
owned:      j = WRITERS;          /* W4: the readers that were inside */
            do
            :: j < WRITERS + READERS ->
                if
                :: reading[j] == 0 -> j++
                :: else ->
                    enter(WRITE);
                    if
                    :: LOOKS_AGAIN && reading[j] == 0 -> leave(WRITE)
                    :: else ->
                        sleep(WRITE);
                        if
                        :: !woken -> bury_if_dead(j)
                        :: else
                        fi
                    fi
                fi
            :: else -> break
            od;
            j = 0;
            atomic {              /* W5 */
                odd = true;
                repairing = inconsistent;
                writers_inside++;
                assert(writers_inside == 1)
            };
progress:   atomic {              /* W6 */
                if
                :: repairing -> inconsistent = false   /* mark_consistent */
                :: repairing                           /* or not: that poisons */
                :: else
                fi;
                odd = inconsistent;
                writes = writes + (1 - inconsistent);
                writers_inside--
            };
            give_up();            /* W7 */
            if
            :: CHANGES > 0 -> wake(CHANGE)
            :: else
            fi
        :: else -> break
        od;
        goto done;
refused:
        drop_ticket()
        wake(WRITE);
        assert(poisoned);
done:   skip
    } unless {
        !alive[me]
    }
}

proctype Reader(byte me) {
    LOCALS;
    byte round;
    {
        do
        :: round < ROUNDS ->
            round++;
#ifndef NO_COURTESY
            reading[me]++;        /* R1 */
            if                    /* R2 */
            :: owner == NOBODY && !inconsistent && !poisoned -> goto held
            :: else -> end_read()
            fi;
#endif
            wait_to_read(true)
            do
            :: inconsistent || poisoned -> break
            :: !inconsistent && !poisoned && owner == NOBODY ->
                reading[me]++;
                if
                :: owner == NOBODY && !inconsistent && !poisoned ->
                    wait_to_read(false)
                    wake(WRITE);
                    goto held
                :: else -> end_read()
                fi
            :: !inconsistent && !poisoned && owner != NOBODY ->
                show_waiting()
                enter(READ);
                if
                :: owner == NOBODY -> leave(READ)
                :: else ->
                    sleep(READ);
                    if
                    :: !woken -> check_owner()
                    :: else
                    fi
                fi
            od;
            wait_to_read(false)
            wake(WRITE);
            goto next;
held:       assert(writers_inside == 0);                                          /* R3 */
progress:   end_read();
next:       skip
        :: else -> break
        od
    } unless {
        !alive[me]
    }
}

/* wmmf_wait: until there was a write. */
proctype Waiter(byte me) {
    LOCALS;
    {
        do
        :: poisoned || writes != 0 || (inconsistent && owner == NOBODY) -> break
        :: else ->
            if                    /* with nobody at work there is nothing to get on with */
            :: owner == NOBODY ->
progress_idle:  skip
            :: else
            fi;
            enter(CHANGE);
            if
            :: writes != 0 || poisoned -> leave(CHANGE)
            :: else ->
                sleep(CHANGE);
                if
                :: !woken -> check_owner()
                :: else
                fi
            fi
        od;
progress: skip
    } unless {
        !alive[me]
    }
}

/* Ends a process, and with it, in the same step, what it holds of the kernel. Its place inside is empty then. */
proctype Death() {
    byte victim, k;
    do
    :: crashes > 0 ->
        select(victim : 0 .. N - 1);
        atomic {
            if
            :: alive[victim] ->
                crashes--;
                alive[victim] = false;
                k = 0;
                do
                :: k < N -> if :: token[k] == victim -> token[k] = NOBODY :: else fi; k++
                :: else -> break
                od;
                if
                :: victim == owner && odd -> writers_inside = 0
                :: else
                fi
            :: else
            fi
        }
    :: true -> break
    od
}

init {
    byte i;
    atomic {
        do
        :: i < N ->
            alive[i] = true;
            token[i] = i;
            if
            :: i < WRITERS -> run Writer(i)
            :: i >= WRITERS && i < WRITERS + READERS -> run Reader(i)
            :: else -> run Waiter(i)
            fi;
            i++
        :: else -> break
        od;
        if
        :: CRASHES > 0 -> run Death()
        :: else
        fi
    }
}
