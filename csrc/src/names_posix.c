/* Names of sections on Linux are files in /dev/shm. A process that finds one without users removes it. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "last_error.h"
#include "tuning.h"

#define LOCAL_FORMAT  OUR_PREFIX "%u-" /* the user's id */
#define GLOBAL_PREFIX OUR_PREFIX "g-"

int32_t section_path(const char *name, uint32_t name_space, uid_t user, char *path, size_t capacity) {
    if (name_space == WMMF_LOCAL) {
        snprintf(path, capacity, SHM_DIRECTORY "/" LOCAL_FORMAT "%s", (unsigned)user, name);
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

/* The folder of all sections. */

bool explain_folder(int error) {
    struct stat folder;
    if ((error == ENOENT || error == ENOTDIR) && (stat(SHM_DIRECTORY, &folder) != 0 || !S_ISDIR(folder.st_mode))) {
        error_detail(SHM_DIRECTORY ", where Linux keeps shared memory, does not exist; mount a tmpfs there");
        return true;
    }
    if (error == EROFS)
        error_detail(SHM_DIRECTORY ", where Linux keeps shared memory, is read-only");
    else if (error == ENOSPC)
        error_detail(SHM_DIRECTORY ", where Linux keeps shared memory, has no room for another file");
    return false;
}

static int32_t folder_status(void) {
    int error = errno;
    int32_t status = status_from_errno();
    return explain_folder(error) ? WMMF_E_NOT_SUPPORTED : status;
}

int32_t creation_status(void) {
    int error = errno;
    int32_t status = folder_status();
    if (error == EACCES || error == EPERM)
        error_detail("this user may not create files in " SHM_DIRECTORY ", where Linux keeps shared memory");
    return status;
}

/* Removing names. */

static bool is_linked_at(int fd, const char *path) {
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

bool remove_if_abandoned(int fd, const char *path) {
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    if (is_linked_at(fd, path))
        unlink(path);
    flock(fd, LOCK_UN);
    return true;
}

bool made_here(const struct stat *status) {
    return S_ISREG(status->st_mode) && (status->st_mode & S_ISVTX);
}

bool visit_name(const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool alive = fstat(fd, &status) == 0 && made_here(&status) && !remove_if_abandoned(fd, path);
    close(fd);
    return alive;
}

static bool visit(const char *file) {
    char path[sizeof SHM_DIRECTORY + NAME_MAX + 1];
    snprintf(path, sizeof path, SHM_DIRECTORY "/%s", file);
    return visit_name(path);
}

static bool is_ours(const char *file) {
    return strncmp(file, OUR_PREFIX, strlen(OUR_PREFIX)) == 0;
}

/* Removes what killed processes left behind, under any name. With `all`, everything. Otherwise the work is limited,
 * because every creator pays for it: at most SWEEP_VISITS_MAX files, from a random one on, and at most once every
 * SWEEP_PERIOD_NS. In a folder with many names it reads the first SWEEP_NAMES, and n times as many with a probability
 * of 1 / n, so that the last ones also get a turn. */
void sweep(bool all) {
    static shared_u64 last_ns; /* only a hint: threads may sweep at the same time */
    uint64_t now = (uint64_t)platform_monotonic_ns(), before = load_relaxed_u64(&last_ns);
    if (!all && before != 0 && now - before < SWEEP_PERIOD_NS)
        return;
    store_relaxed_u64(&last_ns, now);
    DIR *directory = opendir(SHM_DIRECTORY);
    if (!directory)
        return;
    uint64_t random = now * UINT64_C(0x9E3779B97F4A7C15); /* Fibonacci hashing (Knuth): the upper bits are mixed */
    uint64_t names = all ? UINT64_MAX : SWEEP_NAMES * UINT64_C(65536) / ((random >> 48) + 1);
    uint32_t files = 0, passed = 0;
    struct dirent *entry;
    for (; names > 0 && (entry = readdir(directory)) != NULL; names--)
        files += is_ours(entry->d_name);
    uint32_t visits = all || files < SWEEP_VISITS_MAX ? files : SWEEP_VISITS_MAX;
    uint32_t first = (uint32_t)((random >> 16) % (files - visits + 1));
    rewinddir(directory);
    while (visits > 0 && (entry = readdir(directory)) != NULL) {
        if (!is_ours(entry->d_name) || passed++ < first)
            continue;
        visit(entry->d_name);
        visits--;
    }
    closedir(directory);
}

int32_t platform_list(uint32_t name_space, bool (*found)(void *context, const char *name), void *context) {
    char prefix[32] = GLOBAL_PREFIX;
    if (name_space == WMMF_LOCAL)
        snprintf(prefix, sizeof prefix, LOCAL_FORMAT, (unsigned)geteuid());
    size_t length = strlen(prefix);
    DIR *directory = opendir(SHM_DIRECTORY);
    if (!directory)
        return folder_status();
    bool more = true;
    for (struct dirent *entry; more && (entry = readdir(directory)) != NULL;)
        if (is_ours(entry->d_name) && visit(entry->d_name) && strncmp(entry->d_name, prefix, length) == 0)
            more = found(context, entry->d_name + length);
    closedir(directory);
    return WMMF_OK;
}

bool platform_is_named(const struct platform_mapping *mapping) {
    struct stat status;
    return lstat(mapping->path, &status) == 0 && is_same_file(mapping, &status);
}

void platform_end_name(const struct platform_mapping *mapping) {
    if (platform_is_named(mapping))
        unlink(mapping->path);
}
