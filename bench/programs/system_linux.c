#define _GNU_SOURCE
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS INT64_C(1000000000)

struct shared_memory {
    void *address;
    size_t size;
    char *to_remove; /* NULL: somebody else does */
};

int64_t system_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

void system_sleep_until(int64_t ns) {
    struct timespec when = {ns / NANOSECONDS, ns % NANOSECONDS};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
        ;
}

static shared_memory *mapped(int file, size_t size, char *to_remove) {
    shared_memory *memory = malloc(sizeof *memory);
    memory->address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    memory->size = size;
    memory->to_remove = to_remove;
    close(file);
    if (memory->address != MAP_FAILED)
        return memory;
    free(memory);
    return NULL;
}

shared_memory *system_create(const char *name, size_t size) {
    int file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file < 0 || ftruncate(file, (off_t)size) != 0)
        return NULL;
    return mapped(file, size, strdup(name));
}

shared_memory *system_open(const char *name) {
    struct stat status;
    int file = shm_open(name, O_RDWR, 0);
    if (file < 0 || fstat(file, &status) != 0)
        return NULL;
    return mapped(file, (size_t)status.st_size, NULL);
}

void *system_address(const shared_memory *memory) {
    return memory->address;
}

void system_close(shared_memory *memory) {
    munmap(memory->address, memory->size);
    if (memory->to_remove)
        shm_unlink(memory->to_remove);
    free(memory->to_remove);
    free(memory);
}

void system_sleep(shared_memory *memory, const uint32_t *epoch, uint32_t seen, int64_t timeout_ns) {
    struct timespec timeout = {timeout_ns / NANOSECONDS, timeout_ns % NANOSECONDS};
    (void)memory;
    syscall(SYS_futex, epoch, FUTEX_WAIT, seen, &timeout, NULL, 0);
}

void system_wake(shared_memory *memory, uint32_t *epoch, uint32_t sleepers) {
    (void)memory;
    syscall(SYS_futex, epoch, FUTEX_WAKE, sleepers, NULL, NULL, 0);
}

bool system_input_ended(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0; /* nothing more is sent, so all that there can be is its end */
}
