/* Reading without the lock.
 *
 * A seqlock (Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?", MSPC 2012) whose reader need not
 * wait for a moment without a writer, which may never come. It reads one version of the payload behind the writer that
 * makes it, or ahead of the writer that makes the next one. Every chunk is copied first and checked after; the
 * acquiring loads and fences keep the copy between two looks at the progress. Its model, with what writers do from W5
 * to W6, is tests/model/reading.pml. */
#include "seqlock_read.h"

#include <string.h>

#include "backoff.h"
#include "deadline.h"
#include "lock_holders.h"
#include "rwlock.h"
#include "tuning.h"

struct snapshot {
    uint64_t sequence, begin, settled, touched, end;
};

/* Loads sequence and progress of the same write. False: the writer was always quicker, which no writer of this library
 * is. */
static bool load_snapshot(const wmmf_section *section, struct snapshot *snapshot) {
    const struct header *header = section->header;
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        snapshot->sequence = load_acquire_u64(&header->sequence);
        snapshot->begin = load_relaxed_u64(&header->progress.begin);
        snapshot->settled = load_acquire_u64(&header->progress.settled);
        snapshot->touched = load_relaxed_u64(&header->progress.touched);
        snapshot->end = load_relaxed_u64(&header->progress.end);
        fence_acquire();
        if (load_relaxed_u64(&header->sequence) == snapshot->sequence)
            return true;
    }
    return false;
}

enum verdict { THERE, NOT_YET, GONE };

/* Whether the bytes from `from` to `to` are those of the version whose write ends with the sequence `version`. */
static enum verdict judge(const wmmf_section *section, uint64_t version, uint64_t from, uint64_t to) {
    struct snapshot snapshot;
    if (!load_snapshot(section, &snapshot))
        return GONE;
    if (snapshot.sequence == version)
        return THERE;
    if (snapshot.sequence == version - 1)
        return from < snapshot.end && to > snapshot.settled ? NOT_YET : THERE;
    if (snapshot.sequence == version + 1)
        return from < snapshot.touched && to > snapshot.begin ? GONE : THERE;
    return GONE;
}

/* Waits for the writer, which will soon go on, unless the kernel says that it is dead. */
static int32_t await_writer(wmmf_section *section, int64_t deadline, int turn) {
    uint64_t word = load_seq_u64(&section->header->lock);
    int32_t status = rwlock_word_status(word);
    if (status != WMMF_OK)
        return status;
    bool over = deadline_remaining(deadline, 1) == 0;
    if ((over || turn == BACKOFF_SPINS) && holders_elsewhere(&section->lock))
        return WMMF_E_DEADLOCK; /* the writer is the calling thread, or waits until it has read */
    if ((over || turn % BACKOFF_TURNS == BACKOFF_TURNS - 1) && rwlock_owner_seems_dead(&section->lock, word))
        return WMMF_E_OWNER_DIED;
    if (over)
        return WMMF_E_TIMEOUT;
    backoff(turn, deadline_remaining(deadline, BACKOFF_PAUSE_NS));
    return WMMF_OK;
}

static int32_t await_version(wmmf_section *section, uint64_t version, uint64_t from, uint64_t to, int64_t deadline,
                             enum verdict *verdict) {
    for (int turn = 0; (*verdict = judge(section, version, from, to)) == NOT_YET; turn++) {
        int32_t status = await_writer(section, deadline, turn);
        if (status != WMMF_OK)
            return status;
    }
    return WMMF_OK;
}

/* Copies one version, or returns that it is GONE. Bytes that were copied during their write count only once that write
 * has ended. The proof is its sequence or the next one, never a later one, which a repair after its death could also
 * have stored. */
static int32_t copy_version(wmmf_section *section, uint64_t version, uint64_t offset, uint8_t *buffer, size_t length,
                            int64_t deadline, enum verdict *verdict) {
    size_t chunk = rwlock_chunk_size(length);
    const uint8_t *payload = section_payload(section);
    for (size_t done = 0; done < length; done += chunk) {
        if (chunk > length - done)
            chunk = length - done;
        uint64_t from = offset + done;
        int32_t status = await_version(section, version, from, from + chunk, deadline, verdict);
        if (status != WMMF_OK || *verdict == GONE)
            return status;
        memcpy(buffer + done, payload + from, chunk);
        fence_acquire();
        *verdict = judge(section, version, from, from + chunk);
        if (*verdict != THERE)
            return WMMF_OK;
    }
    for (int turn = 0;; turn++) {
        uint64_t now = load_acquire_u64(&section->header->sequence);
        if (now != version - 1) {
            *verdict = now == version || now == version + 1 ? THERE : GONE;
            return WMMF_OK;
        }
        int32_t status = await_writer(section, deadline, turn);
        if (status != WMMF_OK)
            return status;
    }
}

int32_t seqlock_read(wmmf_section *section, uint64_t offset, void *buffer, size_t length, int64_t timeout_ns) {
    int64_t deadline = deadline_after(timeout_ns);
    for (int turn = 0;; turn++) {
        int32_t status = rwlock_word_status(load_seq_u64(&section->header->lock));
        if (status != WMMF_OK)
            return status;
        enum verdict verdict;
        uint64_t now = load_acquire_u64(&section->header->sequence);
        status = copy_version(section, now + (now & 1), offset, buffer, length, deadline, &verdict);
        if (status != WMMF_OK || verdict == THERE)
            return status;
        /* The writer has gone on, so this hardly waits. */
        status = await_writer(section, deadline, turn % BACKOFF_SPINS);
        if (status != WMMF_OK)
            return status;
    }
}
