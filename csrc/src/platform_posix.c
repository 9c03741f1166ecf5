/* The platform on Linux: files in /dev/shm, and locks on descriptors that show which processes live.
 *
 * Lifetime of a section. Each process that has it open holds a shared flock on a descriptor of its own, which the
 * kernel drops with the process. A process that can take the exclusive flock has proof that no other is left, and
 * removes the name: the last one to close it or, after a crash, one that comes later. The sticky bit marks files made
 * here, so that foreign files are never removed. A file is created without a name, filled, locked and only then linked:
 * others never see it half made, and a crash before that leaves nothing.
 *
 * Two open file descriptions. Locks belong to an open file description, which a forked child shares until its last
 * descriptor and its last mapping of it are gone. So the memory is mapped through a second description, which carries
 * no lock. A child drops its share in its parent's locks by closing a descriptor, which needs no right, path or free
 * descriptor, and keeps the memory.
 *
 * Foreign closes. Programs close descriptors that they do not know, and the system then reuses the number, perhaps for
 * another open file of the same section. Before each use we check that the descriptor is still ours, by its file
 * position. We have set that to a mark, terabytes away and different for each handle, and nothing moves it, because we
 * read and write at explicit offsets. A gap remains: another thread may close the descriptor between our check and our
 * use. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64 /* tokens are locks beyond 4 GiB */
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "last_error.h"

#define TEMPORARY_FORMAT SHM_DIRECTORY "/" OUR_PREFIX "new-%016llx" /* see make_named */
#define OUR_MODE         (0600 | S_ISVTX)

static const struct meaning meanings[] = {
    {ENOTDIR, WMMF_E_NOT_FOUND, "a part of the path is not a folder"},
    {ENOENT, WMMF_E_NOT_FOUND, NULL},
    {EEXIST, WMMF_E_EXISTS, NULL},
    {EACCES, WMMF_E_ACCESS, NULL},
    {EPERM, WMMF_E_ACCESS, NULL},
    {EROFS, WMMF_E_ACCESS, NULL},
    {ETXTBSY, WMMF_E_ACCESS, "the file is a program that is running"},
    {ELOOP, WMMF_E_FORMAT, "a symbolic link is there, or there are too many on the way"},
    {ENXIO, WMMF_E_FORMAT, "it is a socket, or a device that does not exist, not an ordinary file"},
    {EISDIR, WMMF_E_FORMAT, "it is a folder, not an ordinary file"},
    {ENODEV, WMMF_E_NOT_SUPPORTED, "its file system does not map files into memory"},
    {EDQUOT, WMMF_E_NO_MEMORY, "this user has no room left on that file system (quota)"},
    {ENOSPC, WMMF_E_NO_MEMORY, NULL},
    {ENOMEM, WMMF_E_NO_MEMORY, NULL},
    {EFBIG, WMMF_E_NO_MEMORY, NULL},
    {ENAMETOOLONG, WMMF_E_NAME_TOO_LONG, NULL},
    {EMFILE, WMMF_E_OS, "this process has no file descriptor left (ulimit -n)"},
    {ENFILE, WMMF_E_OS, "this machine has no file descriptor left"},
};

int32_t status_from_errno(void) {
    return status_from(meanings, sizeof meanings / sizeof *meanings, errno);
}

/* Descriptors. */

/* Puts the mark as far away as the file system allows, which in some is not far. */
void take_descriptor(struct platform_mapping *mapping, int fd, const struct stat *status) {
    mapping->fd = fd;
    mapping->device = status->st_dev;
    mapping->inode = status->st_ino;
    mapping->owner = status->st_uid;
    off_t mark = (off_t)(((uintptr_t)mapping >> 4) & (((uint64_t)1 << 43) - 1));
    mapping->position = lseek(mapping->fd, mark, SEEK_SET);
    if (mapping->position < 0)
        mapping->position = lseek(mapping->fd, mark & INT32_MAX, SEEK_SET);
}

bool has_descriptor(const struct platform_mapping *mapping) {
    return mapping->fd >= 0 && lseek(mapping->fd, 0, SEEK_CUR) == mapping->position;
}

int32_t descriptor_check(const struct platform_mapping *mapping) {
    return has_descriptor(mapping) ? WMMF_OK : WMMF_E_DESCRIPTOR;
}

int32_t attributes_of(const struct platform_mapping *mapping, struct stat *status) {
    bool found = mapping->fd >= 0 && fstat(mapping->fd, status) == 0 && is_same_file(mapping, status);
    return found ? WMMF_OK : WMMF_E_DESCRIPTOR;
}

/* Mappings. */

int32_t mapping_new(struct platform_mapping **out) {
    struct platform_mapping *mapping = calloc(1, sizeof *mapping);
    if (!mapping)
        return WMMF_E_NO_MEMORY;
    mapping->fd = -1;
    enter_guard(mapping);
    *out = mapping;
    return WMMF_OK;
}

void unmap(struct platform_mapping *mapping) {
    if (mapping->view)
        munmap(mapping->view, (size_t)mapping->view_size);
    mapping->view = mapping->base = NULL;
}

void platform_close(struct platform_mapping *mapping) {
    unmap(mapping);
    if (has_descriptor(mapping)) {
        if (mapping->managed && !platform_forked(mapping))
            remove_if_abandoned(mapping->fd, mapping->path);
        close(mapping->fd);
    }
    if (mapping->temporary[0] != '\0')
        unlink(mapping->temporary);
    leave_guard();
    free(mapping->file_path);
    free(mapping);
}

int32_t map_descriptor(struct platform_mapping *mapping, int fd, uint64_t size) {
    if (size == 0)
        return WMMF_E_FORMAT;
    if (size > SIZE_MAX)
        return WMMF_E_SIZE;
    int protection = mapping->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    void *base = mmap(NULL, (size_t)size, protection, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return status_from_errno();
    mapping->view = mapping->base = base;
    mapping->view_size = mapping->mapped_size = size;
    return WMMF_OK;
}

#define LINK_CAPACITY 32
static void link_to(int fd, char path[LINK_CAPACITY]) {
    snprintf(path, LINK_CAPACITY, "/proc/self/fd/%d", fd);
}

static int second_flags(const struct platform_mapping *mapping) {
    return (mapping->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
}

/* -1: errno says why. EAGAIN: the name leads to another file. */
static int open_by_name(const struct platform_mapping *mapping, const char *name) {
    struct stat status;
    int fd = open(name, second_flags(mapping) | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !is_same_file(mapping, &status))) {
        close(fd);
        errno = EAGAIN; /* the name belongs to another file meanwhile */
        return -1;
    }
    return fd;
}

/* A second description of the file, through /proc; or by its name, if /proc is missing or not accessible, as after a
 * setuid. -1: as in open_by_name. */
int open_again(const struct platform_mapping *mapping, const char *name) {
    char path[LINK_CAPACITY];
    link_to(mapping->fd, path);
    int fd = open(path, second_flags(mapping));
    if (fd >= 0 || name[0] == '\0' || errno == EMFILE || errno == ENFILE)
        return fd;
    return open_by_name(mapping, name);
}

/* The same, but tries the name first, because /proc takes three times as long. */
static int open_quickly(const struct platform_mapping *mapping) {
    int fd = open_by_name(mapping, mapping->path);
    return fd >= 0 ? fd : open_again(mapping, mapping->path);
}

int32_t map_apart(struct platform_mapping *mapping, int second, uint64_t size) {
    if (second < 0)
        return errno == EAGAIN ? WMMF_E_NOT_READY : status_from_errno();
    /* Size 0: a creator that does not use this library may be between shm_open and ftruncate. */
    int32_t status = size == 0 ? WMMF_E_NOT_READY : map_descriptor(mapping, second, size);
    close(second);
    return status;
}

/* Creating. */

int32_t creation_mode(const wmmf_options *options, mode_t *mode) {
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

int32_t adopt_new(struct platform_mapping *mapping, int fd) {
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return status_from_errno();
    take_descriptor(mapping, fd, &status);
    if ((status.st_mode & 07777) != OUR_MODE && fchmod(fd, OUR_MODE) != 0)
        return status_from_errno();
    return WMMF_OK;
}

/* A file without a name, and its second description. -1: this system does not support one of the two. */
static int make_unnamed(struct platform_mapping *mapping) {
    int fd = open(SHM_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, OUR_MODE);
    if (fd < 0)
        return -1;
    int second = adopt_new(mapping, fd) == WMMF_OK ? open_again(mapping, "") : -1;
    if (second < 0) {
        int error = errno;
        close(fd);
        mapping->fd = -1;
        errno = error;
    }
    return second;
}

/* The same with a temporary name, where O_TMPFILE or /proc is missing. A sweep may remove the file before it is locked;
 * platform_publish then finds it gone. */
static int make_named(struct platform_mapping *mapping, int32_t *status) {
    uint64_t number;
    *status = platform_random(&number);
    if (*status != WMMF_OK)
        return -1;
    char path[PATH_LENGTH];
    snprintf(path, sizeof path, TEMPORARY_FORMAT, (unsigned long long)number);
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, OUR_MODE);
    if (fd < 0) {
        *status = creation_status();
        return -1;
    }
    memcpy(mapping->temporary, path, sizeof path);
    *status = adopt_new(mapping, fd);
    if (*status != WMMF_OK) {
        if (mapping->fd < 0)
            close(fd);
        return -1;
    }
    int second = open_again(mapping, path);
    if (second < 0)
        *status = status_from_errno();
    return second;
}

static bool is_lack(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOSPC;
}

static int32_t fill_ordinary(struct platform_mapping *mapping, int second, uint64_t size, uint64_t reserved) {
    int32_t status = WMMF_OK;
    if (reserved < size && ftruncate(mapping->fd, (off_t)size) != 0)
        status = status_from_errno();
    if (status == WMMF_OK)
        status = map_descriptor(mapping, second, size);
    return status == WMMF_OK ? room_reserve(mapping->fd, mapping->base, 0, reserved) : status;
}

static int32_t fill_pages(struct platform_mapping *mapping, int second, uint64_t size, uint64_t reserved,
                          uint32_t flags) {
    int32_t status = flags & LARGE_PAGES ? fill_large(mapping, second, size) : WMMF_E_NOT_SUPPORTED;
    if (status == WMMF_OK || (flags & WMMF_LARGE_PAGES))
        return status;
    error_clear();
    return fill_ordinary(mapping, second, size, reserved);
}

int32_t fill_new(struct platform_mapping *mapping, int second, mode_t mode, uint64_t size, uint64_t reserved,
                 uint32_t flags) {
    int32_t status = room_check(mapping, size, reserved);
    if (status == WMMF_E_NO_MEMORY) {
        sweep(true); /* remains of dead processes may use up the memory */
        error_clear();
        status = room_check(mapping, size, reserved);
    }
    if (status == WMMF_OK)
        status = fill_pages(mapping, second, size, reserved, flags);
    close(second);
    if (status != WMMF_OK)
        return status;
    /* Locked before it has a name. */
    if (flock(mapping->fd, LOCK_SH | LOCK_NB) != 0 || (mode != 0600 && fchmod(mapping->fd, mode | S_ISVTX) != 0))
        return status_from_errno();
    return WMMF_OK;
}

static int32_t make_file(struct platform_mapping *mapping, mode_t mode, uint64_t size, uint64_t reserved,
                         uint32_t flags) {
    if (size > INT64_MAX)
        return WMMF_E_SIZE;
    int32_t status = WMMF_OK;
    int second = make_unnamed(mapping);
    if (second < 0 && is_lack(errno))
        return creation_status();
    if (second < 0)
        second = make_named(mapping, &status);
    return second < 0 ? status : fill_new(mapping, second, mode, size, reserved, flags);
}

int32_t platform_create(const char *name, const wmmf_options *options, uint64_t size, uint64_t reserved,
                        uint64_t addresses, struct platform_mapping **out) {
    mode_t mode;
    struct platform_mapping *mapping;
    int32_t status = creation_mode(options, &mode);
    if (status == WMMF_OK)
        status = mapping_new(&mapping);
    if (status != WMMF_OK)
        return status;
    status = section_path(name, options->name_space, geteuid(), mapping->path, sizeof mapping->path);
    if (status == WMMF_OK) {
        sweep(false);
        status = make_file(mapping, mode, size, reserved, options->flags);
    }
    if (status == WMMF_OK)
        status = platform_extend(mapping, addresses);
    return mapping_hand_out(mapping, status, out);
}

static bool give_name(const struct platform_mapping *mapping) {
    char unnamed[LINK_CAPACITY];
    if (mapping->temporary[0] != '\0')
        return link(mapping->temporary, mapping->path) == 0;
    /* This takes half the time of the way through /proc; before Linux 6.10 only administrators may do it. */
    if (linkat(mapping->fd, "", AT_FDCWD, mapping->path, AT_EMPTY_PATH) == 0)
        return true;
    if (errno == EEXIST)
        return false;
    link_to(mapping->fd, unnamed);
    return linkat(AT_FDCWD, unnamed, AT_FDCWD, mapping->path, AT_SYMLINK_FOLLOW) == 0;
}

int32_t platform_publish(struct platform_mapping *mapping) {
    int32_t status = WMMF_OK;
    for (int attempt = 0; status == WMMF_OK; attempt++) {
        if (give_name(mapping)) {
            mapping->managed = true;
            if (mapping->temporary[0] != '\0')
                unlink(mapping->temporary);
            mapping->temporary[0] = '\0';
            return WMMF_OK;
        }
        if (errno == ENOENT)
            return WMMF_E_NOT_READY; /* a sweep has removed the temporary name */
        status = status_from_errno();
        if (status != WMMF_E_EXISTS || attempt > 0)
            break;
        visit_name(mapping->path); /* the sweep does not cover custom names */
        error_clear();
        status = WMMF_OK;
    }
    return status;
}

/* Opening. */

/* Explains "access denied" for a file that could be read. */
int32_t opening_status(const char *path, bool read_only) {
    int error = errno;
    int32_t status = status_from_errno();
    if (error == EACCES && !read_only && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
        error_detail("this user may read it but not write: open it read-only");
    return status;
}

int32_t regular_check(int fd, struct stat *status) {
    if (fstat(fd, status) != 0)
        return status_from_errno();
    if (S_ISREG(status->st_mode))
        return WMMF_OK;
    return failed(WMMF_E_FORMAT, "it is a %s, not an ordinary file",
                  S_ISDIR(status->st_mode)    ? "folder"
                  : S_ISFIFO(status->st_mode) ? "pipe"
                                              : "device");
}

/* Takes the shared lock on a section made here; sections of other programs have no such lock. */
static int32_t attach(struct platform_mapping *mapping, int fd, struct stat *status) {
    bool alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
    bool among = !alone && flock(fd, LOCK_SH | LOCK_NB) == 0;
    int32_t result = regular_check(fd, status);
    if (result != WMMF_OK)
        return result;
    mapping->managed = made_here(status);
    if (alone && mapping->managed)
        return remove_if_abandoned(fd, mapping->path) ? WMMF_E_NOT_FOUND : WMMF_E_NOT_READY;
    if (alone)
        flock(fd, LOCK_UN);
    /* If the lock is refused, another process is removing the file. If the file is unlinked, it was removed before we
     * locked it. */
    return mapping->managed && (!among || status->st_nlink == 0) ? WMMF_E_NOT_READY : WMMF_OK;
}

static int32_t owner_check(const struct stat *status, uid_t owner) {
    if (status->st_uid == owner)
        return WMMF_OK;
    return failed(WMMF_E_ACCESS, "it belongs to another user (uid %lu), expected uid %lu",
                  (unsigned long)status->st_uid, (unsigned long)owner);
}

static int32_t mode_check(const struct stat *status, mode_t mode) {
    if ((status->st_mode & 0777) == mode)
        return WMMF_OK;
    return failed(WMMF_E_ACCESS, "it was created with other access (mode %04o), expected %04o",
                  (unsigned)status->st_mode & 0777, (unsigned)mode);
}

/* Checks the owner and the mode of a section. NULL: any owner, any mode. */
static int32_t open_attached(struct platform_mapping *mapping, const uid_t *owner, const mode_t *mode) {
    struct stat status;
    int fd = open(mapping->path, (mapping->read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        int32_t failure = opening_status(mapping->path, mapping->read_only);
        explain_folder(error);
        return failure;
    }
    int32_t result = attach(mapping, fd, &status);
    if (result == WMMF_OK && owner)
        result = owner_check(&status, *owner);
    if (result == WMMF_OK && mode)
        result = mode_check(&status, *mode);
    if (result != WMMF_OK) {
        close(fd);
        return result;
    }
    take_descriptor(mapping, fd, &status);
    return map_apart(mapping, open_quickly(mapping), (uint64_t)status.st_size);
}

int32_t platform_open(const char *name, const wmmf_options *options, struct platform_mapping **out) {
    struct platform_mapping *mapping;
    int32_t status = mapping_new(&mapping);
    if (status != WMMF_OK)
        return status;
    mapping->read_only = options->read_only;
    uid_t user = geteuid();
    mode_t mode;
    bool own = options->own_only != 0;
    status = own ? creation_mode(options, &mode) : WMMF_OK;
    if (status == WMMF_OK)
        status = section_path(name, options->name_space, user, mapping->path, sizeof mapping->path);
    if (status == WMMF_OK) /* another user has planted a file under our local name */
        status = open_attached(mapping, own || options->name_space == WMMF_LOCAL ? &user : NULL, own ? &mode : NULL);
    return mapping_hand_out(mapping, status, out);
}

/* Inner sections: files that no namespace lists, but that the sweep finds. Their ids are random, so nobody can plant a
 * file before its name is known; afterwards we check its owner. */

#define INNER_FORMAT SHM_DIRECTORY "/" OUR_PREFIX "i-%016llx"

static int32_t inner_new(uint64_t id, bool read_only, struct platform_mapping **out) {
    int32_t status = mapping_new(out);
    if (status != WMMF_OK)
        return status;
    (*out)->read_only = read_only;
    snprintf((*out)->path, sizeof(*out)->path, INNER_FORMAT, (unsigned long long)id);
    return WMMF_OK;
}

/* Users who may read a channel may write its readers' section, unless its mode lets nobody write. */
static mode_t readers_mode(mode_t mode) {
    return mode & 0200 ? mode | (mode & 0444) >> 1 : mode;
}

int32_t platform_create_inner(const struct platform_mapping *outer, bool for_readers, uint64_t size, uint64_t reserved,
                              uint64_t *id, struct platform_mapping **out) {
    struct stat access;
    struct platform_mapping *mapping;
    int32_t status = attributes_of(outer, &access);
    if (status == WMMF_OK)
        status = platform_random(id);
    *id >>= 2; /* the caller uses two bits */
    if (status == WMMF_OK)
        status = inner_new(*id, false, &mapping);
    if (status != WMMF_OK)
        return status;
    mode_t mode = access.st_mode & 0777;
    status = make_file(mapping, for_readers ? readers_mode(mode) : mode, size, reserved, 0);
    return mapping_hand_out(mapping, status, out);
}

int32_t platform_open_inner(const struct platform_mapping *outer, bool for_readers, uint64_t id, bool read_only,
                            struct platform_mapping **out) {
    (void)for_readers;
    struct platform_mapping *mapping;
    int32_t status = inner_new(id, read_only, &mapping);
    if (status != WMMF_OK)
        return status;
    status = open_attached(mapping, &outer->owner, NULL);
    return mapping_hand_out(mapping, status, out);
}

int32_t platform_check_own(const struct platform_mapping *mapping) {
    struct stat file;
    int32_t status = attributes_of(mapping, &file);
    return status == WMMF_OK && file.st_uid != geteuid() ? WMMF_E_ACCESS : status;
}

int32_t platform_access_of(const struct platform_mapping *mapping, wmmf_options *options) {
    struct stat file;
    int32_t status = attributes_of(mapping, &file);
    if (status != WMMF_OK)
        return status;
    options->access = WMMF_ACCESS_MODE;
    options->mode = file.st_mode & 0777;
    return WMMF_OK;
}

uint8_t *platform_base(const struct platform_mapping *mapping) {
    return mapping->base;
}

uint64_t platform_mapped_size(const struct platform_mapping *mapping) {
    return mapping->mapped_size;
}

int32_t platform_reserve(struct platform_mapping *mapping, uint64_t offset, uint64_t length) {
    int32_t status = descriptor_check(mapping);
    return status == WMMF_OK ? room_reserve_more(mapping->fd, mapping->base, offset, length) : status;
}

/* The file is as long as the memory, and mapped beyond its end: there are addresses for more, and the length of the
 * file says how much may be used. */
int32_t platform_extend(struct platform_mapping *mapping, uint64_t addresses) {
    if (addresses <= mapping->view_size)
        return WMMF_OK;
    void *view = addresses <= SIZE_MAX
                     ? mremap(mapping->view, (size_t)mapping->view_size, (size_t)addresses, MREMAP_MAYMOVE)
                     : MAP_FAILED;
    if (view == MAP_FAILED) {
        error_detail("this process cannot have the %" PRIu64 " bytes of addresses that the section may grow into",
                     addresses);
        errno = ENOMEM;
        return status_from_errno();
    }
    mapping->view = mapping->base = view;
    mapping->view_size = addresses;
    return WMMF_OK;
}

uint64_t platform_addresses(const struct platform_mapping *mapping) {
    return mapping->mapped_size;
}

int32_t platform_commit(struct platform_mapping *mapping, uint64_t size) {
    uint64_t there;
    int32_t status = platform_committed(mapping, size, &there);
    if (status != WMMF_OK || there >= size)
        return status;
    return room_grow(mapping->fd, mapping->base, there, size - there);
}

int32_t platform_committed(struct platform_mapping *mapping, uint64_t enough, uint64_t *size) {
    (void)enough;
    return platform_file_size(mapping, size);
}

int32_t platform_owner(struct platform_mapping *mapping, char name[OWNER_NAME_CAPACITY]) {
    struct stat status;
    struct passwd entry, *found = NULL;
    char buffer[4096];
    int32_t result = attributes_of(mapping, &status);
    if (result != WMMF_OK)
        return result;
    if (getpwuid_r(status.st_uid, &entry, buffer, sizeof buffer, &found) == 0 && found && found->pw_name[0] != '\0')
        snprintf(name, OWNER_NAME_CAPACITY, "%s", found->pw_name);
    else
        snprintf(name, OWNER_NAME_CAPACITY, "%lu", (unsigned long)status.st_uid);
    return WMMF_OK;
}

/* Tokens. */

int32_t platform_join(struct platform_mapping *mapping, uint64_t section_id, bool read_only) {
    (void)mapping;
    (void)section_id;
    (void)read_only; /* the descriptor is sufficient */
    return WMMF_OK;
}

static struct flock token_lock(uint32_t index, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = TOKEN_OFFSET + (off_t)index, .l_len = 1};
    return lock;
}

static int32_t take_token(struct platform_mapping *mapping, uint32_t index, short type) {
    struct flock lock = token_lock(index, type);
    if (fcntl(mapping->fd, F_OFD_SETLK, &lock) == 0)
        return WMMF_OK;
    int error = errno;
    if (error == EAGAIN || error == EACCES)
        return WMMF_E_EXISTS;
    int32_t status = status_from_errno();
    error_detail(
        "this system refuses locks of open file descriptions (F_OFD_SETLK), which show whether a process lives");
    return error == EINVAL || error == ENOSYS || error == EPERM ? WMMF_E_NOT_SUPPORTED : status;
}

/* A claim is an exclusive lock, which needs the right to write. Every process that may read can take a shared lock on
 * the token of a dead participant. That prevents claims, but no seals, and does not make the participant look alive.
 * A claim is part of opening: the descriptor is new, and needs no check. */
int32_t platform_token_claim(struct platform_mapping *mapping, uint32_t index) {
    return take_token(mapping, index, F_WRLCK);
}

int32_t platform_token_seal(struct platform_mapping *mapping, uint32_t index) {
    int32_t status = descriptor_check(mapping);
    return status == WMMF_OK ? take_token(mapping, index, F_RDLCK) : status;
}

void platform_token_drop(struct platform_mapping *mapping, uint32_t index) {
    struct flock lock = token_lock(index, F_UNLCK);
    if (has_descriptor(mapping))
        fcntl(mapping->fd, F_OFD_SETLK, &lock);
}

bool platform_token_alive(struct platform_mapping *mapping, uint32_t index) {
    struct flock lock = token_lock(index, F_RDLCK);
    return !has_descriptor(mapping) || fcntl(mapping->fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

uint64_t platform_identity(const struct platform_mapping *mapping) {
    return (uint64_t)mapping->device << 48 ^ (uint64_t)mapping->inode;
}

/* If a filter for system calls forbids getrandom, it usually allows the device. Called by number: glibc has a function
 * for it since 2.25, and we run on 2.17. */
int32_t platform_random(uint64_t *value) {
    ssize_t got;
    do
        got = syscall(SYS_getrandom, value, sizeof *value, 0);
    while (got < 0 && errno == EINTR);
    if (got == (ssize_t)sizeof *value)
        return WMMF_OK;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    got = fd >= 0 ? read(fd, value, sizeof *value) : -1;
    int32_t status = got == (ssize_t)sizeof *value ? WMMF_OK : status_from_errno();
    if (fd >= 0)
        close(fd);
    return status;
}
