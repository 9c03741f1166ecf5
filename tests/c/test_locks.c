/* The lock as threads and handles of one process see it: what both lockable layouts promise. */
#include <stdlib.h>

#include "atomic.h"
#include "harness.h"
#include "system.h"

static int32_t read_a_byte(wmmf_section *section, int64_t timeout_ns) {
    char byte;
    return wmmf_read(section, 0, &byte, 1, timeout_ns);
}

static int32_t write_a_byte(wmmf_section *section, int64_t timeout_ns) {
    return wmmf_write(section, 0, "x", 1, timeout_ns);
}

static void two_readers_no_writer(wmmf_section *one, wmmf_section *two) {
    REQUIRE_OK(wmmf_lock_read(one, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_lock_read(two, 0));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_read(two));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(wmmf_lock_write, two, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(write_a_byte, two, 0));
    REQUIRE_OK(wmmf_unlock_read(one));
    CHECK_STATUS(WMMF_OK, wmmf_lock_write(two, 0));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(two));
}

static void one_writer_no_other(wmmf_section *one, wmmf_section *two) {
    REQUIRE_OK(wmmf_lock_write(one, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(wmmf_lock_read, two, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(wmmf_lock_write, two, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(read_a_byte, two, 0));
    REQUIRE_OK(wmmf_unlock_write(one));
    CHECK_STATUS(WMMF_OK, wmmf_lock_read(two, 0));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_read(two));
}

static void taking_it_twice(wmmf_section *section) {
    REQUIRE_OK(wmmf_lock_read(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_read(section, -1));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_write(section, -1));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_write(section, 0, "x", 1, -1));
    REQUIRE_OK(wmmf_unlock_read(section));
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_read(section, -1));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_lock_write(section, -1));
    REQUIRE_OK(wmmf_unlock_write(section));
}

static void giving_back_what_one_has_not(wmmf_section *section) {
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_read(section));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_write(section));
    REQUIRE_OK(wmmf_lock_read(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_write(section));
    REQUIRE_OK(wmmf_unlock_read(section));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_read(section));
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_read(section));
    REQUIRE_OK(wmmf_unlock_write(section));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_unlock_write(section));
}

static void copies_inside_the_lock(wmmf_section *section) {
    char byte = 0;
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_write(section, 0, "x", 1, 0));
    CHECK_STATUS(WMMF_OK, wmmf_read(section, 0, &byte, 1, 0));
    REQUIRE_OK(wmmf_unlock_write(section));
    CHECK_EQUAL('x', byte);
    REQUIRE_OK(wmmf_lock_read(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_read(section, 0, &byte, 1, 0));
    REQUIRE_OK(wmmf_unlock_read(section));
}

static void rules_of_the_lock(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_WINMMF; layout++) {
        const char *name = new_name();
        wmmf_section *one = create(name, 100, layout), *two = open_existing(name, layout);
        two_readers_no_writer(one, two);
        one_writer_no_other(one, two);
        taking_it_twice(one);
        giving_back_what_one_has_not(one);
        copies_inside_the_lock(two);
        wmmf_close(two);
        wmmf_close(one);
    }
}

/* Tries from another thread, which is excluded like another process. */
struct attempt {
    wmmf_section *section;
    int32_t try_read, try_write, unlock_read, unlock_write, mark;
};

static void attempt(void *argument) {
    struct attempt *it = argument;
    it->try_read = wmmf_lock_read(it->section, 0);
    if (it->try_read == WMMF_OK)
        wmmf_unlock_read(it->section);
    it->try_write = wmmf_lock_write(it->section, 0);
    if (it->try_write == WMMF_OK)
        wmmf_unlock_write(it->section);
    it->unlock_read = wmmf_unlock_read(it->section);
    it->unlock_write = wmmf_unlock_write(it->section);
    it->mark = wmmf_mark_consistent(it->section);
}

static struct attempt attempt_elsewhere(wmmf_section *section) {
    struct attempt it = {.section = section};
    thread_join(thread_start(attempt, &it));
    return it;
}

static void locks_belong_to_threads(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_WINMMF; layout++) {
        wmmf_section *section = create(new_name(), 100, layout);
        REQUIRE_OK(wmmf_lock_read(section, LONG_TIMEOUT));
        struct attempt while_reading = attempt_elsewhere(section);
        REQUIRE_OK(wmmf_unlock_read(section));
        REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
        struct attempt while_writing = attempt_elsewhere(section);
        REQUIRE_OK(wmmf_unlock_write(section));
        CHECK_STATUS(WMMF_OK, while_reading.try_read);
        CHECK_STATUS(WMMF_E_TIMEOUT, while_reading.try_write);
        CHECK_STATUS(WMMF_E_NOT_OWNER, while_reading.unlock_read);
        CHECK_STATUS(WMMF_E_TIMEOUT, while_writing.try_read);
        CHECK_STATUS(WMMF_E_TIMEOUT, while_writing.try_write);
        CHECK_STATUS(WMMF_E_NOT_OWNER, while_writing.unlock_write);
        CHECK_STATUS(layout == WMMF_NATIVE ? WMMF_E_NOT_OWNER : WMMF_E_NOT_SUPPORTED, while_writing.mark);
        wmmf_close(section);
    }
}

/* Source and destination share bytes, more of them than are copied at a time. */
static void what_is_moved_within_the_payload_stays_whole(void) {
    enum { LENGTH = 100000 };
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_RAW; layout++) {
        wmmf_section *section = create(new_name(), 2 * LENGTH, layout);
        uint8_t *payload = data_of(section);
        for (uint32_t i = 0; i < LENGTH; i++)
            payload[i] = (uint8_t)(i / 7);
        REQUIRE_OK(wmmf_write(section, 10, payload, LENGTH, LONG_TIMEOUT));
        for (uint32_t i = 0; i < LENGTH; i++)
            if (!CHECK_EQUAL((uint8_t)(i / 7), payload[10 + i]))
                break;
        wmmf_close(section);
    }
}

static void a_timeout_is_neither_early_nor_endless(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_WINMMF; layout++) {
        const char *name = new_name();
        wmmf_section *one = create(name, 100, layout), *two = open_existing(name, layout);
        struct holder *writer = holder_start(one, wmmf_lock_write, wmmf_unlock_write);
        int64_t start = system_now_ns();
        CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_read(two, SECOND / 20));
        int64_t between = system_now_ns();
        CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(two, SECOND / 20));
        int64_t end = system_now_ns();
        CHECK(between - start >= SECOND / 20 && between - start < LONG_TIMEOUT);
        CHECK(end - between >= SECOND / 20 && end - between < LONG_TIMEOUT);
        /* Threads that gave up leave nothing behind. */
        holder_end(writer);
        CHECK_STATUS(WMMF_OK, wmmf_lock_write(one, 0));
        REQUIRE_OK(wmmf_unlock_write(one));
        wmmf_close(two);
        wmmf_close(one);
    }
}

#define ROUNDS 2000

/* The counter is only right if no two writers are inside at once. */
static void count_up(void *argument) {
    wmmf_section *section = argument;
    volatile uint32_t *counter = (volatile uint32_t *)(void *)data_of(section);
    for (int i = 0; i < ROUNDS; i++) {
        REQUIRE_OK(wmmf_lock_write(section, -1));
        uint32_t seen = counter[0];
        counter[1] = seen + 1;
        counter[0] = seen + 1;
        REQUIRE_OK(wmmf_unlock_write(section));
    }
}

struct reader {
    wmmf_section *section;
    uint32_t torn;
};

static void watch(void *argument) {
    struct reader *reader = argument;
    const volatile uint32_t *counter = (volatile uint32_t *)(void *)data_of(reader->section);
    uint32_t seen = 0;
    while (seen < 2 * ROUNDS) {
        REQUIRE_OK(wmmf_lock_read(reader->section, -1));
        seen = counter[0];
        reader->torn += counter[1] != seen;
        REQUIRE_OK(wmmf_unlock_read(reader->section));
    }
}

static void threads_exclude_each_other(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_WINMMF; layout++) {
        const char *name = new_name();
        wmmf_section *one = create(name, 100, layout), *two = open_existing(name, layout);
        struct reader reader = {.section = two};
        struct thread *threads[] = {thread_start(count_up, one), thread_start(count_up, two),
                                    thread_start(watch, &reader)};
        for (int i = 0; i < 3; i++)
            thread_join(threads[i]);
        CHECK_EQUAL(2 * ROUNDS, *(uint32_t *)(void *)data_of(one));
        CHECK_EQUAL(0, reader.torn);
        wmmf_close(two);
        wmmf_close(one);
    }
}

static void threads_of_one_handle_exclude_each_other(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_WINMMF; layout++) {
        wmmf_section *section = create(new_name(), 100, layout);
        struct thread *one = thread_start(count_up, section), *two = thread_start(count_up, section);
        thread_join(one);
        thread_join(two);
        CHECK_EQUAL(2 * ROUNDS, *(uint32_t *)(void *)data_of(section));
        wmmf_close(section);
    }
}

static void raw_has_no_lock(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_RAW);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_lock_read(section, 0));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_unlock_read(section));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_lock_write(section, 0));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_unlock_write(section));
    wmmf_close(section);
}

static void only_native_counts_changes(void) {
    for (uint32_t layout = WMMF_WINMMF; layout <= WMMF_RAW; layout++) {
        wmmf_section *section = create(new_name(), 100, layout);
        uint64_t sequence;
        wmmf_audit_report report = {.struct_size = sizeof report};
        CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_sequence(section, &sequence));
        CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_wait(section, 0, 0, &sequence));
        CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_audit(section, &report));
        CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_mark_consistent(section));
        wmmf_close(section);
    }
}

static void the_sequence_counts_writes(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    uint64_t sequence = 77;
    REQUIRE_OK(wmmf_sequence(section, &sequence));
    CHECK_EQUAL(0, sequence);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait(section, 0, 0, &sequence));
    REQUIRE_OK(wmmf_lock_read(section, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_unlock_read(section));
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_sequence(section, &sequence));
    CHECK_EQUAL(0, sequence);
    REQUIRE_OK(wmmf_unlock_write(section));
    REQUIRE_OK(wmmf_write(section, 0, "x", 1, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_wait(section, 0, LONG_TIMEOUT, &sequence));
    CHECK_EQUAL(2, sequence);
    CHECK_STATUS(WMMF_OK, wmmf_wait(section, 7, 0, NULL));
    int64_t start = system_now_ns();
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait(section, 2, SECOND / 20, &sequence));
    CHECK(system_now_ns() - start >= SECOND / 20);
    wmmf_close(section);
}

/* Two threads take turns: each waits for the other's write. */
static void answer(void *argument) {
    wmmf_section *section = argument;
    for (uint64_t i = 0; i < 200; i += 2) {
        REQUIRE_OK(wmmf_wait(section, i, -1, NULL));
        REQUIRE_OK(wmmf_write(section, 1, "b", 1, -1));
    }
}

static void a_change_wakes_waiters(void) {
    const char *name = new_name();
    wmmf_section *one = create(name, 100, WMMF_NATIVE), *two = open_existing(name, WMMF_NATIVE);
    struct thread *thread = thread_start(answer, two);
    for (uint64_t i = 0; i < 200; i += 2) {
        uint64_t sequence = 0;
        REQUIRE_OK(wmmf_write(one, 0, "a", 1, LONG_TIMEOUT));
        REQUIRE_OK(wmmf_wait(one, i + 1, LONG_TIMEOUT, &sequence));
        CHECK_EQUAL(i + 2, sequence);
    }
    thread_join(thread);
    wmmf_close(two);
    wmmf_close(one);
}

static void an_audit_counts_who_is_there(void) {
    const char *name = new_name();
    wmmf_section *one = create(name, 100, WMMF_NATIVE), *two = open_existing(name, WMMF_NATIVE);
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_lock_read(one, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_lock_read(two, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_audit(one, &report));
    CHECK_EQUAL(0, report.damaged);
    CHECK_EQUAL(2, report.participants);
    CHECK_EQUAL(2, report.readers);
    CHECK_EQUAL(0, report.writer);
    REQUIRE_OK(wmmf_unlock_read(one));
    REQUIRE_OK(wmmf_unlock_read(two));
    REQUIRE_OK(wmmf_lock_write(two, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_audit(one, &report));
    CHECK_EQUAL(0, report.damaged);
    CHECK_EQUAL(0, report.readers);
    CHECK(report.writer != 0);
    CHECK_EQUAL(system_process_id(), report.writer_pid);
    REQUIRE_OK(wmmf_unlock_write(two));
    wmmf_close(two);
    wmmf_close(one);
}

/* A writer without pauses, and a reader that cannot lock: whatever the size, it gets whole versions. */
struct busy_writer {
    wmmf_section *section;
    size_t size;
    uint32_t stop;
};

static void write_without_pause(void *argument) {
    struct busy_writer *writer = argument;
    uint8_t *picture = malloc(writer->size);
    for (int round = 0; !load_relaxed_u32(&writer->stop); round++) {
        memset(picture, round, writer->size);
        REQUIRE_OK(wmmf_write(writer->section, 0, picture, writer->size, -1));
    }
    free(picture);
}

static bool is_one_value(const uint8_t *bytes, size_t size) {
    return memcmp(bytes, bytes + 1, size - 1) == 0;
}

static void a_busy_writer_does_not_starve_a_reader_who_cannot_lock(void) {
    static const size_t sizes[] = {64, 4096, 65536, 6 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *name = new_name();
        struct busy_writer writer = {.section = create(name, sizes[i], WMMF_NATIVE), .size = sizes[i]};
        wmmf_section *reader = open_read_only(name, WMMF_NATIVE);
        uint8_t *picture = malloc(sizes[i]);
        struct thread *thread = thread_start(write_without_pause, &writer);
        for (int read = 0; read < 20; read++) {
            REQUIRE_OK(wmmf_read(reader, 0, picture, sizes[i], LONG_TIMEOUT));
            CHECK(is_one_value(picture, sizes[i]));
        }
        store_relaxed_u32(&writer.stop, 1);
        thread_join(thread);
        free(picture);
        wmmf_close(reader);
        wmmf_close(writer.section);
    }
}

static const struct test tests[] = {
    TEST(rules_of_the_lock),
    TEST(locks_belong_to_threads),
    TEST(what_is_moved_within_the_payload_stays_whole),
    TEST(a_timeout_is_neither_early_nor_endless),
    TEST(threads_exclude_each_other),
    TEST(threads_of_one_handle_exclude_each_other),
    TEST(raw_has_no_lock),
    TEST(only_native_counts_changes),
    TEST(the_sequence_counts_writes),
    TEST(a_change_wakes_waiters),
    TEST(an_audit_counts_who_is_there),
    TEST(a_busy_writer_does_not_starve_a_reader_who_cannot_lock),
    {NULL, NULL},
};

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_locks = {tests, roles};
