#include "system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>
#include <io.h>
#include <winioctl.h>

static void *checked(void *pointer) {
    if (!pointer) {
        printf("the test program: error %lu\n", GetLastError());
        abort();
    }
    return pointer;
}

struct child {
    HANDLE process, to, from;
};

/* Now and then a process of Wine dies while it is being made, and Wine then reports an internal error. */
static bool create_process(const char *program, char *command, STARTUPINFOA *startup, PROCESS_INFORMATION *process) {
    for (int attempt = 0; attempt < 5; attempt++) {
        if (CreateProcessA(program, command, NULL, NULL, TRUE, 0, NULL, NULL, startup, process))
            return true;
        if (GetLastError() != ERROR_INTERNAL_ERROR)
            return false;
    }
    return false;
}

struct child *child_start(const char *role, const char *section) {
    struct child *child = checked(malloc(sizeof *child));
    STARTUPINFOA startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    char program[MAX_PATH], command[2 * MAX_PATH];
    GetModuleFileNameA(NULL, program, sizeof program);
    snprintf(command, sizeof command, "unit role %s %s", role, section);
    if (!CreatePipe(&startup.hStdInput, &child->to, NULL, 0) || !CreatePipe(&child->from, &startup.hStdOutput, NULL, 0))
        checked(NULL);
    startup.hStdError = startup.hStdOutput;
    SetHandleInformation(startup.hStdInput, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    SetHandleInformation(startup.hStdOutput, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    if (!create_process(program, command, &startup, &process))
        checked(NULL);
    CloseHandle(startup.hStdInput);
    CloseHandle(startup.hStdOutput);
    CloseHandle(process.hThread);
    child->process = process.hProcess;
    return child;
}

bool child_said(struct child *child, const char *line) {
    char got[256];
    DWORD length = 0, taken;
    while (length < sizeof got - 1 && ReadFile(child->from, got + length, 1, &taken, NULL) && taken == 1 &&
           got[length] != '\n')
        length += got[length] != '\r';
    got[length] = '\0';
    if (strcmp(got, line) != 0)
        printf("the child said '%s' instead of '%s'\n", got, line);
    return strcmp(got, line) == 0;
}

void child_tell(struct child *child, const char *line) {
    DWORD written;
    WriteFile(child->to, line, (DWORD)strlen(line), &written, NULL);
    WriteFile(child->to, "\n", 1, &written, NULL);
}

void child_kill(struct child *child) {
    TerminateProcess(child->process, 1);
    child_end(child);
}

int child_end(struct child *child) {
    DWORD code = (DWORD)-1;
    CloseHandle(child->to);
    WaitForSingleObject(child->process, INFINITE);
    GetExitCodeProcess(child->process, &code);
    CloseHandle(child->process);
    CloseHandle(child->from);
    free(child);
    return (int)code;
}

struct thread {
    HANDLE handle;
    void (*run)(void *);
    void *argument;
};

static DWORD WINAPI thread_main(void *argument) {
    struct thread *thread = argument;
    thread->run(thread->argument);
    return 0;
}

struct thread *thread_start(void (*run)(void *), void *argument) {
    struct thread *thread = checked(malloc(sizeof *thread));
    thread->run = run;
    thread->argument = argument;
    thread->handle = checked(CreateThread(NULL, 0, thread_main, thread, 0, NULL));
    return thread;
}

void thread_join(struct thread *thread) {
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
    free(thread);
}

/* How far the table of handles is filled, by the value of a new handle: Wine does not count them
 * (GetProcessHandleCount). */
static uint64_t handles_in_use(void) {
    HANDLE event = checked(CreateEventW(NULL, FALSE, FALSE, NULL));
    CloseHandle(event);
    return (uintptr_t)event / 4;
}

struct resources system_resources(void) {
    struct resources resources = {handles_in_use(), 0};
    MEMORY_BASIC_INFORMATION region;
    for (uintptr_t at = 0; VirtualQuery((void *)at, &region, sizeof region) != 0; at += region.RegionSize)
        if (region.State == MEM_COMMIT && region.Type == MEM_MAPPED)
            resources.mapped++;
    return resources;
}

bool system_locked_bytes(uint64_t *bytes) {
    (void)bytes;
    return false;
}

void system_close(int64_t handle) {
    if (!CloseHandle((HANDLE)(intptr_t)handle))
        abort();
}

bool system_cuts(int64_t handle) {
    (void)handle; /* a section has the size with which it was made */
    return false;
}

int64_t system_handle_of_file(FILE *file) {
    return _get_osfhandle(_fileno(file));
}

unsigned long system_process_id(void) {
    return GetCurrentProcessId();
}

int64_t system_now_ns(void) {
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return count.QuadPart / frequency.QuadPart * 1000000000 +
           count.QuadPart % frequency.QuadPart * 1000000000 / frequency.QuadPart;
}

bool system_keep_to_one_core(void) {
    DWORD_PTR cores, all;
    return GetProcessAffinityMask(GetCurrentProcess(), &cores, &all) &&
           SetThreadAffinityMask(GetCurrentThread(), cores & (~cores + 1)) != 0;
}

bool system_work_in_real_time(void) {
    return SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_TIME_CRITICAL);
}

static int64_t in_ns(FILETIME taken) {
    return (int64_t)((uint64_t)taken.dwHighDateTime << 32 | taken.dwLowDateTime) * 100;
}

int64_t system_thread_cpu_ns(void) {
    FILETIME started, ended, kernel, user;
    GetThreadTimes(GetCurrentThread(), &started, &ended, &kernel, &user);
    return in_ns(kernel) + in_ns(user);
}

void system_user_name(char *name, size_t capacity) {
    char user[256] = "", domain[256] = "";
    HANDLE token = NULL;
    struct {
        TOKEN_OWNER owner;
        BYTE sid[SECURITY_MAX_SID_SIZE];
    } buffer;
    DWORD length, user_length = sizeof user, domain_length = sizeof domain;
    SID_NAME_USE use;
    OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token);
    if (!GetTokenInformation(token, TokenOwner, &buffer, sizeof buffer, &length) ||
        !LookupAccountSidA(NULL, buffer.owner.Owner, user, &user_length, domain, &domain_length, &use))
        checked(NULL);
    CloseHandle(token);
    snprintf(name, capacity, "%s\\%s", domain, user);
}

bool system_remove_name(const char *name) {
    (void)name;
    return false;
}

const char *system_device(void) {
    return "CON";
}

bool system_makes_sparse_file(const char *path, uint64_t size) {
    HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    LARGE_INTEGER end = {.QuadPart = (LONGLONG)size};
    DWORD length;
    if (file == INVALID_HANDLE_VALUE)
        return false;
    DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &length, NULL); /* Wine makes them sparse anyway */
    bool made = SetFilePointerEx(file, end, NULL, FILE_BEGIN) && SetEndOfFile(file);
    CloseHandle(file);
    return made;
}

void system_pause(void) {
    Sleep(1);
}

uint64_t system_place_of_file(const char *path) {
    DWORD high = 0, low = GetCompressedFileSizeA(path, &high);
    return (uint64_t)high << 32 | low;
}

bool system_reserves(const char *name, uint64_t addresses, uint64_t committed, int64_t *handle) {
    char full_name[128];
    snprintf(full_name, sizeof full_name, "Local\\%s", name);
    HANDLE section =
        CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE, 0, (DWORD)addresses, full_name);
    void *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    if (!view || (committed && !VirtualAlloc(view, (SIZE_T)committed, MEM_COMMIT, PAGE_READWRITE)))
        abort();
    UnmapViewOfFile(view);
    *handle = (int64_t)(intptr_t)section;
    return true;
}

bool system_sizes_later(const char *name, int64_t size) {
    (void)name;
    (void)size;
    return false;
}
