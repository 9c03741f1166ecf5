/* Unnamed sections on Linux: memory of memfd_create, which the kernel frees when the last process closes it.
 *
 * Seals, which nobody can remove, keep it from getting shorter, so nobody can raise a signal in another process by
 * truncating it. Other processes get a descriptor. The library opens it again through /proc, which gives a separate
 * open file description: tokens need one (see platform_posix.c), and the permission bits are checked again.
 *
 * Large pages come from the kernel's pool if it has enough, otherwise they are transparent ones (see pages_posix.c). */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "last_error.h"

/* Older headers do not have these. */
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC       1u
#define MFD_ALLOW_SEALING 2u
#endif
#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4u /* Linux 4.14; of the usual size */
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* Linux 6.3; systems may require it */
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS   1033
#define F_GET_SEALS   1034
#define F_SEAL_SEAL   1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW   4
#endif

/* Called by number: glibc has a function for it since 2.27. */
static int new_memory(unsigned flags) {
    return (int)syscall(SYS_memfd_create, "wmmf", flags);
}

static int32_t make_memory(struct platform_mapping *mapping, unsigned kind) {
    int fd = new_memory(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | kind);
    if (fd < 0 && errno == EINVAL)
        fd = new_memory(MFD_CLOEXEC | MFD_ALLOW_SEALING | kind);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        status_from_errno();
        return failed(WMMF_E_NOT_SUPPORTED, "this system has no memfd_create (Linux 3.17), or a filter forbids it");
    }
    int32_t status = adopt_new(mapping, fd);
    if (status != WMMF_OK && mapping->fd < 0 && fd >= 0)
        close(fd);
    return status;
}

/* A second description; -1: *status says why. */
static int open_through_proc(const struct platform_mapping *mapping, int32_t *status) {
    int fd = open_again(mapping, "");
    if (fd >= 0)
        return fd;
    int error = errno;
    *status = status_from_errno();
    if (error == ENOENT || error == ENOTDIR)
        *status = failed(WMMF_E_NOT_SUPPORTED, "/proc is missing; unnamed sections are opened through it");
    return -1;
}

static int32_t fill_memory(struct platform_mapping *mapping, unsigned kind, mode_t mode, uint64_t size,
                           uint64_t reserved, uint32_t flags) {
    int32_t status = make_memory(mapping, kind);
    if (status == WMMF_OK && kind == MFD_HUGETLB)
        status = find_pool(mapping);
    int second = status == WMMF_OK ? open_through_proc(mapping, &status) : -1;
    if (status == WMMF_OK)
        status = fill_new(mapping, second, mode & 0666, size, reserved, flags); /* not executable */
    return status;
}

/* False: the pool has no large pages for it. */
static bool fill_from_pool(struct platform_mapping *mapping, mode_t mode, uint64_t size) {
    if (fill_memory(mapping, MFD_HUGETLB, mode, size, size, WMMF_LARGE_PAGES) == WMMF_OK)
        return true;
    error_clear();
    unmap(mapping);
    if (mapping->fd >= 0)
        close(mapping->fd);
    mapping->fd = -1;
    return false;
}

static int32_t create(struct platform_mapping *mapping, mode_t mode, uint64_t size, uint64_t reserved,
                      uint64_t addresses, uint32_t flags) {
    int seals = F_SEAL_SHRINK | F_SEAL_SEAL | (addresses > size ? 0 : F_SEAL_GROW);
    if (size > INT64_MAX)
        return WMMF_E_SIZE;
    int32_t status = WMMF_OK;
    if (!(flags & LARGE_PAGES) || !fill_from_pool(mapping, mode, size))
        status = fill_memory(mapping, 0, mode, size, reserved, flags);
    if (status == WMMF_OK && fcntl(mapping->fd, F_ADD_SEALS, seals) != 0)
        status = status_from_errno();
    return status == WMMF_OK ? platform_extend(mapping, addresses) : status;
}

int32_t platform_create_unnamed(const wmmf_options *options, uint64_t size, uint64_t reserved, uint64_t addresses,
                                struct platform_mapping **out) {
    mode_t mode;
    struct platform_mapping *mapping;
    int32_t status = creation_mode(options, &mode);
    if (status == WMMF_OK)
        status = mapping_new(&mapping);
    if (status != WMMF_OK)
        return status;
    status = create(mapping, mode, size, reserved, addresses, options->flags);
    return mapping_hand_out(mapping, status, out);
}

int32_t platform_share(struct platform_mapping *mapping, uint32_t pid, bool read_only, int64_t *handle) {
    struct platform_mapping copy = *mapping;
    int32_t status = descriptor_check(mapping);
    if (status == WMMF_OK && pid != 0)
        status = failed(WMMF_E_NOT_SUPPORTED,
                        "Linux cannot give a descriptor to another process: pass 0, and send the descriptor yourself");
    copy.read_only = read_only;
    int fd = status == WMMF_OK ? open_through_proc(&copy, &status) : -1;
    if (status == WMMF_OK)
        *handle = fd;
    return status;
}

static int32_t sealed_check(int fd) {
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 && errno == EBADF) {
        status_from_errno();
        return failed(WMMF_E_ARGUMENT, "%d is not an open descriptor of this process", fd);
    }
    if (seals < 0 && errno != EINVAL)
        return status_from_errno();
    if (seals >= 0 && (seals & F_SEAL_SHRINK))
        return WMMF_OK;
    return failed(WMMF_E_FORMAT,
                  "descriptor %d is not memory that nobody can make shorter (a memfd with F_SEAL_SHRINK)", fd);
}

/* Checks twice: another thread may close the descriptor and open something else under its number. */
static int32_t open_descriptor(struct platform_mapping *mapping, int given) {
    struct stat status;
    struct platform_mapping theirs = {.fd = given, .read_only = mapping->read_only};
    int32_t result = sealed_check(given);
    int fd = result == WMMF_OK ? open_through_proc(&theirs, &result) : -1;
    if (result != WMMF_OK)
        return result;
    result = sealed_check(fd);
    if (result == WMMF_OK)
        result = regular_check(fd, &status);
    if (result != WMMF_OK) {
        close(fd);
        return result;
    }
    take_descriptor(mapping, fd, &status);
    result = find_pool(mapping);
    int second = result == WMMF_OK ? open_through_proc(mapping, &result) : -1;
    return result == WMMF_OK ? map_apart(mapping, second, (uint64_t)status.st_size) : result;
}

int32_t platform_open_handle(int64_t handle, bool read_only, struct platform_mapping **out) {
    struct platform_mapping *mapping;
    if (handle < 0 || handle > INT_MAX)
        return failed(WMMF_E_ARGUMENT, "%lld is not a descriptor", (long long)handle);
    int32_t status = mapping_new(&mapping);
    if (status != WMMF_OK)
        return status;
    mapping->read_only = read_only;
    status = open_descriptor(mapping, (int)handle);
    return mapping_hand_out(mapping, status, out);
}
