/* Opening and closing sections, and the calls of wmmf.h that hand on to the layout at work. */
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "map.h"
#include "name.h"

#define LARGEST_MAPPING   (PTRDIFF_MAX - 0xFFFF) /* the system rounds up to whole pages */
#define READY_PATIENCE_NS INT64_C(1000000000)
#define FIRST_PAUSE_NS    INT64_C(200000)

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

static int32_t open_check(const char *name, const wmmf_options *given, wmmf_map **out, wmmf_options *options) {
    platform_clear_error();
    if (!name || !out)
        return WMMF_E_ARGUMENT;
    int32_t status = options_check(given, options);
    return status != WMMF_OK ? status : name_check(name, options->name_space);
}

static int32_t map_check(const wmmf_map *map) {
    if (!map)
        return WMMF_E_ARGUMENT;
    return platform_forked(map->section) ? WMMF_E_FORKED : WMMF_OK;
}

static int32_t range_check(const wmmf_map *map, uint64_t offset, const void *buffer, uint64_t length) {
    if (offset > map->size || length > map->size - offset)
        return WMMF_E_RANGE;
    return buffer || length == 0 ? WMMF_OK : WMMF_E_ARGUMENT;
}

/* Waiting until a name can be had, by trying again. Who waits does not have the section open: that would keep what a
 * creator leaves that dies before it stores the magic. So the kernel ends it with its creator, and the next try finds
 * nothing under the name. Only tries that overlap keep it for each other: with pauses that double, a second has a dozen
 * tries, and gaps between those of many. */
struct patience {
    int64_t deadline;
    int64_t pause;
};

static struct patience patience_new(void) {
    struct patience patience = {deadline_after(READY_PATIENCE_NS), FIRST_PAUSE_NS};
    return patience;
}

/* Whether to try again, after a pause. */
static bool patience_left(struct patience *patience) {
    int64_t pause = deadline_remaining(patience->deadline, patience->pause);
    if (pause == 0)
        return false;
    platform_pause(pause);
    patience->pause *= 2;
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

static void map_free(wmmf_map *map) {
    free(map->passed);
    free(map);
}

/* Takes over the section: it is closed on failure, too. */
static int32_t map_new(struct platform_section *section, const wmmf_options *options, uint64_t offset, uint64_t size,
                       uint32_t participants, wmmf_map **out) {
    wmmf_map *map = calloc(1, sizeof *map);
    shared_u32 *passed = calloc(participants ? participants : 1, sizeof *passed);
    if (!map || !passed) {
        free(map);
        free(passed);
        platform_close(section);
        return WMMF_E_NO_MEMORY;
    }
    map->section = section;
    map->layout = options->layout;
    map->read_only = options->read_only;
    map->payload = platform_base(section) + offset;
    map->size = size;
    map->passed = passed;
    map->participants = participants;
    if (options->layout == WMMF_NATIVE) {
        map->header = (struct header *)(void *)platform_base(section);
        map->records = (struct participant *)(void *)(platform_base(section) + HEADER_SIZE);
    }
    *out = map;
    return WMMF_OK;
}

static void map_abandon(wmmf_map *map) {
    platform_close(map->section);
    map_free(map);
}

static void copy_constants(wmmf_map *map) {
    map->section_id = load_relaxed_u64(&map->header->section_id);
    map->created_unix_ns = load_relaxed_u64(&map->header->created_unix_ns);
    map->kind = load_relaxed_u32(&map->header->kind);
}

static int32_t initialise_native(wmmf_map *map, const struct channel_shape *shape) {
    struct header *header = map->header;
    int32_t status = platform_random(&header->section_id);
    if (status != WMMF_OK)
        return status;
    header->format_version = WMMF_FORMAT_VERSION;
    header->participants = map->participants;
    header->payload_offset = (uint64_t)(map->payload - (uint8_t *)header);
    header->payload_size = map->size;
    header->created_unix_ns = platform_unix_ns();
    header->kind = shape ? KIND_CHANNEL : KIND_PLAIN;
    if (shape)
        status = channel_initialise(map, shape);
    copy_constants(map);
    if (status == WMMF_OK)
        status = platform_join(map->section, map->section_id, false);
    if (status == WMMF_OK)
        status = native_join(map);
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
                      wmmf_map **out) {
    uint32_t participants = participants_of(options, shape);
    uint64_t offset = payload_offset(options->layout, participants);
    if (options->read_only)
        return WMMF_E_ARGUMENT;
    if (size == 0 || size > LARGEST_MAPPING - offset)
        return WMMF_E_SIZE;

    struct platform_section *section;
    wmmf_map *map;
    uint64_t reserved = offset + (shape ? CHANNEL_HEADER_SIZE : size);
    int32_t status = platform_create(name, options, offset + size, reserved, &section);
    if (status == WMMF_OK)
        status = map_new(section, options, offset, size, participants, &map);
    if (status != WMMF_OK)
        return status;
    if (options->layout == WMMF_NATIVE)
        status = initialise_native(map, shape);
    else if (options->layout == WMMF_WINMMF)
        winmmf_initialise(map);
    if (status == WMMF_OK)
        status = platform_publish(section);
    if (status != WMMF_OK) {
        map_abandon(map);
        return status;
    }
    *out = map;
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

static int32_t native_extent(const struct platform_section *section, struct extent *extent) {
    const struct header *header = (const struct header *)(const void *)platform_base(section);
    uint64_t mapped = platform_mapped_size(section);
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
static bool is_native(const struct platform_section *section) {
    const struct header *header = (const struct header *)(const void *)platform_base(section);
    return platform_mapped_size(section) >= HEADER_SIZE && load_relaxed_u64(&header->magic) == SECTION_MAGIC;
}

static int32_t find_extent(const struct platform_section *section, uint32_t layout, struct extent *extent) {
    if (layout == WMMF_NATIVE)
        return native_extent(section, extent);
    if (layout == WMMF_WINMMF && is_native(section))
        return WMMF_E_FORMAT;
    uint64_t mapped = platform_mapped_size(section);
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
static int32_t attach(struct platform_section *section, uint64_t size, const wmmf_options *options,
                      enum section_kind kind, wmmf_map **out) {
    struct extent extent;
    wmmf_map *map;
    int32_t status = find_extent(section, options->layout, &extent);
    if (status == WMMF_OK)
        status = kind_check(&extent, options, kind);
    if (status == WMMF_OK && size > extent.size)
        status = WMMF_E_SIZE;
    if (status != WMMF_OK) {
        platform_close(section);
        return status;
    }
    status = map_new(section, options, extent.offset, size ? size : extent.size, extent.participants, &map);
    if (status != WMMF_OK)
        return status;
    if (options->layout == WMMF_NATIVE) {
        copy_constants(map);
        status = platform_join(section, map->section_id, options->read_only);
        if (status == WMMF_OK && !options->read_only)
            status = native_join(map);
        if (status != WMMF_OK) {
            map_abandon(map);
            return status;
        }
    }
    *out = map;
    return WMMF_OK;
}

static int32_t open_existing(const char *name, uint64_t size, const wmmf_options *options, enum section_kind kind,
                             wmmf_map **out) {
    struct platform_section *section;
    int32_t status = platform_open(name, options, &section);
    return status != WMMF_OK ? status : attach(section, size, options, kind, out);
}

int32_t region_create(const char *name, uint64_t size, const wmmf_options *given, const struct channel_shape *shape,
                      wmmf_map **out) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    return status != WMMF_OK ? status : create(name, size, &options, shape, out);
}

int32_t region_open(const char *name, uint64_t size, const wmmf_options *given, enum section_kind kind,
                    wmmf_map **out) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    if (status != WMMF_OK)
        return status;
    struct patience patience = patience_new();
    do
        status = open_existing(name, size, &options, kind, out);
    while (status == WMMF_E_NOT_READY && patience_left(&patience));
    return status;
}

/* What we would have created: who opens raw bytes takes any, but a native section is not raw. */
static int32_t open_created(const char *name, uint64_t size, const wmmf_options *options,
                            const struct channel_shape *shape, wmmf_map **out) {
    struct platform_section *section;
    int32_t status = platform_open(name, options, &section);
    if (status != WMMF_OK)
        return status;
    if (options->layout == WMMF_RAW && is_native(section)) {
        platform_close(section);
        return WMMF_E_FORMAT;
    }
    return attach(section, shape ? 0 : size, options, shape ? KIND_CHANNEL : KIND_PLAIN, out);
}

int32_t region_create_or_open(const char *name, uint64_t size, const wmmf_options *given,
                              const struct channel_shape *shape, wmmf_map **out, int32_t *created) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    if (status == WMMF_OK && (size == 0 || options.read_only))
        status = size == 0 ? WMMF_E_SIZE : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    /* Between our two tries another process may create or drop it. The name stays taken, and nothing there to open,
     * where another user's process has crashed: only that user may remove what it left. */
    struct patience patience = patience_new();
    bool creating;
    do {
        status = open_created(name, size, &options, shape, out);
        creating = status == WMMF_E_NOT_FOUND;
        if (creating)
            status = create(name, size, &options, shape, out);
    } while ((status == WMMF_E_EXISTS || status == WMMF_E_NOT_READY) && patience_left(&patience));
    if (status == WMMF_OK && created)
        *created = creating;
    return status;
}

int32_t wmmf_create(const char *name, uint64_t size, const wmmf_options *options, wmmf_map **out) {
    return region_create(name, size, options, NULL, out);
}

int32_t wmmf_open(const char *name, uint64_t size, const wmmf_options *options, wmmf_map **out) {
    return region_open(name, size, options, KIND_PLAIN, out);
}

int32_t wmmf_create_or_open(const char *name, uint64_t size, const wmmf_options *options, wmmf_map **out,
                            int32_t *created) {
    return region_create_or_open(name, size, options, NULL, out, created);
}

int32_t wmmf_open_file(const char *path, uint64_t size, const wmmf_options *given, wmmf_map **out) {
    wmmf_options options;
    struct platform_section *section;
    platform_clear_error();
    if (!path || !out)
        return WMMF_E_ARGUMENT;
    int32_t status = options_check(given, &options);
    if (status != WMMF_OK)
        return status;
    if (options.layout != WMMF_RAW)
        return WMMF_E_NOT_SUPPORTED;
    status = platform_open_file(path, options.read_only, &section);
    if (status == WMMF_OK)
        status = attach(section, size, &options, KIND_PLAIN, out);
    if (status == WMMF_OK)
        (*out)->file = true;
    return status;
}

int32_t wmmf_close(wmmf_map *map) {
    if (!map)
        return WMMF_OK;
    /* A forked child must not touch what its parent still uses. */
    if (map->layout == WMMF_NATIVE && !map->read_only && !platform_forked(map->section))
        native_leave(map);
    map_abandon(map);
    return WMMF_OK;
}

int32_t wmmf_disinherit(wmmf_map *map) {
    return map ? platform_disinherit(map->section) : WMMF_E_ARGUMENT;
}

/* Looking. */

int32_t wmmf_data(wmmf_map *map, void **data) {
    int32_t status = data ? map_check(map) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK && map->kind != KIND_PLAIN)
        status = WMMF_E_NOT_SUPPORTED; /* slots that nobody has filled need not have memory */
    if (status == WMMF_OK)
        *data = map->payload;
    return status;
}

int32_t wmmf_size(wmmf_map *map, uint64_t *size) {
    int32_t status = size ? map_check(map) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK)
        *size = map->size;
    return status;
}

int32_t wmmf_get_info(wmmf_map *map, wmmf_info *info) {
    int32_t status = info ? map_check(map) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (info->struct_size != sizeof *info)
        return WMMF_E_STRUCT_SIZE;
    info->layout = map->layout;
    info->read_only = map->read_only;
    info->participants = map->participants;
    info->size = map->size;
    info->mapped_size = platform_mapped_size(map->section);
    info->data_offset = (uint64_t)(map->payload - platform_base(map->section));
    return WMMF_OK;
}

int32_t wmmf_last_os_error(void) {
    return platform_last_error();
}

/* Locks and copies. */

static int32_t lock_check(const wmmf_map *map) {
    int32_t status = map_check(map);
    if (status != WMMF_OK)
        return status;
    if (map->layout == WMMF_RAW)
        return WMMF_E_NOT_SUPPORTED;
    return map->read_only ? WMMF_E_READ_ONLY : WMMF_OK;
}

static int32_t native_check(const wmmf_map *map) {
    int32_t status = map_check(map);
    if (status != WMMF_OK)
        return status;
    return map->layout == WMMF_NATIVE ? WMMF_OK : WMMF_E_NOT_SUPPORTED;
}

static int32_t lock_read(wmmf_map *map, int64_t timeout_ns) {
    return map->layout == WMMF_NATIVE ? native_lock_read(map, timeout_ns) : winmmf_lock_read(map, timeout_ns);
}

static int32_t unlock_read(wmmf_map *map) {
    return map->layout == WMMF_NATIVE ? native_unlock_read(map) : winmmf_unlock_read(map);
}

int32_t wmmf_lock_read(wmmf_map *map, int64_t timeout_ns) {
    int32_t status = lock_check(map);
    return status != WMMF_OK ? status : lock_read(map, timeout_ns);
}

int32_t wmmf_unlock_read(wmmf_map *map) {
    int32_t status = lock_check(map);
    return status != WMMF_OK ? status : unlock_read(map);
}

int32_t wmmf_lock_write_in_turn(wmmf_map *map, int64_t timeout_ns, uint64_t *place) {
    int32_t status = place ? lock_check(map) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    return map->layout == WMMF_NATIVE ? native_lock_write(map, timeout_ns, place) : winmmf_lock_write(map, timeout_ns);
}

int32_t wmmf_leave_queue(wmmf_map *map, uint64_t place) {
    int32_t status = lock_check(map);
    if (status == WMMF_OK && map->layout == WMMF_NATIVE)
        native_leave_queue(map, place);
    return status;
}

int32_t wmmf_lock_write(wmmf_map *map, int64_t timeout_ns) {
    uint64_t place = 0;
    int32_t status = wmmf_lock_write_in_turn(map, timeout_ns, &place);
    if (place != 0)
        native_leave_queue(map, place);
    return status;
}

int32_t wmmf_unlock_write(wmmf_map *map) {
    int32_t status = lock_check(map);
    if (status != WMMF_OK)
        return status;
    return map->layout == WMMF_NATIVE ? native_unlock_write(map) : winmmf_unlock_write(map);
}

int32_t wmmf_mark_consistent(wmmf_map *map) {
    int32_t status = native_check(map);
    if (status == WMMF_OK && map->read_only)
        status = WMMF_E_READ_ONLY;
    return status != WMMF_OK ? status : native_mark_consistent(map);
}

/* Of a lock that the caller has. */
static int32_t held_status(const wmmf_map *map) {
    return map->layout == WMMF_NATIVE && native_is_poisoned(map) ? WMMF_E_POISONED : WMMF_OK;
}

/* The lock is taken for the copy, unless the caller has it already. */
int32_t wmmf_read(wmmf_map *map, uint64_t offset, void *buffer, uint64_t length, int64_t timeout_ns) {
    int32_t status = map_check(map);
    if (status == WMMF_OK)
        status = range_check(map, offset, buffer, length);
    if (status != WMMF_OK || length == 0)
        return status;
    if (map->file)
        return platform_file_read(map->section, offset, buffer, (size_t)length);
    if (map->layout == WMMF_RAW) {
        memmove(buffer, map->payload + offset, (size_t)length);
        return WMMF_OK;
    }
    if (map->read_only) {
        if (map->layout != WMMF_NATIVE || map->kind != KIND_PLAIN)
            return WMMF_E_NOT_SUPPORTED;
        return native_read_optimistic(map, offset, buffer, (size_t)length, timeout_ns);
    }
    bool locked = holders_reading(map) || holders_writing(map);
    status = locked ? held_status(map) : lock_read(map, timeout_ns);
    if (status != WMMF_OK)
        return status;
    memmove(buffer, map->payload + offset, (size_t)length);
    return locked ? WMMF_OK : unlock_read(map);
}

int32_t wmmf_write_in_turn(wmmf_map *map, uint64_t offset, const void *buffer, uint64_t length, int64_t timeout_ns,
                           uint64_t *place) {
    int32_t status = place ? map_check(map) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK && map->read_only)
        status = WMMF_E_READ_ONLY;
    if (status == WMMF_OK)
        status = range_check(map, offset, buffer, length);
    if (status != WMMF_OK || length == 0)
        return status;
    if (map->file)
        return platform_file_write(map->section, offset, buffer, (size_t)length);
    bool locked = map->layout == WMMF_RAW || holders_writing(map);
    if (!locked && map->layout == WMMF_NATIVE)
        return native_write(map, offset, buffer, (size_t)length, timeout_ns, place);
    status = locked ? held_status(map) : winmmf_lock_write(map, timeout_ns);
    if (status != WMMF_OK)
        return status;
    memmove(map->payload + offset, buffer, (size_t)length);
    return locked ? WMMF_OK : winmmf_unlock_write(map);
}

int32_t wmmf_write(wmmf_map *map, uint64_t offset, const void *buffer, uint64_t length, int64_t timeout_ns) {
    uint64_t place = 0;
    int32_t status = wmmf_write_in_turn(map, offset, buffer, length, timeout_ns, &place);
    if (place != 0)
        native_leave_queue(map, place);
    return status;
}

int32_t wmmf_sequence(wmmf_map *map, uint64_t *sequence) {
    int32_t status = sequence ? native_check(map) : WMMF_E_ARGUMENT;
    if (status == WMMF_OK && native_is_poisoned(map))
        status = WMMF_E_POISONED;
    if (status == WMMF_OK)
        *sequence = load_seq_u64(&map->header->sequence) / 2;
    return status;
}

int32_t wmmf_wait(wmmf_map *map, uint64_t sequence, int64_t timeout_ns, uint64_t *current) {
    uint64_t now;
    int32_t status = native_check(map);
    if (status == WMMF_OK && map->kind != KIND_PLAIN)
        status = WMMF_E_NOT_SUPPORTED;
    if (status == WMMF_OK)
        status = native_wait(map, sequence, timeout_ns, &now);
    if (status == WMMF_OK && current)
        *current = now;
    return status;
}

int32_t wmmf_get_participant(wmmf_map *map, uint32_t index, wmmf_participant *participant) {
    int32_t status = participant ? native_check(map) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (participant->struct_size != sizeof *participant)
        return WMMF_E_STRUCT_SIZE;
    return native_participant(map, index, participant);
}

int32_t wmmf_audit(wmmf_map *map, wmmf_audit_report *report) {
    int32_t status = report ? native_check(map) : WMMF_E_ARGUMENT;
    if (status != WMMF_OK)
        return status;
    if (report->struct_size != sizeof *report)
        return WMMF_E_STRUCT_SIZE;
    return native_audit(map, map->kind == KIND_CHANNEL ? UINT64_MAX : 0, true, report);
}
