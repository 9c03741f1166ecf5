/* Locks in the payload: a lock for each row of a table. */
#include <stddef.h>
#include <stdio.h>

#include "atomic.h"
#include "harness.h"
#include "layout.h"
#include "system.h"

#define LOCKS 2
#define ROWS  8
/* A row that the roles and the other threads leave alone: they use ROW. */
#define OTHER UINT64_C(192)

static wmmf_section *table_of(const char *name) {
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *section;
    options.locks = LOCKS;
    REQUIRE_OK(wmmf_create(name, ROWS * 64, &options, &section));
    return section;
}

static struct payload_lock *lock_at(wmmf_section *section, uint64_t offset) {
    return (struct payload_lock *)(void *)(data_of(section) + offset);
}

static struct hold *hold_of(wmmf_section *section, uint32_t participant, uint32_t i) {
    struct hold *payload = (struct hold *)(void *)data_of(section);
    return payload - (WMMF_PARTICIPANTS_DEFAULT - participant) * LOCKS + i;
}

static void check_intact(wmmf_section *section) {
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(0, report.damaged);
}

static void check_holds_are_free(wmmf_section *section) {
    for (int i = 0; i < LOCKS; i++)
        REQUIRE_OK(wmmf_lock_write_at(section, (uint64_t)i * 64, 0));
    for (int i = 0; i < LOCKS; i++)
        REQUIRE_OK(wmmf_unlock_write_at(section, (uint64_t)i * 64));
}

/* The roles: each takes a row, reports that, and keeps it until its input says "go", or until it is killed. */

static int read_row(const char *name) {
    return hold_until_told(name, WMMF_NATIVE, lock_read_row, unlock_read_row);
}

static int write_row(const char *name) {
    return hold_until_told(name, WMMF_NATIVE, lock_write_row, unlock_write_row);
}

static int write_row_when_free(const char *name) {
    wmmf_section *section = open_existing(name, WMMF_NATIVE);
    CHECK_STATUS(WMMF_E_TIMEOUT, lock_write_row(section, 0));
    say("waiting");
    REQUIRE_OK(lock_write_row(section, LONG_TIMEOUT));
    data_of(section)[ROW + 64]++;
    REQUIRE_OK(unlock_write_row(section));
    wmmf_close(section);
    return 0;
}

static int notify_row(const char *name) {
    wmmf_section *section = open_existing(name, WMMF_NATIVE);
    say("open");
    bool told = heard("go");
    REQUIRE_OK(wmmf_notify_at(section, ROW));
    REQUIRE_OK(wmmf_notify(section));
    wmmf_close(section);
    return !told;
}

static struct child *start(const char *role, const char *name, const char *says) {
    struct child *child = child_start(role, name);
    if (!CHECK(child_said(child, says)))
        give_up();
    return child;
}

static void kill_while(const char *role, const char *name) {
    child_kill(start(role, name, "locked"));
}

/* Alive. */

static void zeroed_bytes_are_a_free_lock_and_rows_are_apart(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name), *other = open_existing(name, WMMF_NATIVE);
    REQUIRE_OK(lock_write_row(section, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(lock_write_row, other, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(lock_read_row, other, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(lock_read_row, section, 0));
    REQUIRE_OK(wmmf_lock_write_at(other, OTHER, 0));
    REQUIRE_OK(wmmf_lock_write(other, 0)); /* the section's own lock is free as well */
    REQUIRE_OK(wmmf_unlock_write(other));
    REQUIRE_OK(wmmf_unlock_write_at(other, OTHER));
    REQUIRE_OK(unlock_write_row(section));
    REQUIRE_OK(lock_read_row(section, 0));
    CHECK_STATUS(WMMF_OK, of_another_thread(lock_read_row, other, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(lock_write_row, other, 0));
    REQUIRE_OK(unlock_read_row(section));
    check_intact(section);
    wmmf_close(other);
    wmmf_close(section);
}

/* The first waiter gets the row first, even if it waits in pieces and is not in a call when the row becomes free. */
static void a_writer_that_comes_again_keeps_its_place(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name), *first = open_existing(name, WMMF_NATIVE),
                 *second = open_existing(name, WMMF_NATIVE);
    uint64_t places[2] = {0, 12345}; /* the second has no owner, and counts as free */
    struct holder *writer = holder_start(section, lock_write_row, unlock_write_row);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write_queued_at(first, ROW, SECOND / 100, &places[0]));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write_queued_at(second, ROW, SECOND / 100, &places[1]));
    CHECK(places[0] != 0 && places[1] > places[0]);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write_queued_at(first, ROW, SECOND / 100, &places[0]));
    holder_end(writer);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write_queued_at(second, ROW, 0, &places[1]));
    REQUIRE_OK(wmmf_lock_write_queued_at(first, ROW, LONG_TIMEOUT, &places[0]));
    CHECK_EQUAL(0, places[0]);
    REQUIRE_OK(unlock_write_row(first));
    REQUIRE_OK(wmmf_leave_queue_at(second, ROW, 54321));
    REQUIRE_OK(wmmf_leave_queue_at(second, ROW, places[1]));
    REQUIRE_OK(wmmf_leave_queue_at(second, ROW, places[1]));
    check_holds_are_free(first);
    check_holds_are_free(second);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_lock_write_queued_at(first, ROW, 0, NULL));
    check_intact(section);
    wmmf_close(second);
    wmmf_close(first);
    wmmf_close(section);
}

static void wrong_use_is_told(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name), *other = open_existing(name, WMMF_NATIVE),
                 *reader = open_read_only(name, WMMF_NATIVE), *plain = create(new_name(), 1000, WMMF_NATIVE);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, lock_read_row(plain, 0));
    CHECK_STATUS(WMMF_E_READ_ONLY, lock_read_row(reader, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, lock_read_row(NULL, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_lock_read_at(section, 8, 0));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_lock_read_at(section, ROWS * 64, 0));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_lock_write_at(section, UINT64_MAX - 63, 0));
    CHECK_STATUS(WMMF_E_NOT_OWNER, unlock_read_row(section));
    CHECK_STATUS(WMMF_E_NOT_OWNER, unlock_write_row(section));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_mark_consistent_at(section, ROW));
    REQUIRE_OK(lock_write_row(section, 0));
    CHECK_STATUS(WMMF_E_DEADLOCK, lock_read_row(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_DEADLOCK, lock_write_row(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_DEADLOCK, lock_write_row(other, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_NOT_OWNER, unlock_read_row(section));
    REQUIRE_OK(wmmf_lock_read_at(section, OTHER, 0));
    CHECK_STATUS(WMMF_E_FULL, wmmf_lock_read_at(section, 0, 0));
    CHECK_STATUS(WMMF_E_FULL, wmmf_lock_write_at(section, 0, 0));
    REQUIRE_OK(wmmf_unlock_read_at(section, OTHER));
    REQUIRE_OK(unlock_write_row(section));
    for (int i = 0; i < 2 * LOCKS; i++) { /* nothing of the above is still in use */
        REQUIRE_OK(wmmf_lock_write_at(section, 0, 0));
        REQUIRE_OK(wmmf_unlock_write_at(section, 0));
    }
    wmmf_options options = options_of(WMMF_RAW, WMMF_LOCAL);
    wmmf_section *none;
    options.locks = 1;
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_create(new_name(), 64, &options, &none));
    options.layout = WMMF_NATIVE;
    options.locks = WMMF_LOCKS_MAX + 1;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create(new_name(), 64, &options, &none));
    wmmf_close(plain);
    wmmf_close(reader);
    wmmf_close(other);
    wmmf_close(section);
}

static void processes_wait_for_each_other_at_a_row(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name);
    REQUIRE_OK(lock_write_row(section, 0));
    struct child *first = start("write_row_when_free", name, "waiting"),
                 *second = start("write_row_when_free", name, "waiting");
    REQUIRE_OK(unlock_write_row(section));
    CHECK_EQUAL(0, child_end(first));
    CHECK_EQUAL(0, child_end(second));
    CHECK_EQUAL(2, data_of(section)[ROW + 64]);
    check_intact(section);
    wmmf_close(section);
}

static void a_notification_ends_a_wait(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name), *reader = open_read_only(name, WMMF_NATIVE);
    uint64_t now = 0;
    struct child *child = start("notify_row", name, "open");
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_at(section, ROW, 0, 0, &now));
    child_tell(child, "go");
    CHECK_STATUS(WMMF_OK, wmmf_wait_at(section, ROW, 0, LONG_TIMEOUT, &now));
    CHECK_EQUAL(1, now);
    CHECK_STATUS(WMMF_OK, wmmf_wait(section, 0, LONG_TIMEOUT, &now));
    CHECK_EQUAL(1, now);
    CHECK_EQUAL(0, child_end(child));
    REQUIRE_OK(lock_write_row(section, 0));
    REQUIRE_OK(unlock_write_row(section));
    CHECK_STATUS(WMMF_OK, wmmf_wait_at(reader, ROW, 1, LONG_TIMEOUT, &now));
    CHECK_EQUAL(2, now);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_at(reader, OTHER, 0, 0, &now));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_notify_at(reader, ROW));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_notify(reader));
    wmmf_close(reader);
    wmmf_close(section);
}

/* The hold that a participant has of a lock; its offset is UINT64_MAX if there is none. */
static wmmf_hold hold_at(wmmf_section *section, uint32_t participant, uint64_t offset) {
    wmmf_hold found = {.struct_size = sizeof found};
    for (uint32_t i = 0; wmmf_get_hold(section, i, &found) == WMMF_OK; i++)
        if (found.participant == participant && found.offset == offset)
            return found;
    found.offset = UINT64_MAX;
    return found;
}

static wmmf_lock_state state_at(wmmf_section *section, uint64_t offset) {
    wmmf_lock_state state = {.struct_size = sizeof state};
    REQUIRE_OK(wmmf_get_lock_state_at(section, offset, &state));
    return state;
}

static void who_has_which_lock_is_told(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name), *looker = open_read_only(name, WMMF_NATIVE);
    wmmf_hold found = {.struct_size = sizeof found};
    CHECK_EQUAL(0, state_at(looker, ROW).writing);
    CHECK(hold_at(looker, 0, ROW).offset == UINT64_MAX);
    REQUIRE_OK(wmmf_lock_read_at(section, OTHER, 0));
    struct child *writer = start("write_row", name, "locked"), *waiter = start("write_row_when_free", name, "waiting");
    while (hold_at(looker, 2, ROW).waiting == 0 || state_at(looker, ROW).waiting == 0)
        system_pause();
    found = hold_at(looker, 0, OTHER);
    CHECK(found.reading == 1 && found.writing == 0 && found.waiting == 0 && found.writing_since_unix_ns == 0);
    found = hold_at(looker, 1, ROW);
    CHECK(found.reading == 0 && found.writing == 1 && found.waiting == 0 && found.writing_since_unix_ns != 0);
    wmmf_lock_state row = state_at(looker, ROW), other = state_at(looker, OTHER);
    CHECK(row.writing == 1 && row.writer == 2 && row.writer_pid == found.pid && row.readers == 0 && row.waiting == 1);
    CHECK(other.writing == 0 && other.readers == 1 && other.writer == 0 && other.waiting == 0 && other.poisoned == 0);
    child_kill(writer);
    CHECK(hold_at(looker, 1, ROW).writing == 1 || state_at(looker, ROW).owner_died == 1); /* until it is found dead */
    child_kill(waiter);
    CHECK_STATUS(WMMF_E_OWNER_DIED, lock_write_row(section, LONG_TIMEOUT));
    CHECK_EQUAL(1, state_at(looker, ROW).owner_died);
    CHECK(hold_at(looker, 1, ROW).offset == UINT64_MAX);
    REQUIRE_OK(unlock_write_row(section));
    REQUIRE_OK(wmmf_unlock_read_at(section, OTHER));
    CHECK(hold_at(looker, 0, OTHER).offset == UINT64_MAX);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_hold(section, UINT32_MAX, &found));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_hold(section, 0, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_lock_state_at(section, ROW, NULL));
    row.struct_size = found.struct_size = 4;
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_get_hold(section, 0, &found));
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_get_lock_state_at(section, ROW, &row));
    wmmf_section *plain = create(new_name(), 1000, WMMF_NATIVE);
    found.struct_size = sizeof found;
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_hold(plain, 0, &found));
    wmmf_close(plain);
    wmmf_close(looker);
    wmmf_close(section);
}

static void poison_is_of_one_row(void) {
    wmmf_section *section = table_of(new_name());
    REQUIRE_OK(wmmf_poison_at(section, ROW));
    CHECK_STATUS(WMMF_E_POISONED, lock_read_row(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_POISONED, lock_write_row(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_POISONED, wmmf_wait_at(section, ROW, 0, LONG_TIMEOUT, NULL));
    CHECK_STATUS(WMMF_E_POISONED, wmmf_notify_at(section, ROW));
    REQUIRE_OK(wmmf_lock_read_at(section, OTHER, 0));
    REQUIRE_OK(wmmf_unlock_read_at(section, OTHER));
    REQUIRE_OK(wmmf_lock_read(section, 0));
    REQUIRE_OK(wmmf_unlock_read(section));
    wmmf_close(section);
}

/* Dead. */

static void check_is_repaired(wmmf_section *section) {
    CHECK_STATUS(WMMF_E_OWNER_DIED, lock_read_row(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_OWNER_DIED, lock_write_row(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, unlock_write_row(section)); /* not repaired */
    CHECK_STATUS(WMMF_E_OWNER_DIED, lock_write_row(section, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_mark_consistent_at(section, ROW));
    CHECK_STATUS(WMMF_OK, unlock_write_row(section));
    CHECK_STATUS(WMMF_OK, lock_read_row(section, 0));
    CHECK_STATUS(WMMF_OK, unlock_read_row(section));
    check_intact(section);
}

static void a_dead_writer_concerns_its_row_alone(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name);
    kill_while("write_row", name);
    REQUIRE_OK(wmmf_lock_write_at(section, OTHER, 0));
    REQUIRE_OK(wmmf_unlock_write_at(section, OTHER));
    REQUIRE_OK(wmmf_lock_write(section, 0));
    REQUIRE_OK(wmmf_unlock_write(section));
    check_is_repaired(section);
    wmmf_close(section);
}

/* Its record, and its number in the lock word, go to the next opener of the section. */
static void a_dead_writer_is_not_taken_for_its_successor(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name);
    kill_while("write_row", name);
    wmmf_section *next = open_existing(name, WMMF_NATIVE);
    check_is_repaired(next);
    wmmf_close(next);
    wmmf_close(section);
}

static void a_dead_reader_is_no_longer_waited_for(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name);
    kill_while("read_row", name);
    REQUIRE_OK(lock_write_row(section, LONG_TIMEOUT));
    REQUIRE_OK(unlock_write_row(section));
    check_intact(section);
    wmmf_close(section);
}

static void a_dead_waiter_is_no_longer_waited_for(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name);
    REQUIRE_OK(lock_write_row(section, 0));
    struct child *waiter = start("write_row_when_free", name, "waiting");
    while (load_seq_u64(&hold_of(section, 1, 0)->lock.ticket) == 0 &&
           load_seq_u64(&hold_of(section, 1, 1)->lock.ticket) == 0)
        system_pause();
    child_kill(waiter);
    REQUIRE_OK(unlock_write_row(section));
    REQUIRE_OK(lock_write_row(section, LONG_TIMEOUT));
    REQUIRE_OK(unlock_write_row(section));
    check_intact(section);
    wmmf_close(section);
}

static void a_row_that_is_closed_with_its_lock_is_told(void) {
    const char *name = new_name();
    wmmf_section *section = table_of(name), *other = open_existing(name, WMMF_NATIVE);
    REQUIRE_OK(lock_write_row(other, 0));
    wmmf_close(other);
    check_is_repaired(section);
    wmmf_close(section);
}

static void a_thread_that_ends_with_a_row_is_a_dead_owner(void) {
    wmmf_section *section = table_of(new_name());
    for (int i = 0; i < 2 * LOCKS; i++) {
        CHECK_STATUS(WMMF_OK, of_another_thread(lock_write_row, section, 0));
        check_is_repaired(section);
        CHECK_STATUS(WMMF_OK, of_another_thread(lock_read_row, section, 0));
        REQUIRE_OK(lock_write_row(section, 0));
        REQUIRE_OK(unlock_write_row(section));
    }
    wmmf_close(section);
}

/* Whatever is written over a lock, or into holds, no call hangs or leaves the payload. */

static void an_owner_that_has_no_hold_is_none(void) {
    wmmf_section *section = table_of(new_name());
    struct payload_lock *shared = lock_at(section, ROW);
    store_seq_u64(&shared->word, 1); /* that is this handle, which does not hold it */
    REQUIRE_OK(lock_write_row(section, LONG_TIMEOUT));
    REQUIRE_OK(unlock_write_row(section));
    store_seq_u64(&shared->sequence, load_seq_u64(&shared->sequence) | 1);
    store_seq_u64(&shared->word, 2); /* nobody */
    check_is_repaired(section);
    store_seq_u64(&shared->word, WMMF_PARTICIPANTS_MAX + 1); /* no participant */
    CHECK_STATUS(WMMF_E_POISONED, lock_write_row(section, LONG_TIMEOUT));
    memset(shared, 0xFF, sizeof *shared);
    CHECK_STATUS(WMMF_E_POISONED, lock_read_row(section, LONG_TIMEOUT));
    memset(shared, 0, sizeof *shared);
    REQUIRE_OK(lock_read_row(section, 0));
    REQUIRE_OK(unlock_read_row(section));
    wmmf_close(section);
}

static void holds_lead_nobody_out_of_the_payload(void) {
    const char *name = new_name();
    const uint64_t offsets[] = {1, 64, 4096, (uint64_t)-64, UINT64_MAX, UINT64_C(1) << 63};
    wmmf_section *section = table_of(name);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct child *child = start("write_row", name, "locked");
        for (uint32_t slot = 0; slot < LOCKS; slot++)
            store_seq_u64(&hold_of(section, 1, slot)->offset, offsets[i]);
        child_kill(child);
        check_is_repaired(section);
    }
    wmmf_close(section);
}

/* In a file. */

static wmmf_section *map(const char *path, uint64_t size, wmmf_file_options options) {
    wmmf_section *section = NULL;
    options.struct_size = sizeof options;
    REQUIRE_OK(wmmf_map_file(path, size, &options, &section));
    return section;
}

static wmmf_section *table_file(const char *path) {
    wmmf_file_options options = {.file_mode = WMMF_FILE_OPEN_OR_CREATE, .native = 1, .locks = LOCKS};
    return map(path, ROWS * 64, options);
}

/* What the disk has of a file when the machine goes down, as it looks after the next start. */
static void copy_as_if_the_machine_went_down(const char *path, const char *copy) {
    wmmf_file_options reading = {.protection = WMMF_READ}, creating = {.file_mode = WMMF_FILE_CREATE};
    wmmf_section *from = map(path, 0, reading);
    uint64_t size;
    REQUIRE_OK(wmmf_size(from, &size));
    wmmf_section *to = map(copy, size, creating);
    memcpy(data_of(to), data_of(from), (size_t)size);
    ((struct header *)(void *)data_of(to))->boot_id ^= 1;
    wmmf_close(to);
    wmmf_close(from);
}

static void rows_of_a_file_are_recovered_after_a_restart(void) {
    const char *path = new_name(), *copy = new_name();
    wmmf_section *table = table_file(path);
    REQUIRE_OK(lock_write_row(table, 0));
    REQUIRE_OK(wmmf_lock_read_at(table, OTHER, 0));
    copy_as_if_the_machine_went_down(path, copy);
    REQUIRE_OK(wmmf_unlock_read_at(table, OTHER));
    REQUIRE_OK(unlock_write_row(table));
    wmmf_close(table); /* on Windows a token has the section's number in its name, and the copy has the same number */
    wmmf_section *later = table_file(copy);
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(later, 0)); /* any row may be half written */
    REQUIRE_OK(wmmf_mark_consistent(later));
    REQUIRE_OK(wmmf_unlock_write(later));
    check_is_repaired(later);
    REQUIRE_OK(wmmf_lock_write_at(later, OTHER, 0));
    REQUIRE_OK(wmmf_unlock_write_at(later, OTHER));
    CHECK(hold_at(later, 0, OTHER).offset == UINT64_MAX);
    wmmf_close(later);
    remove(path);
    remove(copy);
}

static int write_a_row_of_a_file(const char *path) {
    wmmf_section *table = table_file(path);
    REQUIRE_OK(lock_write_row(table, 0));
    say("locked");
    return !heard("go");
}

static void a_row_of_a_file_outlives_its_killed_owner(void) {
    const char *path = new_name();
    wmmf_section *table = table_file(path);
    wmmf_close(table);
    kill_while("write_a_row_of_a_file", path);
    wmmf_file_options all = {.native = 1};
    table = map(path, 0, all); /* nobody had it open in between */
    check_is_repaired(table);
    REQUIRE_OK(wmmf_resize(table, 3 * ROWS * 64)); /* it grows, and new rows have locks */
    REQUIRE_OK(wmmf_lock_write_at(table, 2 * ROWS * 64, 0));
    REQUIRE_OK(wmmf_unlock_write_at(table, 2 * ROWS * 64));
    check_intact(table);
    wmmf_close(table);
    wmmf_file_options raw = {.struct_size = sizeof raw, .locks = 1}, many = {.struct_size = sizeof many, .native = 1};
    many.locks = WMMF_LOCKS_MAX + 1;
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_map_file(path, 0, &raw, &table));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_map_file(path, 0, &many, &table));
    remove(path);
}

static const struct test tests[] = {
    TEST(zeroed_bytes_are_a_free_lock_and_rows_are_apart),
    TEST(a_writer_that_comes_again_keeps_its_place),
    TEST(wrong_use_is_told),
    TEST(processes_wait_for_each_other_at_a_row),
    TEST(a_notification_ends_a_wait),
    TEST(who_has_which_lock_is_told),
    TEST(poison_is_of_one_row),
    TEST(a_dead_writer_concerns_its_row_alone),
    TEST(a_dead_writer_is_not_taken_for_its_successor),
    TEST(a_dead_reader_is_no_longer_waited_for),
    TEST(a_dead_waiter_is_no_longer_waited_for),
    TEST(a_row_that_is_closed_with_its_lock_is_told),
    TEST(a_thread_that_ends_with_a_row_is_a_dead_owner),
    TEST(an_owner_that_has_no_hold_is_none),
    TEST(holds_lead_nobody_out_of_the_payload),
    TEST(rows_of_a_file_are_recovered_after_a_restart),
    TEST(a_row_of_a_file_outlives_its_killed_owner),
    {NULL, NULL},
};
static const struct role roles[] = {
    ROLE(read_row), ROLE(write_row), ROLE(write_row_when_free), ROLE(notify_row), ROLE(write_a_row_of_a_file),
    {NULL, NULL},
};
const struct suite suite_payload_locks = {tests, roles};
