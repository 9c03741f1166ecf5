/* Frames of a channel (csrc/src/channel.c): readers that pin the newest one, or copy it without a pin, against writers
 * that fill the other slots; any of them dies at any step, and somebody poisons.
 *
 * A STEP is one access to shared memory. The order that interleaving takes for granted is in C that of seq_cst, and for
 * who copies without a pin the work of fences.
 *
 * Sound abstractions:
 * - Owning the lock is one step (exclusion.pml), and so is losing it to a death.
 * - A writer may choose any slot that it finds free, not only the one that was the newest last.
 * - A reader holds one frame at a time. Who waits is left out: it does nothing (waking.pml).
 *
 * Checked: a frame that a reader has pinned, or copied whole, is the one that it was told; what is poisoned stays so.
 *
 * Configuration: SLOTS, WRITERS, PINNERS, COPIERS, FRAMES at most, DEATHS at most, POISONERS. */
#define TORN   255
#define NOBODY 255
#define NONE   255 /* no slot */

byte newest;                      /* the sequence of the newest frame; its slot changes in the same step */
byte newest_slot;
bool poisoned;                    /* a bit of the same word */
byte picture[SLOTS], stamp[SLOTS];
byte pin[PINNERS] = NONE;
byte owner = NOBODY;
byte frames = FRAMES, deaths = DEATHS;

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
#define IS_AS_BEFORE (newest == before && !poisoned)
#endif
#ifdef BREAK_BURY
#define MAY_BURY true
#else
#define MAY_BURY false
#endif

#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths > 0 -> deaths--; goto died } fi

inline look_at_pins() {
    taken = 0;
    for (i : 0 .. PINNERS - 1) {
        if
        :: atomic { pin[i] != NONE -> taken = taken | (1 << pin[i]) }
        :: pin[i] == NONE
        fi
    }
    i = 0
}

#define IS_FREE(slot) ((before == 0 || slot != newest_slot) && !(taken >> slot & 1))

active [WRITERS] proctype Writer() {
    byte before, taken, slot, i;
next:
    do
    :: frames == 0 -> break
    :: atomic { frames > 0 -> frames-- };
        if
        :: SCAN_FIRST -> look_at_pins()
        :: else
        fi;
        STEP(owner == NOBODY -> owner = _pid);
        before = newest;
        if
        :: !SCAN_FIRST -> look_at_pins()
        :: else
        fi;
        do                        /* wait_for_slot */
        :: slot < SLOTS - 1 -> slot++
        :: IS_FREE(slot) -> break
        :: else -> goto leave     /* it gives up: that it need not wait for the dead is `reap` below */
        od;
        STEP(stamp[slot] = stamp[slot] | ODD);
        STEP(picture[slot] = TORN);
        STEP(picture[slot] = before + 1);
        STEP(stamp[slot] = 2 * (before + 1));
        STEP(
            if
            :: IS_AS_BEFORE -> assert(!poisoned); newest = before + 1; newest_slot = slot
            :: else
            fi);
leave:
        STEP(owner = NOBODY; before = 0; taken = 0; slot = 0)
    od;
    goto over;
died:
    atomic { if :: owner == _pid -> owner = NOBODY :: else fi; before = 0; taken = 0; slot = 0; i = 0; goto next };
over:
    skip
}

active [PINNERS] proctype Pinner() {
    byte wanted, slot, now, now_slot;
    bool is_over;
    do
    :: frames == 0 -> goto over
    :: atomic { newest > 0 && !poisoned -> wanted = newest; slot = newest_slot };
again:
        STEP(pin[_pid - WRITERS] = slot);
#ifndef BREAK_RECHECK
        atomic { now = newest; now_slot = newest_slot; is_over = poisoned };
        if
        :: is_over -> goto let_go
        :: !is_over && now != wanted ->
            STEP(pin[_pid - WRITERS] = NONE);
            wanted = now;
            slot = now_slot;
            goto again
        :: !is_over && now == wanted
        fi;
#endif
        if
        :: MAY_BURY -> pin[_pid - WRITERS] = NONE
        :: true
        fi;
        assert(picture[slot] == wanted);
let_go:
        STEP(pin[_pid - WRITERS] = NONE);
        atomic { wanted = 0; slot = 0; now = 0; now_slot = 0; is_over = false }
    od;
died:
    pin[_pid - WRITERS] = NONE;               /* it is reaped by a writer that finds no slot, at any time */
over:
    skip
}

active [COPIERS] proctype Copier() {
    byte wanted, slot, copy;
    do
    :: frames == 0 -> break
    :: atomic { newest > 0 -> wanted = newest; slot = newest_slot };
        if
        :: stamp[slot] != 2 * wanted
        :: stamp[slot] == 2 * wanted ->
            copy = picture[slot];
            if
            :: stamp[slot] == 2 * wanted -> assert(copy == wanted)
            :: else
            fi
        fi;
        atomic { wanted = 0; slot = 0; copy = 0 }
    od
}

active [POISONERS] proctype Poisoner() {
    poisoned = true
}
