#define _GNU_SOURCE
#include "guarded.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdint.h>

#undef mmap
#undef mremap
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

/* No more than that was forbidden, and the room to grow may be large. */
static void allow_last_page(void *address, size_t whole) {
    ASAN_UNPOISON_MEMORY_REGION((uint8_t *)address + whole - PAGE, PAGE);
}

/* To where there is room for all of it. What is left of its last page may be used from then on. */
void *guarded_mremap(void *address, size_t size, size_t new_size, int flags) {
    size_t whole = whole_pages(size), new_whole = whole_pages(new_size);
    if (new_whole > PTRDIFF_MAX - 2 * PAGE) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    uint8_t *room = mmap(NULL, new_whole + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return MAP_FAILED;
    allow_last_page(address, whole);
    uint8_t *base = mremap(address, size, new_size, flags | MREMAP_FIXED, room + PAGE);
    if (base == MAP_FAILED) {
        int error = errno;
        munmap(room, new_whole + 2 * PAGE);
        errno = error;
        return MAP_FAILED;
    }
    munmap((uint8_t *)address - PAGE, PAGE);
    munmap((uint8_t *)address + whole, PAGE);
    return base;
}

int guarded_munmap(void *address, size_t size) {
    size_t whole = whole_pages(size);
    count--;
    allow_last_page(address, whole);
    return munmap((uint8_t *)address - PAGE, whole + 2 * PAGE);
}

int guarded_count(void) {
    return count;
}
