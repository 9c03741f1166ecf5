#include "system.h"

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define NAME_SIZE 256

struct shared_memory {
    void *address;
    HANDLE section;
    HANDLE semaphore;
};

int64_t system_now_ns(void) {
    LARGE_INTEGER ticks, second;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&second);
    return ticks.QuadPart / second.QuadPart * 1000000000 +
           ticks.QuadPart % second.QuadPart * 1000000000 / second.QuadPart;
}

/* Sleep() comes back up to a clock tick late, so the last part is spent awake. */
void system_sleep_until(int64_t ns) {
    int64_t spare_ms = (ns - system_now_ns()) / 1000000 - 2;
    if (spare_ms > 0)
        Sleep((DWORD)spare_ms);
    while (system_now_ns() < ns)
        YieldProcessor();
}

static shared_memory *mapped(const char *name, HANDLE section) {
    char semaphore[NAME_SIZE + 16];
    shared_memory *memory = malloc(sizeof *memory);
    snprintf(semaphore, sizeof semaphore, "Local\\%s-sleepers", name);
    memory->section = section;
    memory->semaphore = CreateSemaphoreA(NULL, 0, MAXLONG, semaphore);
    memory->address = section ? MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0) : NULL;
    if (memory->address && memory->semaphore)
        return memory;
    free(memory);
    return NULL;
}

shared_memory *system_create(const char *name, size_t size) {
    char section[NAME_SIZE];
    snprintf(section, sizeof section, "Local\\%s", name);
    return mapped(name, CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, (DWORD)((uint64_t)size >> 32),
                                           (DWORD)size, section));
}

shared_memory *system_open(const char *name) {
    char section[NAME_SIZE];
    snprintf(section, sizeof section, "Local\\%s", name);
    return mapped(name, OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, section));
}

void *system_address(const shared_memory *memory) {
    return memory->address;
}

void system_close(shared_memory *memory) {
    UnmapViewOfFile(memory->address);
    CloseHandle(memory->section);
    CloseHandle(memory->semaphore);
    free(memory);
}

void system_sleep(shared_memory *memory, const uint32_t *epoch, uint32_t seen, int64_t timeout_ns) {
    (void)epoch;
    (void)seen;
    WaitForSingleObject(memory->semaphore, (DWORD)(timeout_ns / 1000000));
}

void system_wake(shared_memory *memory, uint32_t *epoch, uint32_t sleepers) {
    (void)epoch;
    ReleaseSemaphore(memory->semaphore, (LONG)sleepers, NULL);
}

bool system_input_ended(void) {
    return !PeekNamedPipe(GetStdHandle(STD_INPUT_HANDLE), NULL, 0, NULL, NULL, NULL);
}
