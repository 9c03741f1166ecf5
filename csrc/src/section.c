/* Opening and closing sections, and the calls of wmmf.h that hand on to the layout at work. */
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "section.h"
#include "name.h"

#define LARGEST_MAPPING  (PTRDIFF_MAX - 0xFFFF) /* the system rounds up to whole pages */
#define READY_TIMEOUT_NS INT64_C(1000000000)
#define FIRST_PAUSE_NS   INT64_C(200000)

/* Options and arguments. */

static int32_t options_check(const wmmf_options *given, wmmf_options *options) {
    static const wmmf_options none = {.struct_size = sizeof none};
    if (given && given->struct_size != sizeof *given)
        return WMMF_E_STRUCT_SIZE;
    *options = given ? *given : none;
    bool has_sddl = options->sddl != NULL;
    if (options->name_space > WMMF_CUSTOM || options->layout > WMMF_RAW || options->access > WMMF_ACCESS_MODE ||
        options->mode > 0777 || options->read_only > 1 || options->participants > WMMF_PARTICIPANTS_MAX ||
        options->reserved != 0 || has_sddl != (options->access == WMMF_ACCESS_SDDL))
        return WMMF_E_ARGUMENT;
    return WMMF_OK;
}

static int32_t open_check(const char *name, const wmmf_options *given, wmmf_section **out, wmmf_options *options) {
    platform_clear_error();
    if (!name || !out)
        return WMMF_E_ARGUMENT;
    int32_t status = options_check(given, options);
    return status != WMMF_OK ? status : name_check(name, options->name_space);
}

static int32_t section_check(const wmmf_section *section) {
    if (!section)
        return WMMF_E_ARGUMENT;
    return platform_forked(section->mapping) ? WMMF_E_FORKED : WMMF_OK;
}

static int32_t range_check(const wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length) {
    if (offset > section->size || length > section->size - offset)
        return WMMF_E_RANGE;
    return buffer || length == 0 ? WMMF_OK : WMMF_E_ARGUMENT;
}

/* Waiting until a name can be had, by trying again. Who waits does not have the section open: that would keep what a
 * creator leaves that dies before it stores the magic. So the kernel ends it with its creator, and the next try finds
 * nothing under the name. Only tries that overlap keep it for each other: with pauses that double, a second has a dozen
 * tries, and gaps between those of many. */
struct retry {
    int64_t deadline;
    int64_t pause;
};

static struct retry retry_new(void) {
    struct retry retry = {deadline_after(READY_TIMEOUT_NS), FIRST_PAUSE_NS};
    return retry;
}

/* Whether to try again, after a pause. */
static bool retry_left(struct retry *retry) {
    int64_t pause = deadline_remaining(retry->deadline, retry->pause);
    if (pause == 0)
        return false;
    platform_pause(pause);
    retry->pause *= 2;
    return true;
}

/* Opening. */

static uint64_t payload_offset(uint32_t layout, uint32_t participants) {
    if (layout == WMMF_NATIVE) {
        uint64_t end = HEADER_SIZE + (uint64_t)participants * sizeof(struct participant);
        return (end + PAYLOAD_ALIGNMENT - 1) / PAYLOAD_ALIGNMENT * PAYLOAD_ALIGNMENT;
    }
    return layout == WMMF_WINMMF ? WINMMF_HEADER_SIZE : 0;
}

static void section_free(wmmf_section *section) {
    free(section->skipped);
    free(section);
}

/* Takes over the section: it is closed on failure, too. */
static int32_t section_new(struct platform_mapping *mapping, const wmmf_options *options, uint64_t offset,
                           uint64_t size, uint32_t participants, wmmf_section **out) {
    wmmf_section *section = calloc(1, sizeof *section);
    shared_u32 *skipped = calloc(participants ? participants : 1, sizeof *skipped);
    if (!section || !skipped) {
        free(section);
        free(skipped);
        platform_close(mapping);
        return WMMF_E_NO_MEMORY;
    }
    section->mapping = mapping;
    section->layout = options->layout;
    section->read_only = options->read_only;
    section->payload = platform_base(mapping) + offset;
    section->size = size;
    section->skipped = skipped;
    section->participants = participants;
    if (options->layout == WMMF_NATIVE) {
        section->header = (struct header *)(void *)platform_base(mapping);
        section->records = (struct participant *)(void *)(platform_base(mapping) + HEADER_SIZE);
    }
    *out = section;
    return WMMF_OK;
}

static void section_abandon(wmmf_section *section) {
    platform_close(section->mapping);
    section_free(section);
}

static void copy_constants(wmmf_section *section) {
    section->section_id = load_relaxed_u64(&section->header->section_id);
    section->created_unix_ns = load_relaxed_u64(&section->header->created_unix_ns);
    section->kind = load_relaxed_u32(&section->header->kind);
}

static int32_t initialise_header(wmmf_section *section, const struct channel_shape *shape) {
    struct header *header = section->header;
    int32_t status = platform_random(&header->section_id);
    if (status != WMMF_OK)
        return status;
    header->format_version = WMMF_FORMAT_VERSION;
    header->participants = section->participants;
    header->payload_offset = (uint64_t)(section->payload - (uint8_t *)header);
    header->payload_size = section->size;
    header->created_unix_ns = platform_unix_ns();
    header->kind = shape ? KIND_CHANNEL : KIND_PLAIN;
    if (shape)
        status = channel_initialise(section, shape);
    copy_constants(section);
    if (status == WMMF_OK)
        status = platform_join(section->mapping, section->section_id, false);
    if (status == WMMF_OK)
        status = participants_join(section);
    /* Released: who sees the magic sees all of the above. Dying before: nobody can use it, so nobody keeps it, and on
     * Windows, where it has its name already, that ends with it. */
    if (status == WMMF_OK)
        store_release_u64(&header->magic, SECTION_MAGIC);
    return status;
}

static uint32_t participants_of(const wmmf_options *options, const struct channel_shape *shape) {
    if (options->layout != WMMF_NATIVE)
        return 0;
    if (options->participants)
        return options->participants;
    return shape ? WMMF_CHANNEL_PARTICIPANTS_DEFAULT : WMMF_PARTICIPANTS_DEFAULT;
}

static int32_t create(const char *name, uint64_t size, const wmmf_options *options, const struct channel_shape *shape,
                      wmmf_section **out) {
    uint32_t participants = participants_of(options, shape);
    uint64_t offset = payload_offset(options->layout, participants);
    if (options->read_only)
        return WMMF_E_ARGUMENT;
    if (size == 0 || size > LARGEST_MAPPING - offset)
        return WMMF_E_SIZE;

    struct platform_mapping *mapping;
    wmmf_section *section;
    uint64_t reserved = offset + (shape ? CHANNEL_HEADER_SIZE : size);
    int32_t status = platform_create(name, options, offset + size, reserved, &mapping);
    if (status == WMMF_OK)
        status = section_new(mapping, options, offset, size, participants, &section);
    if (status != WMMF_OK)
        return status;
    if (options->layout == WMMF_NATIVE)
        status = initialise_header(section, shape);
    else if (options->layout == WMMF_WINMMF)
        winmmf_initialise(section);
    if (status == WMMF_OK)
        status = platform_publish(mapping);
    if (status != WMMF_OK) {
        section_abandon(section);
        return status;
    }
    *out = section;
    return WMMF_OK;
}

/* Where the payload is, according to a header that anybody may have written: each field is loaded once and
 * believed only as far as the mapping reaches. */
struct extent {
    uint64_t offset;
    uint64_t size;
    uint32_t participants;
    uint32_t kind;
};

static int32_t header_extent(const struct platform_mapping *mapping, struct extent *extent) {
    const struct header *header = (const struct header *)(const void *)platform_base(mapping);
    uint64_t mapped = platform_mapped_size(mapping);
    if (mapped < HEADER_SIZE)
        return WMMF_E_FORMAT;
    uint64_t magic = load_acquire_u64(&header->magic);
    if (magic != SECTION_MAGIC)
        return magic == 0 ? WMMF_E_NOT_READY : WMMF_E_FORMAT;
    if (load_relaxed_u32(&header->format_version) != WMMF_FORMAT_VERSION)
        return WMMF_E_VERSION;
    extent->kind = load_relaxed_u32(&header->kind);
    extent->participants = load_relaxed_u32(&header->participants);
    extent->offset = load_relaxed_u64(&header->payload_offset);
    extent->size = load_relaxed_u64(&header->payload_size);
    if (extent->participants == 0 || extent->participants > WMMF_PARTICIPANTS_MAX || extent->size == 0 ||
        extent->offset != payload_offset(WMMF_NATIVE, extent->participants))
        return WMMF_E_FORMAT;
    if (extent->offset > mapped || extent->size > mapped - extent->offset)
        return WMMF_E_TRUNCATED;
    return WMMF_OK;
}

/* To the other layouts its magic would be payload, or a lock word. */
static bool is_native(const struct platform_mapping *mapping) {
    const struct header *header = (const struct header *)(const void *)platform_base(mapping);
    return platform_mapped_size(mapping) >= HEADER_SIZE && load_relaxed_u64(&header->magic) == SECTION_MAGIC;
}

static int32_t find_extent(const struct platform_mapping *mapping, uint32_t layout, struct extent *extent) {
    if (layout == WMMF_NATIVE)
        return header_extent(mapping, extent);
    if (layout == WMMF_WINMMF && is_native(mapping))
        return WMMF_E_FORMAT;
    uint64_t mapped = platform_mapped_size(mapping);
    extent->kind = KIND_PLAIN;
    extent->participants = 0;
    extent->offset = payload_offset(layout, 0);
    if (mapped <= extent->offset)
        return WMMF_E_TRUNCATED;
    extent->size = mapped - extent->offset;
    return WMMF_OK;
}

/* Who only looks may look at anything. */
static int32_t kind_check(const struct extent *extent, const wmmf_options *options, enum section_kind wanted) {
    bool looking = options->read_only && wanted == KIND_PLAIN;
    return extent->kind == (uint32_t)wanted || looking ? WMMF_OK : WMMF_E_FORMAT;
}

/* Takes over the section: it is closed on failure, too. */
static int32_t attach(struct platform_mapping *mapping, uint64_t size, const wmmf_options *options,
                      enum section_kind kind, wmmf_section **out) {
    struct extent extent;
    wmmf_section *section;
    int32_t status = find_extent(mapping, options->layout, &extent);
    if (status == WMMF_OK)
        status = kind_check(&extent, options, kind);
    if (status == WMMF_OK && size > extent.size)
        status = WMMF_E_SIZE;
    if (status != WMMF_OK) {
        platform_close(mapping);
        return status;
    }
    status = section_new(mapping, options, extent.offset, size ? size : extent.size, extent.participants, &section);
    if (status != WMMF_OK)
        return status;
    if (options->layout == WMMF_NATIVE) {
        copy_constants(section);
        status = platform_join(mapping, section->section_id, options->read_only);
        if (status == WMMF_OK && !options->read_only)
            status = participants_join(section);
        if (status != WMMF_OK) {
            section_abandon(section);
            return status;
        }
    }
    *out = section;
    return WMMF_OK;
}

static int32_t open_existing(const char *name, uint64_t size, const wmmf_options *options, enum section_kind kind,
                             wmmf_section **out) {
    struct platform_mapping *mapping;
    int32_t status = platform_open(name, options, &mapping);
    return status != WMMF_OK ? status : attach(mapping, size, options, kind, out);
}

int32_t section_create(const char *name, uint64_t size, const wmmf_options *given, const struct channel_shape *shape,
                       wmmf_section **out) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    return status != WMMF_OK ? status : create(name, size, &options, shape, out);
}

int32_t section_open(const char *name, uint64_t size, const wmmf_options *given, enum section_kind kind,
                     wmmf_section **out) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    if (status != WMMF_OK)
        return status;
    struct retry retry = retry_new();
    do
        status = open_existing(name, size, &options, kind, out);
    while (status == WMMF_E_NOT_READY && retry_left(&retry));
    return status;
}

/* What we would have created: who opens raw bytes takes any, but a native section is not raw. */
static int32_t open_created(const char *name, uint64_t size, const wmmf_options *options,
                            const struct channel_shape *shape, wmmf_section **out) {
    struct platform_mapping *mapping;
    int32_t status = platform_open(name, options, &mapping);
    if (status != WMMF_OK)
        return status;
    if (options->layout == WMMF_RAW && is_native(mapping)) {
        platform_close(mapping);
        return WMMF_E_FORMAT;
    }
    return attach(mapping, shape ? 0 : size, options, shape ? KIND_CHANNEL : KIND_PLAIN, out);
}

int32_t section_create_or_open(const char *name, uint64_t size, const wmmf_options *given,
                               const struct channel_shape *shape, wmmf_section **out, int32_t *created) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    if (status == WMMF_OK && (size == 0 || options.read_only))
        status = size == 0 ? WMMF_E_SIZE : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    /* Between our two tries another process may create or drop it. The name stays taken, and nothing there to open,
     * where another user's process has crashed: only that user may remove what it left. */
    struct retry retry = retry_new();
    bool creating;
    do {
        status = open_created(name, size, &options, shape, out);
        creating = status == WMMF_E_NOT_FOUND;
        if (creating)
            status = create(name, size, &options, shape, out);
    } while ((status == WMMF_E_EXISTS || status == WMMF_E_NOT_READY) && retry_left(&retry));
    if (status == WMMF_OK && created)
        *created = creating;
    return status;
}

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

int32_t wmmf_open_file(const char *path, uint64_t size, const wmmf_options *given, wmmf_section **out) {
    wmmf_options options;
    struct platform_mapping *mapping;
    platform_clear_error();
    if (!path || !out)
        return WMMF_E_ARGUMENT;
    int32_t status = options_check(given, &options);
    if (status != WMMF_OK)
        return status;
    if (options.layout != WMMF_RAW)
        return WMMF_E_NOT_SUPPORTED;
    status = platform_open_file(path, options.read_only, &mapping);
    if (status == WMMF_OK)
        status = attach(mapping, size, &options, KIND_PLAIN, out);
    if (status == WMMF_OK)
        (*out)->file = true;
    return status;
}

int32_t wmmf_close(wmmf_section *section) {
    if (!section)
        return WMMF_OK;
    /* A forked child must not touch what its parent still uses. */
    if (section->layout == WMMF_NATIVE && !section->read_only && !platform_forked(section->mapping))
        participants_leave(section);
    section_abandon(section);
    return WMMF_OK;
}

int32_t wmmf_after_fork_child(wmmf_section *section) {
    return section ? platform_after_fork_child(section->mapping) : WMMF_E_ARGUMENT;
}

/* Looking. */

int32_t wmmf_data(wmmf_section *section, void **data) {
    int32_t status = data ? section_check(section) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK && section->kind != KIND_PLAIN)
        status = WMMF_E_NOT_SUPPORTED; /* slots that nobody has filled need not have memory */
    if (status == WMMF_OK)
        *data = section->payload;
    return status;
}

int32_t wmmf_size(wmmf_section *section, uint64_t *size) {
    int32_t status = size ? section_check(section) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK)
        *size = section->size;
    return status;
}

int32_t wmmf_get_info(wmmf_section *section, wmmf_info *info) {
    int32_t status = info ? section_check(section) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (info->struct_size != sizeof *info)
        return WMMF_E_STRUCT_SIZE;
    info->layout = section->layout;
    info->read_only = section->read_only;
    info->participants = section->participants;
    info->size = section->size;
    info->mapped_size = platform_mapped_size(section->mapping);
    info->data_offset = (uint64_t)(section->payload - platform_base(section->mapping));
    return WMMF_OK;
}

int32_t wmmf_last_os_error(void) {
    return platform_last_error();
}

/* Locks and copies. */

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

static int32_t lock_read(wmmf_section *section, int64_t timeout_ns) {
    return section->layout == WMMF_NATIVE ? rwlock_lock_read(section, timeout_ns)
                                          : winmmf_lock_read(section, timeout_ns);
}

static int32_t unlock_read(wmmf_section *section) {
    return section->layout == WMMF_NATIVE ? rwlock_unlock_read(section) : winmmf_unlock_read(section);
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
    int32_t status = place ? lock_check(section) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    return section->layout == WMMF_NATIVE ? rwlock_lock_write(section, timeout_ns, place)
                                          : winmmf_lock_write(section, timeout_ns);
}

int32_t wmmf_leave_queue(wmmf_section *section, uint64_t place) {
    int32_t status = lock_check(section);
    if (status == WMMF_OK && section->layout == WMMF_NATIVE)
        rwlock_leave_queue(section, place);
    return status;
}

int32_t wmmf_lock_write(wmmf_section *section, int64_t timeout_ns) {
    uint64_t place = 0;
    int32_t status = wmmf_lock_write_queued(section, timeout_ns, &place);
    if (place != 0)
        rwlock_leave_queue(section, place);
    return status;
}

int32_t wmmf_unlock_write(wmmf_section *section) {
    int32_t status = lock_check(section);
    if (status != WMMF_OK)
        return status;
    return section->layout == WMMF_NATIVE ? rwlock_unlock_write(section) : winmmf_unlock_write(section);
}

int32_t wmmf_mark_consistent(wmmf_section *section) {
    int32_t status = native_check(section);
    if (status == WMMF_OK && section->read_only)
        status = WMMF_E_READ_ONLY;
    return status != WMMF_OK ? status : rwlock_mark_consistent(section);
}

/* Of a lock that the caller has. */
static int32_t held_status(const wmmf_section *section) {
    return section->layout == WMMF_NATIVE && rwlock_is_poisoned(section) ? WMMF_E_POISONED : WMMF_OK;
}

/* The lock is taken for the copy, unless the caller has it already. */
int32_t wmmf_read(wmmf_section *section, uint64_t offset, void *buffer, uint64_t length, int64_t timeout_ns) {
    int32_t status = section_check(section);
    if (status == WMMF_OK)
        status = range_check(section, offset, buffer, length);
    if (status != WMMF_OK || length == 0)
        return status;
    if (section->file)
        return platform_file_read(section->mapping, offset, buffer, (size_t)length);
    if (section->layout == WMMF_RAW) {
        memmove(buffer, section->payload + offset, (size_t)length);
        return WMMF_OK;
    }
    if (section->read_only) {
        if (section->layout != WMMF_NATIVE || section->kind != KIND_PLAIN)
            return WMMF_E_NOT_SUPPORTED;
        return seqlock_read(section, offset, buffer, (size_t)length, timeout_ns);
    }
    bool locked = holders_reading(section) || holders_writing(section);
    status = locked ? held_status(section) : lock_read(section, timeout_ns);
    if (status != WMMF_OK)
        return status;
    memmove(buffer, section->payload + offset, (size_t)length);
    return locked ? WMMF_OK : unlock_read(section);
}

int32_t wmmf_write_queued(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length,
                          int64_t timeout_ns, uint64_t *place) {
    int32_t status = place ? section_check(section) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK && section->read_only)
        status = WMMF_E_READ_ONLY;
    if (status == WMMF_OK)
        status = range_check(section, offset, buffer, length);
    if (status != WMMF_OK || length == 0)
        return status;
    if (section->file)
        return platform_file_write(section->mapping, offset, buffer, (size_t)length);
    bool locked = section->layout == WMMF_RAW || holders_writing(section);
    if (!locked && section->layout == WMMF_NATIVE)
        return rwlock_write(section, offset, buffer, (size_t)length, timeout_ns, place);
    status = locked ? held_status(section) : winmmf_lock_write(section, timeout_ns);
    if (status != WMMF_OK)
        return status;
    memmove(section->payload + offset, buffer, (size_t)length);
    return locked ? WMMF_OK : winmmf_unlock_write(section);
}

int32_t wmmf_write(wmmf_section *section, uint64_t offset, const void *buffer, uint64_t length, int64_t timeout_ns) {
    uint64_t place = 0;
    int32_t status = wmmf_write_queued(section, offset, buffer, length, timeout_ns, &place);
    if (place != 0)
        rwlock_leave_queue(section, place);
    return status;
}

int32_t wmmf_sequence(wmmf_section *section, uint64_t *sequence) {
    int32_t status = sequence ? native_check(section) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK && rwlock_is_poisoned(section))
        status = WMMF_E_POISONED;
    if (status == WMMF_OK)
        *sequence = load_seq_u64(&section->header->sequence) / 2;
    return status;
}

int32_t wmmf_wait(wmmf_section *section, uint64_t sequence, int64_t timeout_ns, uint64_t *current) {
    uint64_t now;
    int32_t status = native_check(section);
    if (status == WMMF_OK && section->kind != KIND_PLAIN)
        status = WMMF_E_NOT_SUPPORTED;
    if (status == WMMF_OK)
        status = rwlock_wait(section, sequence, timeout_ns, &now);
    if (status == WMMF_OK && current)
        *current = now;
    return status;
}

int32_t wmmf_get_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant) {
    int32_t status = participant ? native_check(section) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (participant->struct_size != sizeof *participant)
        return WMMF_E_STRUCT_SIZE;
    return diagnostics_participant(section, index, participant);
}

int32_t wmmf_audit(wmmf_section *section, wmmf_audit_report *report) {
    int32_t status = report ? native_check(section) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (report->struct_size != sizeof *report)
        return WMMF_E_STRUCT_SIZE;
    return diagnostics_audit(section, section->kind == KIND_CHANNEL ? UINT64_MAX : 0, true, report);
}
