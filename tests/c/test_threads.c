/* What the threads of one process do to each other: one that ends with a lock, one that waits for itself, two that end
 * the same frame. */
#include <stdlib.h>

#include "atomic.h"
#include "harness.h"
#include "layout.h"
#include "system.h"

/* A thread does one thing and ends, with what it holds. */
struct doing {
    wmmf_section *section;
    wmmf_channel *channel;
    wmmf_frame frame;
    int32_t (*lock)(wmmf_section *, int64_t);
    int32_t status;
};

static void lock_and_end(void *argument) {
    struct doing *doing = argument;
    doing->status = doing->lock(doing->section, LONG_TIMEOUT);
}

static void end_with(wmmf_section *section, int32_t (*lock)(wmmf_section *, int64_t)) {
    struct doing doing = {.section = section, .lock = lock};
    thread_join(thread_start(lock_and_end, &doing));
    CHECK_STATUS(WMMF_OK, doing.status);
}

static void check_it_took_no_time(int64_t start) {
    CHECK(system_now_ns() - start < LONG_TIMEOUT / 2);
}

static void a_thread_that_ends_with_the_write_lock_is_a_dead_owner(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE),
                 *reader = open_read_only(name, WMMF_NATIVE);
    wmmf_section *const handles[] = {section, other};
    uint64_t sequence = 0;
    char byte;
    for (int i = 0; i < 2; i++) {
        uint64_t before = sequence;
        end_with(section, wmmf_lock_write);
        CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_write(section));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_read(other, 0));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_read(reader, 0, &byte, 1, 0));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_wait(other, before, 0, &sequence));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(handles[i], 0));
        CHECK_STATUS(WMMF_OK, wmmf_mark_consistent(handles[i]));
        CHECK_STATUS(WMMF_OK, wmmf_unlock_write(handles[i]));
        CHECK_STATUS(WMMF_OK, wmmf_wait(other, before, 0, &sequence));
        REQUIRE_OK(wmmf_write(section, 0, "x", 1, 0));
        CHECK_STATUS(WMMF_OK, wmmf_read(reader, 0, &byte, 1, 0));
        REQUIRE_OK(wmmf_sequence(section, &sequence));
    }
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(0, report.damaged);
    CHECK_EQUAL(2, report.participants);
    wmmf_close(reader);
    wmmf_close(other);
    wmmf_close(section);
}

/* The end itself wakes waiting threads: they need not look again. */
static void wait_to_write(void *argument) {
    struct doing *doing = argument;
    doing->status = wmmf_lock_write(doing->section, -1);
    if (doing->status == WMMF_E_OWNER_DIED)
        wmmf_unlock_write(doing->section);
}

struct lock_and_wait {
    wmmf_section *section, *looker;
    uint32_t waiter;
};

static void lock_and_end_once_somebody_waits(void *argument) {
    struct lock_and_wait *it = argument;
    REQUIRE_OK(wmmf_lock_write(it->section, LONG_TIMEOUT));
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    while (!participant_of(it->looker, it->waiter).waiting_writer && CHECK(system_now_ns() < deadline))
        system_pause();
}

static void the_end_of_a_thread_wakes_waiters(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE);
    struct lock_and_wait first = {section, other, 1};
    struct doing second = {.section = other};
    struct thread *owner = thread_start(lock_and_end_once_somebody_waits, &first);
    wait_until_writing(other, 0);
    struct thread *waiter = thread_start(wait_to_write, &second);
    thread_join(owner);
    thread_join(waiter);
    CHECK_STATUS(WMMF_E_OWNER_DIED, second.status);
    wmmf_close(other);
    wmmf_close(section);
}

static void a_thread_that_ends_with_a_read_lock_keeps_nobody_out(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_WINMMF; layout++) {
        const char *name = new_name();
        wmmf_section *section = create(name, 100, layout), *other = open_existing(name, layout);
        for (int i = 0; i < 300; i++) /* more than there are places for readers */
            end_with(section, wmmf_lock_read);
        CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_read(section));
        CHECK_STATUS(WMMF_OK, wmmf_lock_write(other, 0));
        CHECK_STATUS(WMMF_OK, wmmf_unlock_write(other));
        wmmf_close(other);
        wmmf_close(section);
    }
}

/* The format cannot record it: the lock is simply free again. */
static void a_thread_that_ends_with_a_winmmf_lock_frees_it(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_WINMMF), *other = open_existing(name, WMMF_WINMMF);
    end_with(section, wmmf_lock_write);
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_write(section));
    CHECK_STATUS(WMMF_OK, wmmf_lock_write(other, 0));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(other));
    wmmf_close(other);
    wmmf_close(section);
}

static wmmf_frame begin(wmmf_channel *channel, int64_t timeout_ns, int32_t expected) {
    wmmf_frame frame = {.struct_size = sizeof frame};
    CHECK_STATUS(expected, wmmf_channel_begin(channel, timeout_ns, &frame));
    return frame;
}

static void begin_and_end(void *argument) {
    struct doing *doing = argument;
    doing->frame.struct_size = sizeof doing->frame;
    doing->status = wmmf_channel_begin(doing->channel, LONG_TIMEOUT, &doing->frame);
}

static void a_thread_that_ends_with_a_begun_frame_drops_it(void) {
    const char *name = new_name();
    wmmf_channel *one = NULL;
    REQUIRE_OK(wmmf_channel_create(name, 100, 0, NULL, &one));
    wmmf_channel *two = open_channel(name, false), *const channels[] = {one, two};
    for (int i = 0; i < 2; i++) {
        struct doing doing = {.channel = one};
        thread_join(thread_start(begin_and_end, &doing));
        CHECK_STATUS(WMMF_OK, doing.status);
        CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_publish(one, &doing.frame));
        CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_cancel(one, &doing.frame));
        wmmf_frame frame = begin(channels[i], 0, WMMF_OK);
        frame.used = 1;
        CHECK_STATUS(WMMF_OK, wmmf_channel_publish(channels[i], &frame));
        CHECK_EQUAL(i + 1, frame.sequence);
    }
    wmmf_channel_close(two);
    wmmf_channel_close(one);
}

/* A frame may be published by another thread while its own lives: by one of them. */
struct publisher {
    wmmf_channel *channel;
    wmmf_frame frame;
    shared_u32 *go;
    int32_t status;
};

static void publish_at_once(void *argument) {
    struct publisher *publisher = argument;
    add_seq_u32(publisher->go, 1);
    while (load_acquire_u32(publisher->go) < 2)
        continue;
    publisher->status = wmmf_channel_publish(publisher->channel, &publisher->frame);
}

static void a_frame_is_published_by_one_thread(void) {
    enum { ROUNDS = 500 };
    wmmf_channel *channel = NULL;
    wmmf_channel_info info = {.struct_size = sizeof info};
    REQUIRE_OK(wmmf_channel_create(new_name(), 100, 0, NULL, &channel));
    for (int i = 0; i < ROUNDS; i++) {
        shared_u32 go = 0;
        wmmf_frame frame = begin(channel, LONG_TIMEOUT, WMMF_OK);
        frame.used = 1;
        struct publisher here = {channel, frame, &go, 0}, there = {channel, frame, &go, 0};
        struct thread *thread = thread_start(publish_at_once, &there);
        publish_at_once(&here);
        thread_join(thread);
        if (!CHECK((here.status == WMMF_OK) + (there.status == WMMF_OK) == 1) ||
            !CHECK((here.status == WMMF_E_NOT_OWNER) + (there.status == WMMF_E_NOT_OWNER) == 1))
            break;
    }
    REQUIRE_OK(wmmf_channel_get_info(channel, &info));
    CHECK_EQUAL(ROUNDS, info.sequence);
    wmmf_channel_close(channel);
}

/* Waiting for oneself. */

/* A try, a wait too short for a sleeper's recheck, and longer ones. */
static const int64_t timeouts[] = {0, 1, 1000, SECOND / 1000, SECOND / 20, WMMF_WAIT_SLICE_NS, -1};
#define TIMEOUTS (sizeof timeouts / sizeof *timeouts)

/* `other` is a second handle of a section that this thread has locked, for writing or for reading. */
static void told_whatever_the_timeout(wmmf_section *other, bool writing) {
    for (size_t i = 0; i < TIMEOUTS; i++) {
        uint64_t place = 0;
        char byte;
        int64_t start = system_now_ns();
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_write(other, timeouts[i]));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_write_queued(other, timeouts[i], &place));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_write(other, 0, "x", 1, timeouts[i]));
        CHECK_EQUAL(0, place);
        if (writing)
            CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_read(other, timeouts[i]));
        CHECK_STATUS(writing ? WMMF_E_DEADLOCK : WMMF_OK, wmmf_read(other, 0, &byte, 1, timeouts[i]));
        check_it_took_no_time(start);
    }
}

/* With a timeout of 0 it only looks, and returns what it finds. */
static void a_change_is_not_awaited(wmmf_section *section) {
    for (size_t i = 0; i < TIMEOUTS; i++) {
        int32_t expected = timeouts[i] == 0 ? WMMF_E_TIMEOUT : WMMF_E_DEADLOCK;
        wmmf_wait_item item = {.section = section};
        CHECK_STATUS(expected, wmmf_wait(section, 0, timeouts[i], NULL));
        CHECK_STATUS(timeouts[i] == 0 ? WMMF_E_TIMEOUT : WMMF_OK, wmmf_wait_many(&item, 1, NULL, timeouts[i]));
        CHECK_STATUS(expected, item.status);
    }
}

static void two_objects_of_a_thread_do_not_wait_for_each_other(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_WINMMF; layout++) {
        const char *name = new_name();
        wmmf_section *one = create(name, 100, layout), *two = open_existing(name, layout),
                     *unrelated = create(new_name(), 100, layout);
        uint64_t place = 0;
        char byte;
        int64_t start = system_now_ns();
        REQUIRE_OK(wmmf_lock_write(unrelated, 0));
        REQUIRE_OK(wmmf_lock_write(one, 0));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_write(two, -1));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_read(two, -1));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_write(two, 0, "x", 1, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_read(two, 0, &byte, 1, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_write_queued(two, -1, &place));
        CHECK_EQUAL(0, place);
        told_whatever_the_timeout(two, true);
        REQUIRE_OK(wmmf_unlock_write(one));
        REQUIRE_OK(wmmf_lock_read(one, 0));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_write(two, -1));
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_write(two, 0, "x", 1, -1));
        told_whatever_the_timeout(two, false);
        CHECK_STATUS(WMMF_OK, wmmf_lock_read(two, -1));
        REQUIRE_OK(wmmf_unlock_read(two));
        REQUIRE_OK(wmmf_unlock_read(one));
        CHECK_STATUS(WMMF_OK, wmmf_lock_write(two, 0)); /* nothing is left of that */
        REQUIRE_OK(wmmf_unlock_write(two));
        REQUIRE_OK(wmmf_unlock_write(unrelated));
        check_it_took_no_time(start);
        wmmf_close(unrelated);
        wmmf_close(two);
        wmmf_close(one);
    }
}

static void one_waits_in_vain_under_its_own_lock(void) {
    const char *name = new_name();
    wmmf_section *one = create(name, 100, WMMF_NATIVE), *two = open_existing(name, WMMF_NATIVE),
                 *reader = open_read_only(name, WMMF_NATIVE);
    int32_t (*const locks[])(wmmf_section *, int64_t) = {wmmf_lock_read, wmmf_lock_write};
    int32_t (*const unlocks[])(wmmf_section *) = {wmmf_unlock_read, wmmf_unlock_write};
    char byte;
    for (int i = 0; i < 2; i++) {
        REQUIRE_OK(locks[i](one, 0));
        a_change_is_not_awaited(one);
        a_change_is_not_awaited(two);
        a_change_is_not_awaited(reader);
        for (size_t k = 0; k < TIMEOUTS; k++)
            CHECK_STATUS(i == 0 ? WMMF_OK : WMMF_E_DEADLOCK, wmmf_read(reader, 0, &byte, 1, timeouts[k]));
        REQUIRE_OK(unlocks[i](one));
    }
    wmmf_close(reader);
    wmmf_close(two);
    wmmf_close(one);
}

static void two_channels_of_a_thread_do_not_wait_for_each_other(void) {
    const char *name = new_name();
    wmmf_channel *one = NULL;
    REQUIRE_OK(wmmf_channel_create(name, 100, 0, NULL, &one));
    wmmf_channel *two = open_channel(name, false);
    wmmf_frame frame = begin(one, 0, WMMF_OK), description = {.struct_size = sizeof description, .used = 1};
    begin(one, -1, WMMF_E_DEADLOCK);
    for (size_t i = 0; i < TIMEOUTS; i++) {
        begin(two, timeouts[i], WMMF_E_DEADLOCK);
        CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_channel_write(two, "x", timeouts[i], &description));
    }
    CHECK_STATUS(WMMF_OK, wmmf_channel_cancel(one, &frame));
    CHECK_STATUS(WMMF_OK, wmmf_channel_write(two, "x", 0, &description));
    wmmf_channel_close(two);
    wmmf_channel_close(one);
}

/* A scan goes no further than the records in use, also after many have come and gone. */
static uint32_t records_scanned(wmmf_section *section) {
    wmmf_participant participant = {.struct_size = sizeof participant};
    uint32_t count = 0;
    while (wmmf_get_participant(section, count, &participant) == WMMF_OK)
        count++;
    return count;
}

static void handles_that_left_are_not_looked_for(void) {
    enum { MANY = 200 };
    const char *name = new_name();
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *section = NULL, *handles[MANY];
    options.participants = MANY + 1;
    REQUIRE_OK(wmmf_create(name, 100, &options, &section));
    for (int i = 0; i < MANY; i++)
        handles[i] = open_existing(name, WMMF_NATIVE);
    CHECK_EQUAL(MANY + 1, records_scanned(section));
    for (int i = 0; i < MANY; i += 2)
        wmmf_close(handles[i]);
    CHECK_EQUAL(MANY + 1, records_scanned(section));
    for (int i = 1; i < MANY; i += 2)
        wmmf_close(handles[i]);
    CHECK_EQUAL(1, records_scanned(section));
    handles[0] = open_existing(name, WMMF_NATIVE);
    CHECK_EQUAL(2, records_scanned(section));
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(0, report.damaged);
    wmmf_close(handles[0]);
    wmmf_close(section);
}

/* Participants come and go while others lock and audit: the count hides no participant, and an audit takes none for
 * hidden.
 */
struct coming {
    const char *name;
    wmmf_section *section;
    shared_u32 over;
    int32_t damaged;
};

static void come_and_go(void *argument) {
    struct coming *coming = argument;
    for (int i = 0; i < 400; i++) {
        wmmf_section *one = open_existing(coming->name, WMMF_NATIVE), *two = open_existing(coming->name, WMMF_NATIVE);
        volatile uint32_t *counter = (volatile uint32_t *)(void *)data_of(two);
        wmmf_close(one);
        REQUIRE_OK(wmmf_lock_write(two, -1));
        counter[0] = counter[0] + 1;
        REQUIRE_OK(wmmf_unlock_write(two));
        REQUIRE_OK(wmmf_lock_read(two, -1));
        uint32_t seen = counter[0];
        CHECK_EQUAL(seen, counter[0]);
        REQUIRE_OK(wmmf_unlock_read(two));
        wmmf_close(two);
    }
}

static void audit_all_the_time(void *argument) {
    struct coming *coming = argument;
    wmmf_audit_report report = {.struct_size = sizeof report};
    while (!load_acquire_u32(&coming->over)) {
        REQUIRE_OK(wmmf_audit(coming->section, &report));
        coming->damaged += (int32_t)report.damaged;
    }
}

static void coming_and_going_hides_nobody(void) {
    struct coming coming = {.name = new_name()};
    coming.section = create(coming.name, 100, WMMF_NATIVE);
    struct thread *auditor = thread_start(audit_all_the_time, &coming);
    struct thread *threads[] = {thread_start(come_and_go, &coming), thread_start(come_and_go, &coming),
                                thread_start(come_and_go, &coming)};
    for (int i = 0; i < 3; i++)
        thread_join(threads[i]);
    store_release_u32(&coming.over, 1);
    thread_join(auditor);
    CHECK_EQUAL(3 * 400, *(uint32_t *)(void *)data_of(coming.section));
    CHECK_EQUAL(0, coming.damaged);
    CHECK_EQUAL(1, records_scanned(coming.section));
    wmmf_close(coming.section);
}

static const struct test tests[] = {
    TEST(a_thread_that_ends_with_the_write_lock_is_a_dead_owner),
    TEST(the_end_of_a_thread_wakes_waiters),
    TEST(a_thread_that_ends_with_a_read_lock_keeps_nobody_out),
    TEST(a_thread_that_ends_with_a_winmmf_lock_frees_it),
    TEST(a_thread_that_ends_with_a_begun_frame_drops_it),
    TEST(a_frame_is_published_by_one_thread),
    TEST(two_objects_of_a_thread_do_not_wait_for_each_other),
    TEST(one_waits_in_vain_under_its_own_lock),
    TEST(two_channels_of_a_thread_do_not_wait_for_each_other),
    TEST(handles_that_left_are_not_looked_for),
    TEST(coming_and_going_hides_nobody),
    {NULL, NULL},
};

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_threads = {tests, roles};
