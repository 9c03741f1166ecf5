/* One process of the kill stress: random operations until it is killed, or, if it is asked for a number of them, until
 * standard input ends and it has done as many.
 *
 * Every version of the payload is one random number in all words, so a torn one shows. A writer that finds its
 * predecessor dead repairs. At its end it prints: operations, torn payloads, failed calls, repairs, and handles that
 * it holds more than at its start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"
#include "wmmf.h"

#define WORDS   32
#define SIZE    (WORDS * sizeof(uint64_t))
#define TIMEOUT INT64_C(10000000000) /* longer than any wait here should take: running into it counts as a hang */

static const char *name;
static char short_lived_name[WMMF_NAME_MAX + 1];
static wmmf_map *map;
static wmmf_map *window; /* the same section, read-only */
static uint64_t random_state;
static uint64_t operations;
static uint32_t torn, failed, repairs;
static bool victim;
static int32_t stop;

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016) */
static uint64_t random_word(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static uint32_t choose(uint32_t range) {
    return (uint32_t)(random_word() >> 40) % range;
}

static bool succeeded(const char *call, int32_t status) {
    if (status != WMMF_OK) {
        failed++;
        fprintf(stderr, "%s: %s\n", call, wmmf_status_name(status));
    }
    return status == WMMF_OK;
}

static void fill(uint64_t *payload, uint64_t value, int words) {
    for (int i = 0; i < words; i++)
        payload[i] = value;
}

/* A victim often holds a lock for a while, so that many die with it. */
static void dwell(void) {
    uint32_t turns = victim && choose(4) == 0 ? choose(1000000) : 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    for (volatile uint32_t i = 0; i < turns; i++)
        continue;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void look(const uint64_t *payload) {
    torn += memcmp(payload, payload + 1, SIZE - sizeof *payload) != 0;
}

static void write_in_place(void) {
    void *data;
    int32_t status = wmmf_lock_write(map, TIMEOUT);
    bool repairing = status == WMMF_E_OWNER_DIED;
    if (!repairing && !succeeded("lock_write", status))
        return;
    wmmf_data(map, &data);
    uint64_t *payload = data, value = random_word();
    if (!repairing)
        look(payload);
    fill(payload, value, WORDS / 2);
    dwell();
    fill(payload + WORDS / 2, value, WORDS / 2);
    if (repairing && succeeded("mark_consistent", wmmf_mark_consistent(map)))
        repairs++;
    succeeded("unlock_write", wmmf_unlock_write(map));
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
    if (!succeeded_or_repaired("lock_read", wmmf_lock_read(map, TIMEOUT)))
        return;
    dwell();
    wmmf_data(map, &payload);
    look(payload);
    succeeded("unlock_read", wmmf_unlock_read(map));
}

static void write_copy(void) {
    uint64_t payload[WORDS];
    fill(payload, random_word(), WORDS);
    succeeded_or_repaired("write", wmmf_write(map, 0, payload, SIZE, TIMEOUT));
}

static void read_copy(wmmf_map *from) {
    uint64_t payload[WORDS];
    if (succeeded_or_repaired("read", wmmf_read(from, 0, payload, SIZE, TIMEOUT)))
        look(payload);
}

static void wait_for_change(void) {
    uint64_t sequence = 0;
    succeeded("sequence", wmmf_sequence(map, &sequence));
    int32_t status = wmmf_wait(map, sequence, 1000000, NULL);
    if (status != WMMF_E_TIMEOUT)
        succeeded_or_repaired("wait", status);
}

static void open_window(void) {
    wmmf_options options = {.struct_size = sizeof options, .read_only = 1};
    if (!succeeded("open read-only", wmmf_open(name, 0, &options, &window)))
        exit(1);
}

static void come_and_go(void) {
    wmmf_close(map);
    wmmf_close(window);
    map = window = NULL;
    if (!succeeded("create_or_open", wmmf_create_or_open(name, SIZE, NULL, &map, NULL)))
        exit(1);
    open_window();
}

static bool enter_short_lived(void) {
    int32_t status = choose(2) ? wmmf_create(short_lived_name, SIZE, NULL, &map)
                               : wmmf_create_or_open(short_lived_name, SIZE, NULL, &map, NULL);
    if (status == WMMF_E_EXISTS)
        status = wmmf_open(short_lived_name, 0, NULL, &map);
    if (status == WMMF_E_NOT_FOUND) /* it has just ended */
        return false;
    return succeeded("enter", status);
}

/* A section that is there only while somebody is in here, so that it begins and ends all the time. */
static void visit_short_lived(void) {
    wmmf_map *home = map;
    if (enter_short_lived()) {
        write_in_place();
        read_copy(map);
        wmmf_close(map);
    }
    map = home;
}

static void operate(void) {
    switch (choose(512)) { /* mostly what is quick, so that deaths are everywhere */
    case 0:
        come_and_go();
        break;
    case 1:
        visit_short_lived();
        break;
    case 2:
        wait_for_change();
        break;
    default:
        switch (choose(5)) {
        case 0:
            write_in_place();
            break;
        case 1:
            read_in_place();
            break;
        case 2:
            write_copy();
            break;
        case 3:
            read_copy(map);
            break;
        default:
            read_copy(window);
        }
    }
    operations++;
}

static void wait_for_the_end(void *argument) {
    (void)argument;
    while (getchar() != EOF)
        continue;
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    name = argv[1];
    snprintf(short_lived_name, sizeof short_lived_name, "%s-short-lived", name);
    random_state = strtoul(argv[2], NULL, 10) + 1;
    uint64_t least = strtoull(argv[3], NULL, 10);
    victim = least == 0;
    if (!succeeded("open", wmmf_open(name, 0, NULL, &map)))
        return 1;
    open_window();
    say("ready");
    struct thread *thread = thread_start(wait_for_the_end, NULL);
    uint64_t handles = system_resources().handles;
    while (operations < least || !__atomic_load_n(&stop, __ATOMIC_RELAXED))
        operate();
    int64_t leaked = (int64_t)(system_resources().handles - handles);
    thread_join(thread);
    wmmf_close(window);
    wmmf_close(map);
    printf("%llu %u %u %u %lld\n", (unsigned long long)operations, torn, failed, repairs, (long long)leaked);
    return 0;
}
