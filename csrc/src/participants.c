/* Joining, leaving, and what the dead leave behind.
 *
 * A record belongs to whoever holds its token, and the kernel drops a token with its process. So the one who claims a
 * token has the record to itself: to use it, or to clear away what a dead predecessor left. Dying at any step below
 * drops the token, and the next one to claim it does the same steps again; each of them may be repeated. (T1, B1 ...
 * are the steps of the models in tests/model.) */
#include "participants.h"

#include "eventcount.h"

uint32_t participants_in_use(const wmmf_section *section) {
    uint32_t used = load_seq_u32(&section->header->participants_used);
    return used < section->participants ? used : section->participants;
}

bool lock_owner_is_valid(const wmmf_section *section, uint64_t word) {
    return (word & LOCK_OWNER) <= section->participants;
}

/* The caller holds the token of `index`, so no live participant can own the lock as `index`, and the
 * sequence, which only the owner stores, stands still until the lock word changes hands. */
static void reap(wmmf_section *section, uint32_t index) {
    struct header *header = section->header;
    struct participant *record = &section->records[index];
    store_relaxed_u64(&record->writes, 0); /* before the word says that it owns nothing: see diagnostics_audit */
    uint64_t word = load_seq_u64(&header->lock);
    while ((word & LOCK_OWNER) == index + 1) { /* B1 */
        /* B2. An odd sequence: it died where it may have been changing the payload. */
        bool inside = load_acquire_u64(&header->sequence) & 1;
        uint64_t freed = ((word & ~LOCK_OWNER) + LOCK_VERSION) | (inside ? LOCK_INCONSISTENT : 0);
        if (cas_seq_u64(&header->lock, &word, freed)) /* B3 */
            break;
    }
    /* What others wait for is cleared in seq_cst order, before we look whether somebody sleeps. */
    store_seq_u64(&record->ticket, 0);
    store_seq_u32(&record->waiting_readers, 0);
    store_seq_u64(&record->pins, 0);
    store_relaxed_u32(&record->pid, 0);
    store_relaxed_u64(&record->writing_since_unix_ns, 0);
    /* B4: last: a writer that sees no reader here sees an empty record. wait_epoch keeps counting. */
    store_seq_u64(&record->reading, 0);
    eventcount_wake(section, EVENT_READERS);
    eventcount_wake(section, EVENT_WRITERS);
    eventcount_wake(section, EVENT_CHANGE);
}

bool reap_if_dead(wmmf_section *section, uint32_t index) {
    uint32_t idle = 0;
    /* The token of a handle is the same for all its threads: only one at a time may hold another's. */
    if (index == section->index || !cas_seq_u32(&section->reaping, &idle, 1))
        return false;
    bool dead = platform_token_claim(section->mapping, index); /* T1 */
    if (dead) {
        reap(section, index);
        platform_token_drop(section->mapping, index); /* T2 */
    }
    exchange_seq_u32(&section->reaping, 0);
    return dead;
}

int32_t participants_join(wmmf_section *section) {
    for (uint32_t index = 0; index < section->participants; index++) {
        if (!platform_token_claim(section->mapping, index))
            continue;
        section->index = index;
        reap(section, index);
        struct participant *record = &section->records[index];
        store_relaxed_u64(&record->joined_unix_ns, platform_unix_ns());
        /* seq_cst, before our first lock: a writer that scans too few records has taken the lock word before, and our
         * first look at that word sees it. */
        uint32_t used = load_seq_u32(&section->header->participants_used);
        while (used < index + 1 && !cas_seq_u32(&section->header->participants_used, &used, index + 1))
            continue;
        store_release_u32(&record->pid, platform_process_id());
        return WMMF_OK;
    }
    return WMMF_E_FULL;
}

void participants_leave(wmmf_section *section) {
    /* To the others this is a death: what is still held, reap() takes away, before the token is dropped. */
    reap(section, section->index);
    platform_token_drop(section->mapping, section->index);
}
