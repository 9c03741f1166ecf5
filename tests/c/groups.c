/* The memory that a control group leaves, in trees of files as Linux shows them; no machine has all of them. The
 * library reads them below a folder of this test: see elsewhere.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define MB       (UINT64_C(1) << 20)
#define ASKED    (64 * MB) /* more than any group here leaves, and less than the machine has */
#define NO_LIMIT UINT64_MAX
#define CAPACITY 512

static char root[] = "/tmp/wmmf-groups-XXXXXX";

const char *elsewhere(const char *path);
const char *elsewhere(const char *path) {
    static const char *const told[] = {"/proc/meminfo", "/proc/self/cgroup", "/proc/self/mountinfo", "/sys/fs/cgroup"};
    static char place[2 * CAPACITY];
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        if (strncmp(path, told[i], strlen(told[i])) == 0) {
            snprintf(place, sizeof place, "%s%s", root, path);
            return place;
        }
    }
    return path;
}

static void must(bool done, const char *path) {
    if (!done) {
        printf("%s: %s\n", path, strerror(errno));
        give_up();
    }
}

/* A file with this text, and the folders above it. */
static void tell(const char *path, const char *format, ...) {
    char place[CAPACITY];
    va_list values;
    snprintf(place, sizeof place, "%s%s", root, path);
    for (char *slash = place + sizeof root; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        must(mkdir(place, 0700) == 0 || errno == EEXIST, place);
        *slash = '/';
    }
    FILE *file = fopen(place, "w");
    must(file != NULL, place);
    va_start(values, format);
    vfprintf(file, format, values);
    va_end(values);
    fclose(file);
}

static void tell_bytes(const char *folder, const char *file, uint64_t bytes) {
    char path[CAPACITY];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (bytes == NO_LIMIT)
        tell(path, "max\n");
    else
        tell(path, "%" PRIu64 "\n", bytes);
}

static void group_v2(const char *folder, uint64_t limit, uint64_t used) {
    tell_bytes(folder, "memory.max", limit);
    tell_bytes(folder, "memory.current", used);
}

/* A machine with room, and this process in these groups. */
static void set_up(const char *groups, const char *mounts) {
    strcpy(root + sizeof root - 7, "XXXXXX");
    must(mkdtemp(root) != NULL, root);
    tell("/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 524288 kB\nSwapFree: 0 kB\n");
    tell("/proc/self/cgroup", "%s", groups);
    tell("/proc/self/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n%s", mounts);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static void tear_down(void) {
    CHECK_EQUAL(0, nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

/* The bytes that its control group leaves, according to the refusal of a large section; NO_LIMIT: it was not
 * refused. */
static uint64_t room(void) {
    wmmf_section *section = NULL;
    int32_t status = wmmf_create(new_name(), ASKED, NULL, &section);
    if (status == WMMF_OK) {
        wmmf_close(section);
        return NO_LIMIT;
    }
    CHECK_STATUS(WMMF_E_NO_MEMORY, status);
    const char *said = strstr(wmmf_last_detail(), "the memory limit of this control group leaves ");
    if (!CHECK(said != NULL))
        return 0;
    return strtoull(strrchr(said, ' ') + 1, NULL, 10);
}

#define UNIFIED "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

static void a_group_leaves_what_is_not_in_use(void) {
    set_up("0::/a\n", UNIFIED);
    group_v2("/sys/fs/cgroup/a", 50 * MB, 20 * MB);
    CHECK_EQUAL(30 * MB, room());
    group_v2("/sys/fs/cgroup/a", 50 * MB, 51 * MB);
    CHECK_EQUAL(0, room());
    tear_down();
}

static void a_group_without_a_limit_has_room(void) {
    set_up("0::/a\n", UNIFIED);
    group_v2("/sys/fs/cgroup/a", NO_LIMIT, 20 * MB);
    CHECK_EQUAL(NO_LIMIT, room());
    tear_down();
}

static void the_least_room_of_all_ancestors_counts(void) {
    set_up("0::/a/b/c\n", UNIFIED);
    group_v2("/sys/fs/cgroup/a", 60 * MB, 50 * MB);
    group_v2("/sys/fs/cgroup/a/b", NO_LIMIT, 30 * MB);
    group_v2("/sys/fs/cgroup/a/b/c", 40 * MB, 5 * MB);
    CHECK_EQUAL(10 * MB, room()); /* of the largest limit */
    group_v2("/sys/fs/cgroup/a", 60 * MB, 20 * MB);
    CHECK_EQUAL(35 * MB, room());
    group_v2("/sys/fs/cgroup/a/b", 31 * MB, 30 * MB);
    CHECK_EQUAL(1 * MB, room());
    tear_down();
}

static void a_group_without_the_controller_has_the_limit_of_its_parent(void) {
    set_up("0::/a/b\n", UNIFIED);
    group_v2("/sys/fs/cgroup/a", 50 * MB, 10 * MB);
    tell("/sys/fs/cgroup/a/b/cgroup.procs", "1\n");
    CHECK_EQUAL(40 * MB, room());
    tear_down();
}

static void a_limit_holds_where_the_use_is_unknown(void) {
    set_up("0::/a\n", UNIFIED);
    tell_bytes("/sys/fs/cgroup/a", "memory.max", 50 * MB);
    CHECK_EQUAL(50 * MB, room());
    tear_down();
}

static void files_and_swap_make_room(void) {
    set_up("0::/a\n", UNIFIED);
    group_v2("/sys/fs/cgroup/a", 50 * MB, 45 * MB);
    tell("/sys/fs/cgroup/a/memory.stat", "anon 7\ninactive_file %d\nactive_file %d\n", 2 << 20, 3 << 20);
    CHECK_EQUAL(10 * MB, room());
    tell("/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 524288 kB\nSwapFree: 20480 kB\n");
    CHECK_EQUAL(30 * MB, room());
    tell_bytes("/sys/fs/cgroup/a", "memory.swap.max", 8 * MB);
    tell_bytes("/sys/fs/cgroup/a", "memory.swap.current", 4 * MB);
    CHECK_EQUAL(14 * MB, room());
    tell_bytes("/sys/fs/cgroup/a", "memory.swap.max", NO_LIMIT);
    CHECK_EQUAL(30 * MB, room());
    tear_down();
}

static void a_container_sees_its_group_as_the_top(void) {
    set_up("0::/\n", UNIFIED); /* with a namespace of its own */
    group_v2("/sys/fs/cgroup", 50 * MB, 20 * MB);
    CHECK_EQUAL(30 * MB, room());
    tear_down();
    set_up("0::/box/1/in\n", "30 20 0:26 /box/1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"); /* without */
    group_v2("/sys/fs/cgroup", 50 * MB, 25 * MB);
    group_v2("/sys/fs/cgroup/in", 40 * MB, 10 * MB);
    CHECK_EQUAL(25 * MB, room());
    tear_down();
}

static void the_version_with_the_controller_counts(void) {
    set_up("5:cpu,memory:/a/b\n0::/u\n", "31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                         "32 20 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    tell_bytes("/sys/fs/cgroup/memory/a", "memory.limit_in_bytes", 30 * MB);
    tell_bytes("/sys/fs/cgroup/memory/a", "memory.usage_in_bytes", 20 * MB);
    tell_bytes("/sys/fs/cgroup/memory/a/b", "memory.limit_in_bytes", UINT64_C(9223372036854771712)); /* none */
    tell_bytes("/sys/fs/cgroup/memory/a/b", "memory.usage_in_bytes", 20 * MB);
    CHECK_EQUAL(10 * MB, room());
    tear_down();
    set_up("5:cpu:/a\n0::/u\n", "32 20 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    group_v2("/sys/fs/cgroup/unified/u", 50 * MB, 10 * MB);
    CHECK_EQUAL(40 * MB, room());
    tear_down();
}

static const struct test tests[] = {
    TEST(a_group_leaves_what_is_not_in_use),
    TEST(a_group_without_a_limit_has_room),
    TEST(the_least_room_of_all_ancestors_counts),
    TEST(a_group_without_the_controller_has_the_limit_of_its_parent),
    TEST(a_limit_holds_where_the_use_is_unknown),
    TEST(files_and_swap_make_room),
    TEST(a_container_sees_its_group_as_the_top),
    TEST(the_version_with_the_controller_counts),
    {NULL, NULL},
};

int main(int argc, char **argv) {
    return harness_run(argc, argv, tests);
}
