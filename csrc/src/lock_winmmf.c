/* The lock word of the Rust crate WinMMF, bit for bit (docs/format.md):
 *   bit 31      held for writing
 *   bits 24-30  spare; a top byte of 0xFF means "not initialised"
 *   bits 0-23   number of readers
 * Its processes never wake a sleeper, so waiting is backoff(). The word does not name the holder: if the holder dies,
 * the lock stays held for ever, and nobody can detect that. */
#include "lock_winmmf.h"

#include "backoff.h"
#include "deadline.h"
#include "last_error.h"
#include "lock_holders.h"

#define WRITER        UINT32_C(0x80000000)
#define READERS       UINT32_C(0x00FFFFFF)
#define UNINITIALISED UINT32_C(0xFF000000)

static shared_u32 *lock_word(wmmf_section *section) {
    return (shared_u32 *)(void *)(section->payload - WINMMF_HEADER_SIZE);
}

void winmmf_initialise(wmmf_section *section) {
    /* Two steps, as in the crate: dying between them leaves a section that nobody can lock, but never one whose lock
     * looks free before its creator has finished. */
    uint32_t word = UNINITIALISED;
    store_seq_u32(lock_word(section), word);
    cas_seq_u32(lock_word(section), &word, 0);
}

/* The crate takes ASCII and truncates longer names. It always asks for all rights, even to read. */
#define NAME_MAX_WINMMF 56

int32_t winmmf_check(const char *name, uint32_t access) {
    size_t length = 0;
    for (; name[length] != '\0'; length++) {
        if ((unsigned char)name[length] >= 0x80)
            return failed(WMMF_E_NAME_INVALID, "WinMMF's names are ASCII");
    }
    if (length > NAME_MAX_WINMMF)
        return failed(WMMF_E_NAME_TOO_LONG,
                      "it has %u bytes: expected at most 56, because WinMMF truncates longer ones", (unsigned)length);
    if (access == WMMF_ACCESS_USERS_READ)
        return failed(WMMF_E_NOT_SUPPORTED,
                      "programs of WinMMF ask for all rights even to read, so they could not open it");
    return WMMF_OK;
}

bool winmmf_is_ready(const uint8_t *base) {
    return (load_seq_u32((const shared_u32 *)(const void *)base) & UNINITIALISED) != UNINITIALISED;
}

void winmmf_break_lock(wmmf_section *section) {
    and_seq_u32(lock_word(section), ~(WRITER | READERS));
}

static bool can_take(uint32_t word, bool write) {
    if (write)
        return (word & (WRITER | READERS)) == 0;
    return (word & UNINITIALISED) != UNINITIALISED && !(word & WRITER) && (word & READERS) != READERS;
}

/* The CAS acquires: what the previous holder released is visible before the payload is touched. */
static bool try_take(wmmf_section *section, bool write) {
    uint32_t word = load_seq_u32(lock_word(section));
    for (int attempt = 0; attempt < ATTEMPTS_MAX && can_take(word, write); attempt++)
        if (cas_seq_u32(lock_word(section), &word, write ? word | WRITER : word + 1))
            return true;
    return false;
}

static int32_t take(wmmf_section *section, int64_t timeout_ns, bool write) {
    if (try_take(section, write))
        return WMMF_OK;
    int64_t deadline = deadline_after(timeout_ns);
    for (int turn = 0;; turn++) {
        int64_t left = deadline_remaining(deadline, BACKOFF_PAUSE_NS);
        if (turn == 0 && holders_elsewhere(&section->lock))
            return WMMF_E_DEADLOCK; /* this thread would wait for itself, through another handle */
        if (left == 0)
            return WMMF_E_TIMEOUT;
        backoff(turn, left);
        if (try_take(section, write))
            return WMMF_OK;
    }
}

static void end_read(struct rwlock *lock) {
    wmmf_section *section = lock->section;
    /* CAS instead of a subtraction: a damaged count of 0 must not underflow into the writer's bit. */
    uint32_t word = load_seq_u32(lock_word(section));
    for (int attempt = 0; attempt < ATTEMPTS_MAX && (word & READERS) != 0; attempt++)
        if (cas_seq_u32(lock_word(section), &word, word - 1))
            return;
}

static void end_write(struct rwlock *lock) {
    and_seq_u32(lock_word(lock->section), ~WRITER);
}

/* The format can only free the lock of a thread that has ended. */
const struct lock_abandon winmmf_abandon = {end_read, end_write};

int32_t winmmf_lock_read(wmmf_section *section, int64_t timeout_ns) {
    int32_t status = holders_enter_reader(&section->lock);
    if (status != WMMF_OK)
        return status;
    status = take(section, timeout_ns, false);
    if (status != WMMF_OK)
        holders_leave_reader(&section->lock);
    return status;
}

int32_t winmmf_unlock_read(wmmf_section *section) {
    if (!holders_leave_reader(&section->lock))
        return WMMF_E_NOT_OWNER;
    end_read(&section->lock);
    return WMMF_OK;
}

int32_t winmmf_lock_write(wmmf_section *section, int64_t timeout_ns) {
    uint64_t thread;
    int32_t status = holders_check_writer(&section->lock, &thread);
    if (status == WMMF_OK)
        status = take(section, timeout_ns, true);
    if (status == WMMF_OK)
        holders_enter_writer(&section->lock, thread);
    return status;
}

int32_t winmmf_unlock_write(wmmf_section *section) {
    if (!holders_leave_writer(&section->lock))
        return WMMF_E_NOT_OWNER;
    end_write(&section->lock);
    return WMMF_OK;
}

void winmmf_lock_state(wmmf_section *section, wmmf_lock_state *state) {
    uint32_t word = load_seq_u32(lock_word(section));
    *state = (wmmf_lock_state){.struct_size = sizeof *state, .initialised = (word & UNINITIALISED) != UNINITIALISED};
    state->writing = state->initialised && (word & WRITER) != 0;
    state->readers = state->initialised ? word & READERS : 0;
}
