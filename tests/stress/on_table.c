/* Work on a table with a lock for each row: rows are locked, one and several at a time, read, written, copied and
 * waited for, and the table is opened and closed. A writer that finds its predecessor dead repairs the row. */
#include <stdio.h>
#include <stdlib.h>

#include "worker.h"

#define ROWS  5
#define WORDS 24
#define LOCKS 3

struct row {
    uint64_t lock[8];
    uint64_t words[WORDS];
};

static const char *name;
static wmmf_section *table;

static uint64_t offset_of(uint32_t row) {
    return row * sizeof(struct row);
}

static uint64_t *words_of(uint32_t row) {
    void *rows;
    wmmf_data(table, &rows);
    return ((struct row *)rows)[row].words;
}

static bool lock_to_write(uint32_t row, bool *repairing) {
    int32_t status = wmmf_lock_write_at(table, offset_of(row), TIMEOUT);
    *repairing = status == WMMF_E_OWNER_DIED;
    return *repairing || succeeded("lock_write_at", status);
}

/* The calling thread has the row to write. */
static void change_and_unlock(uint32_t row, bool repairing) {
    uint64_t *words = words_of(row), value = random_word();
    if (!repairing)
        look(words, WORDS);
    fill(words, value, WORDS / 2);
    linger(4);
    fill(words + WORDS / 2, value, WORDS / 2);
    if (repairing && succeeded("mark_consistent_at", wmmf_mark_consistent_at(table, offset_of(row))))
        tally.repairs++;
    succeeded("unlock_write_at", wmmf_unlock_write_at(table, offset_of(row)));
}

static void write_row_at(uint32_t row) {
    bool repairing;
    if (lock_to_write(row, &repairing))
        change_and_unlock(row, repairing);
}

static void write_row(void) {
    write_row_at(choose(ROWS));
}

/* False: it is not locked. A row that a dead writer left is repaired. */
static bool lock_to_read(uint32_t row) {
    int32_t status = wmmf_lock_read_at(table, offset_of(row), TIMEOUT);
    if (status != WMMF_E_OWNER_DIED)
        return succeeded("lock_read_at", status);
    write_row_at(row);
    return false;
}

static void look_and_unlock(uint32_t row) {
    look(words_of(row), WORDS);
    succeeded("unlock_read_at", wmmf_unlock_read_at(table, offset_of(row)));
}

static void read_row(void) {
    uint32_t row = choose(ROWS);
    if (!lock_to_read(row))
        return;
    linger(4);
    look_and_unlock(row);
}

/* Two rows: everybody takes the lower one first, so nobody waits in a circle. */
static void read_one_and_write_another(void) {
    uint32_t low = choose(ROWS - 1), high = low + 1 + choose(ROWS - 1 - low);
    bool repairing;
    if (!lock_to_read(low))
        return;
    if (lock_to_write(high, &repairing))
        change_and_unlock(high, repairing);
    look_and_unlock(low);
}

static void write_two(void) {
    uint32_t low = choose(ROWS - 1), high = low + 1 + choose(ROWS - 1 - low);
    bool repairing_low, repairing_high;
    if (!lock_to_write(low, &repairing_low))
        return;
    if (lock_to_write(high, &repairing_high))
        change_and_unlock(high, repairing_high);
    change_and_unlock(low, repairing_low);
}

/* Holds as many as a handle can: if one had been lost, there would be one less. */
static void read_as_many_as_possible(void) {
    uint32_t locked = 0;
    while (locked < LOCKS && lock_to_read(locked))
        locked++;
    while (locked > 0)
        look_and_unlock(--locked);
}

static void wait_for_row(void) {
    uint64_t offset = offset_of(choose(ROWS)), sequence = 0;
    succeeded("wait_at", wmmf_wait_at(table, offset, UINT64_MAX, 0, &sequence));
    int32_t status = wmmf_wait_at(table, offset, sequence, MOMENT, NULL);
    if (status != WMMF_E_TIMEOUT && status != WMMF_E_OWNER_DIED)
        succeeded("wait_at", status);
}

static void come_and_go(void) {
    wmmf_options options = {.struct_size = sizeof options, .locks = LOCKS};
    wmmf_close(table);
    table = NULL;
    if (!succeeded("create_or_open", wmmf_create_or_open(name, ROWS * sizeof(struct row), &options, &table, NULL)))
        exit(FAULTY);
}

static bool start(const char *of_table) {
    name = of_table;
    return succeeded("open", wmmf_open(name, 0, NULL, &table));
}

static void finish(void) {
    read_as_many_as_possible();
    wmmf_close(table);
}

static void (*const often[])(void) = {write_row, read_row, read_one_and_write_another, write_two, NULL};
static void (*const seldom[])(void) = {come_and_go, read_as_many_as_possible, wait_for_row, NULL};
const struct work on_table = {start, finish, often, seldom};
