/* What the files for Windows share. */
#ifndef WMMF_WIN_H
#define WMMF_WIN_H

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0602
#endif
#include <windows.h>

#include "platform.h"

#define NAME_CAPACITY        (WMMF_NAME_MAX + 16)
#define OBJECT_NAME_CAPACITY 64
#define ONLY_READ            "this user may read it but not write: open it read-only"

/* Our own token, and that of a dead participant while it is being reaped. */
#define TOKENS 2

struct token {
    HANDLE event; /* NULL: unused */
    uint32_t index;
};

struct platform_mapping {
    HANDLE file;
    HANDLE mapping;
    void *view;
    uint8_t *base; /* where the section begins in the view */
    uint64_t mapped_size;
    uint64_t page_size;   /* of large pages; 0: ordinary ones */
    uint64_t kept;        /* bytes that this process has locked in memory */
    uint64_t file_offset; /* of `base` in its file */
    uint32_t protection;  /* of a file: enum wmmf_protection */
    uint64_t reach;       /* of a file: how many of its first bytes `mapping` has; others may make it longer */
    bool write_through;
    wchar_t *section_name; /* of the section over a file; NULL: none */
    const wchar_t *object_namespace;
    PSECURITY_DESCRIPTOR descriptor; /* the creator's, for the semaphores; NULL: the system's default */
    HANDLE events[EVENT_COUNT];
    struct token tokens[TOKENS];
    uint64_t id;
    uint64_t identity; /* hash of the name; 0: no name */
};

/* The rights to a section that a handle or a view asks for. */
static inline DWORD rights(bool read_only) {
    return read_only ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE;
}

static inline SYSTEM_INFO system_info(void) {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info;
}

/* The status for a code of GetLastError, which becomes the last system error. */
int32_t status_from_error(DWORD error);

/* Names (names_win.c). */

int32_t section_name(const char *name, uint32_t name_space, wchar_t *out);
/* The text in UTF-16, which the caller frees in any case. `invalid`: the status for text that is not UTF-8. */
int32_t wide_text(const char *utf8, int32_t invalid, wchar_t **out);
/* Bare names are local; any other custom name is visible to the whole machine, and so are its objects. */
const wchar_t *object_namespace(const wchar_t *full_name);
/* The name of a semaphore or token of the section, in OBJECT_NAME_CAPACITY characters. */
void object_name(const struct platform_mapping *mapping, wchar_t kind, uint64_t index, wchar_t *out);
/* FNV-1a. A name names one section as long as a process has it open. */
uint64_t hash_of(const wchar_t *text);

/* Access (access_win.c). */

/* The security descriptor that the options ask for. */
int32_t creation_descriptor(const wmmf_options *options, PSECURITY_DESCRIPTOR *out);
/* Those for the semaphores of a section. */
SECURITY_ATTRIBUTES security_attributes(const struct platform_mapping *mapping);
/* The outer section's access; for readers, users who may read it may also write, sleep and wake. */
int32_t inner_descriptor(const struct platform_mapping *outer, bool for_readers, PSECURITY_DESCRIPTOR *out);
/* Whether both have the same owner; true if that cannot be asked. */
bool has_owner_of(HANDLE section, HANDLE other);

/* Sections and their handles (platform_win.c). */

int32_t mapping_new(struct platform_mapping **out);
void close_handle(HANDLE handle);
/* Creates and maps a section under a free name, or without a name (NULL), in the pages that the flags ask for. If
 * `addresses` is larger than `size`, reserves addresses for more. */
int32_t create_exclusively(struct platform_mapping *mapping, const wchar_t *name, uint64_t size, uint64_t addresses,
                           uint32_t flags);
/* Creates only the kernel object; `kind`: SEC_COMMIT and the like. */
int32_t create_section(struct platform_mapping *mapping, const wchar_t *name, uint64_t size, DWORD kind);
/* Maps all of mapping->mapping; `pages`: FILE_MAP_LARGE_PAGES, or 0. NULL: GetLastError says why. */
void *section_view(const struct platform_mapping *mapping, bool read_only, DWORD pages);
/* The same for the mapping's own view. */
int32_t section_map(struct platform_mapping *mapping, bool read_only);

/* Large pages and locked memory (pages_win.c). */
int32_t create_large(struct platform_mapping *mapping, const wchar_t *name, uint64_t size);
/* When the view ends: removes what platform_keep has added to the working set. */
void end_keeping(struct platform_mapping *mapping);

#endif
