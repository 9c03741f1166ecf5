/* Work on a section: it is locked, read, written, waited for, opened and closed. A writer that finds its predecessor
 * dead repairs. */
#include <stdio.h>
#include <stdlib.h>

#include "worker.h"

#define WORDS 32
#define SIZE  (WORDS * sizeof(uint64_t))

static const char *name;
static char short_lived_name[WMMF_NAME_MAX + 1];
static wmmf_section *section;
static wmmf_section *window; /* the same section, read-only */

static void write_in_place(void) {
    void *data;
    int32_t status = wmmf_lock_write(section, TIMEOUT);
    bool repairing = status == WMMF_E_OWNER_DIED;
    if (!repairing && !succeeded("lock_write", status))
        return;
    wmmf_data(section, &data);
    uint64_t *payload = data, value = random_word();
    if (!repairing)
        look(payload, WORDS);
    fill(payload, value, WORDS / 2);
    linger(4);
    fill(payload + WORDS / 2, value, WORDS / 2);
    if (repairing && succeeded("mark_consistent", wmmf_mark_consistent(section)))
        tally.repairs++;
    succeeded("unlock_write", wmmf_unlock_write(section));
}

/* Whether a call succeeded; what a dead writer left is repaired. */
static bool succeeded_or_repaired(const char *call, int32_t status) {
    if (status != WMMF_E_OWNER_DIED)
        return succeeded(call, status);
    write_in_place();
    return false;
}

static void read_in_place(void) {
    void *payload;
    if (!succeeded_or_repaired("lock_read", wmmf_lock_read(section, TIMEOUT)))
        return;
    linger(4);
    wmmf_data(section, &payload);
    look(payload, WORDS);
    succeeded("unlock_read", wmmf_unlock_read(section));
}

static void write_copy(void) {
    uint64_t payload[WORDS];
    fill(payload, random_word(), WORDS);
    succeeded_or_repaired("write", wmmf_write(section, 0, payload, SIZE, TIMEOUT));
}

static void copy_from(wmmf_section *source) {
    uint64_t payload[WORDS];
    if (succeeded_or_repaired("read", wmmf_read(source, 0, payload, SIZE, TIMEOUT)))
        look(payload, WORDS);
}

static void read_copy(void) {
    copy_from(section);
}

static void read_only_copy(void) {
    copy_from(window);
}

static void wait_for_change(void) {
    uint64_t sequence = 0;
    succeeded("sequence", wmmf_sequence(section, &sequence));
    int32_t status = wmmf_wait(section, sequence, MOMENT, NULL);
    if (status != WMMF_E_TIMEOUT)
        succeeded_or_repaired("wait", status);
}

static void open_window(void) {
    wmmf_options options = {.struct_size = sizeof options, .read_only = 1};
    if (!succeeded("open read-only", wmmf_open(name, 0, &options, &window)))
        exit(FAULTY);
}

static void come_and_go(void) {
    wmmf_close(section);
    wmmf_close(window);
    section = window = NULL;
    if (!succeeded("create_or_open", wmmf_create_or_open(name, SIZE, NULL, &section, NULL)))
        exit(FAULTY);
    open_window();
}

static bool enter_short_lived(void) {
    int32_t status = choose(2) ? wmmf_create(short_lived_name, SIZE, NULL, &section)
                               : wmmf_create_or_open(short_lived_name, SIZE, NULL, &section, NULL);
    if (status == WMMF_E_EXISTS)
        status = wmmf_open(short_lived_name, 0, NULL, &section);
    /* It may have ended before it could be opened. */
    return status != WMMF_E_NOT_FOUND && succeeded("enter", status);
}

/* A section that is there only while somebody is in here, so that it begins and ends all the time. */
static void visit_short_lived(void) {
    wmmf_section *home = section;
    if (enter_short_lived()) {
        write_in_place();
        read_copy();
        wmmf_close(section);
    }
    section = home;
}

static bool start(const char *of_section) {
    name = of_section;
    snprintf(short_lived_name, sizeof short_lived_name, "%s-short-lived", name);
    if (!succeeded("open", wmmf_open(name, 0, NULL, &section)))
        return false;
    open_window();
    return true;
}

static void finish(void) {
    wmmf_close(window);
    wmmf_close(section);
}

static void (*const often[])(void) = {write_in_place, read_in_place, write_copy, read_copy, read_only_copy, NULL};
static void (*const seldom[])(void) = {come_and_go, visit_short_lived, wait_for_change, NULL};
const struct work on_section = {start, finish, often, seldom};
