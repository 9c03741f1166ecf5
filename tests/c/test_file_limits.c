/* Files on systems that refuse: limits, full disks, interrupted calls, and things that are no files. Each limit applies
 * to a child. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "refusals.h"
#include "system.h"

#define LIMIT            100000
#define FALLOCATE_LENGTH (sizeof(long) == 4 ? 4 : 3) /* the argument: 32-bit machines halve the offset before it */

static wmmf_file_options with_mode(uint32_t file_mode, uint32_t flags) {
    wmmf_file_options options = {.struct_size = sizeof options, .file_mode = file_mode, .flags = flags};
    return options;
}

static wmmf_section *map(const char *path, uint64_t size, wmmf_file_options options) {
    wmmf_section *section = NULL;
    REQUIRE_OK(wmmf_map_file(path, size, &options, &section));
    return section;
}

static void check_failed(int32_t expected, int32_t status, const char *detail) {
    CHECK_STATUS(expected, status);
    if (!CHECK(strstr(wmmf_last_detail(), detail) != NULL))
        printf("  expected '%s', but it is '%s'\n", detail, wmmf_last_detail());
}

/* If a process exceeds it, the system sends a signal that ends the program. */
static void meet_the_limit(void) {
    static const char detail[] = "100001 bytes are needed, and this process may make files of 100000 (ulimit -f)";
    const char *path = new_name();
    const struct rlimit limit = {LIMIT, LIMIT};
    wmmf_section *section = map(path, 2 * LIMIT, with_mode(WMMF_FILE_CREATE, 0)), *other = NULL;
    setrlimit(RLIMIT_FSIZE, &limit);
    check_failed(WMMF_E_NO_MEMORY, wmmf_write(section, LIMIT, "x", 1, 0), detail);
    REQUIRE_OK(wmmf_write(section, LIMIT - 1, "x", 1, 0));
    wmmf_close(section);
    section = map(path, LIMIT, with_mode(WMMF_FILE_TRUNCATE, 0));
    check_failed(WMMF_E_NO_MEMORY, wmmf_resize(section, LIMIT + 1), detail);
    REQUIRE_OK(wmmf_write(section, LIMIT - 1, "x", 1, 0));
    for (uint32_t flags = 0; flags <= WMMF_FILE_RESERVE; flags += WMMF_FILE_RESERVE) {
        wmmf_file_options options = with_mode(WMMF_FILE_OPEN, flags);
        check_failed(WMMF_E_NO_MEMORY, wmmf_map_file(path, LIMIT + 1, &options, &other), detail);
        CHECK_EQUAL(LIMIT, size_of_file(path));
    }
    wmmf_close(section);
    unlink(path);
}

static void a_limit_of_file_sizes_is_an_error_and_no_signal(void) {
    in_a_child(meet_the_limit);
}

static rlim_t addresses_used(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Like a 32-bit process with a file that would fit into its addresses. */
static void map_beyond_the_addresses(void) {
    const char *path = new_name();
    const rlim_t most = addresses_used() + (512 << 20);
    const struct rlimit limit = {most, most};
    wmmf_section *section = map(path, 1, with_mode(WMMF_FILE_CREATE, 0)), *other = NULL;
    wmmf_window *window = NULL;
    REQUIRE_OK(wmmf_resize(section, 1 << 30));
    wmmf_close(section);
    setrlimit(RLIMIT_AS, &limit);
    check_failed(WMMF_E_NO_MEMORY, wmmf_map_file(path, 0, NULL, &other), "bytes of addresses left in one piece");
    section = map(path, 1, with_mode(WMMF_FILE_OPEN, 0));
    check_failed(WMMF_E_NO_MEMORY, wmmf_map_window(section, 0, 1 << 30, WMMF_READ, &window), "in one piece: map fewer");
    REQUIRE_OK(wmmf_map_window(section, (1 << 30) - 10, 10, WMMF_READ, &window));
    wmmf_unmap_window(window);
    wmmf_close(section);
    unlink(path);
}

static void addresses_that_run_out_are_named(void) {
    in_a_child(map_beyond_the_addresses);
}

static void fill_a_small_disk(void) {
    static const char path[] = "/mnt/small-disk-file";
    mount_here("mount -t tmpfs -o size=8m tmpfs /mnt");
    wmmf_section *section = map(path, LIMIT, with_mode(WMMF_FILE_CREATE, WMMF_FILE_RESERVE)), *other = NULL;
    check_failed(WMMF_E_NO_MEMORY, wmmf_resize(section, 9 << 20),
                 "9337184 bytes are needed, and the file system has 8286208 left of its 8388608");
    REQUIRE_OK(wmmf_write(section, LIMIT - 1, "x", 1, 0));
    CHECK_EQUAL(LIMIT, size_of_file(path));
    wmmf_file_options options = with_mode(WMMF_FILE_TRUNCATE, WMMF_FILE_RESERVE);
    check_failed(WMMF_E_NO_MEMORY, wmmf_map_file(path, 9 << 20, &options, &other), "the file system has");
    CHECK_EQUAL(LIMIT, size_of_file(path));
    CHECK_EQUAL('x', data_of(section)[LIMIT - 1]);
    options.file_mode = WMMF_FILE_CREATE;
    check_failed(WMMF_E_NO_MEMORY, wmmf_map_file("/mnt/new", 9 << 20, &options, &other), "the file system has");
    CHECK_EQUAL(-1, size_of_file("/mnt/new"));
    wmmf_close(section);
}

static void a_full_disk_is_named_and_nothing_is_left(void) {
    if (can_mount())
        in_a_child(fill_a_small_disk);
}

static void check_reserving(uint64_t size) {
    const char *path = new_name();
    struct stat file;
    wmmf_section *section = map(path, size, with_mode(WMMF_FILE_CREATE, WMMF_FILE_RESERVE));
    CHECK(stat(path, &file) == 0 && (uint64_t)file.st_blocks * 512 >= size);
    wmmf_close(section);
    unlink(path);
}

/* Like kernels that undo all of a reservation when a signal comes: a large one never ends. */
static void reserve_where_large_pieces_are_undone(void) {
    alarm(60); /* SIGALRM ends it */
    forbid_some(SYS_fallocate, FALLOCATE_LENGTH, 64 << 20, true, EINTR);
    check_reserving(64 << 20);
}

#ifdef __GLIBC__ /* musl's posix_fallocate does nothing without it */
static void reserve_without_fallocate(void) {
    forbid(SYS_fallocate, EOPNOTSUPP);
    check_reserving(1 << 20);
}
#endif

static void a_file_gets_its_place_on_the_disk_in_pieces(void) {
    in_a_child(reserve_where_large_pieces_are_undone);
#ifdef __GLIBC__
    in_a_child(reserve_without_fallocate);
#endif
}

static void make_socket(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0);
    close(fd);
}

static void pipes_sockets_and_loops_are_no_files(void) {
    const char *path = new_name();
    wmmf_section *section = NULL;
    CHECK(mkfifo(path, 0600) == 0);
    check_failed(WMMF_E_FORMAT, wmmf_map_file(path, 0, NULL, &section), "it is a pipe, not an ordinary file");
    unlink(path);
    make_socket(path);
    check_failed(WMMF_E_FORMAT, wmmf_map_file(path, 0, NULL, &section), "it is a socket, or a device");
    unlink(path);
    CHECK(symlink(path, path) == 0);
    check_failed(WMMF_E_FORMAT, wmmf_map_file(path, 0, NULL, &section), "symbolic link");
    unlink(path);
}

static void nothing_is_found_below_a_file(void) {
    const char *path = new_name();
    char below[64];
    wmmf_section *section = NULL;
    snprintf(below, sizeof below, "%s/below", path);
    CHECK(close(open(path, O_CREAT | O_WRONLY, 0600)) == 0);
    check_failed(WMMF_E_NOT_FOUND, wmmf_map_file(below, 0, NULL, &section), "a part of the path is not a folder");
    unlink(path);
}

/* A file without a header, for which the sentence of the status alone would be wrong. */
static void a_raw_file_that_was_cut_is_reported(void) {
    const char *path = new_name();
    wmmf_section *section = NULL;
    char byte;
    int file = open(path, O_CREAT | O_RDWR, 0600);
    CHECK(ftruncate(file, 100000) == 0);
    REQUIRE_OK(wmmf_map_file(path, 0, NULL, &section));
    CHECK(ftruncate(file, 100) == 0);
    check_failed(WMMF_E_TRUNCATED, wmmf_read(section, 50000, &byte, 1, 0), "shorter after it was mapped");
    check_failed(WMMF_E_TRUNCATED, wmmf_write(section, 50000, "x", 1, 0), "shorter after it was mapped");
    close(file);
    unlink(path);
    wmmf_close(section);
}

/* Cut behind its header, and then to nothing. Every call that copies, and the end of the handle, survive it. */
static void a_native_file_that_was_cut_is_reported(void) {
    const char *path = new_name();
    wmmf_file_options options = {.struct_size = sizeof options, .file_mode = WMMF_FILE_OPEN_OR_CREATE, .native = 1};
    wmmf_section *section = NULL, *reader = NULL;
    wmmf_info info = {.struct_size = sizeof info};
    char byte;
    REQUIRE_OK(wmmf_map_file(path, 100000, &options, &section));
    options.protection = WMMF_READ;
    options.file_mode = WMMF_FILE_OPEN;
    REQUIRE_OK(wmmf_map_file(path, 0, &options, &reader));
    REQUIRE_OK(wmmf_get_info(section, &info));
    for (int cut = 0; cut < 2; cut++) {
        CHECK(truncate(path, cut == 0 ? (off_t)info.data_offset + 100 : 0) == 0);
        check_failed(WMMF_E_TRUNCATED, wmmf_read(section, 50000, &byte, 1, 0), "shorter after it was mapped");
        check_failed(WMMF_E_TRUNCATED, wmmf_write(section, 50000, "x", 1, 0), "shorter after it was mapped");
        check_failed(WMMF_E_TRUNCATED, wmmf_read(reader, 50000, &byte, 1, 0), "shorter after it was mapped");
    }
    CHECK(wmmf_close(reader) == WMMF_OK);
    CHECK(wmmf_close(section) == WMMF_OK);
    unlink(path);
}

static void a_program_that_runs_is_not_written(void) {
    char path[4096];
    wmmf_section *section = NULL;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (!CHECK(length > 0))
        return;
    path[length] = '\0';
    check_failed(WMMF_E_ACCESS, wmmf_map_file(path, 0, NULL, &section), "the file is a program that is running");
    CHECK(section == NULL);
}

static void a_file_system_that_maps_no_files_is_named(void) {
    static const char path[] = "/sys/kernel/uevent_seqnum";
    wmmf_file_options options = {.struct_size = sizeof options, .protection = WMMF_READ};
    wmmf_section *section = NULL;
    if (access(path, R_OK) != 0) {
        printf("(skipped: no /sys is mounted here)\n");
        return;
    }
    check_failed(WMMF_E_NOT_SUPPORTED, wmmf_map_file(path, 0, &options, &section),
                 "its file system does not map files into memory");
}

static const struct test tests[] = {
    TEST(a_file_system_that_maps_no_files_is_named),
    TEST(a_limit_of_file_sizes_is_an_error_and_no_signal),
    TEST(addresses_that_run_out_are_named),
    TEST(a_full_disk_is_named_and_nothing_is_left),
    TEST(a_file_gets_its_place_on_the_disk_in_pieces),
    TEST(pipes_sockets_and_loops_are_no_files),
    TEST(nothing_is_found_below_a_file),
    TEST(a_raw_file_that_was_cut_is_reported),
    TEST(a_native_file_that_was_cut_is_reported),
    TEST(a_program_that_runs_is_not_written),
    {NULL, NULL},
};

static const struct role roles[] = {{NULL, NULL}};

const struct suite suite_file_limits = {tests, roles};
