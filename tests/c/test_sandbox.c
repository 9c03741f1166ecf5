/* Systems that refuse what others allow: filters for system calls. Each test runs in a child of its own, which can
 * never get rid of its filter. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "refusals.h"
#include "system.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#ifdef SYS_fcntl64 /* on 32-bit machines, for locks among others */
#define FCNTL_OF_LOCKS SYS_fcntl64
#else
#define FCNTL_OF_LOCKS SYS_fcntl
#endif

/* wmmf_wait_many without futex_waitv. */

struct waiting {
    wmmf_wait_item items[2];
    uint32_t count;
    wmmf_waker *waker;
    int32_t status;
};

static void wait_in_thread(void *argument) {
    struct waiting *waiting = argument;
    waiting->status = wmmf_wait_many(waiting->items, waiting->count, waiting->waker, LONG_TIMEOUT);
}

static void wait_for_many(void) {
    wmmf_section *sections[2];
    struct waiting waiting = {.count = 2};
    struct timespec before, after;
    for (int i = 0; i < 2; i++) {
        sections[i] = create(new_name(), 100, WMMF_NATIVE);
        waiting.items[i].section = sections[i];
    }
    REQUIRE_OK(wmmf_waker_create(&waiting.waker));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_many(waiting.items, 2, waiting.waker, SECOND / 5));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    int64_t used = (after.tv_sec - before.tv_sec) * SECOND + after.tv_nsec - before.tv_nsec;
    CHECK(used < SECOND / 10); /* asleep, and not turning */
    for (int i = 0; i < 2; i++) {
        struct thread *thread = thread_start(wait_in_thread, &waiting);
        REQUIRE_OK(wmmf_write(sections[i], 0, "x", 1, LONG_TIMEOUT));
        thread_join(thread);
        CHECK_STATUS(WMMF_OK, waiting.status);
        CHECK_STATUS(WMMF_OK, waiting.items[i].status);
        waiting.items[i].sequence = 1;
    }
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    REQUIRE_OK(wmmf_waker_wake(waiting.waker));
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    waiting.waker = NULL;
    waiting.count = 1;
    thread = thread_start(wait_in_thread, &waiting);
    REQUIRE_OK(wmmf_write(sections[0], 0, "x", 1, LONG_TIMEOUT));
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
}

static void wait_for_many_unknown(void) {
    forbid(SYS_futex_waitv, ENOSYS);
    wait_for_many();
}

static void wait_for_many_forbidden(void) {
    forbid(SYS_futex_waitv, EPERM);
    wait_for_many();
}

static void many_are_waited_for_without_futex_waitv(void) {
    in_a_child(wait_for_many_unknown);
    in_a_child(wait_for_many_forbidden);
}

/* All that a section and a channel do in one process. */
static void use_sections(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 1 << 20, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE);
    wmmf_section *reader = open_read_only(name, WMMF_NATIVE), *taken = NULL;
    char byte = 0;
    CHECK_STATUS(WMMF_E_EXISTS, wmmf_create(name, 100, NULL, &taken));
    REQUIRE_OK(wmmf_write(section, (1 << 20) - 1, "x", 1, 0));
    REQUIRE_OK(wmmf_read(other, (1 << 20) - 1, &byte, 1, 0));
    CHECK_EQUAL('x', byte);
    REQUIRE_OK(wmmf_read(reader, (1 << 20) - 1, &byte, 1, 0));
    REQUIRE_OK(wmmf_lock_write(section, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(wmmf_lock_read, other, SECOND / 50));
    REQUIRE_OK(wmmf_unlock_write(section));
    wmmf_close(reader);
    wmmf_close(other);
    wmmf_close(section);
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, NULL, &taken));
    wmmf_channel *channel = NULL;
    wmmf_frame frame = {.struct_size = sizeof frame, .used = 4};
    REQUIRE_OK(wmmf_channel_create(name, 1 << 20, 0, NULL, &channel));
    REQUIRE_OK(wmmf_channel_write(channel, "data", 0, &frame));
    wmmf_channel_close(channel);
}

static void use_without_tmpfile(void) {
    forbid_some(SYS_openat, 2, O_TMPFILE, false, EOPNOTSUPP);
    use_sections();
}

static void use_without_fallocate(void) {
    forbid(SYS_fallocate, EOPNOTSUPP);
    use_sections();
}

static void use_without_getrandom(void) {
    forbid(SYS_getrandom, ENOSYS);
    use_sections();
}

static void use_without_statistics(void) {
    forbid(SYS_fstatfs, EPERM);
    forbid(SYS_prlimit64, EPERM);
    use_sections();
}

#define WIPE_ON_FORK 18

static void be_told_from_a_fork(void) {
    forbid_some(SYS_madvise, 2, WIPE_ON_FORK, true, EINVAL);
    use_sections();
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(wmmf_write(section, 0, "x", 1, 0) == WMMF_E_FORKED && wmmf_after_fork_child(section) == WMMF_OK ? 0 : 1);
    waitpid(pid, &status, 0);
    CHECK_EQUAL(0, status);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_after_fork_child(section));
    wmmf_close(section);
}

static void what_a_system_refuses_is_done_another_way(void) {
    in_a_child(use_without_tmpfile);
    in_a_child(use_without_fallocate);
    in_a_child(use_without_getrandom);
    in_a_child(use_without_statistics);
    in_a_child(be_told_from_a_fork);
}

static void create_without_locks(int error, int32_t expected) {
    wmmf_section *section = NULL;
    const char *name = new_name();
    forbid_some(FCNTL_OF_LOCKS, 1, F_OFD_SETLK, true, error);
    CHECK_STATUS(expected, wmmf_create(name, 100, NULL, &section));
    CHECK_EQUAL(error, wmmf_last_os_error());
    CHECK(strstr(wmmf_last_detail(), "F_OFD_SETLK") != NULL);
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, NULL, &section));
    wmmf_options raw = options_of(WMMF_RAW, WMMF_LOCAL);
    REQUIRE_OK(wmmf_create(name, 100, &raw, &section)); /* needs none */
    wmmf_close(section);
}

static void create_without_such_locks(void) {
    create_without_locks(EINVAL, WMMF_E_NOT_SUPPORTED);
}

static void create_without_room_for_locks(void) {
    create_without_locks(ENOLCK, WMMF_E_OS);
}

static void locks_that_are_refused_are_named(void) {
    in_a_child(create_without_such_locks);
    in_a_child(create_without_room_for_locks);
}

/* Private mounts. */

static void use_without_proc(void) {
    mount_here("mount -t tmpfs tmpfs /proc");
    use_sections();
}

static void use_on_ramfs(void) {
    mount_here("mount -t ramfs ramfs /dev/shm");
    use_sections();
}

static void check_creating_fails(int32_t expected, uint64_t size, const char *text) {
    wmmf_section *section = NULL;
    const char *name = new_name();
    CHECK_STATUS(expected, wmmf_create(name, size, NULL, &section));
    if (!CHECK(strstr(wmmf_last_detail(), text) != NULL))
        printf("  the detail: '%s'\n", wmmf_last_detail());
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, NULL, &section));
}

static void create_without_a_folder(void) {
    mount_here("mount -t tmpfs tmpfs /dev");
    check_creating_fails(WMMF_E_NOT_SUPPORTED, 100, "/dev/shm");
    /* The last call was to open it. */
    CHECK(strstr(wmmf_last_detail(), "/dev/shm, where Linux keeps shared memory, does not exist") != NULL);
    uint64_t needed;
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_list(WMMF_LOCAL, NULL, 0, &needed));
    CHECK(strstr(wmmf_last_detail(), "/dev/shm, where Linux keeps shared memory, does not exist") != NULL);
}

static void open_where_a_file_is_in_the_way(void) {
    mount_here("mount -t tmpfs tmpfs /dev && touch /dev/shm");
    wmmf_section *section = NULL;
    CHECK(wmmf_open(new_name(), 0, NULL, &section) < 0);
    CHECK(strstr(wmmf_last_detail(), "/dev/shm, where Linux keeps shared memory, does not exist") != NULL);
}

static void create_where_no_file_fits(void) {
    mount_here("mount -t tmpfs -o nr_inodes=1 tmpfs /dev/shm");
    check_creating_fails(WMMF_E_NO_MEMORY, 100, "/dev/shm, where Linux keeps shared memory, has no room for another");
}

static void create_in_a_folder_that_is_read_only(void) {
    mount_here("mount -t tmpfs -o ro tmpfs /dev/shm");
    check_creating_fails(WMMF_E_ACCESS, 100, "/dev/shm, where Linux keeps shared memory, is read-only");
}

static void create_in_a_small_folder(void) {
    mount_here("mount -t tmpfs -o size=64m tmpfs /dev/shm");
    check_creating_fails(WMMF_E_NO_MEMORY, 100 << 20, "/dev/shm has 67108864 left of its 67108864");
    use_sections();
}

static void an_unusual_folder_is_named_in_the_error(void) {
    if (!can_mount())
        return;
    in_a_child(create_without_a_folder);
    in_a_child(open_where_a_file_is_in_the_way);
    in_a_child(create_where_no_file_fits);
    in_a_child(create_in_a_folder_that_is_read_only);
    in_a_child(create_in_a_small_folder);
    in_a_child(use_without_proc);
    in_a_child(use_on_ramfs);
}

/* Limits. */

static char group[256];

static void join_group(void) {
    char command[512];
    snprintf(command, sizeof command, "echo %d > %s/cgroup.procs", (int)getpid(), group);
    run_command(command);
}

static void create_beyond_the_limit(void) {
    join_group();
    check_creating_fails(WMMF_E_NO_MEMORY, 200 << 20, "the memory limit of this control group leaves ");
    wmmf_channel *channel = NULL;
    CHECK_STATUS(WMMF_E_NO_MEMORY, wmmf_channel_create(new_name(), 50 << 20, 4, NULL, &channel));
    wmmf_section *sections[200];
    int count = 0;
    while (count < 200 && wmmf_create(new_name(), 1 << 20, NULL, &sections[count]) == WMMF_OK)
        count++;
    CHECK(count > 50 && count < 100); /* and we live */
    while (count > 0)
        wmmf_close(sections[--count]);
}

static void create_beyond_a_limit_that_is_mounted_elsewhere(void) {
    join_group();
    mount_here("mount --move /sys/fs/cgroup /mnt");
    check_creating_fails(WMMF_E_NO_MEMORY, 200 << 20, "the memory limit of this control group leaves ");
}

/* False: this system lacks it. */
static bool make_group(const char *folder, const char *limit) {
    char command[1024];
    snprintf(group, sizeof group, "%s/wmmf-test-%d/inner", folder, (int)getpid());
    snprintf(command, sizeof command, "mkdir -p %s && echo 104857600 > %s/../%s && ls %s/%s", group, group, limit,
             group, limit);
    strcat(command, " > /dev/null");
    return system(command) == 0;
}

static void remove_group(void) {
    char command[1024];
    snprintf(command, sizeof command, "rmdir %s $(dirname %s)", group, group);
    if (system(command) != 0)
        printf("%s is left\n", group);
}

static void a_memory_limit_is_an_error_and_does_not_kill(void) {
    if (geteuid() != 0 || (!make_group("/sys/fs/cgroup/memory", "memory.limit_in_bytes 2>/dev/null") &&
                           !make_group("/sys/fs/cgroup", "memory.max 2>/dev/null"))) {
        printf("(skipped: no control group with a memory limit can be made here)\n");
        return;
    }
    in_a_child(create_beyond_the_limit);
    if (can_mount())
        in_a_child(create_beyond_a_limit_that_is_mounted_elsewhere);
    remove_group();
}

static void create_beyond_the_machine(void) {
    mount_here("mount -t tmpfs -o size=90% tmpfs /dev/shm && mount --bind /dev/shm /dev/shm");
    FILE *meminfo = fopen("/dev/shm/meminfo", "w");
    if (!meminfo || fputs("MemTotal: 1000000 kB\nMemAvailable:   20000 kB\nSwapFree:        100 kB\n", meminfo) < 0 ||
        fclose(meminfo) != 0)
        _exit(2);
    run_command("mount --bind /dev/shm/meminfo /proc/meminfo");
    check_creating_fails(WMMF_E_NO_MEMORY, 100 << 20, " bytes are needed, and this machine has 20582400 left");
}

static void a_machine_without_the_memory_is_reported(void) {
    if (can_mount())
        in_a_child(create_beyond_the_machine);
}

/* A signal again and again, as profilers send it, where a reservation is undone by each (older kernels). */
static volatile sig_atomic_t ticks;

static void tick(int signal) {
    (void)signal;
    ticks++;
}

static void reserve_under_a_periodic_signal(void) {
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    struct itimerval every = {{0, 2000}, {0, 2000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    int64_t start = system_now_ns();
    wmmf_section *section = create(new_name(), 64 << 20, WMMF_NATIVE);
    CHECK(system_now_ns() - start < LONG_TIMEOUT / 2);
    wmmf_close(section);
}

static void a_periodic_signal_does_not_stop_a_reservation(void) {
    in_a_child(reserve_under_a_periodic_signal);
}

static const struct test tests[] = {
    TEST(many_are_waited_for_without_futex_waitv),
    TEST(what_a_system_refuses_is_done_another_way),
    TEST(locks_that_are_refused_are_named),
    TEST(an_unusual_folder_is_named_in_the_error),
    TEST(a_memory_limit_is_an_error_and_does_not_kill),
    TEST(a_machine_without_the_memory_is_reported),
    TEST(a_periodic_signal_does_not_stop_a_reservation),
    {NULL, NULL},
};

static const struct role roles[] = {{NULL, NULL}};

const struct suite suite_sandbox = {tests, roles};
