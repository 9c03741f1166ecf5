/* Forked children on Linux.
 *
 * A page with the process's id, which the kernel wipes in a fork, shows without a system call which process opened a
 * handle. All handles of this copy of the library share it; a child that opens its own handles makes another. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "posix.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

static shared_u64 guard_page; /* an address; 0: none yet */
static shared_u32 guard_users;

/* 0: this kernel cannot (before Linux 4.14, and some sandboxes). */
static uint64_t new_guard_page(void) {
    void *page = mmap(NULL, sizeof(shared_u32), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 0;
    if (madvise(page, sizeof(shared_u32), MADV_WIPEONFORK) != 0) {
        munmap(page, sizeof(shared_u32));
        return 0;
    }
    store_relaxed_u32(page, (uint32_t)getpid());
    return (uint64_t)(uintptr_t)page;
}

static void free_guard(void) {
    uint64_t page = exchange_seq_u64(&guard_page, 0);
    if (page != 0 && load_seq_u32(&guard_users) == 0)
        munmap((void *)(uintptr_t)page, sizeof(shared_u32));
}

/* Counts itself first: then either we see the end of the library, or it sees us (seq_cst). */
void enter_guard(struct platform_mapping *mapping) {
    add_seq_u32(&guard_users, 1);
    for (;;) {
        uint64_t page = load_seq_u64(&guard_page);
        mapping->guard = (shared_u32 *)(uintptr_t)page;
        if (page != 0 && load_relaxed_u32(mapping->guard) != 0)
            return;
        uint64_t mine = new_guard_page();
        mapping->guard = (shared_u32 *)(uintptr_t)mine;
        if (mine == 0) {
            mapping->process = getpid();
            return;
        }
        if (cas_seq_u64(&guard_page, &page, mine)) {
            atexit(free_guard); /* of a shared library: when it is unloaded */
            return;
        }
        munmap(mapping->guard, sizeof(shared_u32)); /* another thread was quicker */
    }
}

void leave_guard(void) {
    add_seq_u32(&guard_users, UINT32_MAX);
}

bool platform_forked(const struct platform_mapping *mapping) {
    return mapping->guard ? load_relaxed_u32(mapping->guard) == 0 : getpid() != mapping->process;
}

uint32_t platform_process_id(const struct platform_mapping *mapping) {
    uint32_t kept = mapping && mapping->guard ? load_relaxed_u32(mapping->guard) : 0;
    return kept != 0 ? kept : (uint32_t)getpid();
}

/* If the program has already closed the descriptor, it is only forgotten. */
int32_t platform_after_fork_child(struct platform_mapping *mapping) {
    if (!platform_forked(mapping))
        return WMMF_E_ARGUMENT;
    int fd = mapping->fd;
    bool ours = has_descriptor(mapping);
    mapping->fd = -1;
    return !ours || close(fd) == 0 ? WMMF_OK : status_from_errno();
}
