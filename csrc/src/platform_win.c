/* The platform on Windows: sections of the paging file, and named kernel objects for sleeping and for showing which
 * processes live.
 *
 * Lifetime of a section. A name disappears with the last handle, even if there are views. So the handle stays open as
 * long as the mapping is used, and the kernel closes it with the process. A crash leaves nothing behind.
 *
 * WaitOnAddress does not cross processes, so an eventcount sleeps on a semaphore, and a token is an event that exists
 * for as long as the process that created it. Both are named after the random id of their section. A process that may
 * not open them (of a user with fewer rights than the creator) can still use the lock: it polls every millisecond. */
#include "win.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "last_error.h"
#include "tuning.h"

#define PAGE_MAX 65536 /* no page of Windows is larger, but for those that are asked for */

/* RtlGenRandom, documented under this name; exported by advapi32. */
BOOLEAN NTAPI SystemFunction036(void *buffer, ULONG length);

static const struct meaning meanings[] = {
    {ERROR_FILE_NOT_FOUND, WMMF_E_NOT_FOUND, NULL},
    {ERROR_ALREADY_EXISTS, WMMF_E_EXISTS, NULL},
    {ERROR_FILE_EXISTS, WMMF_E_EXISTS, NULL},
    {ERROR_INVALID_HANDLE, WMMF_E_EXISTS, NULL}, /* an object of another kind has this name */
    {ERROR_ACCESS_DENIED, WMMF_E_ACCESS, NULL},
    {ERROR_PRIVILEGE_NOT_HELD, WMMF_E_ACCESS, NULL},
    {ERROR_SHARING_VIOLATION, WMMF_E_ACCESS, "another program has the file open and does not share it"},
    {ERROR_LOCK_VIOLATION, WMMF_E_ACCESS, "another program has locked a part of the file"},
    {ERROR_USER_MAPPED_FILE, WMMF_E_ACCESS, "the file is mapped, and Windows does not truncate a mapped file"},
    {ERROR_PATH_NOT_FOUND, WMMF_E_NAME_INVALID, NULL},
    {ERROR_BAD_PATHNAME, WMMF_E_NAME_INVALID, NULL},
    {ERROR_INVALID_NAME, WMMF_E_NAME_INVALID, NULL},
    {ERROR_FILENAME_EXCED_RANGE, WMMF_E_NAME_TOO_LONG, NULL},
    {ERROR_NOT_ENOUGH_MEMORY, WMMF_E_NO_MEMORY, NULL},
    {ERROR_OUTOFMEMORY, WMMF_E_NO_MEMORY, NULL},
    {ERROR_COMMITMENT_LIMIT, WMMF_E_NO_MEMORY, NULL},
    {ERROR_NO_SYSTEM_RESOURCES, WMMF_E_NO_MEMORY, NULL},
    {ERROR_DISK_FULL, WMMF_E_NO_MEMORY, NULL},
};

int32_t status_from_error(DWORD error) {
    return status_from(meanings, sizeof meanings / sizeof *meanings, (int32_t)error);
}

/* Sections. */

void close_handle(HANDLE handle) {
    if (handle)
        CloseHandle(handle);
}

void platform_close(struct platform_mapping *mapping) {
    if (mapping->view)
        UnmapViewOfFile(mapping->view);
    end_keeping(mapping);
    for (int i = 0; i < TOKENS; i++)
        close_handle(mapping->tokens[i].event);
    for (int i = 0; i < EVENT_COUNT; i++)
        close_handle(mapping->events[i]);
    close_handle(mapping->mapping);
    close_handle(mapping->file);
    if (mapping->descriptor)
        LocalFree(mapping->descriptor);
    free(mapping->section_name);
    free(mapping);
}

int32_t mapping_new(struct platform_mapping **out) {
    *out = calloc(1, sizeof **out);
    return *out ? WMMF_OK : WMMF_E_NO_MEMORY;
}

/* Since Windows 10 1703 a view must ask for large pages; older systems ignore the flag. */
void *section_view(const struct platform_mapping *mapping, bool read_only, DWORD pages) {
    return MapViewOfFile(mapping->mapping, rights(read_only) | pages, 0, 0, 0);
}

static int32_t map_whole(struct platform_mapping *mapping, bool read_only) {
    mapping->view = section_view(mapping, read_only, mapping->page_size ? FILE_MAP_LARGE_PAGES : 0);
    mapping->base = mapping->view;
    return mapping->view ? WMMF_OK : status_from_error(GetLastError());
}

/* What the system says about the pages from this offset of our view on. False: the view ends before it. */
static bool region_at(const struct platform_mapping *mapping, uint64_t offset, MEMORY_BASIC_INFORMATION *region) {
    return VirtualQuery(mapping->base + offset, region, sizeof *region) != 0 && region->AllocationBase == mapping->view;
}

/* The system may report pages in the same state in several pieces, and looks at each page of a piece. So we do not ask
 * about reserved pages, which may be many, unless we must. */
int32_t platform_committed(struct platform_mapping *mapping, uint64_t enough, uint64_t *size) {
    MEMORY_BASIC_INFORMATION region;
    uint64_t end = 0;
    if (!region_at(mapping, 0, &region))
        return status_from_error(GetLastError());
    for (int looks = 0; looks < VIEW_REGIONS_MAX && region.State == MEM_COMMIT; looks++) {
        end += region.RegionSize;
        if (end >= enough || !region_at(mapping, end, &region))
            break;
    }
    *size = end;
    return WMMF_OK;
}

uint64_t platform_addresses(const struct platform_mapping *mapping) {
    MEMORY_BASIC_INFORMATION region;
    uint64_t end = 0;
    if (mapping->file)
        return mapping->mapped_size;
    for (int looks = 0; looks < VIEW_REGIONS_MAX && region_at(mapping, end, &region); looks++)
        end += region.RegionSize;
    return end;
}

int32_t section_map(struct platform_mapping *mapping, bool read_only) {
    int32_t status = map_whole(mapping, read_only);
    if (status == WMMF_OK)
        status = platform_committed(mapping, 1, &mapping->mapped_size);
    if (status != WMMF_OK || mapping->mapped_size != 0)
        return status;
    return failed(WMMF_E_NOT_READY,
                  "its %" PRIu64 " bytes are only reserved (SEC_RESERVE), and its beginning has no memory",
                  platform_addresses(mapping)); /* its creator may be about to commit them */
}

/* A view already has all of its section. */
int32_t platform_extend(struct platform_mapping *mapping, uint64_t addresses) {
    MEMORY_BASIC_INFORMATION last;
    return region_at(mapping, addresses - 1, &last) ? WMMF_OK : WMMF_E_TRUNCATED;
}

/* Adds the numbers to a failure. Windows commits memory when it is asked for: what is left is what it can still commit,
 * and what this process has addresses for. */
static int32_t with_room(int32_t status, uint64_t size) {
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};
    if (status == WMMF_E_NO_MEMORY && GlobalMemoryStatusEx(&memory))
        error_detail("%" PRIu64 " bytes are needed, and this process can have %" PRIu64 " more", size,
                     (uint64_t)(memory.ullAvailPageFile < memory.ullAvailVirtual ? memory.ullAvailPageFile
                                                                                 : memory.ullAvailVirtual));
    return status;
}

/* Pages that already have memory keep it, with their contents. */
int32_t platform_commit(struct platform_mapping *mapping, uint64_t size) {
    if (VirtualAlloc(mapping->base, (SIZE_T)size, MEM_COMMIT, PAGE_READWRITE))
        return WMMF_OK;
    return with_room(status_from_error(GetLastError()), size);
}

/* "Access denied" may mean that the name is taken by a section that we may not open. */
static int32_t creation_failure(DWORD error, const wchar_t *name) {
    if (error == ERROR_ACCESS_DENIED && name) {
        HANDLE existing = OpenFileMappingW(FILE_MAP_READ, FALSE, name);
        DWORD why = existing ? ERROR_ALREADY_EXISTS : GetLastError();
        close_handle(existing);
        if (why != ERROR_FILE_NOT_FOUND)
            error = ERROR_ALREADY_EXISTS;
    }
    return status_from_error(error);
}

/* An empty mapping, and the full name of its section. */
static int32_t section_named(const char *name, const wmmf_options *options, wchar_t *full_name,
                             struct platform_mapping **out) {
    int32_t status = section_name(name, options->name_space, full_name);
    if (status == WMMF_OK)
        status = mapping_new(out);
    if (status != WMMF_OK)
        return status;
    (*out)->object_namespace = object_namespace(full_name);
    (*out)->identity = hash_of(full_name);
    return WMMF_OK;
}

int32_t create_section(struct platform_mapping *mapping, const wchar_t *name, uint64_t size, DWORD kind) {
    SECURITY_ATTRIBUTES access = security_attributes(mapping);
    SetLastError(ERROR_SUCCESS);
    mapping->mapping = CreateFileMappingW(INVALID_HANDLE_VALUE, &access, PAGE_READWRITE | kind, (DWORD)(size >> 32),
                                          (DWORD)(size & 0xFFFFFFFF), name);
    DWORD error = GetLastError();
    if (!mapping->mapping)
        return creation_failure(error, name);
    return error == ERROR_ALREADY_EXISTS ? status_from_error(error) : WMMF_OK;
}

static int32_t create_ordinary(struct platform_mapping *mapping, const wchar_t *name, uint64_t size) {
    int32_t status = create_section(mapping, name, size, SEC_COMMIT);
    return with_room(status == WMMF_OK ? section_map(mapping, false) : status, size);
}

/* Whole pages: Wine does not commit a page that is only partly in the section. */
static int32_t create_reserved(struct platform_mapping *mapping, const wchar_t *name, uint64_t size,
                               uint64_t addresses) {
    int32_t status = create_section(mapping, name, (addresses + PAGE_MAX - 1) / PAGE_MAX * PAGE_MAX, SEC_RESERVE);
    if (status == WMMF_OK)
        status = map_whole(mapping, false);
    if (status == WMMF_E_NO_MEMORY)
        error_detail("this process cannot have the %" PRIu64 " bytes of addresses that the section may grow into",
                     addresses);
    mapping->mapped_size = size;
    return status == WMMF_OK ? platform_commit(mapping, size) : status;
}

int32_t create_exclusively(struct platform_mapping *mapping, const wchar_t *name, uint64_t size, uint64_t addresses,
                           uint32_t flags) {
    if (addresses > size)
        return create_reserved(mapping, name, size, addresses);
    if (flags & (WMMF_LARGE_PAGES | WMMF_TRY_LARGE_PAGES)) {
        int32_t status = create_large(mapping, name, size);
        if (status == WMMF_OK || status == WMMF_E_EXISTS || (flags & WMMF_LARGE_PAGES))
            return status;
        error_clear();
    }
    return create_ordinary(mapping, name, size);
}

int32_t platform_create(const char *name, const wmmf_options *options, uint64_t size, uint64_t reserved,
                        uint64_t addresses, struct platform_mapping **out) {
    (void)reserved; /* the system commits all of it */
    wchar_t full_name[NAME_CAPACITY];
    struct platform_mapping *mapping;
    int32_t status = section_named(name, options, full_name, &mapping);
    if (status != WMMF_OK)
        return status;
    status = creation_descriptor(options, &mapping->descriptor);
    if (status == WMMF_OK)
        status = create_exclusively(mapping, full_name, size, addresses, options->flags);
    return mapping_hand_out(mapping, status, out);
}

int32_t platform_reserve(struct platform_mapping *mapping, uint64_t offset, uint64_t length) {
    (void)mapping;
    (void)offset;
    (void)length;
    return WMMF_OK;
}

int32_t platform_publish(struct platform_mapping *mapping) {
    (void)mapping; /* the name exists since CreateFileMapping; openers try again until there is a magic */
    return WMMF_OK;
}

static int32_t open_by_name(struct platform_mapping *mapping, const wchar_t *name, bool read_only) {
    mapping->mapping = OpenFileMappingW(rights(read_only), FALSE, name);
    if (mapping->mapping)
        return section_map(mapping, read_only);
    DWORD error = GetLastError();
    HANDLE readable = NULL;
    if (error == ERROR_ACCESS_DENIED && !read_only)
        readable = OpenFileMappingW(FILE_MAP_READ, FALSE, name);
    int32_t status = status_from_error(error);
    if (readable)
        error_detail(ONLY_READ);
    close_handle(readable);
    return error == ERROR_INVALID_HANDLE ? WMMF_E_FORMAT : status;
}

int32_t platform_open(const char *name, const wmmf_options *options, struct platform_mapping **out) {
    wchar_t full_name[NAME_CAPACITY];
    struct platform_mapping *mapping;
    int32_t status = section_named(name, options, full_name, &mapping);
    if (status != WMMF_OK)
        return status;
    status = open_by_name(mapping, full_name, options->read_only);
    if (status == WMMF_OK && options->own_only) {
        status = platform_check_own(mapping);
        if (status != WMMF_OK)
            error_detail("it belongs to another user");
    }
    return mapping_hand_out(mapping, status, out);
}

/* Inner sections. */

static int32_t inner_new(const struct platform_mapping *outer, uint64_t id, wchar_t *name,
                         struct platform_mapping **out) {
    int32_t status = mapping_new(out);
    if (status != WMMF_OK)
        return status;
    (*out)->object_namespace = outer->object_namespace;
    swprintf(name, OBJECT_NAME_CAPACITY, L"%lswmmf-%08lx%08lx-i", outer->object_namespace, (unsigned long)(id >> 32),
             (unsigned long)(id & 0xFFFFFFFF));
    return WMMF_OK;
}

int32_t platform_create_inner(const struct platform_mapping *outer, bool for_readers, uint64_t size, uint64_t reserved,
                              uint64_t *id, struct platform_mapping **out) {
    (void)reserved;
    wchar_t name[OBJECT_NAME_CAPACITY];
    struct platform_mapping *mapping;
    int32_t status = platform_random(id);
    *id >>= 2; /* the caller uses two bits */
    if (status == WMMF_OK)
        status = inner_new(outer, *id, name, &mapping);
    if (status != WMMF_OK)
        return status;
    status = inner_descriptor(outer, for_readers, &mapping->descriptor);
    if (status == WMMF_OK)
        status = create_exclusively(mapping, name, size, size, 0);
    return mapping_hand_out(mapping, status, out);
}

int32_t platform_open_inner(const struct platform_mapping *outer, bool for_readers, uint64_t id, bool read_only,
                            struct platform_mapping **out) {
    (void)for_readers;
    wchar_t name[OBJECT_NAME_CAPACITY];
    struct platform_mapping *mapping;
    int32_t status = inner_new(outer, id, name, &mapping);
    if (status != WMMF_OK)
        return status;
    status = open_by_name(mapping, name, read_only);
    if (status == WMMF_OK && !has_owner_of(mapping->mapping, outer->mapping))
        status = WMMF_E_ACCESS;
    return mapping_hand_out(mapping, status, out);
}

uint8_t *platform_base(const struct platform_mapping *mapping) {
    return mapping->base;
}

uint64_t platform_mapped_size(const struct platform_mapping *mapping) {
    return mapping->mapped_size;
}

bool platform_forked(const struct platform_mapping *mapping) {
    (void)mapping;
    return false;
}

int32_t platform_after_fork_child(struct platform_mapping *mapping) {
    (void)mapping;
    return WMMF_E_NOT_SUPPORTED;
}

static struct token *unused_token(struct platform_mapping *mapping) {
    return &mapping->tokens[mapping->tokens[0].event ? 1 : 0];
}

static struct token *token_of(struct platform_mapping *mapping, uint32_t index) {
    struct token *first = &mapping->tokens[0];
    return first->event && first->index == index ? first : &mapping->tokens[1];
}

int32_t platform_token_claim(struct platform_mapping *mapping, uint32_t index) {
    wchar_t name[OBJECT_NAME_CAPACITY];
    object_name(mapping, L'p', index, name);
    HANDLE event = CreateEventW(NULL, FALSE, FALSE, name);
    if (event && GetLastError() != ERROR_ALREADY_EXISTS) {
        struct token *token = unused_token(mapping);
        token->event = event;
        token->index = index;
        return WMMF_OK;
    }
    DWORD error = GetLastError();
    close_handle(event);
    return event || error == ERROR_ACCESS_DENIED || error == ERROR_INVALID_HANDLE ? WMMF_E_EXISTS
                                                                                  : status_from_error(error);
}

/* Only one handle can have created an event, so a seal is a claim. */
int32_t platform_token_seal(struct platform_mapping *mapping, uint32_t index) {
    return platform_token_claim(mapping, index);
}

void platform_token_drop(struct platform_mapping *mapping, uint32_t index) {
    struct token *token = token_of(mapping, index);
    CloseHandle(token->event);
    token->event = NULL;
}

bool platform_token_alive(struct platform_mapping *mapping, uint32_t index) {
    wchar_t name[OBJECT_NAME_CAPACITY];
    object_name(mapping, L'p', index, name);
    HANDLE event = OpenEventW(SYNCHRONIZE, FALSE, name);
    bool alive = event || GetLastError() != ERROR_FILE_NOT_FOUND;
    close_handle(event);
    return alive;
}

uint32_t platform_process_id(const struct platform_mapping *mapping) {
    (void)mapping;
    return GetCurrentProcessId();
}

uint64_t platform_identity(const struct platform_mapping *mapping) {
    return mapping->identity ? mapping->identity : (uintptr_t)mapping;
}

int32_t platform_random(uint64_t *value) {
    return SystemFunction036(value, sizeof *value) ? WMMF_OK : status_from_error(GetLastError());
}
