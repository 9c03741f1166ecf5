/* Creating, opening and closing sections. */
#include "section.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "growth.h"
#include "last_error.h"
#include "lock_holders.h"
#include "lock_winmmf.h"
#include "name.h"
#include "participants.h"
#include "rwlock.h"
#include "tuning.h"

/* Options and arguments. */

#define ALL_LARGE ((uint32_t)(WMMF_LARGE_PAGES | WMMF_TRY_LARGE_PAGES))
#define ALL_FLAGS (ALL_LARGE | WMMF_LOCKED)

int32_t options_check(const wmmf_options *given, wmmf_options *options) {
    static const wmmf_options none = {.struct_size = sizeof none};
    if (!given)
        given = &none;
    int32_t status = struct_check(WMMF_OK, given, sizeof *given);
    if (status == WMMF_OK && given->channel)
        status = struct_check(WMMF_OK, given->channel, sizeof *given->channel);
    if (status != WMMF_OK)
        return status;
    *options = *given;
    bool needs_sddl = options->access == WMMF_ACCESS_SDDL;
    const struct refusal refusals[] = {
        {options->name_space > WMMF_ANY, WMMF_E_ARGUMENT, "name_space", options->name_space, "0 to 3"},
        {options->layout > WMMF_RAW, WMMF_E_ARGUMENT, "layout", options->layout, "0 to 2"},
        {options->access > WMMF_ACCESS_MODE, WMMF_E_ARGUMENT, "access", options->access, "0 to 4"},
        {options->mode > 0777, WMMF_E_ARGUMENT, "mode", options->mode, "at most 511 (0777)"},
        {options->read_only > 1, WMMF_E_ARGUMENT, "read_only", options->read_only, "0 or 1"},
        {options->participants > WMMF_PARTICIPANTS_MAX, WMMF_E_ARGUMENT, "participants", options->participants,
         "at most WMMF_PARTICIPANTS_MAX"},
        {options->locks > WMMF_LOCKS_MAX, WMMF_E_ARGUMENT, "locks", options->locks, "at most WMMF_LOCKS_MAX"},
        {needs_sddl && !options->sddl, WMMF_E_ARGUMENT, "access", options->access, "a security descriptor in sddl"},
        {!needs_sddl && options->sddl, WMMF_E_ARGUMENT, "access", options->access,
         "WMMF_ACCESS_SDDL, because sddl is given"},
        {(options->flags & ~ALL_FLAGS) != 0, WMMF_E_ARGUMENT, "flags", options->flags,
         "bits WMMF_LARGE_PAGES, WMMF_TRY_LARGE_PAGES and WMMF_LOCKED"},
        {(options->flags & ALL_LARGE) == ALL_LARGE, WMMF_E_ARGUMENT, "flags", options->flags,
         "either WMMF_LARGE_PAGES or WMMF_TRY_LARGE_PAGES"},
        {options->own_only > 1, WMMF_E_ARGUMENT, "own_only", options->own_only, "0 or 1"},
    };
    return first_refusal(refusals, sizeof refusals / sizeof *refusals);
}

static int32_t open_check(const char *name, const wmmf_options *given, wmmf_section **out, wmmf_options *options) {
    error_clear();
    int32_t status = pointer_check(pointer_check(WMMF_OK, name, "name"), out, "out");
    if (status == WMMF_OK)
        status = options_check(given, options);
    if (status == WMMF_OK)
        status = name_check(name, options->name_space);
    return status == WMMF_OK && options->layout == WMMF_WINMMF ? winmmf_check(name, options->access) : status;
}

/* Tries again until a name is free. Between two tries the waiter does not have the section open: that would keep it
 * alive if its creator dies before it stores the magic. So the kernel removes it with its creator, and the next try
 * finds nothing under the name. Only overlapping tries of several waiters can keep it alive. The pauses double, so a
 * second has a dozen tries, with gaps between those of many waiters. */
struct retry {
    int64_t deadline;
    int64_t pause;
};

static struct retry retry_new(void) {
    struct retry retry = {deadline_after(READY_TIMEOUT_NS), READY_PAUSE_NS};
    return retry;
}

/* Whether to try again, after a pause; then the failure is forgotten. */
static bool retry_left(struct retry *retry) {
    int64_t pause = deadline_remaining(retry->deadline, retry->pause);
    if (pause == 0)
        return false;
    error_clear();
    platform_pause(pause);
    retry->pause *= 2;
    return true;
}

/* Opening. */

/* Only displayed, and used as a hint: any writer may have changed it. */
static uint64_t claimed_page(const struct header *header) {
    uint64_t page = load_relaxed_u64(&header->page_size);
    return (page & (page - 1)) == 0 ? page : 0;
}

static uint64_t payload_offset(uint32_t layout, uint32_t participants, uint32_t locks) {
    if (layout == WMMF_NATIVE) {
        uint64_t end = HEADER_SIZE + (uint64_t)participants * sizeof(struct participant) +
                       (uint64_t)participants * locks * sizeof(struct hold);
        return (end + PAYLOAD_ALIGNMENT - 1) / PAYLOAD_ALIGNMENT * PAYLOAD_ALIGNMENT;
    }
    return layout == WMMF_WINMMF ? WINMMF_HEADER_SIZE : 0;
}

static void section_free(wmmf_section *section) {
    free(section->skipped);
    free(section->holdings);
    free(section->skipped_holds);
    free(section);
}

static void section_abandon(wmmf_section *section) {
    growth_end(section);
    platform_close(section->mapping);
    section_free(section);
}

static const struct lock_abandon *abandon_of(uint32_t layout) {
    return layout == WMMF_NATIVE ? &rwlock_abandon : layout == WMMF_WINMMF ? &winmmf_abandon : NULL;
}

/* The section's own lock; joining adds its record. */
static void find_lock(wmmf_section *section) {
    struct header *header = section->header;
    struct rwlock *lock = &section->lock;
    lock->word = &header->lock;
    lock->next_ticket = &header->next_ticket;
    lock->sequence = &header->sequence;
    lock->notified = &header->notified;
    lock->events = header->events;
    lock->progress = &header->progress;
    lock->notes = &section->notes;
}

/* A read-only handle has no holds. */
static int32_t find_holds(wmmf_section *section, uint32_t locks) {
    if (locks == 0)
        return WMMF_OK;
    section->locks = locks;
    section->holds = (struct hold *)(void *)&section->records[section->participants];
    if (section->read_only)
        return WMMF_OK;
    section->holdings = calloc(locks, sizeof *section->holdings);
    section->skipped_holds = calloc((size_t)section->participants * locks, sizeof *section->skipped_holds);
    return section->holdings && section->skipped_holds ? WMMF_OK : WMMF_E_NO_MEMORY;
}

/* Takes over the section, and closes it on failure. */
static int32_t section_new(struct platform_mapping *mapping, const wmmf_options *options, uint64_t offset,
                           uint64_t size, uint32_t participants, uint32_t locks, wmmf_section **out) {
    wmmf_section *section = calloc(1, sizeof *section);
    shared_u32 *skipped = calloc(participants ? participants : 1, sizeof *skipped);
    if (!section || !skipped) {
        free(section);
        free(skipped);
        platform_close(mapping);
        return WMMF_E_NO_MEMORY;
    }
    section->mapping = mapping;
    section->lock.section = section;
    section->layout = options->layout;
    section->name_space = options->name_space;
    section->read_only = options->read_only;
    section->payload = platform_base(mapping) + offset;
    section->size = size;
    section->skipped = skipped;
    section->abandon = abandon_of(options->layout);
    section->participants = participants;
    if (options->layout == WMMF_NATIVE) {
        section->header = (struct header *)(void *)platform_base(mapping);
        section->records = (struct participant *)(void *)(platform_base(mapping) + HEADER_SIZE);
        find_lock(section);
    }
    if (find_holds(section, locks) != WMMF_OK) {
        section_abandon(section);
        return WMMF_E_NO_MEMORY;
    }
    *out = section;
    return WMMF_OK;
}

/* The end of opening: hands out the section, or closes it after a failure. */
static int32_t hand_out(wmmf_section *section, int32_t status, wmmf_section **out) {
    if (status != WMMF_OK) {
        section_abandon(section);
        return status;
    }
    if (section->layout == WMMF_WINMMF)
        section->identity = platform_identity(section->mapping);
    if (section->abandon)
        holders_add_handle(section);
    *out = section;
    return WMMF_OK;
}

/* `kind` and `page_size`: as they were checked, because any writer may have changed the header since. */
static void keep_constants(wmmf_section *section, uint32_t kind, uint64_t page_size) {
    section->section_id = load_relaxed_u64(&section->header->section_id);
    section->identity = section->section_id;
    section->created_unix_ns = load_relaxed_u64(&section->header->created_unix_ns);
    section->page_size = page_size;
    section->kind = kind;
}

/* The section's id is known by now. */
static int32_t join(wmmf_section *section) {
    int32_t status = platform_join(section->mapping, section->section_id, section->read_only);
    return status == WMMF_OK && !section->read_only ? participants_join(section) : status;
}

/* `page_size`: 0 for a file, which may be opened on another machine. */
static int32_t initialise_header(wmmf_section *section, const struct payload_plan *plan, uint64_t page_size) {
    struct header *header = section->header;
    int32_t status = platform_random(&header->section_id);
    if (status != WMMF_OK)
        return status;
    header->format_version = WMMF_FORMAT_VERSION;
    header->participants = section->participants;
    header->payload_offset = payload_begin(section);
    header->payload_size = section->size;
    header->locks = section->locks;
    header->reserve = section->reserve;
    header->committed = section->reserve ? section->size : 0;
    header->created_unix_ns = platform_unix_ns();
    header->creator_pid = platform_process_id(section->mapping);
    uint32_t kind = plan ? (uint32_t)plan->kind : KIND_PLAIN;
    header->kind = kind;
    header->page_size = page_size;
    if (plan)
        status = plan->initialise(section, plan->context);
    keep_constants(section, kind, page_size);
    if (status == WMMF_OK)
        status = join(section);
    /* Released: a process that sees the magic sees all of the above. Dying before: nobody can use the section, so
     * nobody keeps it open. On Windows, where it already has its name, the name disappears with it. */
    if (status == WMMF_OK)
        store_release_u64(&header->magic, SECTION_MAGIC);
    return status;
}

static uint32_t participants_of(const wmmf_options *options, const struct payload_plan *plan) {
    if (options->layout != WMMF_NATIVE)
        return 0;
    if (options->participants)
        return options->participants;
    return plan ? plan->participants : WMMF_PARTICIPANTS_DEFAULT;
}

/* The system gives large pages all at once, and locks all of a section. */
static int32_t flags_check(uint32_t flags, bool is_plain, bool grows) {
    if (flags == 0 || (is_plain && !grows))
        return WMMF_OK;
    return failed(WMMF_E_NOT_SUPPORTED,
                  "large pages and locked memory (flags) are for sections, and those that cannot grow (reserve)");
}

/* A section that may grow is longer than the memory that it has at first. */
static int32_t reserve_check(uint64_t offset, uint64_t size, const wmmf_options *options,
                             const struct payload_plan *plan) {
    if (options->reserve == 0)
        return WMMF_OK;
    if (plan || options->layout != WMMF_NATIVE)
        return failed(WMMF_E_NOT_SUPPORTED, "only plain sections of the native layout can grow (reserve)");
    if (options->reserve >= size && options->reserve <= LARGEST_MAPPING - offset)
        return WMMF_OK;
    return failed(WMMF_E_SIZE,
                  "reserve %" PRIu64 ": expected %" PRIu64 " (its size) to %" PRIu64
                  ", the most that this process can map",
                  options->reserve, size, (uint64_t)LARGEST_MAPPING - offset);
}

static int32_t creation_check(uint64_t offset, uint64_t size, const wmmf_options *options,
                              const struct payload_plan *plan) {
    int32_t status = size_check(size, LARGEST_MAPPING - offset);
    if (status == WMMF_OK && options->locks != 0 && (plan || options->layout != WMMF_NATIVE))
        status = failed(WMMF_E_NOT_SUPPORTED,
                        "only plain sections of the native layout have locks in their payload (locks)");
    if (status == WMMF_OK)
        status = reserve_check(offset, size, options, plan);
    return status == WMMF_OK ? flags_check(options->flags, !plan, options->reserve != 0) : status;
}

static int32_t keep(wmmf_section *section, const wmmf_options *options) {
    section->locked = (options->flags & WMMF_LOCKED) != 0;
    return section->locked ? platform_keep(section->mapping) : WMMF_OK;
}

static int32_t initialise(wmmf_section *section, const struct payload_plan *plan) {
    if (section->layout == WMMF_WINMMF)
        winmmf_initialise(section);
    if (section->layout != WMMF_NATIVE)
        return WMMF_OK;
    return initialise_header(section, plan, platform_page_size(section->mapping));
}

/* A NULL name: unnamed. */
static int32_t create(const char *name, uint64_t size, const wmmf_options *options, const struct payload_plan *plan,
                      wmmf_section **out) {
    uint32_t participants = participants_of(options, plan);
    uint64_t offset = payload_offset(options->layout, participants, options->locks);
    int32_t status = creation_check(offset, size, options, plan);
    if (status != WMMF_OK)
        return status;
    struct platform_mapping *mapping;
    wmmf_section *section;
    uint64_t reserved = offset + (plan ? plan->reserved : size);
    uint64_t addresses = offset + (options->reserve ? options->reserve : size);
    status = name ? platform_create(name, options, offset + size, reserved, addresses, &mapping)
                  : platform_create_unnamed(options, offset + size, reserved, addresses, &mapping);
    if (status == WMMF_OK)
        status = section_new(mapping, options, offset, size, participants, options->locks, &section);
    if (status != WMMF_OK)
        return status;
    section->reserve = options->reserve;
    section->grows = options->reserve != 0;
    status = keep(section, options);
    if (status == WMMF_OK)
        status = initialise(section, plan);
    if (status == WMMF_OK && name)
        status = platform_publish(mapping);
    section->unnamed = !name;
    return hand_out(section, status, out);
}

/* Where the payload is, according to a header that any writer may have changed: each field is loaded once and trusted
 * only as far as the mapping reaches. */
struct extent {
    uint64_t offset;
    uint64_t size;
    uint32_t locks;
    uint64_t reserve; /* see wmmf_section */
    uint32_t participants;
    uint32_t kind;
    uint64_t page_size; /* see wmmf_section */
};

/* False: the fields contradict each other. */
static bool load_extent(const struct header *header, struct extent *extent) {
    extent->kind = load_relaxed_u32(&header->kind);
    extent->participants = load_relaxed_u32(&header->participants);
    extent->locks = load_relaxed_u32(&header->locks);
    extent->offset = load_relaxed_u64(&header->payload_offset);
    extent->size = growth_claimed(header);
    extent->reserve = load_relaxed_u64(&header->reserve);
    extent->page_size = claimed_page(header);
    bool plain = extent->kind == KIND_PLAIN;
    bool reserves = extent->reserve >= extent->size && extent->reserve <= LARGEST_MAPPING - extent->offset;
    return extent->participants != 0 && extent->participants <= WMMF_PARTICIPANTS_MAX && extent->size != 0 &&
           extent->locks <= WMMF_LOCKS_MAX && (extent->locks == 0 || plain) &&
           extent->offset == payload_offset(WMMF_NATIVE, extent->participants, extent->locks) &&
           (extent->reserve == 0 || (plain && reserves));
}

static int32_t header_extent(struct platform_mapping *mapping, struct extent *extent) {
    const struct header *header = (const struct header *)(const void *)platform_base(mapping);
    uint64_t mapped = platform_mapped_size(mapping);
    if (mapped < HEADER_SIZE)
        return WMMF_E_FORMAT;
    uint64_t magic = load_acquire_u64(&header->magic);
    if (magic != SECTION_MAGIC)
        return magic == 0 ? WMMF_E_NOT_READY : WMMF_E_FORMAT;
    uint32_t version = load_relaxed_u32(&header->format_version);
    if (version != WMMF_FORMAT_VERSION)
        return failed(WMMF_E_VERSION, "format version %" PRIu32 ": expected %d", version, WMMF_FORMAT_VERSION);
    uint64_t first = load_relaxed_u64(&header->payload_size);
    if (!load_extent(header, extent))
        return WMMF_E_FORMAT;
    /* Asked again: it may have grown since it was mapped. */
    int32_t status =
        extent->reserve != 0 ? platform_committed(mapping, extent->offset + extent->size, &mapped) : WMMF_OK;
    if (status != WMMF_OK)
        return status;
    /* On Windows, a section that is opened by name over a native file that has grown is as long as the file was. */
    if (extent->reserve == 0 && first != 0 && extent->offset <= mapped && extent->size > mapped - extent->offset)
        extent->size = first;
    if (extent->offset > mapped || extent->size > mapped - extent->offset)
        return failed(WMMF_E_TRUNCATED,
                      "%" PRIu64 " bytes of payload at offset %" PRIu64 ", but there are %" PRIu64 " in all",
                      extent->size, extent->offset, mapped);
    return WMMF_OK;
}

/* The other layouts would take its magic for payload, or for a lock word. */
static bool is_native(const struct platform_mapping *mapping) {
    const struct header *header = (const struct header *)(const void *)platform_base(mapping);
    return platform_mapped_size(mapping) >= HEADER_SIZE && load_relaxed_u64(&header->magic) == SECTION_MAGIC;
}

static int32_t find_extent(struct platform_mapping *mapping, uint32_t layout, struct extent *extent) {
    if (layout == WMMF_NATIVE)
        return header_extent(mapping, extent);
    if (layout == WMMF_WINMMF && is_native(mapping))
        return WMMF_E_FORMAT;
    uint64_t mapped = platform_mapped_size(mapping);
    if (layout == WMMF_WINMMF && mapped >= WINMMF_HEADER_SIZE && !winmmf_is_ready(platform_base(mapping)))
        return WMMF_E_NOT_READY;
    extent->kind = KIND_PLAIN;
    extent->offset = payload_offset(layout, 0, 0);
    if (mapped <= extent->offset)
        return WMMF_E_TRUNCATED;
    uint64_t addresses = platform_addresses(mapping);
    extent->reserve = addresses > mapped ? addresses - extent->offset : 0;
    extent->size = mapped - extent->offset;
    return WMMF_OK;
}

/* A read-only handle, for inspection, may open any kind. */
static int32_t kind_check(const struct extent *extent, const wmmf_options *options, enum section_kind wanted) {
    bool looking = options->read_only && wanted == KIND_PLAIN && extent->kind <= KIND_CHANNEL;
    if (extent->kind == (uint32_t)wanted || looking)
        return WMMF_OK;
    if (wanted == KIND_PLAIN && extent->kind == KIND_CHANNEL)
        error_detail("it is a frame channel, which opens as a section only read-only");
    else if (wanted == KIND_CHANNEL && extent->kind == KIND_PLAIN)
        error_detail("it is a section, not a frame channel");
    return WMMF_E_FORMAT;
}

/* Finds out where the payload is, and whether a handle of this kind may show `size` bytes of it. */
static int32_t attach_check(struct platform_mapping *mapping, uint64_t size, const wmmf_options *options,
                            enum section_kind kind, struct extent *extent) {
    int32_t status = find_extent(mapping, options->layout, extent);
    if (status == WMMF_OK)
        status = kind_check(extent, options, kind);
    if (status != WMMF_OK || size <= extent->size)
        return status;
    return failed(WMMF_E_SIZE, "size %" PRIu64 ": expected at most %" PRIu64 ", the size of the payload", size,
                  extent->size);
}

/* Takes over the section, and closes it on failure. */
static int32_t attach(struct platform_mapping *mapping, uint64_t size, const wmmf_options *options,
                      enum section_kind kind, wmmf_section **out) {
    struct extent extent = {0};
    wmmf_section *section;
    int32_t status = attach_check(mapping, size, options, kind, &extent);
    bool native = options->layout == WMMF_NATIVE, grows = native && extent.reserve != 0;
    if (status == WMMF_OK && grows)
        status = platform_extend(mapping, extent.offset + extent.reserve);
    if (status == WMMF_OK)
        status = flags_check(options->flags & WMMF_LOCKED, extent.kind == KIND_PLAIN, grows);
    if (status != WMMF_OK) {
        platform_close(mapping);
        return status;
    }
    if (native && extent.page_size > platform_page_size(mapping))
        platform_map_large(mapping, options->read_only);
    bool whole = size == 0 || grows; /* a section that can grow is shown up to its current size */
    status = section_new(mapping, options, extent.offset, whole ? extent.size : size, extent.participants, extent.locks,
                         &section);
    if (status != WMMF_OK)
        return status;
    section->reserve = extent.reserve;
    section->grows = grows;
    status = keep(section, options);
    if (status == WMMF_OK && native) {
        keep_constants(section, extent.kind, extent.page_size);
        status = join(section);
    }
    return hand_out(section, status, out);
}

/* Options of a channel are for calls that create one. */
static int32_t no_channel_check(const wmmf_options *options) {
    if (!options->channel)
        return WMMF_OK;
    return failed(WMMF_E_ARGUMENT, "channel: expected NULL, because this call creates no channel");
}

static int32_t create_check(const wmmf_options *options) {
    if (options->name_space != WMMF_ANY)
        return options->read_only ? refused(WMMF_E_ARGUMENT, "read_only", 1, "0, because a new section is writable")
                                  : WMMF_OK;
    return failed(WMMF_E_ARGUMENT, "WMMF_ANY is for opening only: create in WMMF_LOCAL, WMMF_GLOBAL or WMMF_CUSTOM");
}

int32_t section_create(const char *name, uint64_t size, const wmmf_options *given, const struct payload_plan *plan,
                       wmmf_section **out) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    if (status == WMMF_OK)
        status = create_check(&options);
    if (status == WMMF_OK && !plan)
        status = no_channel_check(&options);
    return status != WMMF_OK ? status : create(name, size, &options, plan, out);
}

static int32_t open_once_ready(const char *name, uint64_t size, const wmmf_options *options, enum section_kind kind,
                               wmmf_section **out) {
    struct platform_mapping *mapping;
    struct retry retry = retry_new();
    int32_t status;
    do {
        status = platform_open(name, options, &mapping);
        if (status == WMMF_OK)
            status = attach(mapping, size, options, kind, out);
    } while (status == WMMF_E_NOT_READY && retry_left(&retry));
    return status;
}

int32_t section_open(const char *name, uint64_t size, const wmmf_options *given, enum section_kind kind,
                     wmmf_section **out) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    if (status == WMMF_OK)
        status = no_channel_check(&options);
    if (status != WMMF_OK)
        return status;
    bool any = options.name_space == WMMF_ANY;
    if (any)
        options.name_space = WMMF_GLOBAL;
    status = open_once_ready(name, size, &options, kind, out);
    if (!any || status != WMMF_E_NOT_FOUND)
        return status; /* the first section found wins, whatever it is */
    error_clear();
    options.name_space = WMMF_LOCAL;
    return open_once_ready(name, size, &options, kind, out);
}

/* Opens what we would have created: raw bytes can be anything except a native section. */
static int32_t open_created(const char *name, uint64_t size, const wmmf_options *options,
                            const struct payload_plan *plan, wmmf_section **out) {
    struct platform_mapping *mapping;
    int32_t status = platform_open(name, options, &mapping);
    if (status != WMMF_OK)
        return status;
    if (options->layout == WMMF_RAW && is_native(mapping)) {
        platform_close(mapping);
        return WMMF_E_FORMAT;
    }
    return attach(mapping, plan ? 0 : size, options, plan ? plan->kind : KIND_PLAIN, out);
}

int32_t section_create_or_open(const char *name, uint64_t size, const wmmf_options *given,
                               const struct payload_plan *plan, wmmf_section **out, int32_t *created) {
    wmmf_options options;
    int32_t status = open_check(name, given, out, &options);
    if (status == WMMF_OK)
        status = size_check(size, LARGEST_MAPPING);
    if (status == WMMF_OK && !plan)
        status = no_channel_check(&options);
    if (status == WMMF_OK)
        status = create_check(&options);
    if (status != WMMF_OK)
        return status;
    /* Between our two tries another process may create or drop it. If a process of another user has crashed, the name
     * stays taken although there is nothing to open: only that user may remove it. */
    struct retry retry = retry_new();
    bool creating;
    do {
        status = open_created(name, size, &options, plan, out);
        creating = status == WMMF_E_NOT_FOUND;
        if (creating) {
            error_clear();
            status = create(name, size, &options, plan, out);
        }
    } while ((status == WMMF_E_EXISTS || status == WMMF_E_NOT_READY) && retry_left(&retry));
    if (status == WMMF_OK && created)
        *created = creating;
    return status;
}

/* Unnamed sections. */

static int32_t unnamed_check(const wmmf_options *given, wmmf_section **out, wmmf_options *options) {
    error_clear();
    int32_t status = out ? options_check(given, options) : null_argument("out");
    if (status == WMMF_OK)
        status = no_channel_check(options);
    if (status == WMMF_OK && options->own_only)
        status = refused(WMMF_E_ARGUMENT, "own_only", 1, "0, because the section has no name");
    options->name_space = WMMF_LOCAL;
    return status == WMMF_OK && options->layout == WMMF_WINMMF ? WMMF_E_NOT_SUPPORTED : status;
}

int32_t wmmf_create_unnamed(uint64_t size, const wmmf_options *given, wmmf_section **out) {
    wmmf_options options;
    int32_t status = unnamed_check(given, out, &options);
    if (status == WMMF_OK)
        status = create_check(&options);
    return status == WMMF_OK ? create(NULL, size, &options, NULL, out) : status;
}

int32_t wmmf_open_handle(int64_t handle, uint64_t size, const wmmf_options *given, wmmf_section **out) {
    wmmf_options options;
    struct platform_mapping *mapping;
    int32_t status = unnamed_check(given, out, &options);
    if (status == WMMF_OK)
        status = platform_open_handle(handle, options.read_only, &mapping);
    if (status == WMMF_OK)
        status = attach(mapping, size, &options, KIND_PLAIN, out);
    if (status == WMMF_OK)
        (*out)->unnamed = true;
    return status;
}

/* Inner sections. */

static uint64_t inner_offset(const struct inner_plan *plan) {
    return plan->kind == KIND_READERS ? payload_offset(WMMF_NATIVE, plan->participants, 0) : 0;
}

static uint64_t inner_size(const struct inner_plan *plan) {
    return plan->kind == KIND_READERS ? (uint64_t)plan->participants * plan->pins_each * sizeof(shared_u64)
                                      : plan->size;
}

/* Takes over the mapping, and closes it on failure. Nobody trusts the header of the readers' section: see inner_plan.
 */
static int32_t inner_new(struct platform_mapping *mapping, const struct inner_plan *plan, uint64_t size, bool read_only,
                         wmmf_section **out) {
    bool native = plan->kind == KIND_READERS;
    wmmf_options options = {.layout = native ? WMMF_NATIVE : WMMF_RAW, .read_only = read_only};
    wmmf_section *section;
    int32_t status =
        section_new(mapping, &options, inner_offset(plan), size, native ? plan->participants : 0, 0, &section);
    if (status != WMMF_OK)
        return status;
    if (native) {
        section->kind = KIND_READERS;
        section->section_id = section->identity = plan->id;
        section->pins = (shared_u64 *)(void *)section->payload;
        section->pins_each = plan->pins_each;
        status = join(section);
        if (status == WMMF_E_FULL && plan->without_record) {
            error_forget();
            section->index = NO_RECORD;
            status = WMMF_OK;
        }
    }
    return hand_out(section, status, out);
}

int32_t section_create_inner(const wmmf_section *outer, struct inner_plan *plan, wmmf_section **out) {
    bool readers = plan->kind == KIND_READERS;
    uint64_t offset = inner_offset(plan), size = inner_size(plan);
    struct platform_mapping *mapping;
    if (size == 0 || size > LARGEST_MAPPING - offset)
        return WMMF_E_SIZE;
    uint64_t reserved = readers ? offset + size : plan->reserved;
    int32_t status = platform_create_inner(outer->mapping, readers, offset + size, reserved, &plan->id, &mapping);
    if (status != WMMF_OK)
        return status;
    wmmf_section *section;
    status = inner_new(mapping, plan, size, false, &section);
    if (status != WMMF_OK)
        return status;
    status = platform_publish(mapping);
    if (status == WMMF_OK)
        *out = section;
    else
        section_close(section);
    return status;
}

int32_t section_open_inner(const wmmf_section *outer, const struct inner_plan *plan, bool read_only,
                           wmmf_section **out) {
    struct platform_mapping *mapping;
    struct retry retry = retry_new();
    int32_t status;
    do /* not ready: another process closes it, and is just checking whether others have it open */
        status = platform_open_inner(outer->mapping, plan->kind == KIND_READERS, plan->id, read_only, &mapping);
    while (status == WMMF_E_NOT_READY && retry_left(&retry));
    if (status != WMMF_OK)
        return status;
    uint64_t mapped = platform_mapped_size(mapping), least = inner_offset(plan) + inner_size(plan);
    if (mapped < least) {
        platform_close(mapping);
        return WMMF_E_TRUNCATED;
    }
    uint64_t size = plan->kind == KIND_READERS ? inner_size(plan) : mapped;
    return inner_new(mapping, plan, size, read_only, out);
}

/* A new native file. The version is stored first: from then on the file is known to be ours even if its creator dies,
 * and is not mistaken for a foreign file that begins with zeros (files.c). Remains of a dead creator are zeroed. */
static int32_t initialise_file(struct platform_mapping *mapping, const wmmf_options *options, uint64_t size,
                               wmmf_section **out) {
    uint32_t participants = participants_of(options, NULL);
    uint64_t offset = payload_offset(WMMF_NATIVE, participants, options->locks);
    wmmf_section *section;
    int32_t status = section_new(mapping, options, offset, size, participants, options->locks, &section);
    if (status != WMMF_OK)
        return status;
    struct header *header = section->header;
    store_seq_u32(&header->format_version, WMMF_FORMAT_VERSION);
    memset((uint8_t *)header + offsetof(struct header, participants), 0,
           (size_t)offset - offsetof(struct header, participants));
    header->boot_id = platform_boot_id();
    return hand_out(section, initialise_header(section, NULL, 0), out);
}

uint64_t section_file_size(const wmmf_options *options, uint64_t size) {
    return payload_offset(WMMF_NATIVE, participants_of(options, NULL), options->locks) + size;
}

/* Only sections in memory have one: a file can grow as far as the disk allows. */
static bool has_reserve(const struct platform_mapping *mapping) {
    const struct header *header = (const struct header *)(const void *)platform_base(mapping);
    return is_native(mapping) && load_relaxed_u64(&header->reserve) != 0;
}

int32_t section_of_file(struct platform_mapping *mapping, uint64_t size, const wmmf_options *options, bool is_new,
                        wmmf_section **out) {
    if (!is_new && has_reserve(mapping)) {
        platform_close(mapping);
        return WMMF_E_FORMAT;
    }
    int32_t status =
        is_new ? initialise_file(mapping, options, size, out) : attach(mapping, size, options, KIND_PLAIN, out);
    if (status == WMMF_OK && size == 0 && !is_new && growth_claimed((*out)->header) > (*out)->size) {
        section_close(*out);
        status = WMMF_E_TRUNCATED; /* a file is as long as it claims */
    }
    if (status != WMMF_OK)
        return status;
    (*out)->file = true;
    (*out)->grows = is_new || size == 0;
    return WMMF_OK;
}

int32_t wmmf_get_owner(wmmf_section *section, char *name, uint64_t capacity, uint64_t *needed) {
    char owner[OWNER_NAME_CAPACITY];
    int32_t status = pointer_check(section_check(section), needed, "needed");
    if (capacity != 0)
        status = pointer_check(status, name, "name");
    if (status == WMMF_OK)
        status = platform_owner(section->mapping, owner);
    if (status != WMMF_OK)
        return status;
    *needed = strlen(owner) + 1;
    if (*needed > capacity)
        return WMMF_E_RANGE;
    memcpy(name, owner, (size_t)*needed);
    return WMMF_OK;
}

int32_t file_was_cut(void) {
    return failed(WMMF_E_TRUNCATED, "the file was made shorter after it was mapped");
}

bool section_file_has(const wmmf_section *section, uint64_t payload) {
    uint64_t there;
    bool known =
        section->file && section->layout == WMMF_NATIVE && platform_file_size(section->mapping, &there) == WMMF_OK;
    return !known || there >= section->file_offset + payload;
}

void section_close(wmmf_section *section) {
    holders_remove_handle(section);
    /* A forked child must not touch what its parent still uses. */
    bool has_record = section->layout == WMMF_NATIVE && !section->read_only && section->index != NO_RECORD;
    if (has_record && !platform_forked(section->mapping) && section_file_has(section, 0))
        participants_leave(section);
    section_abandon(section);
}

int32_t section_check(const wmmf_section *section) {
    error_clear();
    if (!section)
        return null_argument("section");
    return platform_forked(section->mapping) ? WMMF_E_FORKED : WMMF_OK;
}

int32_t section_plain_check(const wmmf_section *section) {
    return section->kind == KIND_PLAIN
               ? WMMF_OK
               : failed(WMMF_E_NOT_SUPPORTED, "it is a frame channel: expected a section or a file");
}

int32_t section_mapped_check(const wmmf_section *section) {
    int32_t status = section_plain_check(section);
    if (status == WMMF_OK && !section->payload)
        status = failed(WMMF_E_NOT_SUPPORTED, "the file is not mapped (WMMF_FILE_UNMAPPED): map a window of it");
    return status;
}

int32_t section_range_after_look(wmmf_section *section, uint64_t offset, uint64_t length) {
    int32_t status = growth_look(section);
    if (status != WMMF_OK)
        return status;
    return section_has(section, offset, length) ? WMMF_OK : out_of_range(offset, length, section_size(section));
}
