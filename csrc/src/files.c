/* Mapped files.
 *
 * A native file is prepared by one process at a time, under a lock that the system drops with the process: it writes
 * the header of a new file, or checks whether the machine went down while the file was open. For that the header has a
 * number that identifies a boot. A process that opens the file for writing stores the number of the current boot and
 * flushes it to the device before anything else. So a file with the number of another boot, and with records of
 * participants that never left, was open when the machine went down: the disk may have any mixture of its last pages,
 * and the payload counts as half written. Dying while preparing leaves the header without its magic, or with the old
 * number: the next process prepares it again. */
#include "files.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "last_error.h"
#include "name.h"
#include "participants.h"
#include "section.h"

#define ALL_FLAGS ((uint32_t)(WMMF_FILE_WRITE_THROUGH | WMMF_FILE_RESERVE | WMMF_FILE_UNMAPPED))

static int32_t values_check(const wmmf_file_options *options) {
    const struct refusal refusals[] = {
        {options->file_mode > WMMF_FILE_TRUNCATE, WMMF_E_ARGUMENT, "file_mode", options->file_mode, "0 to 3"},
        {options->protection > WMMF_COPY_ON_WRITE, WMMF_E_ARGUMENT, "protection", options->protection, "0 to 2"},
        {options->share > WMMF_SHARE_NONE, WMMF_E_ARGUMENT, "share", options->share, "0 to 2"},
        {options->native > 1, WMMF_E_ARGUMENT, "native", options->native, "0 or 1"},
        {options->permissions > 0777, WMMF_E_ARGUMENT, "permissions", options->permissions, "at most 511 (0777)"},
        {(options->flags & ~ALL_FLAGS) != 0, WMMF_E_ARGUMENT, "flags", options->flags, "bits WMMF_FILE_..."},
        {options->participants > WMMF_PARTICIPANTS_MAX, WMMF_E_ARGUMENT, "participants", options->participants,
         "at most WMMF_PARTICIPANTS_MAX"},
        {options->name_space > WMMF_CUSTOM, WMMF_E_ARGUMENT, "name_space", options->name_space, "a wmmf_namespace"},
        {options->locks > WMMF_LOCKS_MAX, WMMF_E_ARGUMENT, "locks", options->locks, "at most WMMF_LOCKS_MAX"},
    };
    return first_refusal(refusals, sizeof refusals / sizeof *refusals);
}

/* Options that are valid one by one, but not together. */
static int32_t fit_check(const wmmf_file_options *options) {
    bool writable = options->protection == WMMF_READ_WRITE, native = options->native != 0;
    const struct refusal refusals[] = {
        {!writable && options->file_mode != WMMF_FILE_OPEN, WMMF_E_ARGUMENT, "file_mode", options->file_mode,
         "0 (WMMF_FILE_OPEN), because the protection does not let this handle change the file"},
        {!writable && options->file_size != 0, WMMF_E_ARGUMENT, "file_size", options->file_size,
         "0, because the protection does not let this handle change the file"},
        {!native && options->locks != 0, WMMF_E_NOT_SUPPORTED, "locks", options->locks,
         "0, because only a native file has locks in its payload"},
        {native && options->protection == WMMF_COPY_ON_WRITE, WMMF_E_NOT_SUPPORTED, "protection", options->protection,
         "0 or 1, because all programs must see the lock of a native file"},
        {native && options->offset != 0, WMMF_E_NOT_SUPPORTED, "offset", options->offset,
         "0, where a native file has its header"},
        {native && options->file_mode == WMMF_FILE_TRUNCATE, WMMF_E_NOT_SUPPORTED, "file_mode", options->file_mode,
         "0 to 2, because a native file may be in use by others"},
        {native && (options->flags & WMMF_FILE_UNMAPPED) != 0, WMMF_E_NOT_SUPPORTED, "flags", options->flags,
         "no WMMF_FILE_UNMAPPED, because the lock of a native file is in its memory"},
        {native && (options->flags & WMMF_FILE_WRITE_THROUGH) != 0, WMMF_E_NOT_SUPPORTED, "flags", options->flags,
         "no WMMF_FILE_WRITE_THROUGH, because a native file is written in memory (use wmmf_flush)"},
    };
    return first_refusal(refusals, sizeof refusals / sizeof *refusals);
}

static int32_t file_options_check(const wmmf_file_options *given, wmmf_file_options *options) {
    static const wmmf_file_options none = {.struct_size = sizeof none};
    if (!given)
        given = &none;
    int32_t status = struct_check(WMMF_OK, given, sizeof *given);
    if (status != WMMF_OK)
        return status;
    *options = *given;
    status = values_check(options);
    return status == WMMF_OK ? fit_check(options) : status;
}

/* 0: to the end of the file. */
static int32_t size_check_or_all(uint64_t size, uint64_t most) {
    return size == 0 ? WMMF_OK : size_check(size, most);
}

/* A 32-bit process may have no addresses for a whole file, but enough for windows of it. */
static int32_t mapping_check(uint64_t size) {
    int32_t status = size_check_or_all(size, LARGEST_MAPPING);
    if (status != WMMF_OK)
        error_detail("size %" PRIu64 ": expected at most %" PRIu64
                     ", which is what this process can map at once; give a smaller size, and map windows of the rest",
                     size, (uint64_t)LARGEST_MAPPING);
    return status;
}

static int32_t path_check(const char *path) {
    if (!path)
        return null_argument("path");
    size_t length = strlen(path);
    if (length == 0)
        return failed(WMMF_E_NAME_EMPTY, "the path is empty");
    if (path[length - 1] != '/')
        return WMMF_OK;
    return failed(WMMF_E_FORMAT, "a path that ends with a slash names a folder, not an ordinary file");
}

static int32_t arguments_check(const char *path, uint64_t size, const wmmf_file_options *given, wmmf_section **out,
                               wmmf_file_options *options) {
    error_clear();
    int32_t status = out ? path_check(path) : null_argument("out");
    if (status == WMMF_OK)
        status = file_options_check(given, options);
    if (status == WMMF_OK && options->name)
        status = name_check(options->name, options->name_space);
    if (status == WMMF_OK)
        status = size_check_or_all(size, UINT64_MAX - options->offset);
    if (status != WMMF_OK || (options->flags & WMMF_FILE_UNMAPPED) != 0)
        return status;
    return options->native ? size_check_or_all(size, LARGEST_MAPPING) : mapping_check(size);
}

/* The length of a file before this call, and after it. */
struct length {
    uint64_t before;
    uint64_t now;
};

static int32_t look_at_length(struct platform_mapping *mapping, struct length *length) {
    int32_t status = platform_file_size(mapping, &length->before);
    length->now = length->before;
    return status;
}

static int32_t lengthen(struct platform_mapping *mapping, const wmmf_file_options *options, uint64_t least,
                        struct length *length) {
    if (length->now >= least)
        return WMMF_OK;
    int32_t status = size_check(least, INT64_MAX);
    if (status == WMMF_OK)
        status = platform_file_resize(mapping, least, (options->flags & WMMF_FILE_RESERVE) != 0);
    if (status == WMMF_OK)
        length->now = least;
    return status;
}

/* Restores the length after a failure, unless another process has changed it meanwhile. */
static void put_back(struct platform_mapping *mapping, const struct length *length) {
    uint64_t size;
    if (length->now == length->before)
        return;
    platform_file_unmap(mapping);
    if (platform_file_size(mapping, &size) == WMMF_OK && size == length->now)
        platform_file_resize(mapping, length->before, false);
}

static uint64_t greater(uint64_t one, uint64_t other) {
    return one > other ? one : other;
}

/* Computes how much of the file the section has (*size, if it was 0), and how long the file must be (*least).
 * `may_grow`: this handle may make the file that long. */
static int32_t extent_in_file(const wmmf_file_options *options, bool may_grow, uint64_t there, uint64_t *size,
                              uint64_t *least) {
    bool emptied = options->file_mode == WMMF_FILE_TRUNCATE, writable = options->protection == WMMF_READ_WRITE;
    uint64_t kept = emptied ? 0 : there, offset = options->offset;
    *least = greater(*size ? offset + *size : 0, options->file_size);
    uint64_t length = may_grow && writable ? greater(*least, kept) : kept, most = length > offset ? length - offset : 0;
    if (*size > most || most == 0)
        return failed(WMMF_E_SIZE,
                      "size %" PRIu64 ": expected %s %" PRIu64 ", because the file has %" PRIu64
                      " bytes and the offset is %" PRIu64,
                      *size, *size ? "at most" : "at least", *size ? most : 1, kept, offset);
    *size = *size ? *size : most;
    return WMMF_OK;
}

static int32_t map_again(wmmf_section *section, uint64_t size) {
    int32_t status = platform_file_map(section->mapping, section->file_offset, size);
    if (status == WMMF_OK) {
        section->payload = platform_base(section->mapping);
        section->size = size;
    }
    return status;
}

/* Empties a file that is already long enough and mapped: nothing is lost before the system has shown that it can do
 * both. Only doing it again can still fail. */
static int32_t make_empty(wmmf_section *section, const wmmf_file_options *options, uint64_t least) {
    struct length length = {0, 0};
    bool mapped = section->payload != NULL;
    platform_file_unmap(section->mapping);
    int32_t status = platform_file_resize(section->mapping, 0, false);
    if (status == WMMF_OK)
        status = lengthen(section->mapping, options, least, &length);
    return status == WMMF_OK && mapped ? map_again(section, section->size) : status;
}

static int32_t fill_raw(wmmf_section *section, uint64_t size, const wmmf_file_options *options, bool may_grow,
                        struct length *length) {
    uint64_t least;
    int32_t status = look_at_length(section->mapping, length);
    if (status == WMMF_OK)
        status = extent_in_file(options, may_grow, length->before, &size, &least);
    if (status == WMMF_OK)
        status = lengthen(section->mapping, options, least, length);
    section->size = size;
    bool mapped = (options->flags & WMMF_FILE_UNMAPPED) == 0;
    if (status == WMMF_OK && mapped)
        status = mapping_check(size);
    if (status == WMMF_OK && mapped)
        status = map_again(section, size);
    if (status == WMMF_OK && options->file_mode == WMMF_FILE_TRUNCATE && length->before > 0)
        status = make_empty(section, options, least);
    return status;
}

/* Takes over the mapping, and closes it on failure. */
static int32_t map_raw(struct platform_mapping *mapping, uint64_t size, const wmmf_file_options *options, bool may_grow,
                       wmmf_section **out) {
    struct length length = {0, 0};
    wmmf_section *section = calloc(1, sizeof *section);
    if (!section) {
        platform_close(mapping);
        return WMMF_E_NO_MEMORY;
    }
    section->mapping = mapping;
    section->layout = WMMF_RAW;
    section->read_only = options->protection == WMMF_READ;
    section->file = true;
    section->file_offset = options->offset;
    int32_t status = fill_raw(section, size, options, may_grow, &length);
    if (status != WMMF_OK) {
        put_back(mapping, &length);
        section_close(section);
        return status;
    }
    *out = section;
    return WMMF_OK;
}

/* Whether a participant of an earlier boot never left. Called before we join, because joining may take over its record.
 */
static bool is_left_open(const struct platform_mapping *mapping) {
    const struct header *header = (const struct header *)(const void *)platform_base(mapping);
    const struct participant *records = (const struct participant *)(const void *)(header + 1);
    uint64_t size = platform_mapped_size(mapping);
    if (size < HEADER_SIZE || load_relaxed_u64(&header->boot_id) == platform_boot_id())
        return false;
    uint64_t room = (size - HEADER_SIZE) / sizeof *records;
    uint32_t participants = load_relaxed_u32(&header->participants);
    for (uint32_t i = 0; i < participants && i < room; i++)
        if (load_relaxed_u32(&records[i].pid) != 0 || load_relaxed_u64(&records[i].joined_unix_ns) != 0)
            return true;
    return false;
}

/* The records of an earlier boot have no owners: their tokens are gone. A lock in the payload whose owner was inside
 * records that itself; the section's own lock records that any other part may also be half written. */
static void check_start(wmmf_section *section, bool left_open) {
    struct header *header = section->header;
    uint64_t now = platform_boot_id();
    if (section->read_only || load_relaxed_u64(&header->boot_id) == now)
        return;
    if (left_open)
        or_seq_u64(&header->lock, LOCK_INCONSISTENT);
    for (uint32_t i = 0; i < section->participants; i++)
        if (i != section->index)
            reap_if_dead(&section->lock, i);
    store_relaxed_u64(&header->boot_id, now);
}

/* Whether the first `length` bytes are 0. */
static int32_t is_blank(struct platform_mapping *mapping, uint64_t length, bool *blank) {
    static const uint8_t zeros[HEADER_SIZE];
    uint8_t piece[HEADER_SIZE];
    *blank = true;
    for (uint64_t at = 0; at < length && *blank; at += sizeof piece) {
        size_t now = length - at < sizeof piece ? (size_t)(length - at) : sizeof piece;
        int32_t status = platform_file_read(mapping, at, piece, now);
        if (status != WMMF_OK)
            return status;
        *blank = memcmp(piece, zeros, now) == 0;
    }
    return WMMF_OK;
}

/* A file without the magic is new if the first `length` bytes, the place of the headers, are zeros or the remains of a
 * creator that died before it stored the magic: a creator stores the version first. */
static int32_t find_header(struct platform_mapping *mapping, bool may_create, uint64_t length, bool *is_new) {
    uint64_t size, magic = 0;
    uint32_t version = 0;
    int32_t status = platform_file_size(mapping, &size);
    if (status == WMMF_OK && size >= HEADER_SIZE)
        status = platform_file_read(mapping, 0, &magic, sizeof magic);
    if (status == WMMF_OK && size >= HEADER_SIZE)
        status = platform_file_read(mapping, offsetof(struct header, format_version), &version, sizeof version);
    if (status != WMMF_OK || magic == SECTION_MAGIC)
        return status;
    *is_new = magic == 0 && version == WMMF_FORMAT_VERSION;
    if (!*is_new)
        status = is_blank(mapping, size < length ? size : length, is_new);
    if (status != WMMF_OK || (*is_new && may_create))
        return status;
    return failed(WMMF_E_FORMAT, *is_new ? "the file has no header yet, and file_mode 0 (WMMF_FILE_OPEN) creates none"
                                         : "the file does not begin with the header of a native file");
}

/* Sets the length of a new file, and maps all of a new or existing one. */
static int32_t map_whole(struct platform_mapping *mapping, uint64_t size, const wmmf_file_options *options,
                         const wmmf_options *section_options, bool is_new, struct length *length) {
    int32_t status = look_at_length(mapping, length);
    if (status == WMMF_OK && is_new && size == 0)
        status = failed(WMMF_E_SIZE, "size 0: expected at least 1, because the file is new");
    if (status == WMMF_OK && is_new)
        status =
            lengthen(mapping, options, greater(section_file_size(section_options, size), options->file_size), length);
    if (status == WMMF_OK)
        status = size_check(length->now, LARGEST_MAPPING);
    return status == WMMF_OK ? platform_file_map(mapping, 0, length->now) : status;
}

/* The caller has the lock of the file. Closes the mapping on failure. */
static int32_t prepare_native(struct platform_mapping *mapping, uint64_t size, const wmmf_file_options *options,
                              const wmmf_options *section_options, wmmf_section **out) {
    struct length length = {0, 0};
    bool is_new = false;
    int32_t status =
        find_header(mapping, options->file_mode != WMMF_FILE_OPEN, section_file_size(section_options, 0), &is_new);
    if (status == WMMF_OK)
        status = map_whole(mapping, size, options, section_options, is_new, &length);
    if (status != WMMF_OK) {
        put_back(mapping, &length);
        platform_close(mapping);
        return status;
    }
    bool left_open = !is_new && is_left_open(mapping);
    status = section_of_file(mapping, size, section_options, is_new, out);
    if (status != WMMF_OK || is_new)
        return status;
    check_start(*out, left_open);
    status = lengthen(mapping, options, options->file_size, &length); /* only now that it is known to be ours */
    if (status != WMMF_OK)
        section_close(*out);
    return status;
}

/* Takes over the mapping, and closes it on failure. */
static int32_t map_native(struct platform_mapping *mapping, uint64_t size, const wmmf_file_options *options,
                          const wmmf_options *section_options, wmmf_section **out) {
    int32_t status = platform_file_lock(mapping);
    if (status != WMMF_OK) {
        platform_close(mapping);
        return status;
    }
    status = prepare_native(mapping, size, options, section_options, out);
    if (status != WMMF_OK)
        return status; /* the lock ended with the mapping */
    platform_file_unlock(mapping);
    (*out)->file_offset = payload_begin(*out);
    if (!section_options->read_only)
        status = platform_file_flush(mapping, 0, (*out)->file_offset, true);
    if (status != WMMF_OK)
        section_close(*out);
    return status;
}

static int32_t map_file(const char *path, uint64_t size, const wmmf_file_options *options, bool may_grow,
                        wmmf_section **out) {
    struct platform_mapping *mapping;
    bool created = false;
    struct platform_file file = {
        .path = path,
        .file_mode = options->file_mode,
        .protection = options->protection,
        .share = options->share,
        .permissions = options->permissions ? options->permissions : 0600,
        .native = options->native != 0,
        .write_through = (options->flags & WMMF_FILE_WRITE_THROUGH) != 0,
        .name = options->name,
        .name_space = options->name_space,
    };
    wmmf_options section_options = {
        .struct_size = sizeof section_options,
        .layout = WMMF_NATIVE,
        .read_only = options->protection == WMMF_READ,
        .participants = options->participants,
        .locks = options->locks,
    };
    int32_t status = platform_file_open(&file, &mapping, &created);
    if (status != WMMF_OK)
        return status;
    wmmf_section *section;
    status = options->native ? map_native(mapping, size, options, &section_options, &section)
                             : map_raw(mapping, size, options, may_grow, &section);
    if (status != WMMF_OK) {
        if (created)
            platform_file_remove(path);
        return status;
    }
    section->copy_on_write = options->protection == WMMF_COPY_ON_WRITE;
    section->reserves = (options->flags & WMMF_FILE_RESERVE) != 0;
    *out = section;
    return WMMF_OK;
}

int32_t wmmf_map_file(const char *path, uint64_t size, const wmmf_file_options *given, wmmf_section **out) {
    wmmf_file_options options;
    int32_t status = arguments_check(path, size, given, out, &options);
    return status == WMMF_OK ? map_file(path, size, &options, true, out) : status;
}

int32_t wmmf_open_file(const char *path, uint64_t size, const wmmf_options *given, wmmf_section **out) {
    wmmf_options options;
    error_clear();
    int32_t status = out ? path_check(path) : null_argument("out");
    if (status == WMMF_OK)
        status = options_check(given, &options);
    if (status == WMMF_OK && (options.layout != WMMF_RAW || options.flags != 0 || options.own_only))
        status =
            failed(WMMF_E_NOT_SUPPORTED, "layout, flags, own_only: expected WMMF_RAW, 0 and 0, because it is a file");
    if (status != WMMF_OK)
        return status;
    wmmf_file_options file = {.struct_size = sizeof file,
                              .protection = options.read_only ? WMMF_READ : WMMF_READ_WRITE};
    return map_file(path, size, &file, false, out);
}

/* Whether the buffer is in the section itself, at *at, and overlaps the bytes at `offset`. */
static bool overlaps(const wmmf_section *section, uint64_t offset, const void *buffer, size_t length, uint64_t *at) {
    uintptr_t start = (uintptr_t)section->payload, place = (uintptr_t)buffer;
    if (!section->payload || place < start || place - start > section->size || length > section->size - (place - start))
        return false;
    *at = place - start;
    return *at < offset ? offset - *at < length : *at - offset < length;
}

/* The system copies from the first byte on, even if the ranges overlap. So a move to a higher offset begins at the end.
 */
static int32_t move(wmmf_section *section, uint64_t from, uint64_t to, size_t length) {
    uint8_t piece[4096];
    int32_t status = WMMF_OK;
    for (size_t done = 0, now; status == WMMF_OK && done < length; done += now) {
        now = length - done < sizeof piece ? length - done : sizeof piece;
        uint64_t at = section->file_offset + (to > from ? length - done - now : done);
        status = platform_file_read(section->mapping, from + at, piece, now);
        if (status == WMMF_OK)
            status = platform_file_write(section->mapping, to + at, piece, now);
    }
    return status;
}

static int32_t explained(int32_t status) {
    return status == WMMF_E_TRUNCATED ? file_was_cut() : status;
}

int32_t files_read(wmmf_section *section, uint64_t offset, void *buffer, size_t length) {
    uint64_t at;
    return explained(overlaps(section, offset, buffer, length, &at)
                         ? move(section, offset, at, length)
                         : platform_file_read(section->mapping, section->file_offset + offset, buffer, length));
}

int32_t files_write(wmmf_section *section, uint64_t offset, const void *buffer, size_t length) {
    uint64_t at;
    return explained(overlaps(section, offset, buffer, length, &at)
                         ? move(section, at, offset, length)
                         : platform_file_write(section->mapping, section->file_offset + offset, buffer, length));
}

/* Reserving cannot make a file shorter. */
static int32_t resize_file(wmmf_section *section, uint64_t size) {
    bool reserve = section->reserves && size > section->size;
    return platform_file_resize(section->mapping, section->file_offset + size, reserve);
}

static uint64_t largest_size(const wmmf_section *section) {
    uint64_t most = INT64_MAX - section->file_offset;
    return section->payload && most > LARGEST_MAPPING ? LARGEST_MAPPING : most;
}

static int32_t resize_check(const wmmf_section *section, uint64_t size) {
    if (!section->file)
        return failed(WMMF_E_NOT_SUPPORTED,
                      "it is a section without a header: expected a file, or a section of the native layout");
    if (section->copy_on_write)
        error_detail("this handle copies on write, so it does not change the file");
    if (section->read_only || section->copy_on_write)
        return WMMF_E_READ_ONLY;
    return size_check(size, largest_size(section));
}

static int32_t resize_mapped(wmmf_section *section, uint64_t size) {
    uint64_t before = section->size, there;
    int32_t status = platform_file_size(section->mapping, &there); /* fails before anything is unmapped, if at all */
    if (status != WMMF_OK)
        return status;
    platform_file_unmap(section->mapping);
    status = resize_file(section, size);
    if (status == WMMF_OK)
        status = map_again(section, size);
    if (status != WMMF_OK && map_again(section, before) != WMMF_OK) {
        section->payload = NULL; /* as with WMMF_FILE_UNMAPPED: there are no addresses left */
        section->size = before;
    }
    return status;
}

int32_t files_resize(wmmf_section *section, uint64_t size) {
    int32_t status = resize_check(section, size);
    if (status != WMMF_OK || section->payload)
        return status != WMMF_OK ? status : resize_mapped(section, size);
    status = resize_file(section, size);
    if (status == WMMF_OK)
        section->size = size;
    return status;
}
