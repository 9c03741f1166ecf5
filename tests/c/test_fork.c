/* After fork() the child's copies of handles are good for nothing but closing, and closing them harms nobody. */
#define _GNU_SOURCE
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "system.h"

static wmmf_map *map;

/* The exit code of a child that does this with its copy of the map. */
static int in_a_fork(int (*child)(void)) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child());
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int count_refusals(void) {
    char byte;
    uint64_t number;
    void *data;
    wmmf_info info = {.struct_size = sizeof info};
    wmmf_audit_report report = {.struct_size = sizeof report};
    const int32_t statuses[] = {
        wmmf_data(map, &data),         wmmf_size(map, &number),     wmmf_get_info(map, &info),
        wmmf_lock_read(map, 0),        wmmf_unlock_read(map),       wmmf_lock_write(map, 0),
        wmmf_unlock_write(map),        wmmf_mark_consistent(map),   wmmf_read(map, 0, &byte, 1, 0),
        wmmf_write(map, 0, "x", 1, 0), wmmf_sequence(map, &number), wmmf_wait(map, 0, 0, &number),
        wmmf_audit(map, &report),
    };
    int count = 0;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        count += statuses[i] == WMMF_E_FORKED;
    return count;
}

static int close_the_copy(void) {
    return wmmf_close(map) != WMMF_OK;
}

static const char *name;

static int open_again(void) {
    wmmf_map *own = NULL;
    int32_t status = wmmf_open(name, 0, NULL, &own);
    wmmf_close(map);
    if (status == WMMF_OK)
        status = wmmf_write(own, 0, "c", 1, PATIENCE);
    wmmf_close(own);
    return status != WMMF_OK;
}

static void a_child_does_not_own_its_parents_locks(void) {
    map = create(new_name(), 100, WMMF_NATIVE);
    REQUIRE_OK(wmmf_lock_write(map, PATIENCE));
    CHECK_EQUAL(13, in_a_fork(count_refusals));
    CHECK_EQUAL(0, in_a_fork(close_the_copy));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(map));
    CHECK_STATUS(WMMF_OK, wmmf_lock_read(map, 0));
    wmmf_close(map);
}

static void a_child_opens_the_section_again(void) {
    name = new_name();
    map = create(name, 100, WMMF_NATIVE);
    CHECK_EQUAL(0, in_a_fork(open_again));
    CHECK_EQUAL('c', data_of(map)[0]);
    wmmf_map *other = open_existing(name, WMMF_NATIVE); /* it is still there */
    wmmf_close(other);
    wmmf_close(map);
}

/* Dies with the lock; a child lives on with copies of its handles until the payload's first byte says otherwise. */
static int hold_write_and_fork(const char *section) {
    map = open_existing(section, WMMF_NATIVE);
    volatile uint8_t *told = data_of(map);
    REQUIRE_OK(wmmf_lock_write(map, PATIENCE));
    if (fork() == 0) {
        int64_t end = system_now_ns() + PATIENCE;
        while (*told == 0 && system_now_ns() < end)
            usleep(1000);
        wmmf_close(map);
        _exit(0);
    }
    say("locked");
    return !heard("go");
}

static void a_child_with_copies_keeps_a_dead_parents_lock(void) {
    name = new_name();
    map = create(name, 100, WMMF_NATIVE);
    struct child *parent = child_start("hold_write_and_fork", name);
    CHECK(child_said(parent, "locked"));
    child_kill(parent);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(map, SECOND / 10)); /* uncertain means alive */
    data_of(map)[0] = 1;
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(map, PATIENCE));
    CHECK_STATUS(WMMF_OK, wmmf_mark_consistent(map));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(map));
    wmmf_close(map);
}

static const struct test tests[] = {
    TEST(a_child_does_not_own_its_parents_locks),
    TEST(a_child_opens_the_section_again),
    TEST(a_child_with_copies_keeps_a_dead_parents_lock),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(hold_write_and_fork),
    {NULL, NULL},
};

const struct suite suite_fork = {tests, roles};
