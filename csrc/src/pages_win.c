/* Large pages and locked memory, on Windows.
 *
 * Large pages need the right SeLockMemoryPrivilege, which a process must enable. We enable it while the section is
 * created and then restore it, one thread at a time. A program that opens the section does not need the right. */
#include "win.h"

#include <inttypes.h>

#include "last_error.h"

/* Guards what the whole process shares: its privileges and its working set. */
static SRWLOCK of_process = SRWLOCK_INIT;

static int32_t set_privilege(HANDLE token, const TOKEN_PRIVILEGES *to, TOKEN_PRIVILEGES *before) {
    DWORD length = 0;
    BOOL done = AdjustTokenPrivileges(token, FALSE, (TOKEN_PRIVILEGES *)(uintptr_t)to, sizeof *before, before, &length);
    DWORD error = GetLastError();
    if (done && error == ERROR_SUCCESS)
        return WMMF_OK;
    int32_t status = status_from_error(error);
    error_detail(
        "large pages need the right SeLockMemoryPrivilege, which this user does not have: grant \"Lock pages in "
        "memory\" (secpol.msc, Local Policies, User Rights Assignment) and log on again");
    return error == ERROR_NOT_ALL_ASSIGNED ? WMMF_E_ACCESS : status;
}

static int32_t enable_privilege(HANDLE token, TOKEN_PRIVILEGES *before) {
    TOKEN_PRIVILEGES wanted = {.PrivilegeCount = 1, .Privileges[0].Attributes = SE_PRIVILEGE_ENABLED};
    if (!LookupPrivilegeValueW(NULL, L"SeLockMemoryPrivilege", &wanted.Privileges[0].Luid))
        return status_from_error(GetLastError());
    return set_privilege(token, &wanted, before);
}

static int32_t create_privileged(struct platform_mapping *mapping, const wchar_t *name, uint64_t size) {
    HANDLE token;
    TOKEN_PRIVILEGES before;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token))
        return status_from_error(GetLastError());
    AcquireSRWLockExclusive(&of_process);
    int32_t status = enable_privilege(token, &before);
    if (status == WMMF_OK) {
        status = create_section(mapping, name, size, SEC_COMMIT | SEC_LARGE_PAGES);
        AdjustTokenPrivileges(token, FALSE, &before, 0, NULL, NULL);
    }
    ReleaseSRWLockExclusive(&of_process);
    CloseHandle(token);
    if (status == WMMF_E_NO_MEMORY)
        error_detail("%" PRIu64 " bytes are needed in large pages, and there is no contiguous memory for them", size);
    return status;
}

int32_t create_large(struct platform_mapping *mapping, const wchar_t *name, uint64_t size) {
    uint64_t page = GetLargePageMinimum();
    if (page == 0)
        return failed(WMMF_E_NOT_SUPPORTED, "this processor has no large pages");
    int32_t status = create_privileged(mapping, name, (size + page - 1) / page * page);
    mapping->page_size = page;
    if (status == WMMF_OK)
        status = section_map(mapping, false);
    if (status == WMMF_OK)
        return WMMF_OK;
    mapping->page_size = 0;
    close_handle(mapping->mapping);
    mapping->mapping = NULL;
    return status;
}

uint64_t platform_page_size(const struct platform_mapping *mapping) {
    return mapping->page_size != 0 ? mapping->page_size : system_info().dwPageSize;
}

void platform_map_large(struct platform_mapping *mapping, bool read_only) {
    void *view = mapping->file ? NULL : section_view(mapping, read_only, FILE_MAP_LARGE_PAGES);
    if (!view)
        return;
    UnmapViewOfFile(mapping->view);
    mapping->view = mapping->base = view;
    mapping->page_size = GetLargePageMinimum();
}

/* A process may lock as much as the minimum of its working set. */
static bool widen_working_set(uint64_t more, uint64_t less) {
    HANDLE self = GetCurrentProcess();
    SIZE_T least, most, change = (SIZE_T)more - (SIZE_T)less;
    AcquireSRWLockExclusive(&of_process);
    bool done =
        GetProcessWorkingSetSize(self, &least, &most) && SetProcessWorkingSetSize(self, least + change, most + change);
    ReleaseSRWLockExclusive(&of_process);
    return done;
}

/* Large pages are never swapped. */
int32_t platform_keep(struct platform_mapping *mapping) {
    uint64_t size = mapping->mapped_size;
    if (mapping->page_size != 0)
        return WMMF_OK;
    bool widened = widen_working_set(size, 0);
    if (widened && VirtualLock(mapping->view, (SIZE_T)size)) {
        mapping->kept = size;
        return WMMF_OK;
    }
    error_note((int32_t)GetLastError());
    error_detail("%" PRIu64
                 " bytes are to be locked, and Windows does not let this process keep that many more in memory "
                 "(its working set)",
                 size);
    if (widened)
        widen_working_set(0, size);
    return WMMF_E_NO_MEMORY;
}

void end_keeping(struct platform_mapping *mapping) {
    if (mapping->kept != 0)
        widen_working_set(0, mapping->kept);
}

/* Unlocking pages that are not locked removes them from the working set; the call then fails with "not locked". */
int32_t platform_advise(uint8_t *data, uint64_t length, uint32_t advice) {
    WIN32_MEMORY_RANGE_ENTRY range = {data, (SIZE_T)length};
    BOOL done = TRUE;
    if (advice == WMMF_ADVICE_WILL_NEED)
        done = PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0);
    else if (advice == WMMF_ADVICE_DONT_NEED)
        done = VirtualUnlock(data, (SIZE_T)length) || GetLastError() == ERROR_NOT_LOCKED;
    return done ? WMMF_OK : status_from_error(GetLastError());
}
