/* Loads and unloads the library again and again, as plug-in hosts do, and uses it in between; its memory stays flat.
 * The argument: the library's file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wmmf.h"

#define CYCLES 10000
#define WARM   500

struct job {
    void (*run)(void *);
    void *argument;
};

#ifdef _WIN32
#include <windows.h>
#include <psapi.h>

/* The libraries that it depends on stay loaded, as in every real program: each time that they are loaded with it,
 * Wine's own loader keeps some 300 bytes. */
static void *load(const char *path) {
    LoadLibraryA("advapi32.dll");
    return (void *)LoadLibraryA(path);
}

static void unload(void *library) {
    FreeLibrary((HMODULE)library);
}

static void find(void *library, const char *symbol, void *function) {
    FARPROC found = GetProcAddress((HMODULE)library, symbol);
    memcpy(function, &found, sizeof found);
}

static DWORD WINAPI run_job(void *job) {
    ((struct job *)job)->run(((struct job *)job)->argument);
    return 0;
}

static void in_a_thread(void (*run)(void *), void *argument) {
    struct job job = {run, argument};
    HANDLE thread = CreateThread(NULL, 0, run_job, &job, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

static unsigned long kilobytes(void) {
    PROCESS_MEMORY_COUNTERS counters;
    GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters);
    return (unsigned long)(counters.PagefileUsage / 1024);
}
#else
#include <dlfcn.h>
#include <pthread.h>

static void *load(const char *path) {
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void unload(void *library) {
    dlclose(library);
}

static void find(void *library, const char *symbol, void *function) {
    void *found = dlsym(library, symbol);
    memcpy(function, &found, sizeof found);
}

static void *run_job(void *job) {
    ((struct job *)job)->run(((struct job *)job)->argument);
    return NULL;
}

static void in_a_thread(void (*run)(void *), void *argument) {
    pthread_t thread;
    struct job job = {run, argument};
    if (pthread_create(&thread, NULL, run_job, &job) == 0)
        pthread_join(thread, NULL);
}

static unsigned long kilobytes(void) {
    char line[256];
    unsigned long found = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmData: %lu", &found) == 1)
            break;
    if (status)
        fclose(status);
    return found;
}
#endif

static char name[64];
static int failures;

static void use(void *library) {
    int32_t (*create)(const char *, uint64_t, const wmmf_options *, wmmf_section **);
    int32_t (*open)(const char *, uint64_t, const wmmf_options *, wmmf_section **);
    int32_t (*lock)(wmmf_section *, int64_t);
    int32_t (*unlock)(wmmf_section *);
    int32_t (*end)(wmmf_section *);
    wmmf_section *section = NULL, *missing = NULL;
    find(library, "wmmf_create", &create);
    find(library, "wmmf_open", &open);
    find(library, "wmmf_lock_write", &lock);
    find(library, "wmmf_unlock_write", &unlock);
    find(library, "wmmf_close", &end);
    failures += open("there-is-none", 0, NULL, &missing) != WMMF_E_NOT_FOUND;
    failures += create(name, 100, NULL, &section) != WMMF_OK || lock(section, 0) != WMMF_OK ||
                unlock(section) != WMMF_OK || end(section) != WMMF_OK;
}

int main(int argc, char **argv) {
    unsigned long before = 0;
    snprintf(name, sizeof name, "wmmf-unload-%p", (void *)&before);
    for (int cycle = 0; argc == 2 && cycle < CYCLES; cycle++) {
        void *library = load(argv[1]);
        if (!library) {
            printf("cycle %d: the library cannot be loaded\n", cycle);
            return 1;
        }
        use(library);
        if (cycle % 10 == 0)
            in_a_thread(use, library); /* which has ended before the library is unloaded */
        unload(library);
        if (cycle == WARM)
            before = kilobytes();
    }
    unsigned long after = kilobytes();
    printf("%lu kB before, %lu kB after, %d failures\n", before, after, failures);
    return argc != 2 || failures != 0 || after > before + 1024;
}
