/* Waking: the lock of csrc/src/rwlock.c with its waiting and yielding, its eventcounts (eventcount.c), and what
 * deaths leave behind (participants.c). Exclusion is also checked here; exclusion.pml checks it for more deaths and
 * more turns.
 *
 * A STEP is one access to shared memory or one call of the kernel, with the computing that follows from it. In C
 * all of them are seq_cst, or ordered by one that is, so interleaving shows every order. A process may die before
 * and after every STEP, and takes one turn; exclusion.pml has several.
 *
 * A sleeper sleeps until it is woken. It may look again by itself only after a death (RECHECK_NS). So an invalid
 * end state is a lost wake-up if nobody has died, and otherwise a living process that waits for ever.
 *
 * Sound abstractions:
 * - The word's version is FRESH: whether the word has changed since this writer loaded it. A version tells no more.
 * - Looking again is left out where it would find nothing to do (USEFUL), because it comes back to where it was.
 *   ALWAYS includes it, to search for cycles without progress, under weak fairness. Whether such looks could break
 *   exclusion is checked in exclusion.pml, where all waiting is looking again.
 * - E5 is part of E4, or the waker dies in between: until E5 lets the sleepers go on, no process can see the
 *   difference.
 * - Ending the yielding only reaps the dead. Skipping a living waiter is left out; in exclusion.pml any writer may
 *   go first.
 * - B1 and B2 are one STEP: if another process changes a dead owner's word after B1, B3 fails, whatever B2 saw. A
 *   waiter that is counted in an eventcount looks at two things in one STEP, because every change after E1 moves
 *   the epoch.
 * - A waiter that gives up first asks about the dead, and goes on if it has reaped one: it looks again, and then
 *   gives up from the next sleep. Here it may also give up without asking.
 * - Left out: rwlock_own, a writer that does not wait for readers; and read-only handles, which nobody needs to
 *   wake.
 * - Threads of one handle share a record, just as several handles share the section; here each thread has its own.
 *   Spinning before sleep counts as spinning in vain.
 *
 * Configuration: WRITERS, READERS, CHANGES (processes that wait for a change), AUDITORS (they find damage and
 * poison), HASTY (the last writer and the last reader wait only for a time; that writer may come again, with its
 * place in the queue), DEATHS at most. With DEATHS, the last of two writers does not repair (wmmf_write). */
#define SCANNED (WRITERS + READERS)
#define N       (SCANNED + CHANGES + AUDITORS)
#define NOBODY  255

/* The lock word; the sequence: whether it is odd, and whether a write has ended. */
byte owner = NOBODY;
bool waiters, inconsistent, poisoned;
bool odd, changed;

/* Participant records: `waiting` is a reader's, `ticket` a writer's. */
byte reading[N], ticket[N], next_ticket;
bool waiting[N];

/* Eventcounts: how many sleepers each counts, and what each process knows about its epoch. */
#define AWAY    0
#define READ    1
#define WRITE   2
#define CHANGE  3
#define WOKEN    4
#define MUTE    5                 /* the epoch has moved; its mover died before it told the kernel */
byte sleepers[4], place[N];

/* The kernel. */
bool dead[N];
byte deaths = DEATHS;
#define IS_DEAD(i) dead[i]

/* What is checked. */
byte writer_inside = NOBODY;
bool reader_inside[N];

bool fresh[WRITERS];
#define me _pid

/* Deliberate mistakes, each of which must be found; more of them where they are made. */
#ifdef BREAK_LOOK
#define SLEEPS_AT_ONCE true
#else
#define SLEEPS_AT_ONCE false
#endif
#ifdef BREAK_POISON
#define SEES_POISON false
#else
#define SEES_POISON poisoned
#endif

hidden byte k;

inline word_changes() {
    d_step {
        for (k : 0 .. WRITERS - 1) { fresh[k] = false }
        k = 0
    }
}

inline die() {
    d_step {
        deaths--;
        dead[me] = true;
        place[me] = AWAY;         /* but its count stays */
        reader_inside[me] = false;
        if
        :: writer_inside == me -> writer_inside = NOBODY
        :: else
        fi;
        if
        :: me < WRITERS -> fresh[me] = false
        :: else
        fi;
        i = 0; j = 0; mine = 0; others = false; was_inside = false
    }
}

#if DEATHS
#define OR_DIE :: atomic { deaths > 0 -> die(); goto end_over }
#else
#define OR_DIE
#endif
#define STEP(...) if :: atomic { __VA_ARGS__ } OR_DIE fi

#define LOCALS byte i, j, mine; bool others, was_inside
#define IS_HASTY    (HASTY && (me == WRITERS - 1 || me == SCANNED - 1))
#define IS_REPAIRER (DEATHS == 0 || WRITERS == 1 || me != WRITERS - 1)

/* Poison must reach processes that wait for an owner that never releases the lock. */
#if AUDITORS
#define HOLDS_ON if :: poisoned -> goto end_over :: true fi
#else
#define HOLDS_ON skip
#endif

/* Eventcounts. */

inline enter(g) {                 /* E1: epoch and count are one word */
    STEP(place[me] = g; sleepers[g]++)
}

inline uncount(g) {
    if
    :: place[me] == g && sleepers[g] != 0 -> sleepers[g]--
    :: else
    fi;
    place[me] = AWAY
}

inline leave(g) {                 /* E2 */
#ifdef BREAK_CANCEL
    STEP(if :: place[me] == g :: else -> place[me] = AWAY fi);
    STEP(if :: place[me] != AWAY && sleepers[g] != 0 -> sleepers[g]-- :: else fi; place[me] = AWAY; others = false)
#else
    STEP(uncount(g); others = false)
#endif
}

/* E3: the kernel compares and sleeps in one step. Goes on at `again` when woken, at `late` if the caller gives up, and
 * behind this when it is time to look again. */
#define SLEEP(g, useful, again, leaves, late) \
    if \
    :: atomic { place[me] == WOKEN -> place[me] = AWAY; goto again } \
    :: atomic { leaves -> uncount(g); goto late } \
    OR_LOOK_AGAIN(g, useful, leaves) \
    OR_DIE \
    fi
#if defined(ALWAYS)
#define OR_LOOK_AGAIN(g, useful, leaves) :: atomic { !(leaves) -> uncount(g) }
#elif DEATHS
#define OR_LOOK_AGAIN(g, useful, leaves) \
    :: atomic { deaths < DEATHS && (place[me] == WOKEN || place[me] == MUTE || (useful)) -> uncount(g) }
#else
#define OR_LOOK_AGAIN(g, useful, leaves)
#endif

inline advance(g, how) {
    d_step {
        sleepers[g] = 0;
        for (k : 0 .. N - 1) {
            if
            :: place[k] == g -> place[k] = how
            :: else
            fi
        }
        k = 0
    }
}

inline wake(g) {                  /* E4, E5 */
    if
    :: atomic { sleepers[g] != 0 -> advance(g, WOKEN) }
    :: sleepers[g] == 0
#if DEATHS
    :: atomic { deaths > 0 && sleepers[g] != 0 -> advance(g, MUTE); die(); goto end_over }
#endif
    OR_DIE
    fi
}

#ifdef BREAK_YIELDING
#define wake_the_yielding() skip
#else
#define wake_the_yielding() wake(WRITE)           /* writers that let us go first */
#endif

#if CHANGES
#define wake_for_change() wake(CHANGE)
#else
#define wake_for_change() skip
#endif

/* What the dead leave behind. */

#define OWNER_DEAD (owner != NOBODY && IS_DEAD(owner))

#ifdef BREAK_NOTICE
#define SEALS(x) false
#else
#define SEALS(x) (x != me && IS_DEAD(x))
#endif

/* T1: the kernel lets several seal the token of a dead process. Goes on at `next` if it does not. */
#define SEAL(x, next) STEP(if :: SEALS(x) -> i = x :: else -> i = 0; goto next fi)

inline reap() {                   /* i, whose token we have sealed */
    STEP(if :: owner == i -> was_inside = odd :: else fi);                                         /* B1, B2 */
    STEP(if :: owner == i -> owner = NOBODY; inconsistent = inconsistent || was_inside; word_changes()    /* B3 */
            :: else
         fi;
         was_inside = false);
    STEP(ticket[i] = 0; waiting[i] = false);
    STEP(reading[i] = 0);                                                                          /* B4 */
    wake(READ);
    wake(WRITE);
    wake_for_change();
    STEP(i = 0)                                                                                    /* T2 */
}

/* Writers. */

#define IN_LINE(x) (waiting[x] || (ticket[x] != 0 && ticket[x] != mine))
#define BEFORE(x)  (waiting[x] || (ticket[x] != 0 && ticket[x] < mine))
#define DEAD_IN_LINE(x) (IN_LINE(x) && IS_DEAD(x))
#define ANY(what) \
    (what(0) || (SCANNED > 1 && what(1 % N)) || (SCANNED > 2 && what(2 % N)) || (SCANNED > 3 && what(3 % N)))
#define QUEUE_USEFUL (poisoned || OWNER_DEAD || (owner == NOBODY && (!ANY(BEFORE) || ANY(DEAD_IN_LINE))))
#define READER_USEFUL (poisoned || reading[j] == 0 || IS_DEAD(j))

/* W2: one record after the other, until another writer is found that goes first. */
#define FIRST_IS_ANOTHER NOBODY
inline look_at_next() {
    if
    :: j == me -> j++
    :: else
    fi;
    if
    :: j < SCANNED && BEFORE(j) -> j = FIRST_IS_ANOTHER; others = false
    :: j < SCANNED && !BEFORE(j) -> others = others || IN_LINE(j); j++
    :: else
    fi;
    if
    :: j == me -> j++
    :: else
    fi
}
#define LOOK_AT_QUEUE(look, first) \
    STEP(look_at_next(); \
         if \
         :: j == FIRST_IS_ANOTHER -> j = 0; fresh[me] = false; goto first \
         :: j < SCANNED -> goto look \
         :: else -> j = 0 \
         fi)

/* A writer that comes again has a ticket, which it keeps until it is alone. */
#define DRAW_TICKET if :: mine == 0 -> next_ticket++; mine = next_ticket :: else fi
#define FORGET_TICKET if :: IS_HASTY :: else -> mine = 0 fi
#ifdef BREAK_PLACE
#define MAY_TAKE_AT_ONCE true
#else
#define MAY_TAKE_AT_ONCE (mine == 0)
#endif

inline give_up() {                /* W7 */
#ifdef BREAK_WAKE
    STEP(others = (sleepers[READ] != 0); was_inside = (sleepers[WRITE] != 0));
#endif
    STEP(owner = NOBODY; word_changes());
#ifdef BREAK_WAKE
    if :: others -> others = false; wake(READ) :: else fi;
    if :: was_inside -> was_inside = false; wake(WRITE) :: else fi
#else
    wake(READ);
    wake(WRITE)
#endif
}

active [WRITERS] proctype Writer() {
    LOCALS;
come:
    STEP(if                       /* W1: or the word changes between look and taking */
         :: MAY_TAKE_AT_ONCE && owner == NOBODY && !waiters && !inconsistent && !poisoned ->
            owner = me; word_changes(); j = WRITERS; goto owned
         :: DRAW_TICKET
         fi);
again:
    STEP(if
         :: poisoned || (inconsistent && !IS_REPAIRER) -> goto refused
         :: else ->
            if
            :: owner == NOBODY -> fresh[me] = true
            :: else -> goto queue
            fi
         fi);
look:
    LOOK_AT_QUEUE(look, queue);
    STEP(if                       /* W3 */
         :: fresh[me] -> owner = me; waiters = waiters && others; others = false; word_changes()
         :: else -> others = false; goto again
         fi);
    STEP(ticket[me] = 0; FORGET_TICKET; j = WRITERS);
    goto owned;
queue:
    STEP(ticket[me] = mine);
    STEP(if :: !waiters -> waiters = true; word_changes() :: else fi);
    enter(WRITE);
    STEP(if
         :: SEES_POISON -> goto leaving
         :: owner != NOBODY && !SEES_POISON -> goto asleep
         :: else
         fi);
look_again:
    LOOK_AT_QUEUE(look_again, asleep);
leaving:
    leave(WRITE);
    goto again;
asleep:
    SLEEP(WRITE, QUEUE_USEFUL, again, IS_HASTY, late);
    STEP(if :: owner != NOBODY -> i = owner :: else -> goto yielded_enough fi);
    SEAL(i, again);
    reap();
    goto again;
yielded_enough:
    STEP(if
         :: j < SCANNED && !DEAD_IN_LINE(j) -> j++; goto yielded_enough
         :: j == SCANNED -> j = 0; goto again
         :: else
         fi);
    SEAL(j, yielded_enough);
    reap();
    goto yielded_enough;

owned:                            /* W4: the readers that were inside */
    STEP(if
         :: j < SCANNED && reading[j] == 0 -> j++; goto owned
         :: j == SCANNED -> j = 0; goto alone
         :: else
         fi);
    STEP(if :: poisoned -> goto given_up :: else fi);
    enter(WRITE);
    STEP(if :: SLEEPS_AT_ONCE || (reading[j] != 0 && !SEES_POISON) -> goto held_up :: else fi);
    leave(WRITE);
    goto owned;
held_up:
    SLEEP(WRITE, READER_USEFUL, owned, IS_HASTY, given_up);
    SEAL(j, owned);
    reap();
    goto owned;

alone:
    STEP(assert(writer_inside == NOBODY && (!odd || inconsistent));                               /* W5 */
         for (k : 0 .. N - 1) { assert(!reader_inside[k]) }
         k = 0;
         assert(ticket[me] == 0);
         mine = 0;
         writer_inside = me;
         odd = true);
progress:
#if DEATHS
    STEP(if :: inconsistent -> inconsistent = false :: true fi);   /* mark_consistent, or not: the next one is told */
#endif
    HOLDS_ON;
    STEP(writer_inside = NOBODY;                                                                  /* W6 */
         if
         :: !inconsistent -> odd = false; changed = true
         :: else
         fi);
    give_up();
    wake_for_change();
    goto end_over;
given_up:
    STEP(DRAW_TICKET; ticket[me] = mine; j = 0);
    STEP(if :: !waiters -> waiters = true; word_changes() :: else fi);
    give_up();
late:                             /* comes again with its ticket, or leaves the queue */
    if
    :: IS_HASTY && !poisoned -> goto come
    :: true
    fi;
refused:
    STEP(ticket[me] = 0; mine = 0);
    wake_the_yielding();
end_over:
    false
}

/* Readers. */

inline end_read() {
    STEP(reader_inside[me] = false; reading[me]--);                /* R4 */
    STEP(if :: owner != NOBODY -> others = true :: else fi);       /* R5 */
    if
    :: atomic { others -> others = false }; wake(WRITE)
    :: !others
    fi
}

#define IS_READABLE (owner == NOBODY && !inconsistent && !poisoned)

#ifdef BREAK_ANNOUNCE
inline announce() {
    STEP(others = IS_READABLE);
    STEP(reading[me]++)
}
#define SUCCEEDS others
#else
inline announce() {               /* R1 */
    STEP(reading[me]++)
}
#define SUCCEEDS IS_READABLE
#endif

inline go_inside() {
    others = false;
    reader_inside[me] = true;
    assert(!odd)
}
#define TRY(held) STEP(if :: SUCCEEDS -> go_inside(); goto held :: else fi) /* R2 */

#if READERS
active [READERS] proctype Reader() {
    LOCALS;
    announce();
    TRY(held);
    end_read();
    STEP(waiting[me] = true);
again:
    STEP(if
         :: inconsistent || poisoned -> goto refused
         :: !inconsistent && !poisoned && owner != NOBODY -> goto queue
         :: else
         fi);
    announce();
    TRY(admitted);
    end_read();
    goto again;
queue:
    STEP(if :: !waiters -> waiters = true; word_changes() :: else fi);
    enter(READ);
    STEP(if :: owner == NOBODY || SEES_POISON :: else -> goto asleep fi);
    leave(READ);
    goto again;
asleep:
    SLEEP(READ, owner == NOBODY || OWNER_DEAD || poisoned, again, IS_HASTY, refused);
    STEP(if :: owner != NOBODY -> i = owner :: else -> goto again fi);
    SEAL(i, again);
    reap();
    goto again;
refused:
    STEP(waiting[me] = false);
    wake_the_yielding();
    goto end_over;
admitted:
    STEP(waiting[me] = false);
    wake_the_yielding();
held:                                                              /* R3 */
progress:
    HOLDS_ON;
    end_read();
end_over:
    false
}
#endif

#if CHANGES
/* wmmf_wait: until a write has ended; without a write, no wake-up is needed. */
#define CHANGE_USEFUL (changed || poisoned || OWNER_DEAD || (inconsistent && owner == NOBODY))
#define NOTHING_COMES (owner == NOBODY && !changed && !poisoned && !inconsistent)
active [CHANGES] proctype Waiter() {
    LOCALS;
again:
    STEP(if :: poisoned || changed || (inconsistent && owner == NOBODY) -> goto end_over :: else fi);
    enter(CHANGE);
    STEP(if :: changed || poisoned :: else -> goto asleep fi);
    leave(CHANGE);
    goto again;
asleep:
    SLEEP(CHANGE, CHANGE_USEFUL, again, NOTHING_COMES, end_over);
    STEP(if :: owner != NOBODY -> i = owner :: else -> goto again fi);
    SEAL(i, again);
    reap();
    goto again;
end_over:
    false
}
#endif

#if AUDITORS
/* rwlock_poison, by a process that has found damage. */
active [AUDITORS] proctype Auditor() {
    LOCALS;
    STEP(poisoned = true; word_changes());
    wake(READ);
    wake(WRITE);
    wake_for_change();
end_over:
    false
}
#endif
