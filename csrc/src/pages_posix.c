/* Large pages and locked memory, on Linux.
 *
 * The kernel has two kinds of large pages. Those of its pool, which an administrator sets aside, make up files of their
 * own kind: a section without a name can be one. Transparent ones are given to ordinary shared memory when it is
 * touched for the first time, if the file system, or for memory without a name a setting of the kernel, says so.
 * Whether all of a mapping got them is told by /proc/self/smaps. Whoever maps it later shares them without asking. */
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

/* What the kernel tells of our mapping: the number behind `key`, 0 if there is none. */
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
    error_detail(mapping->path[0] != '\0'
                     ? SHM_DIRECTORY " has no large pages: mount it with the option huge=advise"
                     : "shared memory has no large pages here: an administrator can set some aside "
                       "(/proc/sys/vm/nr_hugepages), or write advise to "
                       "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    return WMMF_E_NOT_SUPPORTED;
}

/* The kernel says whether the mapping may have them since Linux 5.0. A mapping that asks for them with
 * MADV_HUGEPAGE also has them where the setting is "always". */
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
    error_detail("%" PRIu64 " bytes are asked for in large pages, and there was memory in so large pieces for %" PRIu64,
                 size, large);
    return WMMF_E_NO_MEMORY;
}

static int32_t fill(struct platform_mapping *mapping, int second, uint64_t size) {
    uint64_t page = mapping->pool ? mapping->page_size : large_page_size();
    if (page == 0) {
        error_detail("this kernel has no large pages");
        return WMMF_E_NOT_SUPPORTED;
    }
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
    (void)mapping; /* as they are shared already */
    (void)read_only;
}

/* Pages of the pool are never swapped, and the kernel does not count them. */
int32_t platform_keep(struct platform_mapping *mapping) {
    struct rlimit limit = {0, 0};
    if (mapping->pool || mlock(mapping->view, (size_t)mapping->view_size) == 0)
        return WMMF_OK;
    error_note(errno);
    getrlimit(RLIMIT_MEMLOCK, &limit);
    error_detail("%" PRIu64 " bytes are to be locked, and this process may lock %" PRIu64
                 " in all (RLIMIT_MEMLOCK, ulimit -l)",
                 mapping->view_size, (uint64_t)limit.rlim_cur);
    return WMMF_E_NO_MEMORY;
}

/* Refused as an argument: a hint that this kernel, or memory of this kind, does not have. */
int32_t platform_advise(uint8_t *data, uint64_t length, uint32_t advice) {
    static const int advices[] = {MADV_NORMAL,   MADV_SEQUENTIAL, MADV_RANDOM,
                                  MADV_WILLNEED, MADV_DONTNEED,   MADV_HUGEPAGE};
    size_t before = (uintptr_t)data % (size_t)sysconf(_SC_PAGESIZE);
    if (madvise(data - before, (size_t)length + before, advices[advice]) == 0 || errno == EINVAL)
        return WMMF_OK;
    return status_from_errno();
}
