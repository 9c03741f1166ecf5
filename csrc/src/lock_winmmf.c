/* The lock word of the Rust crate WinMMF, bit for bit (docs/format.md):
 *   bit 31      held for writing
 *   bits 24-30  spare; a top byte of 0xFF means "not initialised"
 *   bits 0-23   number of readers
 * Its processes never wake a sleeper, so waiting is backoff(). The word does not
 * say who holds it: a holder that dies leaves it held for ever, and no reader of this format can know. */
#include "lock_winmmf.h"

#include "backoff.h"
#include "deadline.h"
#include "lock_holders.h"

#define WRITER        UINT32_C(0x80000000)
#define READERS       UINT32_C(0x00FFFFFF)
#define UNINITIALISED UINT32_C(0xFF000000)

static shared_u32 *lock_word(wmmf_section *section) {
    return (shared_u32 *)(void *)(section->payload - WINMMF_HEADER_SIZE);
}

void winmmf_initialise(wmmf_section *section) {
    /* Two steps, as the crate does it: dying between them leaves a section that nobody can lock, never one
     * whose lock looks free before its creator was done. */
    uint32_t word = UNINITIALISED;
    store_seq_u32(lock_word(section), word);
    cas_seq_u32(lock_word(section), &word, 0);
}

static bool can_read(uint32_t word) {
    return (word & UNINITIALISED) != UNINITIALISED && !(word & WRITER) && (word & READERS) != READERS;
}

static bool can_write(uint32_t word) {
    return (word & (WRITER | READERS)) == 0;
}

/* The CAS acquires: what the previous holder released is visible before the payload is touched. */
static bool try_take(wmmf_section *section, bool (*can)(uint32_t), bool write) {
    uint32_t word = load_seq_u32(lock_word(section));
    while (can(word))
        if (cas_seq_u32(lock_word(section), &word, write ? word | WRITER : word + 1))
            return true;
    return false;
}

static int32_t take(wmmf_section *section, int64_t timeout_ns, bool (*can)(uint32_t), bool write) {
    if (try_take(section, can, write))
        return WMMF_OK;
    int64_t deadline = deadline_after(timeout_ns);
    for (int turn = 0;; turn++) {
        int64_t left = deadline_remaining(deadline, BACKOFF_PAUSE_NS);
        if (left == 0)
            return WMMF_E_TIMEOUT;
        backoff(turn, left);
        if (try_take(section, can, write))
            return WMMF_OK;
    }
}

int32_t winmmf_lock_read(wmmf_section *section, int64_t timeout_ns) {
    int32_t status = holders_enter_reader(section);
    if (status != WMMF_OK)
        return status;
    status = take(section, timeout_ns, can_read, false);
    if (status != WMMF_OK)
        holders_leave_reader(section);
    return status;
}

int32_t winmmf_unlock_read(wmmf_section *section) {
    if (!holders_reading(section))
        return WMMF_E_NOT_OWNER;
    /* CAS and not a subtraction: a damaged count of 0 must not run over into the writer's bit. */
    uint32_t word = load_seq_u32(lock_word(section));
    while ((word & READERS) != 0)
        if (cas_seq_u32(lock_word(section), &word, word - 1))
            break;
    holders_leave_reader(section);
    return WMMF_OK;
}

int32_t winmmf_lock_write(wmmf_section *section, int64_t timeout_ns) {
    if (holders_writing(section) || holders_reading(section))
        return WMMF_E_DEADLOCK;
    int32_t status = take(section, timeout_ns, can_write, true);
    if (status == WMMF_OK)
        holders_set_writer(section, true);
    return status;
}

int32_t winmmf_unlock_write(wmmf_section *section) {
    if (!holders_writing(section))
        return WMMF_E_NOT_OWNER;
    holders_set_writer(section, false);
    and_seq_u32(lock_word(section), ~WRITER);
    return WMMF_OK;
}
