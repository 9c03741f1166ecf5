/* Large pages and locked memory, on Linux.
 *
 * The kernel has two kinds of large pages. The pool, which an administrator sets aside, backs files of a special kind;
 * an unnamed section can be such a file. Ordinary shared memory gets transparent ones when it is first touched, if a
 * mount option (for named memory) or a kernel setting (for unnamed memory) allows it. /proc/self/smaps shows whether
 * all of a mapping got them. A process that maps the section later shares them without asking. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "posix.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "last_error.h"

#define POOL_MAGIC 0x958458f6 /* HUGETLBFS_MAGIC of linux/magic.h */

uint64_t large_page_size(void) {
    char line[128];
    unsigned long long kilobytes = 0;
    FILE *meminfo = fopen("/proc/meminfo", "re");
    while (meminfo && fgets(line, sizeof line, meminfo))
        if (sscanf(line, "Hugepagesize: %llu", &kilobytes) == 1)
            break;
    if (meminfo)
        fclose(meminfo);
    return kilobytes * 1024;
}

uint64_t platform_page_size(const struct platform_mapping *mapping) {
    return mapping->page_size != 0 ? mapping->page_size : (uint64_t)sysconf(_SC_PAGESIZE);
}

int32_t find_pool(struct platform_mapping *mapping) {
    struct statfs system;
    if (fstatfs(mapping->fd, &system) != 0)
        return status_from_errno();
    mapping->pool = (uint32_t)system.f_type == POOL_MAGIC;
    mapping->page_size = mapping->pool ? (uint64_t)system.f_bsize : 0;
    return WMMF_OK;
}

/* The number behind `key` in the kernel's description of our mapping; 0: there is none. */
static uint64_t number_of_mapping(const struct platform_mapping *mapping, const char *key) {
    char line[512], begin[32];
    bool ours = false;
    uint64_t number = 0;
    FILE *maps = fopen("/proc/self/smaps", "re");
    snprintf(begin, sizeof begin, "%08" PRIxPTR "-", (uintptr_t)mapping->view);
    while (maps && fgets(line, sizeof line, maps)) {
        bool is_key = isupper((unsigned char)line[0]) != 0;
        if (ours && !is_key)
            break; /* the next mapping */
        if (!is_key)
            ours = strncmp(line, begin, strlen(begin)) == 0;
        else if (ours && strncmp(line, key, strlen(key)) == 0)
            number = strtoull(line + strlen(key), NULL, 10);
    }
    if (maps)
        fclose(maps);
    return number;
}

static int32_t fill_from_pool(struct platform_mapping *mapping) {
    return fallocate(mapping->fd, 0, 0, (off_t)mapping->mapped_size) == 0 ? WMMF_OK : status_from_errno();
}

static int32_t explain_setting(const struct platform_mapping *mapping) {
    return failed(WMMF_E_NOT_SUPPORTED,
                  mapping->path[0] != '\0'
                      ? SHM_DIRECTORY " has no large pages: mount it with the option huge=advise"
                      : "shared memory has no large pages here: an administrator can set some aside "
                        "(/proc/sys/vm/nr_hugepages), or write advise to "
                        "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
}

/* Since Linux 5.0 the kernel shows whether the mapping may have them. A mapping that asks for them with MADV_HUGEPAGE
 * also gets them if the setting is "always". */
static int32_t fill_transparently(struct platform_mapping *mapping) {
    uint64_t size = mapping->mapped_size;
    if (madvise(mapping->view, (size_t)size, MADV_HUGEPAGE) != 0 || number_of_mapping(mapping, "THPeligible:") == 0)
        return explain_setting(mapping);
    int32_t status = room_touch(mapping->fd, mapping->base, 0, size);
    if (status != WMMF_OK)
        return status;
    uint64_t large = number_of_mapping(mapping, "ShmemPmdMapped:") * 1024;
    if (large == size)
        return WMMF_OK;
    return failed(WMMF_E_NO_MEMORY,
                  "%" PRIu64 " bytes are needed in large pages, and there was contiguous memory for only %" PRIu64,
                  size, large);
}

static int32_t fill(struct platform_mapping *mapping, int second, uint64_t size) {
    uint64_t page = mapping->pool ? mapping->page_size : large_page_size();
    if (page == 0)
        return failed(WMMF_E_NOT_SUPPORTED, "this kernel has no large pages");
    if (size > INT64_MAX - page)
        return WMMF_E_SIZE;
    size = (size + page - 1) / page * page;
    int32_t status = room_check(mapping, size, size);
    if (status == WMMF_OK && ftruncate(mapping->fd, (off_t)size) != 0)
        status = status_from_errno();
    if (status == WMMF_OK)
        status = map_descriptor(mapping, second, size);
    if (status == WMMF_OK)
        status = mapping->pool ? fill_from_pool(mapping) : fill_transparently(mapping);
    if (status == WMMF_OK)
        mapping->page_size = page;
    return status;
}

int32_t fill_large(struct platform_mapping *mapping, int second, uint64_t size) {
    int32_t status = fill(mapping, second, size);
    if (status == WMMF_OK)
        return WMMF_OK;
    unmap(mapping);
    return ftruncate(mapping->fd, 0) == 0 ? status : status_from_errno();
}

void platform_map_large(struct platform_mapping *mapping, bool read_only) {
    (void)mapping; /* the large pages are already shared */
    (void)read_only;
}

/* Pages of the pool are never swapped, and do not count for the limit. */
int32_t platform_keep(struct platform_mapping *mapping) {
    struct rlimit limit = {0, 0};
    if (mapping->pool || mlock(mapping->view, (size_t)mapping->view_size) == 0)
        return WMMF_OK;
    error_note(errno);
    getrlimit(RLIMIT_MEMLOCK, &limit);
    return failed(WMMF_E_NO_MEMORY,
                  "%" PRIu64 " bytes are to be locked, and this process may lock %" PRIu64
                  " in all (RLIMIT_MEMLOCK, ulimit -l)",
                  mapping->view_size, (uint64_t)limit.rlim_cur);
}

/* EINVAL: this kernel, or this kind of memory, does not have such a hint. */
int32_t platform_advise(uint8_t *data, uint64_t length, uint32_t advice) {
    static const int advices[] = {MADV_NORMAL,   MADV_SEQUENTIAL, MADV_RANDOM,
                                  MADV_WILLNEED, MADV_DONTNEED,   MADV_HUGEPAGE};
    size_t before = (uintptr_t)data % (size_t)sysconf(_SC_PAGESIZE);
    if (madvise(data - before, (size_t)length + before, advices[advice]) == 0 || errno == EINVAL)
        return WMMF_OK;
    return status_from_errno();
}
