/* A hostile peer for libFuzzer: an input is a program that opens handles, calls the library and, between the calls or
 * from another thread while they run, writes anything anywhere into the section's header, records and payload.
 *
 * Whatever it writes: no call may crash, reach outside the mapping (ASan, UBSan), take longer than its timeout, or
 * leave a descriptor or a file behind. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wmmf.h"

#define SIZE         700 /* of the payload: the section ends within a page */
#define PARTICIPANTS 3
#define HANDLES      3
#define TIMEOUT      INT64_C(1000000)
#define HANG_NS      INT64_C(3000000000)
#define SCRIBBLES    2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input, *input_end;

static uint8_t take_byte(void) {
    return input < input_end ? *input++ : 0;
}

static uint16_t take_short(void) {
    uint16_t high = take_byte();
    return (uint16_t)(high << 8 | take_byte());
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void require(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static int count_descriptors(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static char name[32];

/* Somebody who lists sections may hold it for longer: a second for each look at one whose magic we took away. */
static bool is_gone(void) {
    int64_t deadline = now_ns() + 10 * HANG_NS;
    int32_t status;
    do {
        wmmf_map *map = NULL;
        status = wmmf_open(name, 0, NULL, &map);
        wmmf_close(map);
    } while (status != WMMF_E_NOT_FOUND && now_ns() < deadline);
    return status == WMMF_E_NOT_FOUND;
}

/* The section as the hostile peer sees it. */
static uint8_t *bytes;
static uint64_t bytes_size;

static void poke(void) {
    uint16_t at = take_short();
    uint8_t length = take_byte() % 17;
    for (uint8_t i = 0; i < length; i++)
        bytes[(at + i) % bytes_size] = take_byte();
}

struct scribbler {
    pthread_t thread;
    uint32_t seed;
    int32_t stop;
};

static void *scribble(void *argument) {
    struct scribbler *self = argument;
    uint32_t random = self->seed;
    for (int i = 0; i < SCRIBBLES && !__atomic_load_n(&self->stop, __ATOMIC_RELAXED); i++) {
        random = random * 1664525 + 1013904223;
        __atomic_store_n(&bytes[(random >> 8) % bytes_size], (uint8_t)(random >> 4), __ATOMIC_RELAXED);
    }
    return NULL;
}

static wmmf_map *maps[HANDLES];
static wmmf_channel *channels[HANDLES];
static wmmf_frame frames[HANDLES];
static uint8_t *buffer; /* exactly SIZE bytes, so that one too many is seen */

static void check_payload(wmmf_map *map) {
    void *payload;
    uint64_t size;
    if (wmmf_data(map, &payload) == WMMF_OK && wmmf_size(map, &size) == WMMF_OK) {
        volatile uint8_t *edge = payload;
        (void)edge[0];
        (void)edge[size - 1];
    }
}

static void open_map(wmmf_map **map) {
    wmmf_options options = {.struct_size = sizeof options};
    options.layout = take_byte() % 3;
    options.read_only = take_byte() & 1;
    uint64_t size = take_short() % (2 * SIZE);
    if (!*map && wmmf_open(name, size, &options, map) == WMMF_OK)
        check_payload(*map);
}

static void call_map(uint8_t call, wmmf_map *map) {
    uint64_t offset = take_byte(), length = take_short() % (SIZE + 1), number;
    wmmf_audit_report report = {.struct_size = sizeof report};
    wmmf_info info = {.struct_size = sizeof info};
    wmmf_participant participant = {.struct_size = sizeof participant};
    switch (call) {
    case 0:
        wmmf_lock_read(map, TIMEOUT);
        break;
    case 1:
        wmmf_unlock_read(map);
        break;
    case 2:
        wmmf_lock_write(map, TIMEOUT);
        break;
    case 3:
        wmmf_unlock_write(map);
        break;
    case 4:
        wmmf_read(map, offset, buffer, length, TIMEOUT);
        break;
    case 5:
        wmmf_write(map, offset, buffer, length, TIMEOUT);
        break;
    case 6:
        wmmf_wait(map, offset, TIMEOUT, &number);
        break;
    case 7:
        wmmf_audit(map, &report);
        break;
    case 8:
        wmmf_mark_consistent(map);
        break;
    case 9:
        wmmf_get_participant(map, (uint32_t)offset, &participant);
        break;
    default:
        wmmf_sequence(map, &number);
        wmmf_get_info(map, &info);
        check_payload(map);
    }
}

static void check_frame(const wmmf_frame *frame) {
    const volatile uint8_t *picture = frame->data;
    require(frame->used <= frame->capacity && (uint64_t)frame->stride * frame->height <= frame->used, "frame");
    if (frame->used != 0) {
        (void)picture[0];
        (void)picture[frame->used - 1];
    }
}

static void call_channel(uint8_t call, wmmf_channel *channel, wmmf_frame *frame) {
    uint64_t after = take_byte(), sequence;
    wmmf_frame other = {.struct_size = sizeof other};
    wmmf_channel_info info = {.struct_size = sizeof info};
    switch (call) {
    case 0:
        if (wmmf_channel_begin(channel, TIMEOUT, &other) == WMMF_OK) {
            memset(other.data, 1, other.capacity);
            other.used = take_short();
            if (wmmf_channel_publish(channel, &other) != WMMF_OK)
                wmmf_channel_cancel(channel, &other);
        }
        break;
    case 1:
        if (wmmf_channel_acquire(channel, after, TIMEOUT, frame) == WMMF_OK)
            check_frame(frame);
        break;
    case 2:
        wmmf_channel_release(channel, frame);
        break;
    case 3:
        wmmf_channel_read(channel, after, buffer, SIZE, TIMEOUT, &other);
        break;
    case 4:
        wmmf_channel_wait(channel, after, TIMEOUT, &sequence);
        break;
    case 5:
        other.used = take_short() % (SIZE + 1);
        wmmf_channel_write(channel, buffer, TIMEOUT, &other);
        break;
    default:
        wmmf_channel_get_info(channel, &info);
    }
}

static void open_channel(wmmf_channel **channel, wmmf_frame *frame) {
    wmmf_options options = {.struct_size = sizeof options};
    options.read_only = take_byte() & 1;
    if (!*channel && wmmf_channel_open(name, &options, channel) == WMMF_OK) {
        memset(frame, 0, sizeof *frame);
        frame->struct_size = sizeof *frame;
    }
}

static void step(bool is_channel) {
    uint8_t action = take_byte(), index = take_byte() % HANDLES;
    if (action < 64) {
        poke();
    } else if (action < 80) {
        is_channel ? open_channel(&channels[index], &frames[index]) : open_map(&maps[index]);
    } else if (action < 84) {
        is_channel ? wmmf_channel_close(channels[index]) : wmmf_close(maps[index]);
        maps[index] = NULL;
        channels[index] = NULL;
    } else if (is_channel) {
        call_channel(action % 7, channels[index], &frames[index]);
    } else {
        call_map(action % 11, maps[index]);
    }
}

static void create(bool is_channel, wmmf_map **map, wmmf_channel **channel) {
    wmmf_options options = {.struct_size = sizeof options, .participants = PARTICIPANTS + 1};
    int32_t status =
        is_channel ? wmmf_channel_create(name, SIZE, 3, &options, channel) : wmmf_create(name, SIZE, &options, map);
    require(status == WMMF_OK, wmmf_strerror(status));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int descriptors = count_descriptors();
    wmmf_map *keeper = NULL, *raw = NULL;
    wmmf_channel *channel_keeper = NULL;
    wmmf_options options = {.struct_size = sizeof options, .layout = WMMF_RAW};
    void *data_of_raw;
    input = data;
    input_end = data + size;
    uint8_t mode = take_byte();
    bool is_channel = mode & 1, scribbles = mode & 2;

    snprintf(name, sizeof name, "wmmf-fuzz-%d", (int)getpid());
    create(is_channel, &keeper, &channel_keeper);
    require(wmmf_open(name, 0, &options, &raw) == WMMF_OK, "raw open");
    wmmf_data(raw, &data_of_raw);
    wmmf_size(raw, &bytes_size);
    bytes = data_of_raw;
    buffer = malloc(SIZE);
    memset(buffer, 0, SIZE);

    struct scribbler scribbler = {.seed = mode};
    if (scribbles)
        require(pthread_create(&scribbler.thread, NULL, scribble, &scribbler) == 0, "thread");
    while (input < input_end) {
        int64_t start = now_ns();
        step(is_channel);
        require(now_ns() - start < HANG_NS, "a call took longer than its timeout");
    }
    if (scribbles) {
        __atomic_store_n(&scribbler.stop, 1, __ATOMIC_RELAXED);
        pthread_join(scribbler.thread, NULL);
    }

    for (int i = 0; i < HANDLES; i++) {
        wmmf_close(maps[i]);
        wmmf_channel_close(channels[i]);
        maps[i] = NULL;
        channels[i] = NULL;
    }
    free(buffer);
    wmmf_close(raw);
    wmmf_close(keeper);
    wmmf_channel_close(channel_keeper);
    require(is_gone(), "the section is gone");
    require(count_descriptors() == descriptors, "descriptors");
    return 0;
}
