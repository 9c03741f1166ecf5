/* Other processes: waiting for them, and what they leave behind when they are killed. */
#include <stdio.h>

#include "atomic.h"
#include "harness.h"
#include "system.h"

/* The roles: each takes something, reports that, and keeps it until its input says "go", or until it is killed. */

static int hold_open(const char *name) {
    wmmf_section *section = open_existing(name, WMMF_NATIVE);
    say("open");
    bool told = heard("go");
    wmmf_close(section);
    return !told;
}

static int hold_read(const char *name) {
    return hold_until_told(name, WMMF_NATIVE, wmmf_lock_read, wmmf_unlock_read);
}

static int hold_write(const char *name) {
    return hold_until_told(name, WMMF_NATIVE, wmmf_lock_write, wmmf_unlock_write);
}

static int hold_write_winmmf(const char *name) {
    return hold_until_told(name, WMMF_WINMMF, wmmf_lock_write, wmmf_unlock_write);
}

/* Only this process has it open, so the section ends with it. */
static int hold_alone(const char *name) {
    create(name, 100, WMMF_NATIVE);
    say("created");
    return !heard("go");
}

/* Zeros under the name: what a creator that dies before it stores the magic leaves on Windows. */
static int hold_unfinished(const char *name) {
    create(name, 10000, WMMF_RAW);
    say("created");
    return !heard("go");
}

static int wait_for_write_lock(const char *name) {
    wmmf_section *section = open_existing(name, WMMF_NATIVE);
    if (!CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(section, 0)))
        return 1;
    say("waiting");
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    data_of(section)[0]++;
    REQUIRE_OK(wmmf_unlock_write(section));
    wmmf_close(section);
    return 0;
}

static struct child *start(const char *role, const char *name, const char *says) {
    struct child *child = child_start(role, name);
    if (!CHECK(child_said(child, says)))
        give_up();
    return child;
}

static void kill_while(const char *role, const char *name, const char *says) {
    child_kill(start(role, name, says));
}

/* Alive. */

static void processes_wait_for_each_other(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE);
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    struct child *child = start("wait_for_write_lock", name, "waiting");
    data_of(section)[0] = 1;
    REQUIRE_OK(wmmf_unlock_write(section));
    CHECK_EQUAL(0, child_end(child));
    CHECK_EQUAL(2, data_of(section)[0]);

    child = start("hold_write", name, "locked");
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_read(section, 0));
    child_tell(child, "go");
    CHECK_STATUS(WMMF_OK, wmmf_lock_read(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_read(section));
    CHECK_EQUAL(0, child_end(child));
    wmmf_close(section);
}

static void processes_share_the_winmmf_lock(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_WINMMF);
    struct child *child = start("hold_write_winmmf", name, "locked");
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_read(section, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(section, 0));
    child_tell(child, "go");
    CHECK_STATUS(WMMF_OK, wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    CHECK_EQUAL(0, child_end(child));
    wmmf_close(section);
}

static void attaching_and_leaving_harms_nobody(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE);
    data_of(section)[0] = 'x';
    struct child *child = start("hold_open", name, "open");
    child_tell(child, "go");
    CHECK_EQUAL(0, child_end(child));
    kill_while("hold_open", name, "open");
    wmmf_section *other = open_existing(name, WMMF_NATIVE);
    CHECK_EQUAL('x', data_of(other)[0]);
    wmmf_close(other);
    wmmf_close(section);
}

/* Killed. */

static void a_dead_writer_is_followed_by_a_repair(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE);
    char byte = 0;
    uint64_t sequence;
    wmmf_audit_report report = {.struct_size = sizeof report};
    kill_while("hold_write", name, "locked");
    /* Until somebody repairs it nobody reads or writes. */
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_read(other, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_read(other, 0, &byte, 1, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_write(other, 0, "x", 1, LONG_TIMEOUT));
    CHECK_EQUAL(0, data_of(section)[0]);
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_wait(other, 0, LONG_TIMEOUT, &sequence));
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(1, report.owner_died);
    CHECK_EQUAL(0, report.poisoned);
    CHECK_EQUAL(0, report.damaged);

    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(wmmf_lock_write, other, 0)); /* taken, indeed */
    data_of(section)[0] = 'r';
    CHECK_STATUS(WMMF_OK, wmmf_mark_consistent(section));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    CHECK_STATUS(WMMF_OK, wmmf_read(other, 0, &byte, 1, LONG_TIMEOUT));
    CHECK_EQUAL('r', byte);
    CHECK_STATUS(WMMF_OK, wmmf_write(other, 0, "x", 1, LONG_TIMEOUT));
    wmmf_close(other);
    wmmf_close(section);
}

static void a_dead_writer_is_found_by_a_waiter(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE);
    struct child *holder = start("hold_write", name, "locked");
    struct child *waiter = start("wait_for_write_lock", name, "waiting");
    child_kill(holder);
    CHECK(child_end(waiter) != 0); /* it got WMMF_E_OWNER_DIED, and ended without a repair */
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_mark_consistent(section));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    wmmf_close(section);
}

static void without_a_repair_the_owner_stays_dead(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE),
                 *reader = open_read_only(name, WMMF_NATIVE);
    char byte;
    uint64_t sequence;
    wmmf_audit_report report = {.struct_size = sizeof report};
    kill_while("hold_write", name, "locked");
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(section, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_read(other, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_read(other, 0, &byte, 1, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_read(reader, 0, &byte, 1, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_write(other, 0, "x", 1, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_wait(other, 0, LONG_TIMEOUT, &sequence));
    }
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(0, report.damaged);
    CHECK_EQUAL(0, report.poisoned);
    CHECK_EQUAL(1, report.owner_died);
    CHECK_EQUAL(0, report.sequence);
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(other, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_mark_consistent(other));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(other));
    CHECK_STATUS(WMMF_OK, wmmf_read(reader, 0, &byte, 1, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    wmmf_close(reader);
    wmmf_close(other);
    wmmf_close(section);
}

static void a_read_only_reader_learns_of_a_dead_writer(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *reader = open_read_only(name, WMMF_NATIVE);
    char byte;
    uint64_t sequence;
    kill_while("hold_write", name, "locked");
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_read(reader, 0, &byte, 1, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_wait(reader, 0, LONG_TIMEOUT, &sequence));
    wmmf_close(reader);
    wmmf_close(section);
}

static void a_dead_reader_costs_nothing(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE);
    wmmf_audit_report report = {.struct_size = sizeof report};
    for (int i = 0; i < 3; i++)
        kill_while("hold_read", name, "locked");
    CHECK_STATUS(WMMF_OK, wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(0, report.damaged);
    CHECK_EQUAL(0, report.readers);
    wmmf_close(section);
}

/* Without waiting; but the system may take a moment to report a death. */
static int32_t keep_trying(wmmf_section *section, int32_t (*lock)(wmmf_section *, int64_t)) {
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    int32_t status;
    do
        status = lock(section, 0);
    while (status == WMMF_E_TIMEOUT && system_now_ns() < deadline);
    return status;
}

static bool has_waiting_writer(wmmf_section *section) {
    wmmf_participant participant = {.struct_size = sizeof participant};
    for (uint32_t i = 0; wmmf_get_participant(section, i, &participant) == WMMF_OK; i++)
        if (participant.waiting_writer)
            return true;
    return false;
}

static int32_t look_for_a_change(wmmf_section *section, int64_t timeout_ns) {
    return wmmf_wait(section, 0, timeout_ns, NULL);
}

static int32_t copy_a_byte(wmmf_section *section, int64_t timeout_ns) {
    char byte;
    return wmmf_read(section, 0, &byte, 1, timeout_ns);
}

static void a_caller_without_the_lock_learns_of_the_dead(void) {
    wmmf_section *(*const ways[])(const char *, uint32_t) = {open_existing, open_read_only};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *name = new_name();
        wmmf_section *section = create(name, 100, WMMF_NATIVE), *looker = ways[i](name, WMMF_NATIVE);
        kill_while("hold_write", name, "locked");
        CHECK_STATUS(WMMF_E_OWNER_DIED, keep_trying(looker, copy_a_byte));
        CHECK_STATUS(WMMF_E_OWNER_DIED, keep_trying(looker, look_for_a_change));
        wmmf_close(looker);
        wmmf_close(section);
    }
}

static void a_caller_that_polls_gets_past_the_dead(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE);
    kill_while("hold_write", name, "locked");
    CHECK_STATUS(WMMF_E_OWNER_DIED, keep_trying(section, wmmf_lock_read));
    CHECK_STATUS(WMMF_E_OWNER_DIED, keep_trying(section, wmmf_lock_write));
    CHECK_STATUS(WMMF_OK, wmmf_mark_consistent(section));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));

    kill_while("hold_write", name, "locked");
    CHECK_STATUS(WMMF_E_OWNER_DIED, keep_trying(section, wmmf_lock_write));
    CHECK_STATUS(WMMF_OK, wmmf_mark_consistent(section));
    struct child *child = start("wait_for_write_lock", name, "waiting");
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    while (!has_waiting_writer(section))
        if (!CHECK(system_now_ns() < deadline))
            give_up();
    child_kill(child);
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    CHECK_STATUS(WMMF_OK, keep_trying(section, wmmf_lock_write));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));

    kill_while("hold_read", name, "locked");
    CHECK_STATUS(WMMF_OK, keep_trying(section, wmmf_lock_write));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    wmmf_close(section);
}

/* A caller that keeps its place in the queue and does not come back is like one that is stopped there. */
static void a_caller_that_polls_gets_past_a_waiter_that_shows_no_life(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *waiter = open_existing(name, WMMF_NATIVE);
    uint64_t place = 0;
    struct holder *writer = holder_start(section, wmmf_lock_write, wmmf_unlock_write);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write_queued(waiter, SECOND / 100, &place));
    holder_end(writer);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(section, 0)); /* it yields */
    CHECK_STATUS(WMMF_OK, keep_trying(section, wmmf_lock_write));
    REQUIRE_OK(wmmf_unlock_write(section));
    CHECK_STATUS(WMMF_OK, wmmf_lock_write(section, 0)); /* at once, until it shows life */
    REQUIRE_OK(wmmf_unlock_write(section));
    CHECK_STATUS(WMMF_OK, wmmf_lock_write_queued(waiter, LONG_TIMEOUT, &place));
    wmmf_close(waiter);
    wmmf_close(section);
}

static void closing_with_the_lock_held_counts_as_death(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *reader = open_existing(name, WMMF_NATIVE),
                 *writer = open_existing(name, WMMF_NATIVE);
    REQUIRE_OK(wmmf_lock_read(reader, LONG_TIMEOUT));
    wmmf_close(reader);
    CHECK_STATUS(WMMF_OK, wmmf_lock_write(section, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_unlock_write(section));
    REQUIRE_OK(wmmf_lock_write(writer, LONG_TIMEOUT));
    wmmf_close(writer);
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(section, LONG_TIMEOUT));
    wmmf_close(section);
}

static void places_of_the_dead_are_used_again(void) {
    const char *name = new_name();
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *section = NULL, *second = NULL, *third = NULL;
    options.participants = 2;
    REQUIRE_OK(wmmf_create(name, 100, &options, &section));
    for (int i = 0; i < 3; i++)
        kill_while("hold_open", name, "open");
    REQUIRE_OK(wmmf_open(name, 0, NULL, &second));
    CHECK_STATUS(WMMF_E_FULL, wmmf_open(name, 0, NULL, &third));
    CHECK(third == NULL);
    /* A reader without write rights needs no record. */
    options.read_only = 1;
    CHECK_STATUS(WMMF_OK, wmmf_open(name, 0, &options, &third));
    wmmf_close(third);
    wmmf_close(second);
    CHECK_STATUS(WMMF_OK, wmmf_open(name, 0, NULL, &second));
    wmmf_close(second);
    wmmf_close(section);
}

static void a_killed_process_leaves_no_section_behind(void) {
    const char *name = new_name();
    wmmf_section *section = NULL;
    kill_while("hold_alone", name, "created");
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, NULL, &section));
    kill_while("hold_alone", name, "created");
    CHECK_STATUS(WMMF_OK, wmmf_create(name, 50, NULL, &section)); /* the name is free, not taken by a ghost */
    wmmf_close(section);
}

struct opener {
    const char *name;
    bool may_create;
    uint32_t opening; /* 1 from just before the call */
    int32_t status;
    int32_t created;
    wmmf_section *section;
};

static void open_in_thread(void *argument) {
    struct opener *opener = argument;
    store_release_u32(&opener->opening, 1);
    opener->status = opener->may_create
                         ? wmmf_create_or_open(opener->name, 100, NULL, &opener->section, &opener->created)
                         : wmmf_open(opener->name, 0, NULL, &opener->section);
}

#define OPENERS 16

/* Several at once, which must not keep it alive for each other. Returns how many have created it. */
static int kill_the_creator_of_what_they_open(bool may_create, int32_t expected) {
    const char *name = new_name();
    struct child *creator = start("hold_unfinished", name, "created");
    struct opener openers[OPENERS];
    struct thread *threads[OPENERS];
    int created = 0;
    for (int i = 0; i < OPENERS; i++) {
        openers[i] = (struct opener){.name = name, .may_create = may_create};
        threads[i] = thread_start(open_in_thread, &openers[i]);
    }
    for (int i = 0; i < OPENERS; i++)
        while (load_acquire_u32(&openers[i].opening) == 0)
            continue;
    child_kill(creator);
    for (int i = 0; i < OPENERS; i++) {
        thread_join(threads[i]);
        CHECK_STATUS(expected, openers[i].status);
        created += openers[i].created;
    }
    for (int i = 0; i < OPENERS; i++)
        wmmf_close(openers[i].section);
    return created;
}

static void openers_do_not_keep_what_its_creator_has_not_finished(void) {
    CHECK_EQUAL(0, kill_the_creator_of_what_they_open(false, WMMF_E_NOT_FOUND));
    CHECK_EQUAL(1, kill_the_creator_of_what_they_open(true, WMMF_OK));
}

static const struct test tests[] = {
    TEST(processes_wait_for_each_other),
    TEST(processes_share_the_winmmf_lock),
    TEST(attaching_and_leaving_harms_nobody),
    TEST(a_dead_writer_is_followed_by_a_repair),
    TEST(a_dead_writer_is_found_by_a_waiter),
    TEST(without_a_repair_the_owner_stays_dead),
    TEST(a_read_only_reader_learns_of_a_dead_writer),
    TEST(a_dead_reader_costs_nothing),
    TEST(a_caller_that_polls_gets_past_the_dead),
    TEST(a_caller_that_polls_gets_past_a_waiter_that_shows_no_life),
    TEST(a_caller_without_the_lock_learns_of_the_dead),
    TEST(closing_with_the_lock_held_counts_as_death),
    TEST(places_of_the_dead_are_used_again),
    TEST(a_killed_process_leaves_no_section_behind),
    TEST(openers_do_not_keep_what_its_creator_has_not_finished),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(hold_open),  ROLE(hold_read),       ROLE(hold_write),          ROLE(hold_write_winmmf),
    ROLE(hold_alone), ROLE(hold_unfinished), ROLE(wait_for_write_lock), {NULL, NULL},
};

const struct suite suite_recovery = {tests, roles};
