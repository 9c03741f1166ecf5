/* One process of the kill stress: random operations on one section until standard input ends, or until it is killed.
 *
 * Every version of the payload is one value in all bytes, so a torn one shows. A writer that finds its predecessor dead
 * repairs. At its end it prints: operations, torn payloads, failed calls, repairs, and handles that it holds more
 * than at its start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"
#include "wmmf.h"

#define SIZE    256
#define TIMEOUT INT64_C(10000000000) /* longer than any wait here should take: running into it counts as a hang */

static wmmf_map *map;
static uint32_t random_state;
static uint64_t operations;
static uint32_t torn, failed, repairs;
static int32_t stop;

static uint32_t choose(uint32_t range) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % range;
}

static bool succeeded(const char *call, int32_t status) {
    if (status != WMMF_OK) {
        failed++;
        fprintf(stderr, "%s: %s\n", call, wmmf_status_name(status));
    }
    return status == WMMF_OK;
}

static void look(const uint8_t *payload) {
    torn += memcmp(payload, payload + 1, SIZE - 1) != 0;
}

static void write_in_place(void) {
    void *payload;
    int32_t status = wmmf_lock_write(map, TIMEOUT);
    bool repairing = status == WMMF_E_OWNER_DIED;
    if (!repairing && !succeeded("lock_write", status))
        return;
    wmmf_data(map, &payload);
    if (!repairing)
        look(payload);
    memset(payload, (int)choose(256), SIZE);
    if (repairing && succeeded("mark_consistent", wmmf_mark_consistent(map)))
        repairs++;
    succeeded("unlock_write", wmmf_unlock_write(map));
}

static void read_in_place(void) {
    void *payload;
    int32_t status = wmmf_lock_read(map, TIMEOUT);
    if (status == WMMF_E_OWNER_DIED) {
        write_in_place();
        return;
    }
    if (!succeeded("lock_read", status))
        return;
    wmmf_data(map, &payload);
    look(payload);
    succeeded("unlock_read", wmmf_unlock_read(map));
}

static void write_copy(void) {
    uint8_t payload[SIZE];
    memset(payload, (int)choose(256), SIZE);
    int32_t status = wmmf_write(map, 0, payload, SIZE, TIMEOUT);
    if (status == WMMF_E_OWNER_DIED)
        write_in_place();
    else
        succeeded("write", status);
}

static void read_copy(void) {
    uint8_t payload[SIZE];
    int32_t status = wmmf_read(map, 0, payload, SIZE, TIMEOUT);
    if (status == WMMF_E_OWNER_DIED)
        write_in_place();
    else if (succeeded("read", status))
        look(payload);
}

static void wait_for_change(void) {
    uint64_t sequence = 0;
    succeeded("sequence", wmmf_sequence(map, &sequence));
    int32_t status = wmmf_wait(map, sequence, 1000000, NULL);
    if (status == WMMF_E_OWNER_DIED)
        write_in_place();
    else if (status != WMMF_E_TIMEOUT)
        succeeded("wait", status);
}

static void come_and_go(const char *name) {
    wmmf_close(map);
    map = NULL;
    if (!succeeded("create_or_open", wmmf_create_or_open(name, SIZE, NULL, &map, NULL)))
        exit(1);
}

static void operate(const char *name) {
    switch (choose(64)) {
    case 0:
        come_and_go(name);
        break;
    case 1:
        wait_for_change();
        break;
    default:
        switch (choose(4)) {
        case 0:
            write_in_place();
            break;
        case 1:
            read_in_place();
            break;
        case 2:
            write_copy();
            break;
        default:
            read_copy();
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
    if (argc != 3 || !succeeded("open", wmmf_open(argv[1], 0, NULL, &map)))
        return 2;
    random_state = (uint32_t)strtoul(argv[2], NULL, 10);
    say("ready");
    struct thread *thread = thread_start(wait_for_the_end, NULL);
    uint64_t handles = system_resources().handles;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        operate(argv[1]);
    int64_t leaked = (int64_t)(system_resources().handles - handles);
    thread_join(thread);
    wmmf_close(map);
    printf("%llu %u %u %u %lld\n", (unsigned long long)operations, torn, failed, repairs, (long long)leaked);
    return 0;
}
