/* Joining and leaving while others take the lock: the records, and the count of those that a scan must look at, of
 * csrc/src/participants.c. Any process may die between any two steps.
 *
 * A step is one atomic access to shared memory or one call of the kernel. In C all of them are seq_cst, so
 * interleaving shows every order.
 *
 * Sound abstractions:
 * - A process takes any record whose token it gets, not only the first one.
 * - Once it has joined, it tries to read or to write, and leaves: waiting adds nothing here (exclusion.pml).
 * - All processes are alike, so those that may die are the first ones: every other run is one of these with other
 *   names.
 * - What the lock says about a dead writer is left out (exclusion.pml), and so is waking (waking.pml).
 *
 * Checked: a writer is inside alone; a process that has joined is counted until it leaves; every living process
 * gets to its end, however the others died (no invalid end state); when all have left and none has died, nothing is
 * counted.
 *
 * Configuration: PEOPLE, processes that find as many records; ROUNDS of joining; DEATHS at most. */
#define NOBODY 255

byte owner = NOBODY;              /* the lock word: a record */
byte reading[PEOPLE];             /* the records */
bool joined[PEOPLE];
byte count, version;              /* one word */

bool dead[PEOPLE];                /* the kernel: who is dead, who holds the token of a record, and who has sealed it */
byte token[PEOPLE] = NOBODY;
byte sealed[PEOPLE];              /* a bit for each */
byte deaths = DEATHS, left;

#define READING 1
#define WRITING 2
byte place[PEOPLE], readers_inside, writers_inside;

/* Deliberate mistakes, each of which must be found. */
#ifdef BREAK_VERSION
#define NEXT_VERSION version
#else
#define NEXT_VERSION (version + 1)
#endif
#ifdef BREAK_LOAD
#define WORD_IS_AS_BEFORE true
#else
#define WORD_IS_AS_BEFORE (count == seen && version == seen_version)
#endif
#ifdef BREAK_TOKEN
#define IS_DEAD(i) (i != mine)
#else
#define IS_DEAD(i) (token[i] == NOBODY)
#endif
#ifdef BREAK_SEAL
#define MAY_CLAIM(i) (token[i] == NOBODY)
#else
#define MAY_CLAIM(i) (token[i] == NOBODY && sealed[i] == 0)
#endif

/* The caller has claimed or sealed the token of i. */
inline reap(i) {
    if
    :: atomic { owner == i -> owner = NOBODY }
    :: owner != i
    fi;
    reading[i] = 0;               /* B4 */
    joined[i] = false
}

inline raise(i) {
    do
    :: atomic { seen = count; seen_version = version };
        atomic {
            if
            :: count == seen && version == seen_version ->
                count = (seen > i -> seen : i + 1);
                version = NEXT_VERSION;
                break
            :: else
            fi
        }
    od
}

inline lower() {
    do
    :: atomic { seen = count; seen_version = version; k = seen };
        atomic { k = (count < k -> count : k) };
        do
        :: k > 0 && !joined[k - 1] -> k--
        :: k > 0 && joined[k - 1] -> break
        :: k == 0 -> break
        od;
        atomic {
            if
            :: k == seen -> break
            :: k != seen && WORD_IS_AS_BEFORE -> count = k; break
            :: else
            fi
        }
    od
}

/* T1: the kernel lets several processes seal a token that nobody holds. T2. */
inline seal(who) {
    i = who;
    sealed[i] = sealed[i] | (1 << me)
}

inline reap_dead(i) {
    reap(i);
    lower();
    atomic { sealed[i] = sealed[i] & ~(1 << me); i = 0 }
}

proctype Participant(byte me) {
    byte i, k, used, seen, seen_version, round, mine = NOBODY;
    {
        do
        :: round == ROUNDS -> break
        :: round < ROUNDS ->
            round++;
            i = 0;
            do
            :: i < PEOPLE - 1 -> i++
            :: atomic { MAY_CLAIM(i) -> token[i] = me; mine = i; break }            /* T1 */
            :: atomic { !MAY_CLAIM(i) && i == PEOPLE - 1 -> i = 0 }
            od;
            reap(mine);
#ifdef BREAK_ORDER
            raise(mine);
            joined[mine] = true;
#else
            joined[mine] = true;
            raise(mine);
#endif
            if
            :: reading[mine]++;                        /* R1 */
                assert(count > mine);
                if
                :: atomic {
                        owner == NOBODY ->             /* R2 */
                        place[me] = READING;
                        readers_inside++;
                        assert(writers_inside == 0)
                    };
                    atomic { readers_inside--; place[me] = 0; assert(count > mine) }
                :: owner != NOBODY
                fi;
                reading[mine]--                        /* R4 */
            :: do
                :: atomic { owner == NOBODY -> owner = mine; i = 0; break }         /* W3 */
                :: atomic { owner != NOBODY && owner != mine && IS_DEAD(owner) -> seal(owner) };
                    reap_dead(i)
                :: atomic { owner != NOBODY && !IS_DEAD(owner) -> goto leave }
                od;
                used = count;
                do                                     /* W4 */
                :: i == used -> break
                :: i < used && reading[i] == 0 -> i++
                :: atomic { i < used && reading[i] != 0 && IS_DEAD(i) -> seal(i) };
                    reap_dead(i)
                od;
                atomic {
                    place[me] = WRITING;
                    writers_inside++;
                    assert(writers_inside == 1 && readers_inside == 0 && count > mine)
                };
                atomic { writers_inside--; place[me] = 0 };
                owner = NOBODY                         /* W7 */
            fi;
leave:
            reap(mine);
            lower();
            atomic { token[mine] = NOBODY; mine = NOBODY }                          /* T2 */
        od;
        atomic {
            left++;
            assert(left < PEOPLE || count == 0)
        }
    } unless {
        dead[me]
    }
}

/* Ends a process and, in the same step, all that the kernel kept for it. */
proctype Death() {
    byte i, k;
    do
    :: break
    :: atomic { deaths > 0 && i < DEATHS - 1 -> i++ }
    :: atomic {
            deaths > 0 && !dead[i] ->
            deaths--;
            dead[i] = true;
            k = 0;
            do
            :: k < PEOPLE ->
                sealed[k] = sealed[k] & ~(1 << i);
                if :: token[k] == i -> token[k] = NOBODY :: else fi;
                k++
            :: else -> break
            od;
            if
            :: place[i] == READING -> readers_inside--
            :: place[i] == WRITING -> writers_inside--
            :: else
            fi;
            place[i] = 0;
            i = 0;
            k = 0
        }
    od
}

init {
    byte i;
    atomic {
        do
        :: i < PEOPLE -> run Participant(i); i++
        :: else -> break
        od;
        if
        :: DEATHS > 0 -> run Death()
        :: else
        fi
    }
}
