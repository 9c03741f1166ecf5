/* The platform on Linux: files in /dev/shm, futexes, and locks on descriptors as proofs of life.
 *
 * Life of a section. Whoever uses it holds a shared flock on its own descriptor, which the kernel drops with the
 * process. Whoever can take the exclusive flock has proof that nobody is left, and removes the name: the
 * last one to close, or, after a crash, the next one to come. The sticky bit marks files made here, so that a file
 * of somebody else's is never removed. A file is made without a name, filled, locked and only then linked: there is
 * no moment at which others could see it half made, and a crash before that leaves nothing.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64 /* tokens are locks beyond 4 GiB */
#include "platform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SHM_DIRECTORY "/dev/shm"
#define OUR_PREFIX    "wmmf-"
#define LOCAL_FORMAT  OUR_PREFIX "%u-" /* the user's id */
#define GLOBAL_PREFIX OUR_PREFIX "g-"
/* Tokens are one-byte locks far behind any payload; the bytes need not exist. */
#define TOKEN_OFFSET ((off_t)1 << 40)

struct platform_mapping {
    int fd; /* -1 once disinherited */
    void *base;
    uint64_t mapped_size;
    bool read_only;
    shared_u32 *alive; /* a page that reads 1 here and 0 in a forked child */
    bool managed;      /* made by this library: lifetime by flock */
    char path[sizeof SHM_DIRECTORY + 24 + WMMF_NAME_MAX];
};

static THREAD_LOCAL int32_t last_error;

int32_t platform_last_error(void) {
    return last_error;
}

void platform_clear_error(void) {
    last_error = 0;
}

static int32_t status_from_errno(void) {
    last_error = errno;
    switch (errno) {
    case ENOENT:
        return WMMF_E_NOT_FOUND;
    case EEXIST:
        return WMMF_E_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return WMMF_E_ACCESS;
    case ELOOP: /* a symbolic link where a section should be */
    case ENXIO:
    case EISDIR:
        return WMMF_E_FORMAT;
    case ENOSPC:
    case ENOMEM:
    case EFBIG:
        return WMMF_E_NO_MEMORY;
    case ENAMETOOLONG:
        return WMMF_E_NAME_TOO_LONG;
    default:
        return WMMF_E_OS;
    }
}

static int32_t section_path(const char *name, uint32_t name_space, char *path, size_t capacity) {
    if (name_space == WMMF_LOCAL) {
        snprintf(path, capacity, SHM_DIRECTORY "/" LOCAL_FORMAT "%s", (unsigned)geteuid(), name);
    } else if (name_space == WMMF_GLOBAL) {
        snprintf(path, capacity, SHM_DIRECTORY "/" GLOBAL_PREFIX "%s", name);
    } else {
        /* shm_open's convention: one slash may lead. */
        const char *file = name[0] == '/' ? name + 1 : name;
        if (file[0] == '\0' || strchr(file, '/') || strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
            return WMMF_E_NAME_INVALID;
        snprintf(path, capacity, SHM_DIRECTORY "/%s", file);
    }
    return WMMF_OK;
}

static bool is_linked_at(int fd, const char *path) {
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

/* Removes the name if the kernel says that nobody is left. Dying between flock and unlink leaves the name to the next
 * one to come, as dying before would. True: this descriptor now holds the exclusive lock, nobody else is there. */
static bool remove_if_abandoned(int fd, const char *path) {
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    if (is_linked_at(fd, path))
        unlink(path);
    return true;
}

static bool made_here(const struct stat *status) {
    return S_ISREG(status->st_mode) && (status->st_mode & S_ISVTX);
}

/* Removes what killed processes left behind, whatever its name, and calls `alive` for the file names of the others,
 * until it returns false. */
static int32_t sweep(bool (*alive)(void *context, const char *file), void *context) {
    DIR *directory = opendir(SHM_DIRECTORY);
    if (!directory)
        return status_from_errno();
    bool more = true;
    for (struct dirent *entry; more && (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, OUR_PREFIX, strlen(OUR_PREFIX)) != 0)
            continue;
        int fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            continue;
        struct stat status;
        char path[sizeof SHM_DIRECTORY + NAME_MAX + 1];
        snprintf(path, sizeof path, SHM_DIRECTORY "/%s", entry->d_name);
        if (fstat(fd, &status) == 0 && made_here(&status) && !remove_if_abandoned(fd, path) && alive)
            more = alive(context, entry->d_name);
        close(fd);
    }
    closedir(directory);
    return WMMF_OK;
}

/* What platform_list looks for: files whose names begin with that of the namespace. */
struct listing {
    char prefix[32];
    bool (*found)(void *context, const char *name);
    void *context;
};

static bool list_one(void *context, const char *file) {
    const struct listing *listing = context;
    size_t length = strlen(listing->prefix);
    return strncmp(file, listing->prefix, length) != 0 || listing->found(listing->context, file + length);
}

int32_t platform_list(uint32_t name_space, bool (*found)(void *context, const char *name), void *context) {
    struct listing listing = {.found = found, .context = context};
    if (name_space == WMMF_LOCAL)
        snprintf(listing.prefix, sizeof listing.prefix, LOCAL_FORMAT, (unsigned)geteuid());
    else
        snprintf(listing.prefix, sizeof listing.prefix, GLOBAL_PREFIX);
    return sweep(list_one, &listing);
}

static void section_free(struct platform_mapping *mapping) {
    if (mapping->base)
        munmap(mapping->base, (size_t)mapping->mapped_size);
    if (mapping->fd >= 0) {
        if (mapping->managed && !platform_forked(mapping))
            remove_if_abandoned(mapping->fd, mapping->path);
        close(mapping->fd);
    }
    if (mapping->alive)
        munmap(mapping->alive, sizeof *mapping->alive);
    free(mapping);
}

static int32_t section_new(struct platform_mapping **out) {
    struct platform_mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return WMMF_E_NO_MEMORY;
    mapping->fd = -1;
    void *page = mmap(NULL, sizeof *mapping->alive, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        int32_t status = status_from_errno();
        free(mapping);
        return status;
    }
    mapping->alive = page;
    *mapping->alive = 1;
    if (madvise(page, sizeof *mapping->alive, MADV_WIPEONFORK) != 0) {
        int32_t status = status_from_errno();
        section_free(mapping);
        return status;
    }
    *out = mapping;
    return WMMF_OK;
}

/* Where it is mapped already, the memory stays. */
static int32_t map_descriptor(struct platform_mapping *mapping, int fd) {
    int protection = mapping->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    int flags = mapping->base ? MAP_SHARED | MAP_FIXED : MAP_SHARED;
    void *base = mmap(mapping->base, (size_t)mapping->mapped_size, protection, flags, fd, 0);
    if (base == MAP_FAILED)
        return status_from_errno();
    mapping->base = base;
    return WMMF_OK;
}

static int32_t section_map(struct platform_mapping *mapping, uint64_t size, bool read_only) {
    if (size == 0)
        return WMMF_E_FORMAT;
    if (size > SIZE_MAX)
        return WMMF_E_SIZE;
    mapping->mapped_size = size;
    mapping->read_only = read_only;
    return map_descriptor(mapping, mapping->fd);
}

static int32_t creation_mode(const wmmf_options *options, mode_t *mode) {
    switch (options->access) {
    case WMMF_ACCESS_OWNER:
        *mode = 0600;
        return WMMF_OK;
    case WMMF_ACCESS_USERS_READ:
        *mode = 0644;
        return WMMF_OK;
    case WMMF_ACCESS_USERS_WRITE:
        *mode = 0666;
        return WMMF_OK;
    case WMMF_ACCESS_MODE:
        *mode = options->mode;
        return WMMF_OK;
    default:
        return WMMF_E_NOT_SUPPORTED;
    }
}

static int32_t grow(int fd, uint64_t size) {
    struct rlimit limit;
    struct statvfs room;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur) {
        errno = EFBIG; /* ftruncate would send SIGXFSZ, too, which ends a program that has no handler */
        return status_from_errno();
    }
    if (fstatvfs(fd, &room) != 0)
        return status_from_errno();
    if (room.f_blocks != 0 && size / room.f_frsize >= room.f_bavail) { /* no blocks: no limit */
        errno = ENOSPC;
        return status_from_errno();
    }
    return ftruncate(fd, (off_t)size) != 0 ? status_from_errno() : WMMF_OK;
}

/* posix_fallocate would fall back on writing every page; on tmpfs fallocate reserves or fails as a whole. */
int32_t platform_reserve(struct platform_mapping *mapping, uint64_t offset, uint64_t length) {
    int result;
    do
        result = fallocate(mapping->fd, 0, (off_t)offset, (off_t)length);
    while (result != 0 && errno == EINTR);
    return result != 0 ? status_from_errno() : WMMF_OK;
}

static int32_t create_unnamed(struct platform_mapping *mapping, mode_t mode, uint64_t size, uint64_t reserved) {
    if (size > INT64_MAX)
        return WMMF_E_SIZE;
    mapping->fd = open(SHM_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    /* fchmod: the umask has no say in who may open it. */
    if (mapping->fd < 0 || flock(mapping->fd, LOCK_SH) != 0 || fchmod(mapping->fd, mode | S_ISVTX) != 0)
        return status_from_errno();
    int32_t status = grow(mapping->fd, size);
    if (status == WMMF_OK)
        status = platform_reserve(mapping, 0, reserved);
    return status != WMMF_OK ? status : section_map(mapping, size, false);
}

int32_t platform_create(const char *name, const wmmf_options *options, uint64_t size, uint64_t reserved,
                        struct platform_mapping **out) {
    mode_t mode;
    struct platform_mapping *mapping;
    int32_t status = creation_mode(options, &mode);
    if (status == WMMF_OK)
        status = section_new(&mapping);
    if (status != WMMF_OK)
        return status;
    status = section_path(name, options->name_space, mapping->path, sizeof mapping->path);
    if (status == WMMF_OK) {
        sweep(NULL, NULL);
        status = create_unnamed(mapping, mode, size, reserved);
    }
    if (status != WMMF_OK) {
        section_free(mapping);
        return status;
    }
    *out = mapping;
    return WMMF_OK;
}

#define LINK_CAPACITY 32
static void link_to(int fd, char path[LINK_CAPACITY]) {
    snprintf(path, LINK_CAPACITY, "/proc/self/fd/%d", fd);
}

int32_t platform_publish(struct platform_mapping *mapping) {
    char unnamed[LINK_CAPACITY];
    link_to(mapping->fd, unnamed);
    for (int attempt = 0;; attempt++) {
        if (linkat(AT_FDCWD, unnamed, AT_FDCWD, mapping->path, AT_SYMLINK_FOLLOW) == 0) {
            mapping->managed = true;
            return WMMF_OK;
        }
        int32_t status = status_from_errno();
        if (status != WMMF_E_EXISTS || attempt > 0)
            return status;
        /* Taken by a dead process, perhaps: custom names are not swept. */
        int fd = open(mapping->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat other;
        if (fd >= 0 && fstat(fd, &other) == 0 && made_here(&other))
            remove_if_abandoned(fd, mapping->path);
        if (fd >= 0)
            close(fd);
    }
}

/* Counts this descriptor among the users of a section made here. */
static int32_t attach(int fd, const char *path) {
    struct stat status;
    if (remove_if_abandoned(fd, path))
        return WMMF_E_NOT_FOUND;
    /* Refused: somebody holds it exclusively, that is, is removing it. Unlinked: it was removed before we had it. */
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 || fstat(fd, &status) != 0 || status.st_nlink == 0)
        return WMMF_E_NOT_READY;
    return WMMF_OK;
}

static int32_t open_regular(const char *path, bool read_only, int extra_flags, int *fd, struct stat *status) {
    int flags = (read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_CLOEXEC | extra_flags;
    int opened = open(path, flags);
    if (opened < 0)
        return status_from_errno();
    int32_t result = fstat(opened, status) != 0 ? status_from_errno() : WMMF_OK;
    if (result == WMMF_OK && !S_ISREG(status->st_mode))
        result = WMMF_E_FORMAT;
    if (result != WMMF_OK) {
        close(opened);
        return result;
    }
    *fd = opened;
    return WMMF_OK;
}

static int32_t open_attached(struct platform_mapping *mapping, const wmmf_options *options) {
    struct stat status;
    int32_t result = open_regular(mapping->path, options->read_only, O_NOFOLLOW, &mapping->fd, &status);
    if (result != WMMF_OK)
        return result;
    if (options->name_space == WMMF_LOCAL && status.st_uid != geteuid())
        return WMMF_E_ACCESS; /* planted under this user's name by another */
    if (made_here(&status)) {
        result = attach(mapping->fd, mapping->path);
        if (result != WMMF_OK)
            return result;
        mapping->managed = true;
    }
    return section_map(mapping, (uint64_t)status.st_size, options->read_only);
}

int32_t platform_open(const char *name, const wmmf_options *options, struct platform_mapping **out) {
    struct platform_mapping *mapping;
    int32_t status = section_new(&mapping);
    if (status != WMMF_OK)
        return status;
    status = section_path(name, options->name_space, mapping->path, sizeof mapping->path);
    if (status == WMMF_OK)
        status = open_attached(mapping, options);
    if (status != WMMF_OK) {
        section_free(mapping);
        return status;
    }
    *out = mapping;
    return WMMF_OK;
}

int32_t platform_open_file(const char *path, bool read_only, struct platform_mapping **out) {
    struct platform_mapping *mapping;
    struct stat file;
    int32_t status = section_new(&mapping);
    if (status != WMMF_OK)
        return status;
    status = open_regular(path, read_only, 0, &mapping->fd, &file);
    if (status == WMMF_OK)
        status = file.st_size == 0 ? WMMF_E_SIZE : section_map(mapping, (uint64_t)file.st_size, read_only);
    if (status != WMMF_OK) {
        section_free(mapping);
        return status;
    }
    *out = mapping;
    return WMMF_OK;
}

void platform_close(struct platform_mapping *mapping) {
    section_free(mapping);
}

uint8_t *platform_base(const struct platform_mapping *mapping) {
    return mapping->base;
}

uint64_t platform_mapped_size(const struct platform_mapping *mapping) {
    return mapping->mapped_size;
}

/* The page cache is one: what pread and pwrite see and change is what the mapping shows. */
int32_t platform_file_read(struct platform_mapping *mapping, uint64_t offset, void *buffer, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(mapping->fd, (char *)buffer + done, length - done, (off_t)(offset + done));
        if (got == 0)
            return WMMF_E_TRUNCATED;
        if (got < 0 && errno != EINTR)
            return status_from_errno();
        done += got > 0 ? (size_t)got : 0;
    }
    return WMMF_OK;
}

int32_t platform_file_write(struct platform_mapping *mapping, uint64_t offset, const void *buffer, size_t length) {
    struct stat file;
    for (size_t done = 0; done < length;) {
        /* pwrite would make the file long again; cut short after this look, it does. */
        if (fstat(mapping->fd, &file) != 0)
            return status_from_errno();
        if ((uint64_t)file.st_size < offset + length)
            return WMMF_E_TRUNCATED;
        ssize_t put = pwrite(mapping->fd, (const char *)buffer + done, length - done, (off_t)(offset + done));
        if (put < 0 && errno != EINTR)
            return status_from_errno();
        done += put > 0 ? (size_t)put : 0;
    }
    return WMMF_OK;
}

bool platform_forked(const struct platform_mapping *mapping) {
    return load_relaxed_u32(mapping->alive) == 0;
}

static int32_t map_anew(struct platform_mapping *mapping, int inherited) {
    char path[LINK_CAPACITY];
    link_to(inherited, path);
    int fd = open(path, (mapping->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno();
    int32_t status = map_descriptor(mapping, fd);
    close(fd);
    return status;
}

/* Locks belong to what open() made, which parent and child share. It ends with its last descriptor and mapping: so the
 * child's mapping is to be of something else. */
int32_t platform_after_fork_child(struct platform_mapping *mapping) {
    if (!platform_forked(mapping))
        return WMMF_E_ARGUMENT;
    int inherited = (int)exchange_seq_u32((shared_u32 *)&mapping->fd, (uint32_t)-1); /* by one thread */
    if (inherited < 0)
        return WMMF_OK;
    int32_t status = map_anew(mapping, inherited);
    if (status == WMMF_OK)
        close(inherited);
    else
        store_relaxed_u32((shared_u32 *)&mapping->fd, (uint32_t)inherited);
    return status;
}

int32_t platform_join(struct platform_mapping *mapping, uint64_t section_id, bool looking) {
    (void)mapping;
    (void)section_id;
    (void)looking; /* the descriptor is all that is needed */
    return WMMF_OK;
}

static struct flock token_lock(uint32_t index, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = TOKEN_OFFSET + (off_t)index, .l_len = 1};
    return lock;
}

bool platform_token_claim(struct platform_mapping *mapping, uint32_t index) {
    struct flock lock = token_lock(index, F_WRLCK);
    return fcntl(mapping->fd, F_OFD_SETLK, &lock) == 0;
}

void platform_token_drop(struct platform_mapping *mapping, uint32_t index) {
    struct flock lock = token_lock(index, F_UNLCK);
    fcntl(mapping->fd, F_OFD_SETLK, &lock);
}

bool platform_token_alive(struct platform_mapping *mapping, uint32_t index) {
    struct flock lock = token_lock(index, F_WRLCK);
    return fcntl(mapping->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

static struct timespec timespec_from_ns(int64_t ns) {
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    return time;
}

void platform_sleep(struct platform_mapping *mapping, enum event event, const shared_u32 *epoch, uint32_t seen,
                    int64_t timeout_ns) {
    (void)mapping;
    (void)event;
    struct timespec timeout = timespec_from_ns(timeout_ns);
    syscall(SYS_futex, epoch, FUTEX_WAIT, seen, &timeout, NULL, 0);
}

void platform_wake(struct platform_mapping *mapping, enum event event, shared_u32 *epoch, uint32_t sleepers) {
    (void)mapping;
    (void)event;
    (void)sleepers; /* the futex knows who sleeps; the count may have been lowered by a crash */
    syscall(SYS_futex, epoch, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* futex_waitv of Linux 5.16, which older headers do not know. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define FUTEX_SIZE_U32 2
struct futex_wait {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};
struct time64 {
    int64_t seconds;
    int64_t nanoseconds;
};

static struct futex_wait futex_wait(const shared_u32 *word, uint32_t seen) {
    struct futex_wait wait = {seen, (uint64_t)(uintptr_t)word, FUTEX_SIZE_U32, 0};
    return wait;
}

/* False: this kernel, or a filter for system calls, does not have it. */
static bool sleep_on_any(const struct futex_wait *waits, uint32_t count, int64_t timeout_ns) {
    int64_t now = platform_monotonic_ns();
    int64_t until = timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
    struct time64 time = {until / 1000000000, until % 1000000000};
    return syscall(SYS_futex_waitv, waits, count, 0, &time, CLOCK_MONOTONIC) >= 0 || errno == EAGAIN ||
           errno == ETIMEDOUT || errno == EINTR;
}

/* The last word is the waker's. Without futex_waitv we sleep on that word alone, or on the only one there is, and for
 * the others come back after FALLBACK_NS. */
#define FALLBACK_NS INT64_C(1000000)
void platform_sleep_many(const struct platform_sleep *sleeps, uint32_t count, struct wmmf_waker *waker,
                         int64_t timeout_ns) {
    struct futex_wait waits[WMMF_WAIT_MANY_MAX + 1];
    for (uint32_t i = 0; i < count; i++)
        waits[i] = futex_wait(sleeps[i].epoch, sleeps[i].seen);
    if (waker)
        waits[count++] = futex_wait(&waker->woken, 0);
    if (sleep_on_any(waits, count, timeout_ns))
        return;
    int64_t slice = count == 1 || timeout_ns < FALLBACK_NS ? timeout_ns : FALLBACK_NS;
    const shared_u32 *word = waker ? &waker->woken : sleeps[count - 1].epoch;
    platform_sleep(NULL, EVENT_CHANGE, word, (uint32_t)waits[count - 1].value, slice);
}

int32_t platform_waker_open(struct wmmf_waker *waker) {
    waker->event = NULL; /* a futex needs nothing */
    return WMMF_OK;
}

void platform_waker_close(struct wmmf_waker *waker) {
    (void)waker;
}

void platform_waker_wake(struct wmmf_waker *waker) {
    platform_wake(NULL, EVENT_CHANGE, &waker->woken, 1);
}

void platform_pause(int64_t ns) {
    struct timespec time = timespec_from_ns(ns);
    nanosleep(&time, NULL);
}

void platform_yield(void) {
    sched_yield();
}

int64_t platform_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t unix_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t platform_unix_ns(void) {
    return unix_ns(CLOCK_REALTIME);
}

uint64_t platform_unix_coarse_ns(void) {
    return unix_ns(CLOCK_REALTIME_COARSE);
}

uint32_t platform_process_id(void) {
    return (uint32_t)getpid();
}

int32_t platform_random(uint64_t *value) {
    ssize_t got;
    do
        got = getrandom(value, sizeof *value, 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof *value ? WMMF_OK : status_from_errno();
}
