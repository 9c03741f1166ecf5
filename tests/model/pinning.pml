/* Frames of a channel (csrc/src/channel_write.c, channel_read.c, pins.c): readers that pin a frame, or copy it
 * without a pin, against writers that fill other slots and may replace all pictures. Any of them may die at any
 * step, and others may overwrite pins with garbage or poison the channel.
 *
 * A STEP is one access to shared memory. Interleaving stands for seq_cst order in C; for a reader that copies
 * without a pin, fences make that order.
 *
 * Sound abstractions:
 * - Owning the lock is one step (exclusion.pml), and so is losing it to a death.
 * - A writer may choose any slot that it finds free, not only the one that was the newest last.
 * - A pinner holds one frame at a time; more entries of its list are more pinners. Waiting is left out: it adds
 *   nothing here (waking.pml).
 * - A slot is taken back (the pin limit) at any time, not only after that time.
 * - Replaced pictures stay as they are while any process has them open. All that matters about them is that no
 *   writer writes there, so the slots here are always those of the newest generation.
 *
 * Checked: a frame that a reader copied whole, or held until it asked and heard that it is intact, is the frame
 * that the reader was told. With honest peers and no pin limit it always is intact. A frame of the history can be
 * pinned as long as the history says that it is there. Poison stays. A reader that looks after a replacement never
 * takes a slot of the new pictures for one of the old.
 *
 * Configuration: SLOTS, HISTORY (less than SLOTS - 1), WRITERS, PINNERS, COPIERS, FRAMES at most, GENERATIONS at
 * most, DEATHS at most, GARBAGE: how many pins are overwritten, TAKEN_BACK: how many slots are taken back,
 * POISONERS. */
#define TORN   255
#define NOBODY 255
#define NONE   255 /* no slot */

byte newest;                      /* the sequence of the newest frame; its slot changes in the same step */
byte newest_slot = NONE;
byte oldest = 1;                  /* of the frames that may be pinned */
byte generation;                  /* the current one; poison is a bit of the same word */
bool poisoned;
byte picture[SLOTS], stamp[SLOTS];
byte pin[PINNERS] = NONE;         /* with `pin_of`, the generation, one word */
byte pin_of[PINNERS];
byte owner = NOBODY;
byte frames = FRAMES, deaths = DEATHS, replacements = GENERATIONS - 1, garbage = GARBAGE, taken_back = TAKEN_BACK;
#define HONEST (GARBAGE == 0 && TAKEN_BACK == 0)

/* Deliberate mistakes, each of which must be found. */
#ifdef BREAK_SCAN
#define SCAN_FIRST true
#else
#define SCAN_FIRST false
#endif
#ifdef BREAK_STAMP
#define ODD 0
#else
#define ODD 1
#endif
#ifdef BREAK_POISON
#define IS_AS_BEFORE true
#else
#define IS_AS_BEFORE (!poisoned && generation == mine)
#endif
#ifdef BREAK_BURY
#define MAY_BURY true
#else
#define MAY_BURY false
#endif
#ifdef BREAK_INTACT
#define IS_INTACT true
#else
#define IS_INTACT (generation != mine || stamp[slot] == 2 * wanted)
#endif
#ifdef BREAK_HISTORY
#define HISTORY_LATE true
#else
#define HISTORY_LATE false
#endif
#ifdef BREAK_GENERATION
#define IS_MINE true
#else
#define IS_MINE (generation == mine)
#endif

#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths > 0 -> deaths--; goto died } fi

inline look_at_pins() {
    taken = 0;
    for (i : 0 .. PINNERS - 1) {
        if
        :: atomic { pin[i] < SLOTS && pin_of[i] == mine -> taken = taken | (1 << pin[i]) }
        :: else
        fi
    }
    i = 0
}

#define FRAME_OF(slot) (stamp[slot] / 2)
#define IN_HISTORY(slot) (!(stamp[slot] & 1) && stamp[slot] != 0 && FRAME_OF(slot) >= oldest)
#define IS_FREE(slot) (slot != newest_slot && !IN_HISTORY(slot) && !(taken >> slot & 1))
#define MAY_PIN(sequence) (sequence == newest || (HISTORY > 0 && sequence >= oldest))

active [WRITERS] proctype Writer() {
    byte before, taken, slot, i, mine;
    bool renewing;
next:
    do
    :: frames == 0 -> break
    :: atomic { frames > 0 -> frames-- };
        mine = generation;
        if
        :: SCAN_FIRST -> look_at_pins()
        :: else
        fi;
        if
        :: atomic { owner == NOBODY && !poisoned -> owner = _pid }
        :: atomic { poisoned && replacements > 0 -> owner = _pid; renewing = true } /* rwlock_renew */
        :: atomic { poisoned -> goto leave }
        :: atomic { deaths > 0 -> deaths--; goto died }
        fi;
        if
        :: atomic { !renewing && (poisoned || generation != mine) -> goto leave } /* in C it follows and starts again */
        :: else
        fi;
        if
        :: atomic { replacements > 0 -> replacements-- };     /* replace_pictures: new, with a copy of the newest */
            STEP(
                poisoned = false;
                generation++;
                mine = generation;
                i = 0;
                do
                :: i < SLOTS -> picture[i] = 0; stamp[i] = 0; i++
                :: else -> break
                od;
                i = 0;
                if
                :: newest > 0 -> picture[0] = newest; stamp[0] = 2 * newest; newest_slot = 0; oldest = newest
                :: else
                fi);
            goto leave
        :: !renewing
        :: renewing && replacements == 0 -> goto leave
        fi;
        before = newest;
        if
        :: HISTORY_LATE -> look_at_pins()
        :: else
        fi;
        if
        :: newest > HISTORY && newest - HISTORY > oldest -> STEP(oldest = newest - HISTORY)
        :: else
        fi;
        if
        :: !SCAN_FIRST && !HISTORY_LATE -> look_at_pins()
        :: else
        fi;
        do                        /* wait_for_slot */
        :: slot < SLOTS - 1 -> slot++
        :: IS_FREE(slot) -> break
        :: atomic { taken_back > 0 && slot != newest_slot && !IN_HISTORY(slot) -> taken_back--; break }
        :: else -> goto leave     /* it gives up: `reap` below shows that it need not wait for the dead */
        od;
        /* Once others have renewed the channel, this writer stores to the old pictures, where no reader looks. */
        STEP(if :: generation == mine -> stamp[slot] = stamp[slot] | ODD :: else fi);
        STEP(if :: generation == mine -> picture[slot] = TORN :: else fi);
        STEP(if :: generation == mine -> picture[slot] = before + 1 :: else fi);
        STEP(if :: generation == mine -> stamp[slot] = 2 * (before + 1) :: else fi);
        STEP(
            if
            :: IS_AS_BEFORE -> newest = before + 1; newest_slot = slot
            :: else
            fi);
leave:
        STEP(
            if
            :: owner == _pid -> owner = NOBODY
            :: else
            fi;
            before = 0; taken = 0; slot = 0; i = 0; mine = 0; renewing = false)
    od;
    goto over;
died:
    atomic {
        if :: owner == _pid -> owner = NOBODY :: else fi;
        before = 0; taken = 0; slot = 0; i = 0; mine = 0; renewing = false;
        goto next
    };
over:
    skip
}

active [PINNERS] proctype Pinner() {
    byte wanted, slot, mine;
    bool held;
    do
    :: frames == 0 -> goto over
    :: atomic { newest_slot != NONE && !poisoned -> mine = generation; wanted = newest; slot = newest_slot };
again:
        if                        /* a frame of the history instead */
        :: atomic { HISTORY > 0 && generation == mine && slot == newest_slot ->
            slot = 0;
            do
            :: slot < SLOTS - 1 -> slot++
            :: IN_HISTORY(slot) -> wanted = FRAME_OF(slot); break
            :: else -> goto next
            od }
        :: true
        fi;
        STEP(pin[_pid - WRITERS] = slot; pin_of[_pid - WRITERS] = mine);
#ifndef BREAK_RECHECK
        if
        :: atomic { poisoned || !IS_MINE || !MAY_PIN(wanted) -> held = false }
        :: else -> held = true
        fi;
#else
        held = true;
#endif
        if
        :: !held -> goto let_go
        :: atomic { held && IS_MINE && stamp[slot] != 2 * wanted -> assert(!HONEST); goto let_go }
        :: else
        fi;
        if
        :: MAY_BURY -> pin[_pid - WRITERS] = NONE
        :: true
        fi;
        if                        /* wmmf_channel_release: what it read before it asked was of the frame */
        :: atomic { IS_INTACT -> assert(!IS_MINE || picture[slot] == wanted) }
        :: else -> assert(!HONEST)
        fi;
let_go:
        STEP(pin[_pid - WRITERS] = NONE);
next:
        atomic { wanted = 0; slot = 0; held = false; mine = 0 }
    od;
died:
    pin[_pid - WRITERS] = NONE;               /* it is reaped by a writer that finds no slot, at any time */
over:
    skip
}

active [COPIERS] proctype Copier() {
    byte wanted, slot, copy, mine;
    do
    :: frames == 0 -> break
    :: atomic { newest_slot != NONE -> wanted = newest; slot = newest_slot; mine = generation };
        if
        :: generation != mine || stamp[slot] != 2 * wanted
        :: generation == mine && stamp[slot] == 2 * wanted ->
            copy = picture[slot];
            if
            :: atomic { generation == mine && stamp[slot] == 2 * wanted -> assert(copy == wanted) }
            :: else
            fi
        fi;
        atomic { wanted = 0; slot = 0; copy = 0; mine = 0 }
    od
}

/* A hostile reader: whatever it stores is a pin, or none. */
active proctype Enemy() {
    byte victim, lie;
    do
    :: garbage == 0 -> break
    :: atomic { garbage > 0 -> garbage-- };
        select (victim : 0 .. PINNERS - 1);
        if
        :: lie = NONE
        :: select (lie : 0 .. SLOTS - 1)
        fi;
        atomic { pin[victim] = lie; pin_of[victim] = generation; victim = 0; lie = 0 }
    od
}

active [POISONERS] proctype Poisoner() {
    poisoned = true
}
