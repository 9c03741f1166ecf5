/* Files of the file system, and windows of sections and files, on Windows. */
#include "win.h"

#include <inttypes.h>
#include <stdlib.h>

#include "last_error.h"

/* A process that prepares a file locks one byte far behind the end of the largest file. */
#define LOCK_OFFSET_HIGH 0x40000000u

static HANDLE open_handle(const wchar_t *path, const struct platform_file *file, DWORD access) {
    static const DWORD dispositions[] = {OPEN_EXISTING, CREATE_NEW, OPEN_ALWAYS, OPEN_ALWAYS};
    static const DWORD shares[] = {FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_SHARE_READ, 0};
    DWORD attributes = FILE_ATTRIBUTE_NORMAL | (file->write_through ? FILE_FLAG_WRITE_THROUGH : 0);
    return CreateFileW(path, access, shares[file->share], NULL, dispositions[file->file_mode], attributes, NULL);
}

static bool can_read(const wchar_t *path) {
    struct platform_file reading = {.file_mode = WMMF_FILE_OPEN};
    HANDLE file = open_handle(path, &reading, GENERIC_READ);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    CloseHandle(file);
    return true;
}

/* Windows takes names such as CON and COM1 for \\.\CON, in any folder. We do not open them: a modem would hang up. */
static bool is_device(const wchar_t *path) {
    wchar_t full[16];
    DWORD length = GetFullPathNameW(path, sizeof full / sizeof *full, full, NULL);
    return length > 0 && length < sizeof full / sizeof *full && wcsncmp(full, L"\\\\.\\", 4) == 0;
}

static int32_t no_file(const char *what) {
    return failed(WMMF_E_FORMAT, "it is a %s, not an ordinary file", what);
}

/* Maximum of a whole path, and of each name in it. The system's answers to longer ones differ. */
#define PATH_CHARACTERS_MAX 32766
#define NAME_CHARACTERS_MAX 255

static bool is_too_long(const wchar_t *path) {
    size_t all = 0, name = 0;
    for (; path[all] && name <= NAME_CHARACTERS_MAX; all++)
        name = path[all] == L'/' || path[all] == L'\\' ? 0 : name + 1;
    return name > NAME_CHARACTERS_MAX || all > PATH_CHARACTERS_MAX;
}

static int32_t not_found(const wchar_t *path) {
    DWORD length = GetFullPathNameW(path, 0, NULL, NULL);
    if (length > MAX_PATH)
        error_detail("the path has %lu characters, and Windows accepts no more than %d", (unsigned long)length - 1,
                     MAX_PATH - 1);
    return WMMF_E_NOT_FOUND;
}

/* Why it could not be opened. */
static int32_t opening_status(const wchar_t *path, bool writing, DWORD error) {
    int32_t status = status_from_error(error);
    if (error == ERROR_INVALID_HANDLE || is_device(path))
        return no_file("device");
    if (is_too_long(path))
        return WMMF_E_NAME_TOO_LONG;
    if (error == ERROR_PATH_NOT_FOUND)
        return not_found(path);
    if (error == ERROR_INVALID_NAME && path[wcslen(path) - 1] == L'\\')
        return no_file("folder");
    if (error != ERROR_ACCESS_DENIED)
        return status;
    DWORD attributes = GetFileAttributesW(path);
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY))
        return no_file("folder");
    if (writing && can_read(path))
        error_detail(ONLY_READ);
    return status;
}

static int32_t open_file(struct platform_mapping *mapping, const struct platform_file *file, const wchar_t *path,
                         bool *created) {
    bool writing = file->protection == WMMF_READ_WRITE;
    SetLastError(ERROR_SUCCESS);
    HANDLE handle = open_handle(path, file, writing ? GENERIC_READ | GENERIC_WRITE : GENERIC_READ);
    DWORD error = GetLastError();
    if (handle == INVALID_HANDLE_VALUE)
        return opening_status(path, writing, error);
    mapping->file = handle;
    DWORD type = GetFileType(handle);
    if (type != FILE_TYPE_DISK)
        return no_file(type == FILE_TYPE_PIPE ? "pipe" : "device"); /* CON, NUL ... */
    *created = file->file_mode != WMMF_FILE_OPEN && error != ERROR_ALREADY_EXISTS;
    return WMMF_OK;
}

static int32_t prepare(struct platform_mapping *mapping, const struct platform_file *file, bool *created) {
    mapping->protection = file->protection;
    mapping->write_through = file->write_through;
    mapping->object_namespace = L"Global\\"; /* all sessions share a file */
    int32_t status = WMMF_OK;
    if (file->name) {
        mapping->section_name = malloc(NAME_CAPACITY * sizeof *mapping->section_name);
        status = mapping->section_name ? section_name(file->name, file->name_space, mapping->section_name)
                                       : WMMF_E_NO_MEMORY;
    }
    wchar_t *path = NULL;
    if (status == WMMF_OK)
        status = wide_text(file->path, WMMF_E_NAME_INVALID, &path);
    if (status == WMMF_OK)
        status = open_file(mapping, file, path, created);
    free(path);
    return status;
}

int32_t platform_file_open(const struct platform_file *file, struct platform_mapping **out, bool *created) {
    struct platform_mapping *mapping;
    int32_t status = mapping_new(&mapping);
    if (status != WMMF_OK)
        return status;
    status = prepare(mapping, file, created);
    return mapping_hand_out(mapping, status, out);
}

void platform_file_remove(const char *path) {
    wchar_t *wide;
    if (wide_text(path, WMMF_E_NAME_INVALID, &wide) == WMMF_OK)
        DeleteFileW(wide);
    free(wide);
}

int32_t platform_file_lock(struct platform_mapping *mapping) {
    OVERLAPPED at = {.OffsetHigh = LOCK_OFFSET_HIGH};
    DWORD flags = mapping->protection == WMMF_READ_WRITE ? LOCKFILE_EXCLUSIVE_LOCK : 0;
    return LockFileEx(mapping->file, flags, 0, 1, 0, &at) ? WMMF_OK : status_from_error(GetLastError());
}

void platform_file_unlock(struct platform_mapping *mapping) {
    OVERLAPPED at = {.OffsetHigh = LOCK_OFFSET_HIGH};
    UnlockFileEx(mapping->file, 0, 1, 0, &at);
}

int32_t platform_file_size(struct platform_mapping *mapping, uint64_t *size) {
    LARGE_INTEGER found;
    if (!GetFileSizeEx(mapping->file, &found))
        return status_from_error(GetLastError());
    *size = (uint64_t)found.QuadPart;
    return WMMF_OK;
}

static int32_t length_status(DWORD error, uint64_t size) {
    int32_t status = status_from_error(error);
    if (error != ERROR_INVALID_PARAMETER && error != ERROR_FILE_TOO_LARGE)
        return status;
    return failed(WMMF_E_NO_MEMORY, "%" PRIu64 " bytes are needed, and no file of this file system can have that many",
                  size);
}

/* The system reserves disk space for a file at once, unless it is marked as sparse. */
int32_t platform_file_resize(struct platform_mapping *mapping, uint64_t size, bool reserve) {
    (void)reserve;
    LARGE_INTEGER end = {.QuadPart = (LONGLONG)size};
    bool done = SetFilePointerEx(mapping->file, end, NULL, FILE_BEGIN) && SetEndOfFile(mapping->file);
    return done ? WMMF_OK : length_status(GetLastError(), size);
}

static int32_t map_view(HANDLE section, uint64_t offset, uint64_t length, uint32_t protection,
                        struct platform_window *window) {
    static const DWORD accesses[] = {FILE_MAP_READ | FILE_MAP_WRITE, FILE_MAP_READ, FILE_MAP_COPY};
    uint64_t before = offset % system_info().dwAllocationGranularity, begin = offset - before;
    if (length > SIZE_MAX - before)
        return WMMF_E_SIZE;
    void *view = MapViewOfFile(section, accesses[protection], (DWORD)(begin >> 32), (DWORD)(begin & 0xFFFFFFFF),
                               (SIZE_T)(before + length));
    if (!view)
        return with_addresses(status_from_error(GetLastError()), before + length);
    window->view = view;
    window->view_size = before + length;
    window->data = (uint8_t *)view + before;
    return WMMF_OK;
}

/* Creates a section over the file with its current length. */
static int32_t section_over(struct platform_mapping *mapping, uint32_t protection, const wchar_t *name, HANDLE *out) {
    static const DWORD protections[] = {PAGE_READWRITE, PAGE_READONLY, PAGE_WRITECOPY};
    SetLastError(ERROR_SUCCESS);
    *out = CreateFileMappingW(mapping->file, NULL, protections[protection], 0, 0, name);
    DWORD error = GetLastError();
    if (!*out)
        return error == ERROR_INVALID_HANDLE && !name ? WMMF_E_FORMAT : status_from_error(error);
    return error == ERROR_ALREADY_EXISTS ? status_from_error(error) : WMMF_OK;
}

int32_t platform_file_map(struct platform_mapping *mapping, uint64_t offset, uint64_t size) {
    struct platform_window window = {0};
    int32_t status = platform_file_size(mapping, &mapping->reach);
    if (status == WMMF_OK)
        status = section_over(mapping, mapping->protection, mapping->section_name, &mapping->mapping);
    if (status == WMMF_OK)
        status = map_view(mapping->mapping, offset, size, mapping->protection, &window);
    if (status != WMMF_OK) {
        close_handle(mapping->mapping);
        mapping->mapping = NULL;
        return status;
    }
    mapping->view = window.view;
    mapping->base = window.data;
    mapping->mapped_size = size;
    mapping->file_offset = offset;
    return WMMF_OK;
}

void platform_file_unmap(struct platform_mapping *mapping) {
    if (mapping->view)
        UnmapViewOfFile(mapping->view);
    close_handle(mapping->mapping);
    mapping->mapping = NULL;
    mapping->view = NULL;
    mapping->base = NULL;
}

static bool is_mapped(const struct platform_mapping *mapping, uint64_t offset, size_t length) {
    return mapping->view && offset >= mapping->file_offset &&
           offset + length <= mapping->file_offset + mapping->mapped_size;
}

static OVERLAPPED position(uint64_t offset) {
    OVERLAPPED at = {.Offset = (DWORD)(offset & 0xFFFFFFFF), .OffsetHigh = (DWORD)(offset >> 32)};
    return at;
}

/* If the system copies within our own process, an in-page error makes the call fail. */
static int32_t copy_status(BOOL copied) {
    if (copied)
        return WMMF_OK;
    status_from_error(GetLastError());
    return WMMF_E_TRUNCATED;
}

int32_t platform_file_read(struct platform_mapping *mapping, uint64_t offset, void *buffer, size_t length) {
    if (is_mapped(mapping, offset, length))
        return copy_status(ReadProcessMemory(GetCurrentProcess(), mapping->base + (offset - mapping->file_offset),
                                             buffer, length, NULL));
    for (size_t done = 0; done < length;) {
        OVERLAPPED at = position(offset + done);
        DWORD piece = length - done < 0x10000000 ? (DWORD)(length - done) : 0x10000000, got = 0;
        if (!ReadFile(mapping->file, (char *)buffer + done, piece, &got, &at))
            return GetLastError() == ERROR_HANDLE_EOF ? WMMF_E_TRUNCATED : status_from_error(GetLastError());
        if (got == 0)
            return WMMF_E_TRUNCATED;
        done += got;
    }
    return WMMF_OK;
}

static int32_t write_through(struct platform_mapping *mapping, uint64_t offset, uint64_t length) {
    return mapping->write_through && mapping->protection == WMMF_READ_WRITE
               ? platform_file_flush(mapping, offset, length, true)
               : WMMF_OK;
}

int32_t platform_file_write(struct platform_mapping *mapping, uint64_t offset, const void *buffer, size_t length) {
    if (is_mapped(mapping, offset, length)) {
        int32_t status = copy_status(WriteProcessMemory(
            GetCurrentProcess(), mapping->base + (offset - mapping->file_offset), buffer, length, NULL));
        return status == WMMF_OK ? write_through(mapping, offset, length) : status;
    }
    uint64_t size = 0;
    int32_t status = platform_file_size(mapping, &size);
    if (status == WMMF_OK && size < offset + length)
        status = WMMF_E_TRUNCATED; /* the call would make it long again */
    for (size_t done = 0; status == WMMF_OK && done < length;) {
        OVERLAPPED at = position(offset + done);
        DWORD piece = length - done < 0x10000000 ? (DWORD)(length - done) : 0x10000000, put = 0;
        if (!WriteFile(mapping->file, (const char *)buffer + done, piece, &put, &at))
            status = status_from_error(GetLastError());
        done += put;
    }
    return status;
}

int32_t platform_file_flush(struct platform_mapping *mapping, uint64_t offset, uint64_t length, bool to_device) {
    if (mapping->protection != WMMF_READ_WRITE)
        return WMMF_OK; /* none of our changes can be in the file */
    if (is_mapped(mapping, offset, (size_t)length) &&
        !FlushViewOfFile(mapping->base + (offset - mapping->file_offset), (SIZE_T)length))
        return status_from_error(GetLastError());
    if (to_device && !FlushFileBuffers(mapping->file))
        return status_from_error(GetLastError());
    return WMMF_OK;
}

/* KUSER_SHARED_DATA.BootId (ntddk.h, since Windows 10), at a fixed address. */
#define BOOT_ID ((const volatile ULONG *)0x7FFE02C4)

uint64_t platform_boot_id(void) {
    return *BOOT_ID;
}

/* A window keeps its section open after the handle is closed. A section of our own would keep others from truncating
 * the file, so a handle that maps nothing has none. */
int32_t platform_window_map(struct platform_mapping *mapping, uint64_t offset, uint64_t length, uint32_t protection,
                            struct platform_window *window) {
    if (!mapping->file || (mapping->mapping && offset + length <= mapping->reach))
        return map_view(mapping->mapping, offset, length, protection, window);
    HANDLE section = NULL;
    int32_t status = section_over(mapping, protection, NULL, &section);
    if (status == WMMF_OK)
        status = map_view(section, offset, length, protection, window);
    close_handle(section);
    return status;
}

int32_t platform_window_flush(const struct platform_window *window, uint64_t offset, uint64_t length) {
    return FlushViewOfFile(window->data + offset, (SIZE_T)length) ? WMMF_OK : status_from_error(GetLastError());
}

void platform_window_unmap(struct platform_window *window) {
    UnmapViewOfFile(window->view);
}

void platform_page_sizes(uint64_t *page, uint64_t *granularity, uint64_t *large) {
    SYSTEM_INFO info = system_info();
    *page = info.dwPageSize;
    *granularity = info.dwAllocationGranularity;
    *large = GetLargePageMinimum();
}
