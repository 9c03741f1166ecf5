/* Memory: how much is available, and reserving it. If memory is missing when it is first touched, the program ends.
 * Three limits apply to a section: the size of the file system, the memory of the machine, and the limits of the
 * control groups (cgroups, version 1 or 2) of this process and their ancestors. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "last_error.h"
#include "tuning.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define UNLIMITED     UINT64_MAX
#define TEXT_CAPACITY 16384
#define PATH_CAPACITY 4096

/* Reads a small file of the kernel. False: there is none, or it is too long. */
static bool read_text(const char *path, char text[TEXT_CAPACITY]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, text + length, TEXT_CAPACITY - 1 - length)) > 0)
        length += (size_t)got;
    close(fd);
    text[length] = '\0';
    return got == 0 && length > 0;
}

/* The number behind `key` at the beginning of a line, 0 if there is none. */
static uint64_t number_of(const char *text, const char *key) {
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && (line[length] == ' ' || line[length] == ':'))
            return strtoull(line + length + 1, NULL, 10);
    }
    return 0;
}

static uint64_t add(uint64_t one, uint64_t other) {
    return one > UNLIMITED - other ? UNLIMITED : one + other;
}

static uint64_t difference(uint64_t limit, uint64_t used) {
    return limit > used ? limit - used : 0;
}

/* The machine. */

struct machine {
    uint64_t total;
    uint64_t available; /* without taking memory from programs */
    uint64_t swap;
};

static struct machine look_at_machine(char text[TEXT_CAPACITY]) {
    struct machine machine = {UNLIMITED, UNLIMITED, 0};
    if (read_text("/proc/meminfo", text) && strstr(text, "MemAvailable:")) {
        machine.total = number_of(text, "MemTotal") * 1024;
        machine.available = number_of(text, "MemAvailable") * 1024;
        machine.swap = number_of(text, "SwapFree") * 1024;
    }
    return machine;
}

static uint64_t machine_room(const struct machine *machine) {
    return add(machine->available, machine->swap);
}

/* Control groups. */

/* The files with limit and use of a group, and the lines of memory.stat for memory that the kernel can reclaim. */
struct version {
    const char *type, *option; /* of the mount */
    const char *usual;         /* where it is usually mounted */
    const char *limit, *used, *swap_limit, *swap_used;
    const char *cached[2];
};

static const struct version version_1 = {"cgroup",
                                         "memory",
                                         "/sys/fs/cgroup/memory",
                                         "memory.limit_in_bytes",
                                         "memory.usage_in_bytes",
                                         NULL,
                                         NULL,
                                         {"total_inactive_file", "total_active_file"}};
static const struct version version_2 = {"cgroup2",
                                         "",
                                         "/sys/fs/cgroup",
                                         "memory.max",
                                         "memory.current",
                                         "memory.swap.max",
                                         "memory.swap.current",
                                         {"inactive_file", "active_file"}};

/* The control group that may limit this process's memory. */
struct group {
    const struct version *version;
    struct machine machine;
    char name[PATH_CAPACITY / 2];
    char path[PATH_CAPACITY]; /* of its folder; folders above `top` are not visible to us */
    size_t top;
    char text[TEXT_CAPACITY];
};

static bool read_of_group(struct group *group, const char *file) {
    char path[PATH_CAPACITY + 32];
    snprintf(path, sizeof path, "%s/%s", group->path, file);
    return read_text(path, group->text);
}

/* False: no such file, or "max". */
static bool group_number(struct group *group, const char *file, uint64_t *value) {
    char *end;
    if (!read_of_group(group, file))
        return false;
    *value = strtoull(group->text, &end, 10);
    return end != group->text;
}

/* The memory that this group alone leaves: what is free, cached files, and what could be swapped out. Without a limit,
 * or with one that is larger than the machine's memory, we need not read its use. If we cannot read its use, the whole
 * limit counts as free. */
static uint64_t group_room(struct group *group) {
    const struct version *version = group->version;
    uint64_t limit, used, swap_limit, swap_used;
    if (!group_number(group, version->limit, &limit) ||
        limit >= add(group->machine.total, machine_room(&group->machine)))
        return UNLIMITED;
    if (!group_number(group, version->used, &used))
        return limit;
    uint64_t room = difference(limit, used), swap = group->machine.swap;
    if (version->swap_limit && group_number(group, version->swap_limit, &swap_limit) &&
        group_number(group, version->swap_used, &swap_used) && difference(swap_limit, swap_used) < swap)
        swap = difference(swap_limit, swap_used);
    if (read_of_group(group, "memory.stat"))
        for (int i = 0; i < 2; i++)
            room = add(room, number_of(group->text, version->cached[i]));
    return add(room, swap);
}

/* The minimum over the group and its ancestors, as far up as we can see. */
static uint64_t room_up_to_top(struct group *group) {
    uint64_t room = group_room(group);
    for (size_t length = strlen(group->path); length >= group->top; length--) {
        if (group->path[length] != '/')
            continue;
        group->path[length] = '\0';
        uint64_t above = group_room(group);
        room = above < room ? above : room;
    }
    return room;
}

static bool has_option(const char *options, const char *option) {
    size_t length = strlen(option);
    for (const char *one = options; one; one = strchr(one, ',')) {
        one += *one == ',';
        if (strncmp(one, option, length) == 0 && strchr(", \n", one[length]) != NULL)
            return true;
    }
    return length == 0;
}

/* The name of this process's group: "7:cpu,memory:/a/b", or for version 2 "0::/a/b". If both are there, the one that
 * lists the controller has it. */
static bool find_name(struct group *group) {
    group->version = NULL;
    if (!read_text("/proc/self/cgroup", group->text))
        return false;
    for (char *rest, *line = strtok_r(group->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *controllers = strchr(line, ':');
        char *name = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!name || strlen(name + 1) >= sizeof group->name)
            continue;
        *name++ = '\0';
        bool first = has_option(controllers + 1, version_1.option);
        if (!first && controllers[1] != '\0')
            continue;
        strcpy(group->name, name);
        group->version = first ? &version_1 : &version_2;
        if (first)
            break;
    }
    return group->version != NULL;
}

/* One line of mountinfo: "36 35 98:0 /root /mount/point rw - type source options". A container sees its hierarchy from
 * `root` on, so `root` is removed from the group's name. */
static bool parse_mount(const char *line, struct group *group) {
    char root[PATH_CAPACITY / 2], point[PATH_CAPACITY / 2], type[32], options[512];
    const char *tail = strstr(line, " - "), *name = group->name;
    if (!tail || sscanf(line, "%*s %*s %*s %2047s %2047s", root, point) != 2 ||
        sscanf(tail, " - %31s %*s %511[^\n]", type, options) != 2)
        return false;
    if (strcmp(type, group->version->type) != 0 || !has_option(options, group->version->option))
        return false;
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    bool inside = strncmp(name, root, length) == 0 && (name[length] == '/' || name[length] == '\0');
    const char *below = inside && strcmp(name + length, "/") != 0 ? name + length : "";
    snprintf(group->path, sizeof group->path, "%s%s", point, below);
    group->top = strlen(point);
    return true;
}

static bool find_mount(struct group *group) {
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    bool done = false;
    while (mounts && !done && fgets(group->text, sizeof group->text, mounts))
        done = parse_mount(group->text, group);
    if (mounts)
        fclose(mounts);
    return done;
}

/* Tries the usual place first: the list of mounts is long, and the kernel writes it anew for each read. */
static bool is_at_usual_place(struct group *group) {
    char limit[PATH_CAPACITY + 32];
    snprintf(group->path, sizeof group->path, "%s%s", group->version->usual,
             strcmp(group->name, "/") == 0 ? "" : group->name);
    group->top = strlen(group->version->usual);
    snprintf(limit, sizeof limit, "%s/%s", group->path, group->version->limit);
    return access(limit, F_OK) == 0;
}

static uint64_t look_at_group(struct group *group) {
    bool found = find_name(group) && (is_at_usual_place(group) || find_mount(group));
    return found ? room_up_to_top(group) : UNLIMITED;
}

/* A look at the memory takes about 0.1 ms. So there is one for ROOM_CHECK_BYTES, in one section or in many; and what it
 * found is good for a moment, as long as we take only a small part of it. Each word is a hint: if several threads
 * change them at the same time, there is one look more or one less. */
static struct {
    shared_u64 ns;
    shared_u64 found; /* bytes */
    shared_u64 taken; /* bytes since then */
} last_look;

static bool is_due(uint64_t length) {
    uint64_t wanted = add(add_seq_u64(&last_look.taken, length), length);
    bool recent = (uint64_t)platform_monotonic_ns() - load_relaxed_u64(&last_look.ns) < ROOM_LOOK_NS;
    if (wanted < ROOM_CHECK_BYTES || (recent && wanted < load_relaxed_u64(&last_look.found) / ROOM_PARTS))
        return false;
    store_relaxed_u64(&last_look.taken, 0);
    return true;
}

static bool look_at_room(uint64_t *machine, uint64_t *group_room_left) {
    struct group *group = malloc(sizeof *group);
    if (!group)
        return false;
    group->machine = look_at_machine(group->text);
    *machine = machine_room(&group->machine);
    *group_room_left = look_at_group(group);
    free(group);
    return true;
}

static int32_t no_memory(int error) {
    errno = error;
    return status_from_errno();
}

static int32_t memory_check(uint64_t length) {
    uint64_t machine, group;
    if (!is_due(length) || !look_at_room(&machine, &group))
        return WMMF_OK;
    store_relaxed_u64(&last_look.found, machine < group ? machine : group);
    store_relaxed_u64(&last_look.ns, (uint64_t)platform_monotonic_ns());
    uint64_t wanted = add(length, ROOM_MARGIN_BYTES);
    if (wanted > group) {
        error_detail("%" PRIu64 " bytes are needed, and the memory limit of this control group leaves %" PRIu64, length,
                     group);
        return no_memory(ENOMEM);
    }
    if (wanted > machine) {
        error_detail("%" PRIu64 " bytes are needed, and this machine has %" PRIu64 " left", length, machine);
        return no_memory(ENOMEM);
    }
    return WMMF_OK;
}

/* A file system that reports no size has no limit; or a filter forbids the call. */
static int32_t file_system_check(int fd, const char *where, uint64_t length) {
    struct statvfs room;
    if (fstatvfs(fd, &room) != 0 || room.f_blocks == 0 || length / room.f_frsize < room.f_bavail)
        return WMMF_OK;
    error_detail("%" PRIu64 " bytes are needed, and %s has %" PRIu64 " left of its %" PRIu64, length, where,
                 (uint64_t)room.f_bavail * room.f_frsize, (uint64_t)room.f_blocks * room.f_frsize);
    return no_memory(ENOSPC);
}

int32_t room_limit_check(uint64_t size) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || size <= limit.rlim_cur)
        return WMMF_OK;
    error_detail("%" PRIu64 " bytes are needed, and this process may make files of %" PRIu64 " (ulimit -f)", size,
                 (uint64_t)limit.rlim_cur);
    return no_memory(EFBIG);
}

/* Pages of the pool have been set aside. */
int32_t room_check(const struct platform_mapping *mapping, uint64_t length, uint64_t reserved) {
    int32_t status = room_limit_check(length);
    if (mapping->pool)
        return status;
    /* If a small amount is missing, the file system itself refuses it. */
    if (status == WMMF_OK && (reserved < length || length >= ROOM_CHECK_BYTES))
        status = file_system_check(mapping->fd, SHM_DIRECTORY, length);
    return status == WMMF_OK ? memory_check(length) : status;
}

/* For file systems that cannot reserve, as well. MADV_POPULATE_WRITE (Linux 5.14) raises no signal if there is no
 * memory left; on older kernels, such file systems have no limit of their own. */
int32_t room_touch(int fd, uint8_t *base, uint64_t offset, uint64_t length) {
    struct stat file;
    if (fstat(fd, &file) != 0 ||
        ((uint64_t)file.st_size < offset + length && ftruncate(fd, (off_t)(offset + length)) != 0))
        return status_from_errno();
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t begin = offset / page * page, end = offset + length;
    if (madvise(base + begin, (size_t)(end - begin), MADV_POPULATE_WRITE) == 0)
        return WMMF_OK;
    if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
        return no_memory(errno == EFAULT ? ENOSPC : errno);
    for (uint64_t at = begin; at < end; at += page)
        or_seq_u64((shared_u64 *)(void *)(base + at), 0); /* the value stays, even if another process writes it now */
    return WMMF_OK;
}

/* How many of these bytes have no memory yet. Swapped pages count as well: they cannot be told apart. */
static uint64_t missing(uint8_t *base, uint64_t offset, uint64_t length) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), lacking = 0, end = offset + length;
    unsigned char resident[512];
    for (uint64_t at = offset / page * page; at < end;) {
        uint64_t pages = (end - at + page - 1) / page;
        pages = pages < sizeof resident ? pages : sizeof resident;
        if (mincore(base + at, (size_t)(pages * page), resident) != 0)
            return length;
        for (uint64_t i = 0; i < pages; i++)
            lacking += resident[i] & 1 ? 0 : page;
        at += pages * page;
    }
    return lacking < length ? lacking : length;
}

/* Reserves in pieces: older kernels undo a whole piece when any signal comes, so a large one would never end under a
 * periodic signal. The pieces get smaller as more signals come. Returns the error, or 0; *done: the number of reserved
 * bytes. */
static int reserve_in_pieces(int fd, uint64_t offset, uint64_t length, uint64_t *done) {
    uint64_t piece = RESERVE_PIECE_MAX;
    for (*done = 0; *done < length;) {
        uint64_t now = length - *done < piece ? length - *done : piece;
        if (fallocate(fd, 0, (off_t)(offset + *done), (off_t)now) == 0) {
            *done += now;
            piece = piece < RESERVE_PIECE_MAX ? 2 * piece : piece;
        } else if (errno == EINTR) {
            piece = piece > RESERVE_PIECE_MIN ? piece / 2 : piece;
        } else {
            return errno;
        }
    }
    return 0;
}

static bool cannot_reserve(int error) {
    return error == EOPNOTSUPP || error == ENOSYS || error == EPERM;
}

/* posix_fallocate would fall back on writing every page. */
int32_t room_reserve(int fd, uint8_t *base, uint64_t offset, uint64_t length) {
    uint64_t done;
    int error = reserve_in_pieces(fd, offset, length, &done);
    if (cannot_reserve(error))
        return room_touch(fd, base, offset + done, length - done);
    if (error == 0)
        return WMMF_OK;
    file_system_check(fd, SHM_DIRECTORY, length);
    return no_memory(error);
}

int32_t room_lengthen(int fd, uint64_t before, uint64_t size) {
    static const char where[] = "the file system";
    uint64_t done, length = size - before;
    int32_t status = file_system_check(fd, where, length);
    if (status != WMMF_OK)
        return status;
    int error = reserve_in_pieces(fd, before, length, &done);
    if (cannot_reserve(error)) /* the C library writes into every block */
        error = posix_fallocate(fd, (off_t)(before + done), (off_t)(length - done));
    if (error == 0)
        return WMMF_OK;
    file_system_check(fd, where, length);
    return no_memory(error);
}

/* Checks all of it first: if it failed in the middle, the first part would stay reserved. */
int32_t room_grow(int fd, uint8_t *base, uint64_t offset, uint64_t length) {
    int32_t status = room_limit_check(offset + length);
    if (status == WMMF_OK)
        status = file_system_check(fd, SHM_DIRECTORY, length);
    if (status == WMMF_OK)
        status = memory_check(length);
    return status == WMMF_OK ? room_reserve(fd, base, offset, length) : status;
}

int32_t room_reserve_more(int fd, uint8_t *base, uint64_t offset, uint64_t length) {
    uint64_t lacking = missing(base, offset, length);
    int32_t status = lacking == 0 ? WMMF_OK : memory_check(lacking);
    return status == WMMF_OK ? room_reserve(fd, base, offset, length) : status;
}
