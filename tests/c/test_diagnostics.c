/* Inspecting sections, and what happens to waiters when an inspection finds damage. */
#include "atomic.h"
#include "harness.h"
#include "layout.h"
#include "system.h"

/* Participants. */

static void a_place_in_the_queue_is_kept_until_it_is_used_or_left(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE);
    uint64_t place = 0, same;
    struct holder *reader = holder_start(section, wmmf_lock_read, wmmf_unlock_read);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write_queued(other, SECOND / 1000, &place));
    CHECK(place != 0);
    CHECK_EQUAL(1, participant_of(section, 1).waiting_writer);
    same = place;
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_write_queued(other, 0, "x", 1, SECOND / 1000, &place));
    CHECK(place == same);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_write_queued(other, 100, "x", 1, 0, &place));
    CHECK_STATUS(WMMF_OK, wmmf_write_queued(other, 0, "x", 0, 0, &place));
    CHECK(place == same);
    CHECK_STATUS(WMMF_OK, wmmf_leave_queue(other, place));
    CHECK_EQUAL(0, participant_of(section, 1).waiting_writer);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(other, SECOND / 1000)); /* this one leaves by itself */
    CHECK_EQUAL(0, participant_of(section, 1).waiting_writer);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write_queued(other, SECOND / 1000, &place));
    holder_end(reader);
    CHECK_STATUS(WMMF_OK, wmmf_lock_write_queued(other, LONG_TIMEOUT, &place));
    CHECK(place == 0);
    CHECK_EQUAL(0, participant_of(section, 1).waiting_writer);
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(other));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_lock_write_queued(other, 0, NULL));
    CHECK_STATUS(WMMF_OK, wmmf_leave_queue(other, 0));
    wmmf_close(other);
    wmmf_close(section);
}

/* A writer may clear the flag that a thread waits: it looked at the queue before that, and takes the lock
 * afterwards. */
static void a_writer_that_comes_again_leaves_the_queue_also_without_the_flag(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE),
                 *raw = open_existing(name, WMMF_RAW);
    struct header *header = (struct header *)(void *)data_of(raw);
    uint64_t place = 0;
    struct holder *writer = holder_start(section, wmmf_lock_write, wmmf_unlock_write);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write_queued(other, SECOND / 1000, &place));
    and_seq_u64(&header->lock, ~LOCK_WAITERS);
    holder_end(writer);
    REQUIRE_OK(wmmf_lock_write_queued(other, LONG_TIMEOUT, &place));
    CHECK_EQUAL(0, participant_of(section, 1).waiting_writer);
    REQUIRE_OK(wmmf_unlock_write(other));
    wmmf_close(raw);
    wmmf_close(other);
    wmmf_close(section);
}

static void a_participant_says_what_it_does(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE),
                 *looker = open_read_only(name, WMMF_NATIVE);
    wmmf_participant nobody = {.struct_size = sizeof nobody};
    REQUIRE_OK(wmmf_lock_read(other, LONG_TIMEOUT));
    CHECK_EQUAL(0, participant_of(looker, 0).readers);
    CHECK_EQUAL(1, participant_of(looker, 1).readers);
    REQUIRE_OK(wmmf_unlock_read(other));
    REQUIRE_OK(wmmf_lock_write(other, LONG_TIMEOUT));
    wmmf_participant writer = participant_of(looker, 1);
    CHECK_EQUAL(1, writer.index);
    CHECK_EQUAL(system_process_id(), writer.pid);
    CHECK_EQUAL(1, writer.alive);
    CHECK_EQUAL(1, writer.writing);
    CHECK_EQUAL(0, participant_of(looker, 0).writing);
    CHECK(writer.writing_since_unix_ns + 60 * (uint64_t)SECOND > writer.joined_unix_ns);
    REQUIRE_OK(wmmf_unlock_write(other));
    writer = participant_of(looker, 1);
    CHECK_EQUAL(0, writer.writing);
    CHECK_EQUAL(0, writer.writing_since_unix_ns);
    CHECK_EQUAL(1, writer.reads);
    CHECK_EQUAL(1, writer.writes);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_participant(looker, 2, &nobody)); /* a read-only handle needs no record */
    wmmf_close(other);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_participant(looker, 1, &nobody)); /* it has left */
    wmmf_close(looker);
    wmmf_close(section);
}

static int hold_write_and_say(const char *name) {
    wmmf_section *section = open_existing(name, WMMF_NATIVE);
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    say("locked");
    return !heard("go");
}

static void a_dead_participant_is_shown_until_it_is_cleared(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *looker = open_read_only(name, WMMF_NATIVE);
    struct child *child = child_start("hold_write_and_say", name);
    if (!CHECK(child_said(child, "locked")))
        give_up();
    wmmf_participant writer = participant_of(looker, 1);
    CHECK(writer.pid != 0 && writer.pid != system_process_id());
    CHECK_EQUAL(1, writer.alive);
    CHECK_EQUAL(1, writer.writing);
    child_kill(child);
    CHECK_EQUAL(0, participant_of(looker, 1).alive);
    CHECK_EQUAL(writer.pid, participant_of(looker, 1).pid);
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_read(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_participant(looker, 1, &writer));
    wmmf_close(looker);
    wmmf_close(section);
}

static void a_reader_shows_how_old_its_frames_are(void) {
    const char *name = new_name();
    wmmf_channel *channel;
    wmmf_frame frame = {.struct_size = sizeof frame}, older = frame, newer = frame;
    REQUIRE_OK(wmmf_channel_create(name, 10, 4, NULL, &channel));
    wmmf_section *looker = open_read_only(name, WMMF_NATIVE);
    CHECK_EQUAL(0, participant_of(looker, 0).oldest_pinned);
    REQUIRE_OK(wmmf_channel_write(channel, "", 0, &frame));
    REQUIRE_OK(wmmf_channel_write(channel, "", 0, &frame));
    REQUIRE_OK(wmmf_channel_acquire(channel, 0, 0, &older));
    REQUIRE_OK(wmmf_channel_write(channel, "", 0, &frame));
    REQUIRE_OK(wmmf_channel_acquire(channel, 0, 0, &newer));
    CHECK_EQUAL(2, participant_of(looker, 0).oldest_pinned);
    REQUIRE_OK(wmmf_channel_release(channel, &older));
    CHECK_EQUAL(3, participant_of(looker, 0).oldest_pinned);
    REQUIRE_OK(wmmf_channel_release(channel, &newer));
    CHECK_EQUAL(0, participant_of(looker, 0).oldest_pinned);
    wmmf_close(looker);
    wmmf_channel_close(channel);
}

static void what_cannot_be_looked_at_is_refused(void) {
    wmmf_section *native = create(new_name(), 100, WMMF_NATIVE), *raw = create(new_name(), 100, WMMF_RAW);
    wmmf_participant found = {.struct_size = sizeof found - 1};
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_get_participant(native, 0, &found));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_participant(native, 0, NULL));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_get_participant(raw, 0, &found));
    found.struct_size = sizeof found;
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_participant(native, UINT32_MAX, &found));
    wmmf_close(raw);
    wmmf_close(native);
}

static wmmf_lock_state lock_state_of(wmmf_section *section) {
    wmmf_lock_state state = {.struct_size = sizeof state};
    REQUIRE_OK(wmmf_get_lock_state(section, &state));
    return state;
}

/* Also for handles that may not take it. Only the native layout names the holder. */
static void the_state_of_the_lock_is_told(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_WINMMF; layout++) {
        bool native = layout == WMMF_NATIVE;
        const char *name = new_name();
        wmmf_section *creator = create(name, 100, layout), *other = open_existing(name, layout),
                     *looker = open_read_only(name, layout);
        const wmmf_lock_state free_lock = {.struct_size = sizeof free_lock, .initialised = 1};
        wmmf_lock_state state = lock_state_of(looker);
        CHECK(memcmp(&free_lock, &state, sizeof state) == 0);

        REQUIRE_OK(wmmf_lock_write(other, LONG_TIMEOUT));
        state = lock_state_of(looker);
        CHECK_EQUAL(1, state.initialised);
        CHECK_EQUAL(1, state.writing);
        CHECK_EQUAL(0, state.readers);
        CHECK_EQUAL(native ? 2 : 0, state.writer);
        CHECK_EQUAL(native ? system_process_id() : 0, state.writer_pid);
        REQUIRE_OK(wmmf_unlock_write(other));
        state = lock_state_of(looker);
        CHECK(memcmp(&free_lock, &state, sizeof state) == 0);

        REQUIRE_OK(wmmf_lock_read(other, LONG_TIMEOUT));
        struct holder *reader = holder_start(creator, wmmf_lock_read, wmmf_unlock_read);
        CHECK_EQUAL(2, lock_state_of(looker).readers);
        CHECK_EQUAL(0, lock_state_of(looker).writing);
        holder_end(reader);
        CHECK_EQUAL(1, lock_state_of(looker).readers);
        REQUIRE_OK(wmmf_unlock_read(other));
        state = lock_state_of(looker);
        CHECK(memcmp(&free_lock, &state, sizeof state) == 0);
        wmmf_close(looker);
        wmmf_close(other);
        wmmf_close(creator);
    }
}

static void a_waiting_writer_and_poison_are_told(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE);
    struct holder *writer = holder_start(section, wmmf_lock_write, wmmf_unlock_write);
    CHECK_EQUAL(0, lock_state_of(other).waiting);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(other, SECOND / 1000));
    CHECK_EQUAL(1, lock_state_of(other).waiting);
    CHECK_EQUAL(1, lock_state_of(other).writer);
    holder_end(writer);
    CHECK_EQUAL(0, lock_state_of(other).poisoned);
    CHECK_STATUS(WMMF_OK, wmmf_poison(other));
    CHECK_EQUAL(1, lock_state_of(section).poisoned);
    wmmf_close(other);
    wmmf_close(section);
}

static void a_state_that_cannot_be_told_is_refused(void) {
    wmmf_section *raw = create(new_name(), 100, WMMF_RAW), *native = create(new_name(), 100, WMMF_NATIVE);
    wmmf_lock_state state = {.struct_size = sizeof state}, unsized = {.struct_size = 4};
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_get_lock_state(raw, &state));
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_get_lock_state(native, &unsized));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_lock_state(native, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_lock_state(NULL, &state));
    wmmf_close(native);
    wmmf_close(raw);
}

/* What is there. */

static char names[1 << 20];

static bool is_listed(const char *name, uint32_t name_space) {
    uint64_t needed = 0;
    REQUIRE_OK(wmmf_list(name_space, names, sizeof names, &needed));
    for (const char *each = names; each < names + needed; each += strlen(each) + 1)
        if (strcmp(each, name) == 0)
            return true;
    return false;
}

static void what_is_open_is_listed_where_it_is(void) {
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_GLOBAL);
    const char *here = new_name(), *everywhere = new_name(), *frames = new_name();
    wmmf_section *local = create(here, 100, WMMF_NATIVE), *global = NULL;
    wmmf_channel *channel = NULL;
    REQUIRE_OK(wmmf_create(everywhere, 100, &options, &global));
    REQUIRE_OK(wmmf_channel_create(frames, 100, 0, NULL, &channel));
#ifndef _WIN32
    options.name_space = WMMF_CUSTOM;
    wmmf_section *custom = NULL;
    REQUIRE_OK(wmmf_create("wmmf-g-Global\\odd", 100, &options, &custom)); /* no name in WMMF_GLOBAL, but it looks so */
    CHECK(!is_listed("Global\\odd", WMMF_GLOBAL));
    wmmf_close(custom);
#endif
    CHECK(is_listed(here, WMMF_LOCAL));
    CHECK(!is_listed(here, WMMF_GLOBAL));
    CHECK(is_listed(everywhere, WMMF_GLOBAL));
    CHECK(!is_listed(everywhere, WMMF_LOCAL));
    CHECK(is_listed(frames, WMMF_LOCAL));
    wmmf_channel_close(channel);
    wmmf_close(global);
    wmmf_close(local);
    CHECK(!is_listed(here, WMMF_LOCAL));
    CHECK(!is_listed(everywhere, WMMF_GLOBAL));
}

static void a_list_that_does_not_fit_says_how_much_it_needs(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    uint64_t needed = 0, again = 0;
    CHECK_STATUS(WMMF_E_RANGE, wmmf_list(WMMF_LOCAL, NULL, 0, &needed));
    CHECK(needed > 1);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_list(WMMF_LOCAL, names, 1, &again));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_list(WMMF_LOCAL, NULL, 1, &needed));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_list(WMMF_LOCAL, names, sizeof names, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_list(WMMF_CUSTOM, names, sizeof names, &needed));
    wmmf_close(section);
}

/* Damage. */

/* A thread that waits, and the status that it got. */
struct waiter {
    wmmf_section *section;
    int32_t (*wait)(wmmf_section *section);
    int32_t status;
};

static int32_t wait_to_read(wmmf_section *section) {
    return wmmf_lock_read(section, LONG_TIMEOUT);
}

static int32_t wait_to_write(wmmf_section *section) {
    return wmmf_lock_write(section, LONG_TIMEOUT);
}

static int32_t wait_to_copy(wmmf_section *section) {
    char byte;
    return wmmf_read(section, 0, &byte, 1, LONG_TIMEOUT);
}

static int32_t wait_for_change(wmmf_section *section) {
    return wmmf_wait(section, 0, LONG_TIMEOUT, NULL);
}

static void wait_in_thread(void *argument) {
    struct waiter *waiter = argument;
    waiter->status = waiter->wait(waiter->section);
}

/* A reader without its tally; test_audit.c has the other kinds of damage. */
static void damage(const char *name) {
    wmmf_section *raw = open_existing(name, WMMF_RAW);
    struct participant *records = (struct participant *)(void *)(data_of(raw) + HEADER_SIZE);
    add_seq_u64(&records[0].lock.reading, 1);
    wmmf_close(raw);
}

static void wait_until_somebody_waits(wmmf_section *section) {
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    wmmf_participant second;
    do {
        second = participant_of(section, 1);
        if (!CHECK(system_now_ns() < deadline))
            give_up();
    } while (second.waiting_readers == 0 && second.waiting_writer == 0);
}

static void audit_finds_damage(wmmf_section *section) {
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(1, report.damaged);
    CHECK_EQUAL(1, report.poisoned);
}

static void damage_ends_a_wait_for_the_lock(void) {
    int32_t (*const waits[])(wmmf_section *) = {wait_to_read, wait_to_write, wait_to_copy};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        const char *name = new_name();
        wmmf_section *section = create(name, 100, WMMF_NATIVE);
        struct waiter waiter = {open_existing(name, WMMF_NATIVE), waits[i], WMMF_OK};
        REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
        struct thread *thread = thread_start(wait_in_thread, &waiter);
        wait_until_somebody_waits(section);
        damage(name);
        audit_finds_damage(section);
        thread_join(thread); /* while the lock is still held */
        CHECK_STATUS(WMMF_E_POISONED, waiter.status);
        CHECK_STATUS(WMMF_E_POISONED, waits[i](waiter.section));
        wmmf_close(waiter.section);
        wmmf_close(section);
    }
}

static void damage_ends_the_wait_of_a_writer_for_readers(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE);
    struct waiter waiter = {open_existing(name, WMMF_NATIVE), wait_to_write, WMMF_OK};
    REQUIRE_OK(wmmf_write(waiter.section, 0, "x", 1, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_lock_read(section, LONG_TIMEOUT));
    struct thread *thread = thread_start(wait_in_thread, &waiter);
    wait_until_writing(section, 1);
    CHECK_EQUAL(0, participant_of(section, 1).writing_since_unix_ns); /* only about to: without a time */
    damage(name);
    audit_finds_damage(section);
    thread_join(thread);
    CHECK_STATUS(WMMF_E_POISONED, waiter.status);
    wmmf_close(waiter.section);
    wmmf_close(section);
}

/* A read-only handle leaves no trace. */
static void wait_until_it_sleeps(const char *name) {
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    wmmf_section *raw = open_existing(name, WMMF_RAW);
    const struct header *header = (const struct header *)(const void *)data_of(raw);
    while (load_seq_u64(&header->events[EVENT_CHANGE]) < EVENTCOUNT_SLEEPER)
        if (!CHECK(system_now_ns() < deadline))
            give_up();
    wmmf_close(raw);
}

static void damage_ends_a_wait_for_a_change(void) {
    for (int read_only = 0; read_only < 2; read_only++) {
        const char *name = new_name();
        wmmf_section *section = create(name, 100, WMMF_NATIVE);
        struct waiter waiter = {read_only ? open_read_only(name, WMMF_NATIVE) : open_existing(name, WMMF_NATIVE),
                                wait_for_change, WMMF_OK};
        struct thread *thread = thread_start(wait_in_thread, &waiter);
        if (!read_only)
            wait_until_it_sleeps(name);
        damage(name);
        audit_finds_damage(section);
        thread_join(thread);
        CHECK_STATUS(WMMF_E_POISONED, waiter.status);
        CHECK_STATUS(WMMF_E_POISONED, wait_for_change(waiter.section));
        CHECK_STATUS(WMMF_E_POISONED, wait_to_copy(waiter.section));
        wmmf_close(waiter.section);
        wmmf_close(section);
    }
}

static void a_read_only_audit_finds_damage_and_changes_nothing(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *looker = open_read_only(name, WMMF_NATIVE);
    wmmf_audit_report report = {.struct_size = sizeof report};
    damage(name);
    REQUIRE_OK(wmmf_audit(looker, &report));
    CHECK_EQUAL(1, report.damaged);
    CHECK_EQUAL(0, report.poisoned);
    CHECK_STATUS(WMMF_OK, wmmf_lock_read(section, 0));
    wmmf_close(looker);
    wmmf_close(section);
}

static void a_damaged_channel_takes_and_gives_no_frames(void) {
    const char *name = new_name();
    wmmf_options read_only = {.struct_size = sizeof read_only, .read_only = 1};
    wmmf_channel *channel = NULL, *looker = NULL;
    wmmf_frame frame = {.struct_size = sizeof frame}, begun = frame;
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_channel_create(name, 100, 0, NULL, &channel));
    REQUIRE_OK(wmmf_channel_write(channel, "", LONG_TIMEOUT, &frame));
    REQUIRE_OK(wmmf_channel_open(name, &read_only, &looker));
    REQUIRE_OK(wmmf_channel_audit(channel, &report));
    CHECK_EQUAL(0, report.damaged);
    REQUIRE_OK(wmmf_channel_begin(channel, LONG_TIMEOUT, &begun));
    damage(name);
    REQUIRE_OK(wmmf_channel_audit(channel, &report));
    CHECK_EQUAL(1, report.damaged);
    CHECK_EQUAL(1, report.poisoned);
    CHECK_STATUS(WMMF_E_POISONED, wmmf_channel_publish(channel, &begun));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_cancel(channel, &begun));
    CHECK_STATUS(WMMF_E_POISONED, wmmf_channel_begin(channel, LONG_TIMEOUT, &frame));
    wmmf_channel *const readers[] = {channel, looker};
    for (size_t i = 0; i < 2; i++)
        for (uint64_t after = 0; after < 3; after++) {
            CHECK_STATUS(WMMF_E_POISONED, wmmf_channel_read(readers[i], after, NULL, 0, LONG_TIMEOUT, &frame));
            CHECK_STATUS(WMMF_E_POISONED, wmmf_channel_wait(readers[i], after, LONG_TIMEOUT, NULL));
        }
    CHECK_STATUS(WMMF_E_POISONED, wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &frame));
    wmmf_channel_close(looker);
    wmmf_channel_close(channel);
}

static const struct test tests[] = {
    TEST(a_place_in_the_queue_is_kept_until_it_is_used_or_left),
    TEST(a_writer_that_comes_again_leaves_the_queue_also_without_the_flag),
    TEST(a_participant_says_what_it_does),
    TEST(a_dead_participant_is_shown_until_it_is_cleared),
    TEST(a_reader_shows_how_old_its_frames_are),
    TEST(what_cannot_be_looked_at_is_refused),
    TEST(the_state_of_the_lock_is_told),
    TEST(a_waiting_writer_and_poison_are_told),
    TEST(a_state_that_cannot_be_told_is_refused),
    TEST(what_is_open_is_listed_where_it_is),
    TEST(a_list_that_does_not_fit_says_how_much_it_needs),
    TEST(damage_ends_a_wait_for_the_lock),
    TEST(damage_ends_the_wait_of_a_writer_for_readers),
    TEST(damage_ends_a_wait_for_a_change),
    TEST(a_read_only_audit_finds_damage_and_changes_nothing),
    TEST(a_damaged_channel_takes_and_gives_no_frames),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(hold_write_and_say),
    {NULL, NULL},
};

const struct suite suite_inspect = {tests, roles};
