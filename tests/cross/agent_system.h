/* What the agents in C and C++ need of the system: handles that another process shares. */
#ifndef AGENT_SYSTEM_H
#define AGENT_SYSTEM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef _WIN32
#include <windows.h>

static uint64_t own_process_id(void) {
    return GetCurrentProcessId();
}

/* It is valid here already. */
static int64_t handle_from(const char *other, const char *handle) {
    (void)other;
    return strtoll(handle, NULL, 10);
}

static void close_handle(int64_t handle) {
    CloseHandle((HANDLE)(intptr_t)handle);
}
#else
#include <fcntl.h>
#include <unistd.h>

static uint64_t own_process_id(void) {
    return (uint64_t)getpid();
}

static int64_t handle_from(const char *other, const char *handle) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/fd/%s", other, handle);
    return open(path, O_RDWR);
}

static void close_handle(int64_t handle) {
    close((int)handle);
}
#endif

#endif
