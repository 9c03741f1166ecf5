/* After fork() the child can only drop and close its copies of handles, which harms nobody.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "system.h"

static wmmf_section *section;

/* The exit code of a child that does this with its copy of the map. */
static int in_a_fork(int (*child)(void)) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child());
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define REFUSALS 13
static int count_refusals(void) {
    char byte;
    uint64_t number;
    void *data;
    wmmf_info info = {.struct_size = sizeof info};
    wmmf_audit_report report = {.struct_size = sizeof report};
    const int32_t statuses[] = {
        wmmf_data(section, &data),         wmmf_size(section, &number),     wmmf_get_info(section, &info),
        wmmf_lock_read(section, 0),        wmmf_unlock_read(section),       wmmf_lock_write(section, 0),
        wmmf_unlock_write(section),        wmmf_mark_consistent(section),   wmmf_read(section, 0, &byte, 1, 0),
        wmmf_write(section, 0, "x", 1, 0), wmmf_sequence(section, &number), wmmf_wait(section, 0, 0, &number),
        wmmf_audit(section, &report),
    };
    int count = 0;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        count += statuses[i] == WMMF_E_FORKED;
    return count;
}

static int close_the_copy(void) {
    return wmmf_close(section) != WMMF_OK;
}

static uint8_t *bytes;

static int give_up_the_copy(void) {
    uint64_t handles = system_resources().handles;
    if (wmmf_after_fork_child(section) != WMMF_OK || wmmf_after_fork_child(section) != WMMF_OK)
        return 1;
    if (system_resources().handles != handles - 1 || count_refusals() != REFUSALS)
        return 2;
    bytes[1] = bytes[0];
    return close_the_copy();
}

static const char *name;

static int open_again(void) {
    wmmf_section *own = NULL;
    int32_t status = wmmf_open(name, 0, NULL, &own);
    wmmf_close(section);
    if (status == WMMF_OK)
        status = wmmf_write(own, 0, "c", 1, LONG_TIMEOUT);
    wmmf_close(own);
    return status != WMMF_OK;
}

static void a_child_does_not_own_its_parents_locks(void) {
    section = create(new_name(), 100, WMMF_NATIVE);
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_EQUAL(REFUSALS, in_a_fork(count_refusals));
    CHECK_EQUAL(0, in_a_fork(close_the_copy));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    CHECK_STATUS(WMMF_OK, wmmf_lock_read(section, 0));
    wmmf_close(section);
}

static void a_child_drops_all_but_the_memory(void) {
    name = new_name();
    section = create(name, 100, WMMF_NATIVE);
    wmmf_section *other = open_existing(name, WMMF_NATIVE);
    bytes = data_of(section);
    bytes[0] = 'm';
    struct holder *writer = holder_start(section, wmmf_lock_write, wmmf_unlock_write);
    CHECK_EQUAL(0, in_a_fork(give_up_the_copy));
    CHECK_EQUAL('m', data_of(other)[1]);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(other, SECOND / 10)); /* the parent lives */
    holder_end(writer);
    wmmf_close(other);
    wmmf_close(section);
}

static void a_child_opens_the_section_again(void) {
    name = new_name();
    section = create(name, 100, WMMF_NATIVE);
    CHECK_EQUAL(0, in_a_fork(open_again));
    CHECK_EQUAL('c', data_of(section)[0]);
    wmmf_section *other = open_existing(name, WMMF_NATIVE); /* it is still there */
    wmmf_close(other);
    wmmf_close(section);
}

static bool becomes_1(const volatile uint8_t *byte) {
    int64_t end = system_now_ns() + LONG_TIMEOUT;
    while (*byte != 1 && system_now_ns() < end)
        usleep(1000);
    return *byte == 1;
}

/* Until this byte is 1 a child lives on with copies of its parent's handles; the parent is killed meanwhile. */
static int leave_a_child(const volatile uint8_t *told, void (*first)(void), void (*last)(void)) {
    if (fork() == 0) {
        first();
        if (becomes_1(told))
            last();
        _exit(0);
    }
    say("forked");
    return !heard("go");
}

static void do_nothing(void) {
}

static void close_the_section(void) {
    wmmf_close(section);
}

static void give_up_the_section(void) {
    wmmf_after_fork_child(section);
}

static void answer(void) {
    bytes[1] = 1;
    wmmf_close(section);
}

static int hold_write_and_fork(const char *section_name) {
    section = open_existing(section_name, WMMF_NATIVE);
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    return leave_a_child(data_of(section), do_nothing, close_the_section);
}

static int hold_write_and_drop(const char *section_name) {
    section = open_existing(section_name, WMMF_NATIVE);
    bytes = data_of(section);
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    return leave_a_child(bytes, give_up_the_section, answer);
}

static void take_over(void) {
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_mark_consistent(section));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
}

static void a_child_with_copies_keeps_a_dead_parents_lock(void) {
    name = new_name();
    section = create(name, 100, WMMF_NATIVE);
    struct child *parent = child_start("hold_write_and_fork", name);
    CHECK(child_said(parent, "forked"));
    child_kill(parent);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(section, SECOND / 10)); /* uncertain means alive */
    data_of(section)[0] = 1;
    take_over();
    wmmf_close(section);
}

static void a_child_that_dropped_it_keeps_no_dead_parents_lock(void) {
    name = new_name();
    section = create(name, 100, WMMF_NATIVE);
    struct child *parent = child_start("hold_write_and_drop", name);
    CHECK(child_said(parent, "forked"));
    child_kill(parent);
    take_over();
    data_of(section)[0] = 1;
    CHECK(becomes_1(data_of(section) + 1)); /* the child has been there all the time, and the memory is still shared */
    wmmf_close(section);
}

/* A service drops its rights after it has opened its section: its children can open nothing of root's. */
static int hold_write_and_drop_rights(const char *section_name) {
    section = open_existing(section_name, WMMF_NATIVE);
    bytes = data_of(section);
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    if (setuid(65534) != 0)
        return 1;
    return leave_a_child(bytes, give_up_the_section, answer);
}

static void give_up_without_a_free_descriptor(void) {
    struct rlimit none = {3, 3};
    setrlimit(RLIMIT_NOFILE, &none);
    while (dup(0) >= 0)
        continue;
    if (wmmf_after_fork_child(section) != WMMF_OK)
        _exit(1);
}

static int hold_write_without_a_free_descriptor(const char *section_name) {
    section = open_existing(section_name, WMMF_NATIVE);
    bytes = data_of(section);
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    return leave_a_child(bytes, give_up_without_a_free_descriptor, answer);
}

static void a_dead_parents_lock_is_given_up(const char *role) {
    name = new_name();
    section = create(name, 100, WMMF_NATIVE);
    struct child *parent = child_start(role, name);
    CHECK(child_said(parent, "forked"));
    child_kill(parent);
    take_over();
    data_of(section)[0] = 1;
    CHECK(becomes_1(data_of(section) + 1));
    wmmf_close(section);
}

static void giving_up_needs_no_rights(void) {
    if (geteuid() == 0)
        a_dead_parents_lock_is_given_up("hold_write_and_drop_rights");
    else
        printf("(skipped: only root can drop rights)\n");
}

static void giving_up_needs_no_descriptor(void) {
    a_dead_parents_lock_is_given_up("hold_write_without_a_free_descriptor");
}

/* A service that has dropped its rights may not look into /proc/self/fd. It can create nevertheless. */
static void create_without_rights(void) {
    if (setuid(65534) != 0)
        _exit(2);
    section = create(new_name(), 100, WMMF_NATIVE);
    REQUIRE_OK(wmmf_write(section, 0, "x", 1, 0));
    wmmf_close(section);
}

static void a_service_that_dropped_its_rights_creates(void) {
    if (geteuid() == 0)
        in_a_child(create_without_rights);
}

/* The last to close is a reader that may not remove the name, while its forked child lives: the owner can go on. */
static int read_and_leave_a_child(const char *section_name) {
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_CUSTOM);
    options.read_only = 1;
    if (setuid(65534) != 0)
        return 1;
    REQUIRE_OK(wmmf_open(section_name, 0, &options, &section));
    say("open");
    bool told = heard("close");
    if (fork() == 0) {
        told = heard("go");
        _exit(!told);
    }
    wmmf_close(section);
    say("closed");
    return wait(NULL) < 0;
}

static void a_readers_child_does_not_keep_the_name(void) {
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_CUSTOM);
    options.access = WMMF_ACCESS_USERS_READ;
    name = new_name();
    if (geteuid() != 0)
        return;
    REQUIRE_OK(wmmf_create(name, 100, &options, &section));
    struct child *reader = child_start("read_and_leave_a_child", name);
    CHECK(child_said(reader, "open"));
    wmmf_close(section);
    child_tell(reader, "close");
    CHECK(child_said(reader, "closed"));
    CHECK_STATUS(WMMF_OK, wmmf_create(name, 100, &options, &section));
    wmmf_close(section);
    child_tell(reader, "go");
    child_end(reader);
}

static wmmf_channel *channel;
static wmmf_frame taken, begun;

static void give_up_the_channel(void) {
    wmmf_channel_after_fork_child(channel);
}

static void close_the_channel(void) {
    wmmf_channel_close(channel);
}

static int hold_frames_and_drop(const char *section_name) {
    taken.struct_size = begun.struct_size = sizeof(wmmf_frame);
    REQUIRE_OK(wmmf_channel_open(section_name, NULL, &channel));
    REQUIRE_OK(wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &taken));
    REQUIRE_OK(wmmf_channel_begin(channel, LONG_TIMEOUT, &begun));
    return leave_a_child(taken.data, give_up_the_channel, close_the_channel);
}

static void a_child_that_dropped_it_keeps_no_dead_parents_frames(void) {
    const uint8_t one = 1, two = 2;
    name = new_name();
    REQUIRE_OK(wmmf_channel_create(name, 1, WMMF_CHANNEL_SLOTS_MIN, NULL, &channel));
    wmmf_frame frame = {.struct_size = sizeof frame, .used = 1};
    REQUIRE_OK(wmmf_channel_write(channel, &two, LONG_TIMEOUT, &frame));
    struct child *parent = child_start("hold_frames_and_drop", name);
    CHECK(child_said(parent, "forked"));
    child_kill(parent);
    for (int i = 0; i < 2 * WMMF_CHANNEL_SLOTS_MIN; i++)
        CHECK_STATUS(WMMF_OK, wmmf_channel_write(channel, &one, LONG_TIMEOUT, &frame)); /* also ends the child */
    wmmf_audit_report report = {.struct_size = sizeof report};
    CHECK_STATUS(WMMF_OK, wmmf_channel_audit(channel, &report));
    CHECK_EQUAL(1, report.participants);
    CHECK_EQUAL(0, report.damaged);
    wmmf_channel_close(channel);
}

static const struct test tests[] = {
    TEST(a_child_does_not_own_its_parents_locks),
    TEST(a_child_drops_all_but_the_memory),
    TEST(a_child_opens_the_section_again),
    TEST(a_child_with_copies_keeps_a_dead_parents_lock),
    TEST(a_child_that_dropped_it_keeps_no_dead_parents_lock),
    TEST(a_child_that_dropped_it_keeps_no_dead_parents_frames),
    TEST(giving_up_needs_no_rights),
    TEST(giving_up_needs_no_descriptor),
    TEST(a_service_that_dropped_its_rights_creates),
    TEST(a_readers_child_does_not_keep_the_name),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(hold_write_and_fork),
    ROLE(hold_write_and_drop),
    ROLE(hold_write_and_drop_rights),
    ROLE(hold_write_without_a_free_descriptor),
    ROLE(read_and_leave_a_child),
    ROLE(hold_frames_and_drop),
    {NULL, NULL},
};

const struct suite suite_fork = {tests, roles};
