/* The calls of wmmf.h for locks in the payload: any 64 aligned bytes there. They work like the section's own
 * (rwlock.c), except for the place that records their holders: the record of a participant has room for only one lock,
 * so its holds record the others, each for one thread and one lock. A lock has no handle: each call puts together what
 * it needs. */
#include <inttypes.h>

#include "diagnostics.h"
#include "last_error.h"
#include "lock_holders.h"
#include "payload_locks.h"
#include "rwlock.h"
#include "section.h"

/* `offset` comes from the caller and counts from the beginning of the payload. */
static int32_t look_up(wmmf_section *section, uint64_t offset, bool writable, struct rwlock *lock) {
    int32_t status = section_check(section);
    if (status != WMMF_OK)
        return status;
    if (section->layout != WMMF_NATIVE || section->kind != KIND_PLAIN || section->locks == 0)
        return failed(WMMF_E_NOT_SUPPORTED,
                      "the section was created without locks in its payload (wmmf_options.locks)");
    if (writable && section->read_only)
        return WMMF_E_READ_ONLY;
    if (offset % PAYLOAD_ALIGNMENT != 0)
        return failed(WMMF_E_ARGUMENT, "a lock at %" PRIu64 ": expected a multiple of %d", offset, PAYLOAD_ALIGNMENT);
    status = section_range(section, offset, PAYLOAD_ALIGNMENT);
    if (status == WMMF_OK)
        payload_lock(section, payload_begin(section) + offset, lock);
    return status;
}

/* Calls `act` with a lock that this handle may write. */
static int32_t with_lock(wmmf_section *section, uint64_t offset, int32_t (*act)(struct rwlock *lock)) {
    struct rwlock lock;
    int32_t status = look_up(section, offset, true, &lock);
    return status == WMMF_OK ? act(&lock) : status;
}

int32_t wmmf_lock_read_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns) {
    struct rwlock lock;
    int32_t status = look_up(section, offset, true, &lock);
    return status == WMMF_OK ? rwlock_lock_read(&lock, timeout_ns) : status;
}

int32_t wmmf_unlock_read_at(wmmf_section *section, uint64_t offset) {
    return with_lock(section, offset, rwlock_unlock_read);
}

int32_t wmmf_lock_write_queued_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns, uint64_t *place) {
    struct rwlock lock;
    int32_t status = pointer_check(look_up(section, offset, true, &lock), place, "place");
    return status == WMMF_OK ? rwlock_lock_write(&lock, timeout_ns, place) : status;
}

int32_t wmmf_leave_queue_at(wmmf_section *section, uint64_t offset, uint64_t place) {
    struct rwlock lock;
    int32_t status = look_up(section, offset, true, &lock);
    if (status == WMMF_OK && holders_find_place(&lock, place))
        rwlock_leave_queue(&lock, place);
    return status;
}

int32_t wmmf_lock_write_at(wmmf_section *section, uint64_t offset, int64_t timeout_ns) {
    uint64_t place = 0;
    int32_t status = wmmf_lock_write_queued_at(section, offset, timeout_ns, &place);
    if (place != 0)
        wmmf_leave_queue_at(section, offset, place);
    return status;
}

int32_t wmmf_unlock_write_at(wmmf_section *section, uint64_t offset) {
    return with_lock(section, offset, rwlock_unlock_write);
}

int32_t wmmf_mark_consistent_at(wmmf_section *section, uint64_t offset) {
    return with_lock(section, offset, rwlock_mark_consistent);
}

int32_t wmmf_poison_at(wmmf_section *section, uint64_t offset) {
    struct rwlock lock;
    int32_t status = look_up(section, offset, true, &lock);
    if (status == WMMF_OK)
        rwlock_poison(&lock);
    return status;
}

int32_t wmmf_notify_at(wmmf_section *section, uint64_t offset) {
    return with_lock(section, offset, rwlock_notify);
}

int32_t wmmf_get_lock_state_at(wmmf_section *section, uint64_t offset, wmmf_lock_state *state) {
    struct rwlock lock;
    int32_t status = struct_check(look_up(section, offset, false, &lock), state, sizeof *state);
    if (status == WMMF_OK)
        diagnostics_lock_state(&lock, state);
    return status;
}

int32_t wmmf_wait_at(wmmf_section *section, uint64_t offset, uint64_t sequence, int64_t timeout_ns, uint64_t *current) {
    struct rwlock lock;
    int32_t status = look_up(section, offset, false, &lock);
    return status == WMMF_OK ? rwlock_wait(&lock, sequence, timeout_ns, current) : status;
}
