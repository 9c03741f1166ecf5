/* Files of the file system, and windows of sections and files, on Linux. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "last_error.h"
#include "tuning.h"

/* -1: errno says why. */
static int open_or_create(const struct platform_file *file, bool *created) {
    int flags = (file->protection == WMMF_READ_WRITE ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC;
    if (file->write_through)
        flags |= O_DSYNC;
    if (file->file_mode == WMMF_FILE_OPEN)
        return open(file->path, flags);
    for (int attempt = 0;; attempt++) {
        int fd = open(file->path, flags | O_CREAT | O_EXCL, (mode_t)file->permissions);
        *created = fd >= 0;
        if (fd >= 0 || errno != EEXIST || file->file_mode == WMMF_FILE_CREATE)
            return fd;
        fd = open(file->path, flags);
        if (fd >= 0 || errno != ENOENT || attempt == ATTEMPTS_MAX) /* removed meanwhile */
            return fd;
    }
}

static int32_t open_descriptor(struct platform_mapping *mapping, const struct platform_file *file, bool *created) {
    struct stat status;
    int fd = open_or_create(file, created);
    if (fd < 0)
        return opening_status(file->path, mapping->read_only);
    int32_t result = regular_check(fd, &status);
    if (result != WMMF_OK) {
        close(fd);
        return result;
    }
    take_descriptor(mapping, fd, &status);
    return WMMF_OK;
}

int32_t platform_file_open(const struct platform_file *file, struct platform_mapping **out, bool *created) {
    struct platform_mapping *mapping;
    if (file->name || file->share != WMMF_SHARE_ALL)
        return failed(WMMF_E_NOT_SUPPORTED, "%s: only Windows has that for files",
                      file->name ? "a name for the section" : "a share mode other than 0 (WMMF_SHARE_ALL)");
    int32_t status = mapping_new(&mapping);
    if (status != WMMF_OK)
        return status;
    mapping->read_only = file->protection != WMMF_READ_WRITE;
    mapping->protection = file->protection;
    mapping->unlocked = !file->native;
    mapping->file_path = strdup(file->path);
    status = mapping->file_path ? open_descriptor(mapping, file, created) : WMMF_E_NO_MEMORY;
    return mapping_hand_out(mapping, status, out);
}

void platform_file_remove(const char *path) {
    unlink(path);
}

static int set_file_lock(struct platform_mapping *mapping, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = TOKEN_OFFSET - 1, .l_len = 1};
    int result;
    do
        result = fcntl(mapping->fd, F_OFD_SETLKW, &lock);
    while (result != 0 && errno == EINTR);
    return result;
}

int32_t platform_file_lock(struct platform_mapping *mapping) {
    int32_t status = descriptor_check(mapping);
    if (status != WMMF_OK || set_file_lock(mapping, mapping->read_only ? F_RDLCK : F_WRLCK) == 0)
        return status;
    return status_from_errno();
}

void platform_file_unlock(struct platform_mapping *mapping) {
    if (has_descriptor(mapping))
        set_file_lock(mapping, F_UNLCK);
}

int32_t platform_file_size(struct platform_mapping *mapping, uint64_t *size) {
    struct stat status;
    int32_t result = attributes_of(mapping, &status);
    if (result == WMMF_OK)
        *size = (uint64_t)status.st_size;
    return result;
}

/* New bytes are a hole. */
static int32_t set_length(int fd, uint64_t size) {
    int result;
    do
        result = ftruncate(fd, (off_t)size);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return WMMF_OK;
    if (errno == EFBIG)
        error_detail("%" PRIu64 " bytes are needed, and no file of this file system can have that many", size);
    return status_from_errno();
}

int32_t platform_file_resize(struct platform_mapping *mapping, uint64_t size, bool reserve) {
    uint64_t before;
    int32_t status = platform_file_size(mapping, &before);
    if (status == WMMF_OK && size > before)
        status = room_limit_check(size);
    if (status != WMMF_OK)
        return status;
    if (!reserve || size <= before)
        return set_length(mapping->fd, size);
    status = room_lengthen(mapping->fd, before, size);
    if (status != WMMF_OK)
        set_length(mapping->fd, before);
    return status;
}

/* Whole pages: those of the pool cannot be mapped or unmapped otherwise. */
static int32_t map_pages(int fd, uint64_t page, uint64_t offset, uint64_t length, uint32_t protection,
                         struct platform_window *window) {
    uint64_t before = offset % page, size = (before + length + page - 1) / page * page;
    if (length > SIZE_MAX - 2 * page || offset > INT64_MAX - length)
        return WMMF_E_SIZE;
    int access = protection == WMMF_READ ? PROT_READ : PROT_READ | PROT_WRITE;
    int kind = protection == WMMF_COPY_ON_WRITE ? MAP_PRIVATE : MAP_SHARED;
    void *view = mmap(NULL, (size_t)size, access, kind, fd, (off_t)(offset - before));
    if (view == MAP_FAILED)
        return with_addresses(status_from_errno(), size);
    window->view = view;
    window->view_size = size;
    window->data = (uint8_t *)view + before;
    return WMMF_OK;
}

/* If the file has locks, through a separate description: see platform_posix.c. */
int32_t platform_window_map(struct platform_mapping *mapping, uint64_t offset, uint64_t length, uint32_t protection,
                            struct platform_window *window) {
    int32_t status = descriptor_check(mapping);
    if (status != WMMF_OK)
        return status;
    if (mapping->unlocked)
        return map_pages(mapping->fd, platform_page_size(mapping), offset, length, protection, window);
    int fd = open_again(mapping, mapping->file_path ? mapping->file_path : mapping->path);
    if (fd < 0)
        return status_from_errno();
    status = map_pages(fd, platform_page_size(mapping), offset, length, protection, window);
    close(fd);
    return status;
}

int32_t platform_file_map(struct platform_mapping *mapping, uint64_t offset, uint64_t size) {
    struct platform_window window = {0};
    int32_t status = platform_window_map(mapping, offset, size, mapping->protection, &window);
    if (status != WMMF_OK)
        return status;
    mapping->view = window.view;
    mapping->view_size = window.view_size;
    mapping->base = window.data;
    mapping->mapped_size = size;
    mapping->file_offset = offset;
    return WMMF_OK;
}

void platform_file_unmap(struct platform_mapping *mapping) {
    unmap(mapping);
}

/* Copies our own memory through the kernel, which returns EFAULT where we would get a signal. */
static int32_t copy_privately(struct platform_mapping *mapping, uint64_t offset, void *buffer, size_t length,
                              bool writing) {
    struct iovec ours = {buffer, length}, mapped = {mapping->base + (offset - mapping->file_offset), length};
    ssize_t copied = writing ? process_vm_writev(getpid(), &ours, 1, &mapped, 1, 0)
                             : process_vm_readv(getpid(), &ours, 1, &mapped, 1, 0);
    if (copied == (ssize_t)length)
        return WMMF_OK;
    if (copied >= 0 || errno == EFAULT)
        return WMMF_E_TRUNCATED;
    /* A filter forbids the call: a truncated file then raises a signal. */
    memmove(writing ? mapped.iov_base : buffer, writing ? buffer : mapped.iov_base, length);
    return WMMF_OK;
}

/* There is one page cache: pread and pwrite see and change what the mapping shows. */
int32_t platform_file_read(struct platform_mapping *mapping, uint64_t offset, void *buffer, size_t length) {
    int32_t status = descriptor_check(mapping);
    if (status == WMMF_OK && mapping->protection == WMMF_COPY_ON_WRITE)
        return copy_privately(mapping, offset, buffer, length, false);
    for (size_t done = 0; status == WMMF_OK && done < length;) {
        ssize_t got = pread(mapping->fd, (char *)buffer + done, length - done, (off_t)(offset + done));
        if (got == 0)
            return WMMF_E_TRUNCATED;
        if (got < 0 && errno != EINTR)
            return status_from_errno();
        done += got > 0 ? (size_t)got : 0;
    }
    return status;
}

int32_t platform_file_write(struct platform_mapping *mapping, uint64_t offset, const void *buffer, size_t length) {
    int32_t status = descriptor_check(mapping);
    uint64_t size = 0;
    if (status == WMMF_OK && mapping->protection == WMMF_COPY_ON_WRITE)
        return copy_privately(mapping, offset, (void *)(uintptr_t)buffer, length, true);
    for (size_t done = 0; status == WMMF_OK && done < length;) {
        /* pwrite would make a truncated file long again, as it does if the file is truncated after this look. */
        status = platform_file_size(mapping, &size);
        if (status == WMMF_OK && size < offset + length)
            status = WMMF_E_TRUNCATED;
        if (status == WMMF_OK)
            status = room_limit_check(offset + length);
        if (status != WMMF_OK)
            return status;
        ssize_t put = pwrite(mapping->fd, (const char *)buffer + done, length - done, (off_t)(offset + done));
        if (put < 0 && errno != EINTR)
            return status_from_errno();
        done += put > 0 ? (size_t)put : 0;
    }
    return status;
}

/* The system already has the changes of the mapping. */
int32_t platform_file_flush(struct platform_mapping *mapping, uint64_t offset, uint64_t length, bool to_device) {
    (void)offset;
    (void)length; /* Linux syncs whole files: msync also flushes their size and all their blocks */
    int32_t status = descriptor_check(mapping);
    if (status == WMMF_OK && to_device && fdatasync(mapping->fd) != 0)
        status = status_from_errno();
    return status;
}

uint64_t platform_boot_id(void) {
    char text[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    uint64_t id = 0;
    for (ssize_t i = 0; i < length; i++)
        id = (id ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3); /* FNV */
    return id;
}

int32_t platform_window_flush(const struct platform_window *window, uint64_t offset, uint64_t length) {
    (void)window;
    (void)offset;
    (void)length; /* the system already has its changes */
    return WMMF_OK;
}

void platform_window_unmap(struct platform_window *window) {
    munmap(window->view, (size_t)window->view_size);
}

void platform_page_sizes(uint64_t *page, uint64_t *granularity, uint64_t *large) {
    *page = *granularity = (uint64_t)sysconf(_SC_PAGESIZE);
    *large = large_page_size();
}
