/* The calls of wmmf.h for sections: they check their arguments and dispatch by layout. */
#include <string.h>

#include "channel.h"
#include "diagnostics.h"
#include "files.h"
#include "growth.h"
#include "last_error.h"
#include "lock_holders.h"
#include "lock_winmmf.h"
#include "rwlock.h"
#include "section.h"
#include "seqlock_read.h"

int32_t wmmf_create(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out) {
    return section_create(name, size, options, NULL, out);
}

int32_t wmmf_open(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out) {
    return section_open(name, size, options, KIND_PLAIN, out);
}

int32_t wmmf_create_or_open(const char *name, uint64_t size, const wmmf_options *options, wmmf_section **out,
                            int32_t *created) {
    return section_create_or_open(name, size, options, NULL, out, created);
}

int32_t wmmf_share(wmmf_section *section, uint32_t pid, uint32_t read_only, int64_t *handle) {
    int32_t status = pointer_check(section_check(section), handle, "handle");
    if (status == WMMF_OK && read_only > 1)
        status = refused(WMMF_E_ARGUMENT, "read_only", read_only, "0 or 1");
    if (status == WMMF_OK && !section->unnamed)
        status =
            failed(WMMF_E_NOT_SUPPORTED, "it is opened by its name or path: only unnamed sections are handed over");
    if (status == WMMF_OK && section->read_only && read_only == 0)
        status = WMMF_E_READ_ONLY;
    return status == WMMF_OK ? platform_share(section->mapping, pid, read_only == 1, handle) : status;
}

int32_t wmmf_close(wmmf_section *section) {
    error_clear();
    if (section)
        section_close(section);
    return WMMF_OK;
}

int32_t wmmf_after_fork_child(wmmf_section *section) {
    error_clear();
    return section ? platform_after_fork_child(section->mapping) : null_argument("section");
}

/* What a section is. */

int32_t wmmf_is_named(wmmf_section *section, uint32_t *named) {
    int32_t status = pointer_check(section_check(section), named, "named");
    if (status == WMMF_OK && (section->file || section->unnamed))
        status = failed(WMMF_E_NOT_SUPPORTED,
                        "it is a file or an unnamed section: expected a section that was opened by its name");
    if (status == WMMF_OK)
        *named = platform_is_named(section->mapping);
    return status;
}

int32_t wmmf_data(wmmf_section *section, void **data) {
    int32_t status = pointer_check(section_check(section), data, "data");
    if (status == WMMF_OK)
        status = section_mapped_check(section);
    if (status == WMMF_OK)
        status = growth_look(section);
    if (status == WMMF_OK)
        *data = section_payload(section);
    return status;
}

int32_t wmmf_size(wmmf_section *section, uint64_t *size) {
    int32_t status = pointer_check(section_check(section), size, "size");
    if (status == WMMF_OK)
        status = growth_look(section);
    if (status == WMMF_OK)
        *size = section_size(section);
    return status;
}

int32_t wmmf_get_info(wmmf_section *section, wmmf_info *info) {
    int32_t status = struct_check(section_check(section), info, sizeof *info);
    if (status == WMMF_OK)
        status = growth_look(section);
    if (status != WMMF_OK)
        return status;
    info->layout = section->layout;
    info->read_only = section->read_only;
    info->participants = section->participants;
    info->size = section_size(section);
    info->mapped_size = platform_mapped_size(section->mapping);
    info->data_offset = payload_begin(section);
    info->created_unix_ns = section->header ? section->created_unix_ns : 0;
    info->creator_pid = section->header ? load_relaxed_u32(&section->header->creator_pid) : 0;
    info->name_space = section->name_space;
    info->reserve = section->reserve;
    info->page_size = section->page_size != 0 ? section->page_size : platform_page_size(section->mapping);
    info->locked = section->locked;
    info->record = section->header && !section->read_only ? section->index : UINT32_MAX;
    return WMMF_OK;
}

int32_t wmmf_resize(wmmf_section *section, uint64_t size) {
    int32_t status = section_check(section);
    if (status != WMMF_OK)
        return status;
    return section->layout == WMMF_NATIVE ? growth_resize(section, size) : files_resize(section, size);
}

int32_t wmmf_flush(wmmf_section *section, uint64_t offset, uint64_t length, uint32_t to_device) {
    int32_t status = section_check(section);
    if (status == WMMF_OK && to_device > 1)
        status = refused(WMMF_E_ARGUMENT, "to_device", to_device, "0 or 1");
    if (status == WMMF_OK)
        status = section_range(section, offset, length);
    if (status != WMMF_OK || !section->file)
        return status;
    if (length == 0)
        length = section_size(section) - offset;
    if (section->layout == WMMF_NATIVE)
        status = growth_flush(section, offset, length);
    return status != WMMF_OK
               ? status
               : platform_file_flush(section->mapping, section->file_offset + offset, length, to_device == 1);
}

/* Locks and copies. */

static int32_t range_check(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length) {
    int32_t status = section_file_has(section, section_size(section)) ? WMMF_OK : file_was_cut();
    if (status == WMMF_OK)
        status = section_range(section, offset, length);
    return length != 0 ? pointer_check(status, buffer, "buffer") : status;
}

static int32_t lock_check(const wmmf_section *section) {
    int32_t status = section_check(section);
    if (status != WMMF_OK)
        return status;
    if (section->layout == WMMF_RAW)
        return WMMF_E_NOT_SUPPORTED;
    return section->read_only ? WMMF_E_READ_ONLY : WMMF_OK;
}

static int32_t native_check(const wmmf_section *section) {
    int32_t status = section_check(section);
    if (status != WMMF_OK)
        return status;
    return section->layout == WMMF_NATIVE ? WMMF_OK : WMMF_E_NOT_SUPPORTED;
}

static int32_t writable_native_check(const wmmf_section *section) {
    int32_t status = native_check(section);
    return status == WMMF_OK && section->read_only ? WMMF_E_READ_ONLY : status;
}

static int32_t lock_read(wmmf_section *section, int64_t timeout_ns) {
    return section->layout == WMMF_NATIVE ? rwlock_lock_read(&section->lock, timeout_ns)
                                          : winmmf_lock_read(section, timeout_ns);
}

static int32_t unlock_read(wmmf_section *section) {
    return section->layout == WMMF_NATIVE ? rwlock_unlock_read(&section->lock) : winmmf_unlock_read(section);
}

int32_t wmmf_lock_read(wmmf_section *section, int64_t timeout_ns) {
    int32_t status = lock_check(section);
    return status != WMMF_OK ? status : lock_read(section, timeout_ns);
}

int32_t wmmf_unlock_read(wmmf_section *section) {
    int32_t status = lock_check(section);
    return status != WMMF_OK ? status : unlock_read(section);
}

int32_t wmmf_lock_write_queued(wmmf_section *section, int64_t timeout_ns, uint64_t *place) {
    int32_t status = pointer_check(lock_check(section), place, "place");
    if (status != WMMF_OK)
        return status;
    return section->layout == WMMF_NATIVE ? rwlock_lock_write(&section->lock, timeout_ns, place)
                                          : winmmf_lock_write(section, timeout_ns);
}

int32_t wmmf_leave_queue(wmmf_section *section, uint64_t place) {
    int32_t status = lock_check(section);
    if (status == WMMF_OK && section->layout == WMMF_NATIVE)
        rwlock_leave_queue(&section->lock, place);
    return status;
}

int32_t wmmf_lock_write(wmmf_section *section, int64_t timeout_ns) {
    uint64_t place = 0;
    int32_t status = wmmf_lock_write_queued(section, timeout_ns, &place);
    if (place != 0)
        rwlock_leave_queue(&section->lock, place);
    return status;
}

int32_t wmmf_unlock_write(wmmf_section *section) {
    int32_t status = lock_check(section);
    if (status != WMMF_OK)
        return status;
    return section->layout == WMMF_NATIVE ? rwlock_unlock_write(&section->lock) : winmmf_unlock_write(section);
}

int32_t wmmf_break_lock(wmmf_section *section) {
    int32_t status = lock_check(section);
    if (status == WMMF_OK && section->layout != WMMF_WINMMF)
        status = WMMF_E_NOT_SUPPORTED;
    if (status == WMMF_OK)
        winmmf_break_lock(section);
    return status;
}

int32_t wmmf_mark_consistent(wmmf_section *section) {
    int32_t status = writable_native_check(section);
    return status != WMMF_OK ? status : rwlock_mark_consistent(&section->lock);
}

/* For a lock that the caller has. */
static int32_t held_status(const wmmf_section *section) {
    return section->layout == WMMF_NATIVE && rwlock_is_poisoned(&section->lock) ? WMMF_E_POISONED : WMMF_OK;
}

/* The lock is taken for the copy, unless the caller has it already. */
int32_t wmmf_read(wmmf_section *section, uint64_t offset, void *buffer, uint64_t length, int64_t timeout_ns) {
    int32_t status = section_check(section);
    if (status == WMMF_OK)
        status = range_check(section, offset, buffer, length);
    if (status != WMMF_OK || length == 0)
        return status;
    if (section->file && section->layout == WMMF_RAW)
        return files_read(section, offset, buffer, (size_t)length);
    if (section->layout == WMMF_RAW) {
        memmove(buffer, section_payload(section) + offset, (size_t)length);
        return WMMF_OK;
    }
    if (section->read_only) {
        if (section->layout != WMMF_NATIVE || section->kind != KIND_PLAIN)
            return WMMF_E_NOT_SUPPORTED;
        return seqlock_read(section, offset, buffer, (size_t)length, timeout_ns);
    }
    bool locked = holders_holding(&section->lock);
    status = locked ? held_status(section) : lock_read(section, timeout_ns);
    if (status != WMMF_OK)
        return status;
    memmove(buffer, section_payload(section) + offset, (size_t)length);
    return locked ? WMMF_OK : unlock_read(section);
}

int32_t wmmf_write_queued(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length,
                          int64_t timeout_ns, uint64_t *place) {
    int32_t status = pointer_check(section_check(section), place, "place");
    if (status == WMMF_OK && section->read_only)
        status = WMMF_E_READ_ONLY;
    if (status == WMMF_OK)
        status = range_check(section, offset, buffer, length);
    if (status != WMMF_OK || length == 0)
        return status;
    if (section->file && section->layout == WMMF_RAW)
        return files_write(section, offset, buffer, (size_t)length);
    bool locked = section->layout == WMMF_RAW || holders_writing(&section->lock);
    if (!locked && section->layout == WMMF_NATIVE)
        return rwlock_write(section, offset, buffer, (size_t)length, timeout_ns, place);
    status = locked ? held_status(section) : winmmf_lock_write(section, timeout_ns);
    if (status != WMMF_OK)
        return status;
    memmove(section_payload(section) + offset, buffer, (size_t)length);
    return locked ? WMMF_OK : winmmf_unlock_write(section);
}

int32_t wmmf_write(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length, int64_t timeout_ns) {
    uint64_t place = 0;
    int32_t status = wmmf_write_queued(section, offset, buffer, length, timeout_ns, &place);
    if (place != 0)
        rwlock_leave_queue(&section->lock, place);
    return status;
}

int32_t wmmf_sequence(wmmf_section *section, uint64_t *sequence) {
    int32_t status = pointer_check(native_check(section), sequence, "sequence");
    if (status == WMMF_OK && rwlock_is_poisoned(&section->lock))
        status = WMMF_E_POISONED;
    if (status == WMMF_OK)
        *sequence = rwlock_changes(&section->lock);
    return status;
}

int32_t wmmf_notify(wmmf_section *section) {
    int32_t status = writable_native_check(section);
    if (status == WMMF_OK)
        status = section_plain_check(section);
    return status == WMMF_OK ? rwlock_notify(&section->lock) : status;
}

int32_t wmmf_poison(wmmf_section *section) {
    int32_t status = writable_native_check(section);
    if (status == WMMF_OK)
        rwlock_poison(&section->lock);
    return status;
}

int32_t wmmf_get_lock_state(wmmf_section *section, wmmf_lock_state *state) {
    int32_t status = struct_check(section_check(section), state, sizeof *state);
    if (status != WMMF_OK)
        return status;
    if (section->layout == WMMF_RAW)
        return WMMF_E_NOT_SUPPORTED;
    if (section->layout == WMMF_NATIVE)
        diagnostics_lock_state(&section->lock, state);
    else
        winmmf_lock_state(section, state);
    return WMMF_OK;
}

int32_t wmmf_wait(wmmf_section *section, uint64_t sequence, int64_t timeout_ns, uint64_t *current) {
    int32_t status = native_check(section);
    if (status == WMMF_OK)
        status = section_plain_check(section);
    return status == WMMF_OK ? rwlock_wait(&section->lock, sequence, timeout_ns, current) : status;
}

int32_t wmmf_get_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant) {
    int32_t status = struct_check(native_check(section), participant, sizeof *participant);
    if (status != WMMF_OK)
        return status;
    if (section->kind == KIND_CHANNEL)
        return channel_participant(section, index, participant);
    participant->pins = participant->read_only = 0;
    participant->oldest_pinned = 0;
    return diagnostics_participant(section, index, participant);
}

int32_t wmmf_get_hold(wmmf_section *section, uint32_t index, wmmf_hold *hold) {
    int32_t status = struct_check(native_check(section), hold, sizeof *hold);
    return status == WMMF_OK ? diagnostics_hold(section, index, hold) : status;
}

int32_t wmmf_audit(wmmf_section *section, wmmf_audit_report *report) {
    int32_t status = struct_check(native_check(section), report, sizeof *report);
    return status == WMMF_OK ? diagnostics_audit(section, true, report) : status;
}
