/* Joining, leaving, and what the dead leave behind.
 *
 * A record belongs to the process that holds its token, and the kernel drops a token with its process. So a process
 * that claims a token has the record to itself, and first clears what a dead predecessor left. Others that find the
 * owner dead seal its token, so that nobody claims it meanwhile, and clear the same things, perhaps several of them at
 * the same time. Dying at any step below drops the token, and the next process does the same steps again; each of them
 * may be repeated. (T1, B1 ... are the steps of the models in tests/model.)
 *
 * How many records a scan must look at follows the records in use, up and down. A newcomer says in its record that it
 * is there (joined_unix_ns), then raises the count and moves its version, then takes its first lock. To lower
 * the count, a process loads it, looks for records in use from the end, and lowers it with a compare-and-swap. All of
 * that is seq_cst. If the newcomer raised the count before that load, its record was seen in use. If it did so between
 * load and swap, the swap fails. If it did so after the swap, the newcomer's own count stands. A scan that is too short
 * was therefore begun before the newcomer raised the count, by a writer that was in the lock word already (see
 * rwlock.c): there the newcomer's first look at that word finds it. Dying in between leaves a count that is too high
 * until another participant leaves. */
#include "participants.h"

#include <inttypes.h>

#include "eventcount.h"
#include "last_error.h"
#include "payload_locks.h"
#include "tuning.h"

uint32_t participants_in_use(const wmmf_section *section) {
    uint64_t used = load_seq_u64(&section->header->records_used) & USED_COUNT;
    return used < section->participants ? (uint32_t)used : section->participants;
}

bool lock_owner_is_valid(const wmmf_section *section, uint64_t word) {
    return (word & LOCK_OWNER) <= section->participants;
}

/* A compare-and-swap fails only while another process changes the word, which is rare with an honest one. The bound,
 * here and below, keeps others from holding us up. */
static void free_lock(const struct rwlock *lock, uint32_t index) {
    uint64_t word = load_seq_u64(lock->word);
    for (int attempt = 0; attempt < ATTEMPTS_MAX && (word & LOCK_OWNER) == index + 1; attempt++) { /* B1 */
        if (participants_free_word(lock, word))
            return;
        word = load_seq_u64(lock->word);
    }
}

bool participants_free_word(const struct rwlock *lock, uint64_t word) {
    /* B2. An odd sequence: it died where it may have been changing the payload. */
    bool inside = load_acquire_u64(lock->sequence) & 1;
    return cas_seq_u64(lock->word, &word, /* B3 */
                       ((word & ~LOCK_OWNER) + LOCK_VERSION) | (inside ? LOCK_INCONSISTENT : 0));
}

void participants_wake_all(const struct rwlock *lock) {
    eventcount_wake(lock, EVENT_READERS);
    eventcount_wake(lock, EVENT_WRITERS);
    eventcount_wake(lock, EVENT_CHANGE);
}

void participants_abandon_lock(const struct rwlock *lock) {
    free_lock(lock, lock->section->index);
    participants_wake_all(lock);
}

/* Clears what others wait for in seq_cst order, before we look for sleepers. */
static void clear_waiting(struct lock_record *record) {
    store_seq_u64(&record->ticket, 0);
    store_seq_u32(&record->waiting_readers, 0);
}

/* Frees the lock in the payload that a hold names, and clears the hold, which goes on counting its epochs. Dying in
 * between: the hold still names the lock, so the next process does the same again. */
static void reap_hold(wmmf_section *section, uint32_t index, struct hold *hold) {
    struct rwlock lock;
    uint64_t offset = load_seq_u64(&hold->offset);
    bool named = payload_lock_of_hold(section, offset, &lock);
    store_relaxed_u64(&hold->lock.writes, 0);
    if (named)
        free_lock(&lock, index);
    clear_waiting(&hold->lock);
    store_relaxed_u64(&hold->lock.writing_since_unix_ns, 0);
    store_seq_u64(&hold->lock.reading, 0);
    store_seq_u64(&hold->offset, 0);
    if (named)
        participants_wake_all(&lock);
}

/* The caller has claimed or sealed the token of `index`, so no live participant can own the lock as `index`, and the
 * sequence, which only the owner stores, does not change until the lock word changes hands. Others that have sealed the
 * token may do the same at the same time: they store only zeros, in a record that nobody has. */
static void reap(wmmf_section *section, uint32_t index) {
    struct participant *record = &section->records[index];
    for (uint32_t i = 0; i < section->locks; i++)
        reap_hold(section, index, &section->holds[(uint64_t)index * section->locks + i]);
    store_relaxed_u64(&record->lock.writes, 0); /* before the word says that it owns nothing: see diagnostics_audit */
    free_lock(&section->lock, index);
    clear_waiting(&record->lock);
    store_seq_u64(&record->twin, 0);
    store_relaxed_u32(&record->publishes, 0);
    for (uint32_t pin = 0; pin < section->pins_each; pin++)
        store_seq_u64(&section->pins[(uint64_t)index * section->pins_each + pin], 0);
    store_relaxed_u32(&record->pid, 0);
    store_relaxed_u64(&record->lock.writing_since_unix_ns, 0);
    /* B4: a writer that sees no reader here sees an empty record. wait_epoch keeps counting. */
    store_seq_u64(&record->lock.reading, 0);
    store_seq_u64(&record->joined_unix_ns, 0); /* last: from here on scans may end before this record */
    participants_wake_all(&section->lock);
}

static void raise_count(wmmf_section *section, uint32_t index) {
    shared_u64 *used = &section->header->records_used;
    uint64_t word = load_seq_u64(used);
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        uint64_t raised = (word & USED_COUNT) > index ? word : (word & ~USED_COUNT) | (index + 1);
        if (cas_seq_u64(used, &word, raised + USED_VERSION))
            return;
    }
    /* A peer keeps changing it: scans look at all records until another participant leaves. */
    store_seq_u64(used, ((word & ~USED_COUNT) | section->participants) + USED_VERSION);
}

static void lower_count(wmmf_section *section) {
    shared_u64 *used = &section->header->records_used;
    uint64_t word = load_seq_u64(used);
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        uint32_t count = participants_in_use(section);
        if ((word & USED_COUNT) < count)
            count = (uint32_t)(word & USED_COUNT);
        while (count > 0 && load_seq_u64(&section->records[count - 1].joined_unix_ns) == 0)
            count--;
        if ((word & USED_COUNT) == count || cas_seq_u64(used, &word, (word & ~USED_COUNT) | count))
            return;
    }
}

/* Frees the lock even if the hold of the dead does not name it, because a file may have lost that. */
bool reap_if_dead(const struct rwlock *lock, uint32_t index) {
    wmmf_section *section = lock->section;
    uint32_t idle = 0;
    /* All threads of a handle share its tokens, so only one at a time may hold that of another participant. The others
     * do not wait for that thread: it may be stopped, or have a lower priority. */
    if (index == section->index || !cas_seq_u32(&section->reaping, &idle, 1))
        return false;
    bool dead = platform_token_seal(section->mapping, index) == WMMF_OK; /* T1 */
    if (dead) {
        reap(section, index);
        free_lock(lock, index);
        lower_count(section);
        platform_token_drop(section->mapping, index); /* T2 */
    } else {
        error_clear(); /* if the system cannot tell, it counts as alive */
    }
    store_seq_u32(&section->reaping, 0);
    return dead;
}

/* WMMF_E_EXISTS: another process has it. */
static int32_t take_record(wmmf_section *section, uint32_t index) {
    int32_t status = platform_token_claim(section->mapping, index);
    if (status != WMMF_OK)
        return status;
    section->index = index;
    section->lock.me = &section->records[index].lock;
    reap(section, index);
    struct participant *record = &section->records[index];
    store_seq_u64(&record->joined_unix_ns, platform_unix_ns());
    raise_count(section, index);
    store_release_u32(&record->pid, platform_process_id(section->mapping));
    return WMMF_OK;
}

static bool is_free(const wmmf_section *section, uint32_t index) {
    return load_relaxed_u64(&section->records[index].joined_unix_ns) == 0;
}

/* The records say which are free, so we need not ask the kernel about each; but a crash leaves a record that says it is
 * in use. */
static int32_t find_record(wmmf_section *section) {
    int32_t status = WMMF_E_EXISTS;
    for (uint32_t index = 0; index < section->participants && status == WMMF_E_EXISTS; index++)
        if (is_free(section, index))
            status = take_record(section, index);
    for (uint32_t index = 0; index < section->participants && status == WMMF_E_EXISTS; index++)
        if (!is_free(section, index))
            status = take_record(section, index);
    if (status != WMMF_E_EXISTS)
        return status;
    return failed(WMMF_E_FULL, "participants %" PRIu32 ": all of these records are in use", section->participants);
}

/* Programs that crash and come back must not use up the records one by one, so each newcomer checks a few. */
static void reap_some(wmmf_section *section) {
    uint64_t word = load_seq_u64(&section->header->records_used);
    uint32_t used = participants_in_use(section);
    for (uint32_t i = 0; i < JOIN_PROBES && i < used; i++) {
        uint32_t index = (uint32_t)((word / USED_VERSION * JOIN_PROBES + i) % used);
        if (!is_free(section, index))
            reap_if_dead(&section->lock, index);
    }
}

int32_t participants_join(wmmf_section *section) {
    int32_t status = find_record(section);
    if (status == WMMF_OK)
        reap_some(section);
    return status;
}

void participants_leave(wmmf_section *section) {
    /* For the others this is a death: reap() takes away what is still held before the token is dropped. */
    reap(section, section->index);
    lower_count(section);
    platform_token_drop(section->mapping, section->index);
}
