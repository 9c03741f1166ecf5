/* Reading without the lock (csrc/src/seqlock_read.c): the sequence and the progress of a write, against writers
 * that die at any step and others that repair what those left.
 *
 * A STEP is one access to shared memory. Interleaving stands for an order that fences make in C.
 *
 * Sound abstractions:
 * - One reader, because readers change nothing. One writer, because writers exclude each other (exclusion.pml):
 *   when it dies, the next one takes its place.
 * - A cell is what a writer copies at a time; while it changes it is TORN. A reader copies SPAN of them.
 * - A reader whose version is gone ends, because in C it starts again with another version.
 *
 * Checked: all that the reader copied belongs to the version that it reports.
 *
 * Configuration: CELLS, SPAN, WRITES, DEATHS at most. */
#define TORN    254
#define UNKNOWN 255

byte sequence, begin, settled, touched, end;
byte payload[CELLS];

byte deaths = DEATHS;
byte version = UNKNOWN;           /* the version that the reader wants: the sequence at which its write ends */
byte expected[CELLS] = UNKNOWN;   /* the payload at that sequence */
hidden byte k;

/* Deliberate mistakes, each of which must be found. */
#ifdef BREAK_REPAIR
#define AFTER_REPAIR 1
#else
#define AFTER_REPAIR 3
#endif
#ifdef BREAK_SETTLED
#define SETTLED_BEFORE 1
#else
#define SETTLED_BEFORE 0
#endif
#ifdef BREAK_TOUCHED
#define TOUCHED_BEFORE 0
#else
#define TOUCHED_BEFORE 1
#endif
#ifdef BREAK_END
#define HAS_ENDED true
#else
#define HAS_ENDED (now == version || now == version + 1)
#endif

inline remember_version() {
    d_step {
        if
        :: sequence == version -> for (k : 0 .. CELLS - 1) { expected[k] = payload[k] }
        :: else
        fi;
        k = 0
    }
}

#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths > 0 -> deaths--; goto died } fi

inline begin_change(first, may_change, last) {
    STEP(begin = first);
    STEP(settled = first);
    STEP(touched = may_change);
    STEP(end = last);
    STEP(sequence = sequence | 1)                                                                 /* W5 */
}

inline change(c) {
    STEP(payload[c] = TORN);
    STEP(payload[c] = sequence + 1 + 128 * repairing)
}

active proctype Writer() {
    byte writes, at, from, to;
    bool repairing;
next:
    do
    :: writes == WRITES && !repairing -> goto over
    :: atomic { writes < WRITES && !repairing -> writes++; from = 0; to = CELLS };
        do                        /* rwlock_write, of any part */
        :: atomic { from + 1 < to -> from++ }
        :: atomic { from + 1 < to -> to-- }
        :: break
        od;
        begin_change(from, from + TOUCHED_BEFORE, to);
        at = from;
        do
        :: at < to ->
            STEP(touched = at + TOUCHED_BEFORE; settled = at + SETTLED_BEFORE);
            change(at);
            STEP(at++; touched = at; settled = at)
        :: else -> break
        od;
        at = 0;
        STEP(sequence = sequence + 1; remember_version())                                         /* W6 */
    :: atomic { writes < WRITES || repairing -> writes = writes + 1 - repairing };
        begin_change(0, CELLS, CELLS);
        do                        /* rwlock_lock_write: the caller changes any cell */
        :: atomic { at < CELLS -> at++ }
        :: at < CELLS -> change(at); at++
        :: else -> break
        od;
        at = 0;
        if
        :: repairing -> goto died /* without a repair: the write is still in progress */
        :: true
        fi;
        STEP(sequence = sequence + (repairing -> AFTER_REPAIR : 1); repairing = false; remember_version())
    od;
died:
    atomic { repairing = sequence & 1; at = 0; goto next };
over:
    skip
}

/* Sequence and progress of the same write. */
inline look() {
    do
    :: now = sequence;
        now_begin = begin;
        now_settled = settled;
        now_touched = touched;
        now_end = end;
        if
        :: sequence == now -> break
        :: else
        fi
    od
}

#define OVERLAPS(first, last) (from < (last) && from + SPAN > (first))
#define IS_GONE    (now != version && now + 1 != version && (now != version + 1 || OVERLAPS(now_begin, now_touched)))
#define IS_NOT_YET (now + 1 == version && OVERLAPS(now_settled, now_end))

active proctype Reader() {
    byte now, now_begin, now_settled, now_touched, now_end, from, i, copy[CELLS];
    atomic { version = sequence + (sequence & 1); remember_version() };
    do
    :: from >= CELLS -> break
    :: from < CELLS ->
        do                        /* await_version */
        :: look();
            if
            :: IS_GONE -> goto gone
            :: IS_NOT_YET
            :: !IS_GONE && !IS_NOT_YET -> break
            fi
        od;
        do
        :: i < SPAN && from + i < CELLS -> copy[from + i] = payload[from + i]; i++
        :: else -> break
        od;
        i = 0;
#ifndef BREAK_JUDGE
        look();
        if
        :: IS_GONE || IS_NOT_YET -> goto gone
        :: else
        fi;
#endif
        from = from + SPAN
    od;
    do
    :: now = sequence;
        if
        :: now + 1 == version && !HAS_ENDED
        :: HAS_ENDED -> break
        :: else -> goto gone
        fi
    od;
    atomic {
        for (k : 0 .. CELLS - 1) { assert(copy[k] == expected[k]) }
        k = 0
    }
gone:
    skip
}
