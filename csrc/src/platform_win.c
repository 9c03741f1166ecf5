/* The platform on Windows: sections of the paging file, and named kernel objects for sleeping and for showing which
 * processes live.
 *
 * Lifetime of a section. A name disappears with the last handle, even if there are views. So the handle stays open as
 * long as the mapping is used, and the kernel closes it with the process. A crash leaves nothing behind.
 *
 * WaitOnAddress does not cross processes, so an eventcount sleeps on a semaphore, and a token is an event that exists
 * for as long as the process that created it. Both are named after the random id of their section. A process that may
 * not open them (of a user with fewer rights than the creator) can still use the lock: it polls every millisecond. */
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0602
#endif
#include "win.h"

#include <aclapi.h>
#include <inttypes.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <winternl.h>

#include "last_error.h"
#include "tuning.h"

#define OBJECT_NAME_CAPACITY 64
#define PAGE_MAX             65536 /* ordinary pages of Windows are not larger */
#define MAX_WAKES            4096

/* RtlGenRandom, documented under this name; exported by advapi32. */
BOOLEAN NTAPI SystemFunction036(void *buffer, ULONG length);

/* What we know about each thread, in fiber-local storage: the system calls us when a thread ends, and we free the index
 * when the library is unloaded. (The index of mingw's __thread would never be freed.) */
struct thread {
    uint64_t own_number; /* 0: none yet */
    uint64_t number;     /* its own, or the one that it acts as */
    struct last_error error;
};

static struct {
    shared_u32 index_and_one; /* of the storage; 0: none yet */
    shared_u32 unloaded;      /* 1: the library is unloaded, or the process ends */
    shared_u64 numbers;       /* how many numbers were given out */
} threads;

static struct last_error error_without_memory;

static void NTAPI thread_ends(void *value) {
    struct thread *thread = value;
    if (thread && thread->own_number != 0 && !load_seq_u32(&threads.unloaded))
        thread_ended(thread->own_number);
    free(thread);
}

/* FlsFree calls thread_ends for every thread that is known here; none of them has ended. */
static void forget_threads(void) {
    store_seq_u32(&threads.unloaded, 1);
    uint32_t index_and_one = exchange_seq_u32(&threads.index_and_one, 0);
    if (index_and_one != 0)
        FlsFree(index_and_one - 1);
}

static DWORD thread_index(void) {
    uint32_t found = load_acquire_u32(&threads.index_and_one);
    if (found != 0)
        return found - 1;
    DWORD index = FlsAlloc(thread_ends);
    if (index == FLS_OUT_OF_INDEXES)
        return index;
    if (cas_seq_u32(&threads.index_and_one, &found, index + 1)) {
        atexit(forget_threads); /* of a DLL: when it is unloaded */
        return index;
    }
    FlsFree(index); /* another thread was quicker */
    return found - 1;
}

/* NULL: no memory for it. */
static struct thread *this_thread(void) {
    DWORD index = thread_index();
    if (index == FLS_OUT_OF_INDEXES)
        return NULL;
    struct thread *thread = FlsGetValue(index);
    if (thread)
        return thread;
    thread = calloc(1, sizeof *thread);
    if (thread && FlsSetValue(index, thread))
        return thread;
    free(thread);
    return NULL;
}

struct last_error *last_error(void) {
    struct thread *thread = this_thread();
    return thread ? &thread->error : &error_without_memory;
}

uint64_t platform_thread_number(void) {
    struct thread *thread = this_thread();
    if (!thread)
        return 0;
    if (thread->number == 0)
        thread->number = thread->own_number = add_seq_u64(&threads.numbers, 1) + 1;
    return thread->number;
}

bool platform_act_as(uint64_t number, uint64_t *previous) {
    struct thread *thread = this_thread();
    if (!thread || platform_thread_number() == 0)
        return false;
    *previous = thread->number != thread->own_number ? thread->number : 0;
    thread->number = number != 0 ? number : thread->own_number;
    return true;
}

int32_t status_from_error(DWORD error) {
    error_note((int32_t)error);
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
        return WMMF_E_NOT_FOUND;
    case ERROR_ALREADY_EXISTS:
    case ERROR_FILE_EXISTS:
    case ERROR_INVALID_HANDLE: /* an object of another kind has this name */
        return WMMF_E_EXISTS;
    case ERROR_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
        return WMMF_E_ACCESS;
    case ERROR_SHARING_VIOLATION:
        error_detail("another program has the file open and does not share it");
        return WMMF_E_ACCESS;
    case ERROR_LOCK_VIOLATION:
        error_detail("another program has locked a part of the file");
        return WMMF_E_ACCESS;
    case ERROR_USER_MAPPED_FILE:
        error_detail("the file is mapped, and Windows does not truncate a mapped file");
        return WMMF_E_ACCESS;
    case ERROR_PATH_NOT_FOUND:
    case ERROR_BAD_PATHNAME:
    case ERROR_INVALID_NAME:
        return WMMF_E_NAME_INVALID;
    case ERROR_FILENAME_EXCED_RANGE:
        return WMMF_E_NAME_TOO_LONG;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_DISK_FULL:
        return WMMF_E_NO_MEMORY;
    default:
        return WMMF_E_OS;
    }
}

/* Names. */

static const wchar_t *namespace_prefix(uint32_t name_space) {
    return name_space == WMMF_LOCAL ? L"Local\\" : name_space == WMMF_GLOBAL ? L"Global\\" : L"";
}

int32_t section_name(const char *name, uint32_t name_space, wchar_t *out) {
    const wchar_t *prefix = namespace_prefix(name_space);
    size_t length = wcslen(prefix);
    wmemcpy(out, prefix, length);
    int room = NAME_CAPACITY - (int)length;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, out + length, room) == 0) {
        error_note((int32_t)GetLastError());
        return WMMF_E_NAME_INVALID;
    }
    return WMMF_OK;
}

/* Bare names are local; any other custom name is visible to the whole machine, and so are its objects. */
static const wchar_t *object_namespace(const wchar_t *full_name) {
    bool local = wcsncmp(full_name, L"Local\\", 6) == 0 || wcschr(full_name, L'\\') == NULL;
    return local ? L"Local\\" : L"Global\\";
}

static void object_name(const struct platform_mapping *mapping, wchar_t kind, uint64_t index, wchar_t *out) {
    swprintf(out, OBJECT_NAME_CAPACITY, L"%lswmmf-%08lx%08lx-%lc%llu", mapping->object_namespace,
             (unsigned long)(mapping->id >> 32), (unsigned long)(mapping->id & 0xFFFFFFFF), (wint_t)kind,
             (unsigned long long)index);
}

/* Access. */

static int32_t descriptor_from_sddl(const wchar_t *sddl, PSECURITY_DESCRIPTOR *out) {
    if (ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, out, NULL))
        return WMMF_OK;
    error_note((int32_t)GetLastError());
    return WMMF_E_ARGUMENT;
}

static int32_t descriptor_from_utf8(const char *sddl, PSECURITY_DESCRIPTOR *out) {
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, sddl, -1, NULL, 0);
    wchar_t *wide = length > 0 ? malloc((size_t)length * sizeof *wide) : NULL;
    if (!wide)
        return length > 0 ? WMMF_E_NO_MEMORY : WMMF_E_ARGUMENT;
    MultiByteToWideChar(CP_UTF8, 0, sddl, -1, wide, length);
    int32_t status = descriptor_from_sddl(wide, out);
    free(wide);
    return status;
}

/* The user's own SID instead of OWNER RIGHTS: what an administrator creates may belong to the group. */
static int32_t user_sid_string(wchar_t **out) {
    HANDLE process_token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &process_token))
        return status_from_error(GetLastError());
    struct {
        TOKEN_USER user;
        BYTE sid[SECURITY_MAX_SID_SIZE];
    } buffer;
    DWORD length;
    bool done = GetTokenInformation(process_token, TokenUser, &buffer, sizeof buffer, &length) &&
                ConvertSidToStringSidW(buffer.user.User.Sid, out);
    int32_t status = done ? WMMF_OK : status_from_error(GetLastError());
    CloseHandle(process_token);
    return status;
}

/* Protected DACLs: nothing is inherited. AU = authenticated users, S-1-15-2-1 = programs in app containers; generic
 * execute allows them to wait on a semaphore. */
int32_t creation_descriptor(const wmmf_options *options, PSECURITY_DESCRIPTOR *out) {
    /* The rights that other programs ask for, which the system grants all or none. The crate WinMMF always asks for
     * FILE_MAP_ALL_ACCESS. CreateFileMapping on an existing name, as in Python's mmap and .NET's CreateOrOpen, asks for
     * STANDARD_RIGHTS_REQUIRED with query, read and write. Both include the right to change this very DACL. */
    static const wchar_t *const writers[] = {
        [WMMF_NATIVE] = L"(A;;GRGWGX;;;AU)(A;;GRGWGX;;;S-1-15-2-1)",
        [WMMF_WINMMF] = L"(A;;0xF001F;;;AU)(A;;0xF001F;;;S-1-15-2-1)",
        [WMMF_RAW] = L"(A;;0xF0007;;;AU)(A;;0xF0007;;;S-1-15-2-1)",
    };
    const wchar_t *others;
    switch (options->access) {
    case WMMF_ACCESS_OWNER:
        others = L"";
        break;
    case WMMF_ACCESS_USERS_READ:
        others = L"(A;;GR;;;AU)(A;;GR;;;S-1-15-2-1)";
        break;
    case WMMF_ACCESS_USERS_WRITE:
        others = writers[options->layout];
        break;
    case WMMF_ACCESS_SDDL:
        return descriptor_from_utf8(options->sddl, out);
    default:
        return WMMF_E_NOT_SUPPORTED;
    }
    wchar_t *sid;
    wchar_t sddl[320];
    int32_t status = user_sid_string(&sid);
    if (status != WMMF_OK)
        return status;
    swprintf(sddl, sizeof sddl / sizeof *sddl, L"D:P(A;;GA;;;%ls)(A;;GA;;;SY)%ls", sid, others);
    LocalFree(sid);
    return descriptor_from_sddl(sddl, out);
}

static SECURITY_ATTRIBUTES attributes(const struct platform_mapping *mapping) {
    SECURITY_ATTRIBUTES result = {sizeof result, mapping->descriptor, FALSE};
    return result;
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
    DWORD access = read_only ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE;
    return MapViewOfFile(mapping->mapping, access | pages, 0, 0, 0);
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
    error_detail("its %" PRIu64 " bytes are only reserved (SEC_RESERVE), and its beginning has no memory",
                 platform_addresses(mapping));
    return WMMF_E_NOT_READY; /* its creator may be about to commit them */
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
        error_detail("%" PRIu64 " bytes are asked for, and this process can have %" PRIu64 " more", size,
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

/* FNV-1a. A name names one section as long as a process has it open. */
static uint64_t hash_of(const wchar_t *text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (uint64_t)*text) * UINT64_C(0x100000001b3);
    return hash;
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
    SECURITY_ATTRIBUTES access = attributes(mapping);
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
    mapping->mapping = OpenFileMappingW(read_only ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE, FALSE, name);
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

/* The security of a section. Our handle has no right to query it: it asked only for the rights that its bytes need. */
static int32_t security_of(HANDLE section, SECURITY_INFORMATION what, PSID *owner, PACL *list,
                           PSECURITY_DESCRIPTOR *out) {
    HANDLE self = GetCurrentProcess(), asking = NULL;
    if (!DuplicateHandle(self, section, self, &asking, READ_CONTROL, FALSE, 0))
        return status_from_error(GetLastError());
    DWORD error = GetSecurityInfo(asking, SE_KERNEL_OBJECT, what, owner, NULL, list, NULL, out);
    CloseHandle(asking);
    return error == ERROR_SUCCESS ? WMMF_OK : status_from_error(error);
}

/* The outer section's access; for readers, users who may read it may also write, sleep and wake. */
static int32_t inner_descriptor(const struct platform_mapping *outer, bool for_readers, PSECURITY_DESCRIPTOR *out) {
    PACL list = NULL;
    int32_t status = security_of(outer->mapping, DACL_SECURITY_INFORMATION, NULL, &list, out);
    for (DWORD i = 0; status == WMMF_OK && for_readers && list && i < list->AceCount; i++) {
        void *entry;
        ACCESS_ALLOWED_ACE *allowed;
        if (!GetAce(list, i, &entry))
            continue;
        allowed = entry;
        if (allowed->Header.AceType == ACCESS_ALLOWED_ACE_TYPE &&
            (allowed->Mask & (FILE_MAP_READ | GENERIC_READ | GENERIC_ALL)))
            allowed->Mask |= FILE_MAP_READ | FILE_MAP_WRITE | GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE;
    }
    return status;
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

static bool has_owner_of(HANDLE section, HANDLE other) {
    PSID ours = NULL, theirs = NULL;
    PSECURITY_DESCRIPTOR our_descriptor = NULL, their_descriptor = NULL;
    /* A handle that only has rights to the bytes of the outer section cannot query its owner. */
    bool same = security_of(other, OWNER_SECURITY_INFORMATION, &theirs, NULL, &their_descriptor) != WMMF_OK ||
                (security_of(section, OWNER_SECURITY_INFORMATION, &ours, NULL, &our_descriptor) == WMMF_OK &&
                 EqualSid(ours, theirs));
    LocalFree(our_descriptor);
    LocalFree(their_descriptor);
    error_clear();
    return same;
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

/* Owner or group: what an administrator creates may belong to the group. */
int32_t platform_check_own(const struct platform_mapping *mapping) {
    struct {
        TOKEN_OWNER owner;
        BYTE sid[SECURITY_MAX_SID_SIZE];
    } buffer;
    DWORD length;
    HANDLE process_token;
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &process_token))
        return WMMF_E_ACCESS;
    bool own = GetTokenInformation(process_token, TokenOwner, &buffer, sizeof buffer, &length) &&
               security_of(mapping->mapping, OWNER_SECURITY_INFORMATION, &owner, NULL, &descriptor) == WMMF_OK &&
               EqualSid(owner, buffer.owner.Owner);
    LocalFree(descriptor);
    CloseHandle(process_token);
    return own ? WMMF_OK : WMMF_E_ACCESS;
}

int32_t platform_access_of(const struct platform_mapping *mapping, wmmf_options *options) {
    (void)mapping;
    (void)options; /* only needed where a name can be removed, see platform_is_named */
    return WMMF_E_NOT_SUPPORTED;
}

/* Listing. Every process may list the directories of named objects through ntdll, whose calls are documented for
 * drivers. Without these calls, or if the directory has another name, there is no list. */

typedef struct {
    UNICODE_STRING name;
    UNICODE_STRING type;
} object_entry;

typedef NTSTATUS(NTAPI *open_directory)(HANDLE *directory, ACCESS_MASK access, OBJECT_ATTRIBUTES *attributes);
typedef NTSTATUS(NTAPI *query_directory)(HANDLE directory, void *buffer, ULONG length, BOOLEAN single, BOOLEAN restart,
                                         ULONG *context, ULONG *needed);

#define DIRECTORY_QUERY 1
#define NAME_TOO_LONG   ((NTSTATUS)0xC0000023) /* STATUS_BUFFER_TOO_SMALL */

/* The address of a function of ntdll; NULL: there is none. Through void *, because no compiler warns about that. */
static void *ntdll(const char *name) {
    HMODULE module = GetModuleHandleW(L"ntdll.dll");
    FARPROC function = module ? GetProcAddress(module, name) : NULL;
    void *address;
    memcpy(&address, &function, sizeof address);
    return address;
}

static HANDLE open_object_directory(uint32_t name_space) {
    wchar_t path[64] = L"\\BaseNamedObjects";
    DWORD session = 0;
    open_directory open;
    void *address = ntdll("NtOpenDirectoryObject");
    HANDLE directory = NULL;
    memcpy(&open, &address, sizeof open);
    if (name_space == WMMF_LOCAL && ProcessIdToSessionId(GetCurrentProcessId(), &session) && session != 0)
        swprintf(path, sizeof path / sizeof *path, L"\\Sessions\\%lu\\BaseNamedObjects", (unsigned long)session);
    UNICODE_STRING name = {(USHORT)(wcslen(path) * sizeof *path), sizeof path, path};
    OBJECT_ATTRIBUTES asked = {.Length = sizeof asked, .ObjectName = &name};
    return open && open(&directory, DIRECTORY_QUERY, &asked) >= 0 ? directory : NULL;
}

/* A magic at the start of a readable section shows that this library made it. The system copies it for us, since the
 * pages of a foreign section may be missing: only reserved, or of a file that is out of reach. */
static bool is_native(const wchar_t *prefix, const UNICODE_STRING *name) {
    wchar_t full_name[NAME_CAPACITY];
    size_t length = wcslen(prefix), more = name->Length / sizeof *name->Buffer;
    if (length + more >= NAME_CAPACITY)
        return false;
    wmemcpy(full_name, prefix, length);
    wmemcpy(full_name + length, name->Buffer, more);
    full_name[length + more] = L'\0';
    HANDLE mapping = OpenFileMappingW(FILE_MAP_READ, FALSE, full_name);
    const void *start = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, sizeof(struct header)) : NULL;
    struct header header = {.kind = KIND_READERS};
    if (start) {
        ReadProcessMemory(GetCurrentProcess(), start, &header, sizeof header, NULL);
        UnmapViewOfFile(start);
    }
    close_handle(mapping);
    return header.magic == SECTION_MAGIC && header.kind <= KIND_CHANNEL;
}

/* False: ends the listing. */
static bool list_one(const object_entry *entry, const wchar_t *prefix, bool (*found)(void *context, const char *name),
                     void *context) {
    char name[WMMF_NAME_MAX + 1];
    if (entry->type.Length != sizeof L"Section" - sizeof(wchar_t) || wcsncmp(entry->type.Buffer, L"Section", 7) != 0 ||
        !is_native(prefix, &entry->name))
        return true;
    int length = WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, entry->name.Buffer,
                                     (int)(entry->name.Length / sizeof(wchar_t)), name, WMMF_NAME_MAX, NULL, NULL);
    name[length] = '\0';
    return length == 0 || found(context, name);
}

int32_t platform_list(uint32_t name_space, bool (*found)(void *context, const char *name), void *context) {
    query_directory query;
    void *address = ntdll("NtQueryDirectoryObject");
    HANDLE directory = open_object_directory(name_space);
    memcpy(&query, &address, sizeof query);
    if (!directory || !query) {
        close_handle(directory);
        return WMMF_E_NOT_SUPPORTED;
    }
    const wchar_t *prefix = namespace_prefix(name_space);
    union {
        object_entry entry;
        unsigned char bytes[2048];
    } buffer;
    for (ULONG position = 0;;) {
        NTSTATUS status = query(directory, &buffer, sizeof buffer, TRUE, FALSE, &position, NULL);
        if (status == NAME_TOO_LONG)
            position++; /* not one of ours */
        else if (status != 0 || !list_one(&buffer.entry, prefix, found, context))
            break;
    }
    CloseHandle(directory);
    return WMMF_OK;
}

uint8_t *platform_base(const struct platform_mapping *mapping) {
    return mapping->base;
}

uint64_t platform_mapped_size(const struct platform_mapping *mapping) {
    return mapping->mapped_size;
}

/* DOMAIN\user, or the SID of an account that has no name here. */
static int32_t account_name(PSID sid, char name[OWNER_NAME_CAPACITY]) {
    wchar_t user[256], domain[256], both[513], *text = NULL;
    DWORD user_length = 256, domain_length = 256;
    SID_NAME_USE use;
    if (LookupAccountSidW(NULL, sid, user, &user_length, domain, &domain_length, &use))
        swprintf(both, sizeof both / sizeof *both, L"%ls\\%ls", domain, user);
    else if (ConvertSidToStringSidW(sid, &text))
        swprintf(both, sizeof both / sizeof *both, L"%ls", text);
    else
        return status_from_error(GetLastError());
    LocalFree(text);
    both[512] = L'\0';
    int length = WideCharToMultiByte(CP_UTF8, 0, both, -1, name, OWNER_NAME_CAPACITY, NULL, NULL);
    return length > 0 ? WMMF_OK : status_from_error(GetLastError());
}

/* Our handle has no right to query the owner: it asked only for the rights to read and write. */
int32_t platform_owner(struct platform_mapping *mapping, char name[OWNER_NAME_CAPACITY]) {
    HANDLE self = GetCurrentProcess(), asking = NULL;
    HANDLE object = mapping->file ? mapping->file : mapping->mapping;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID sid = NULL;
    if (!DuplicateHandle(self, object, self, &asking, READ_CONTROL, FALSE, 0))
        return status_from_error(GetLastError());
    DWORD error = GetSecurityInfo(asking, mapping->file ? SE_FILE_OBJECT : SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION,
                                  &sid, NULL, NULL, NULL, &descriptor);
    int32_t status = error != ERROR_SUCCESS ? status_from_error(error) : sid ? account_name(sid, name) : WMMF_E_ACCESS;
    LocalFree(descriptor);
    CloseHandle(asking);
    return status;
}

bool platform_is_named(const struct platform_mapping *mapping) {
    (void)mapping; /* a name lasts as long as a handle */
    return true;
}

void platform_end_name(const struct platform_mapping *mapping) {
    (void)mapping; /* a name lasts as long as a handle */
}

bool platform_forked(const struct platform_mapping *mapping) {
    (void)mapping;
    return false;
}

int32_t platform_after_fork_child(struct platform_mapping *mapping) {
    (void)mapping;
    return WMMF_E_NOT_SUPPORTED;
}

/* Semaphores and tokens. */

/* Creates or opens it; NULL is allowed, see platform_sleep. */
static HANDLE semaphore_open(struct platform_mapping *mapping, uint64_t place) {
    SECURITY_ATTRIBUTES access = attributes(mapping);
    wchar_t name[OBJECT_NAME_CAPACITY];
    object_name(mapping, L'g', place, name);
    return CreateSemaphoreExW(&access, 0, LONG_MAX, name, 0, SYNCHRONIZE | SEMAPHORE_MODIFY_STATE);
}

/* Semaphores of locks in the payload, of which there may be many, are open only while a thread sleeps there. */
static HANDLE semaphore_of(struct platform_mapping *mapping, uint64_t place) {
    return place < EVENT_COUNT ? mapping->events[place] : semaphore_open(mapping, place);
}

static void semaphore_done(uint64_t place, HANDLE semaphore) {
    if (place >= EVENT_COUNT)
        close_handle(semaphore);
}

int32_t platform_join(struct platform_mapping *mapping, uint64_t section_id, bool looking) {
    mapping->id = section_id;
    for (uint32_t i = 0; i < EVENT_COUNT && !looking; i++)
        mapping->events[i] = semaphore_open(mapping, i);
    return WMMF_OK;
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

static DWORD milliseconds(int64_t ns) {
    return (DWORD)((ns + 999999) / 1000000);
}

void platform_sleep(struct platform_mapping *mapping, uint64_t place, const shared_u32 *epoch, uint32_t seen,
                    int64_t timeout_ns) {
    HANDLE semaphore = semaphore_of(mapping, place);
    /* A wake-up before this point has left its count in the semaphore, so nothing is lost by looking here. If the waker
     * closed the semaphore before we opened it, the epoch has moved. */
    bool moved = load_seq_u32(epoch) != seen;
    if (!moved && semaphore)
        WaitForSingleObject(semaphore, milliseconds(timeout_ns));
    else if (!moved)
        Sleep(1);
    semaphore_done(place, semaphore);
}

void platform_wake(struct platform_mapping *mapping, uint64_t place, shared_u32 *epoch, uint32_t sleepers) {
    (void)epoch;
    HANDLE semaphore = semaphore_of(mapping, place);
    if (semaphore)
        ReleaseSemaphore(semaphore, (LONG)(sleepers < MAX_WAKES ? sleepers : MAX_WAKES), NULL);
    semaphore_done(place, semaphore);
}

/* The handles that we sleep on, each only once: the system refuses duplicates. */
struct handles {
    HANDLE all[WMMF_WAIT_MANY_MAX + 1];
    DWORD count;
};

static void add_handle(struct handles *handles, HANDLE handle) {
    for (DWORD i = 0; i < handles->count; i++)
        if (handles->all[i] == handle)
            return;
    handles->all[handles->count++] = handle;
}

/* Takes the wake-ups that are ours: one for each epoch that has moved, which cleared our count. If they stayed in the
 * semaphores, as many later sleeps would end at once. `taken` is the one that the sleep itself has taken. */
static void take_wakes(const struct platform_sleep *sleeps, uint32_t count, HANDLE taken) {
    for (uint32_t i = 0; i < count; i++) {
        HANDLE event = sleeps[i].mapping->events[sleeps[i].place];
        if (event && event == taken)
            taken = NULL;
        else if (event && load_seq_u32(sleeps[i].epoch) != sleeps[i].seen)
            WaitForSingleObject(event, 0);
    }
}

void platform_sleep_many(const struct platform_sleep *sleeps, uint32_t count, struct wmmf_waker *waker,
                         int64_t timeout_ns) {
    struct handles handles = {.count = 0};
    bool ready = false, blind = false;
    for (uint32_t i = 0; i < count; i++) {
        HANDLE event = sleeps[i].mapping->events[sleeps[i].place];
        ready = ready || load_seq_u32(sleeps[i].epoch) != sleeps[i].seen;
        blind = blind || !event;
        if (event)
            add_handle(&handles, event);
    }
    if (waker)
        add_handle(&handles, waker->event);
    DWORD timeout = ready ? 0 : blind ? 1 : milliseconds(timeout_ns), result = WAIT_TIMEOUT;
    if (handles.count == 0)
        Sleep(timeout);
    else
        result = WaitForMultipleObjects(handles.count, handles.all, FALSE, timeout);
    take_wakes(sleeps, count, result < handles.count ? handles.all[result] : NULL);
}

int32_t platform_waker_open(struct wmmf_waker *waker) {
    waker->event = CreateEventW(NULL, FALSE, FALSE, NULL);
    return waker->event ? WMMF_OK : status_from_error(GetLastError());
}

void platform_waker_close(struct wmmf_waker *waker) {
    CloseHandle(waker->event);
}

/* If a wake was taken without sleeping, its signal is left over and ends a later sleep early. */
void platform_waker_wake(struct wmmf_waker *waker) {
    SetEvent(waker->event);
}

void platform_pause(int64_t ns) {
    Sleep(milliseconds(ns));
}

void platform_yield(void) {
    SwitchToThread();
}

int64_t platform_monotonic_ns(void) {
    LARGE_INTEGER frequency, now;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    int64_t seconds = now.QuadPart / frequency.QuadPart;
    int64_t rest = now.QuadPart % frequency.QuadPart;
    return seconds * 1000000000 + rest * 1000000000 / frequency.QuadPart;
}

static uint64_t unix_ns(FILETIME when) { /* in units of 100 ns since 1601 */
    uint64_t ticks = ((uint64_t)when.dwHighDateTime << 32) | when.dwLowDateTime;
    return (ticks - UINT64_C(116444736000000000)) * 100;
}

uint64_t platform_unix_ns(void) {
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    return unix_ns(now);
}

uint64_t platform_unix_coarse_ns(void) {
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return unix_ns(now);
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
