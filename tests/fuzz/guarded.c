#define _GNU_SOURCE
#include "guarded.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdint.h>

#undef mmap
#undef munmap

#define PAGE 4096

static int count;

static size_t whole_pages(size_t size) {
    return (size + PAGE - 1) / PAGE * PAGE;
}

void *guarded_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    (void)address;
    size_t whole = whole_pages(size);
    uint8_t *room = mmap(NULL, whole + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return MAP_FAILED;
    uint8_t *base = mmap(room + PAGE, size, protection, flags | MAP_FIXED, fd, offset);
    if (base == MAP_FAILED) {
        int error = errno;
        munmap(room, whole + 2 * PAGE);
        errno = error;
        return MAP_FAILED;
    }
    ASAN_POISON_MEMORY_REGION(base + size, whole - size);
    count++;
    return base;
}

int guarded_munmap(void *address, size_t size) {
    size_t whole = whole_pages(size);
    count--;
    ASAN_UNPOISON_MEMORY_REGION(address, whole);
    return munmap((uint8_t *)address - PAGE, whole + 2 * PAGE);
}

int guarded_count(void) {
    return count;
}
