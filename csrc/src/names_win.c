/* Names of sections and their objects on Windows. */
#include "win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <winternl.h>

#include "last_error.h"

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

int32_t wide_text(const char *utf8, int32_t invalid, wchar_t **out) {
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, NULL, 0);
    *out = length > 0 ? malloc((size_t)length * sizeof **out) : NULL;
    if (!*out)
        return length > 0 ? WMMF_E_NO_MEMORY : invalid;
    return MultiByteToWideChar(CP_UTF8, 0, utf8, -1, *out, length) != 0 ? WMMF_OK : invalid;
}

const wchar_t *object_namespace(const wchar_t *full_name) {
    bool local = wcsncmp(full_name, L"Local\\", 6) == 0 || wcschr(full_name, L'\\') == NULL;
    return local ? L"Local\\" : L"Global\\";
}

void object_name(const struct platform_mapping *mapping, wchar_t kind, uint64_t index, wchar_t *out) {
    swprintf(out, OBJECT_NAME_CAPACITY, L"%lswmmf-%08lx%08lx-%lc%llu", mapping->object_namespace,
             (unsigned long)(mapping->id >> 32), (unsigned long)(mapping->id & 0xFFFFFFFF), (wint_t)kind,
             (unsigned long long)index);
}

uint64_t hash_of(const wchar_t *text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (uint64_t)*text) * UINT64_C(0x100000001b3);
    return hash;
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

/* Stores the address of a function of ntdll, or NULL. Bytes, because compilers warn about a cast to another type. */
static void find_in_ntdll(const char *name, void *pointer) {
    HMODULE module = GetModuleHandleW(L"ntdll.dll");
    FARPROC function = module ? GetProcAddress(module, name) : NULL;
    memcpy(pointer, &function, sizeof function);
}

static HANDLE open_object_directory(uint32_t name_space) {
    wchar_t path[64] = L"\\BaseNamedObjects";
    DWORD session = 0;
    open_directory open;
    HANDLE directory = NULL;
    find_in_ntdll("NtOpenDirectoryObject", &open);
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
    HANDLE directory = open_object_directory(name_space);
    find_in_ntdll("NtQueryDirectoryObject", &query);
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

bool platform_is_named(const struct platform_mapping *mapping) {
    (void)mapping; /* a name lasts as long as a handle */
    return true;
}

void platform_end_name(const struct platform_mapping *mapping) {
    (void)mapping; /* a name lasts as long as a handle */
}
