/* One writes frames, others read them.
 *
 * Each frame has its number at its start, middle and end. Copies run from one end to the other. So if a writer and a
 * reader meet in a slot, the copy has a piece of one frame and then a piece of another: start and end differ, unless
 * they meet within a word of an end. The start is read once more after the end: a frame that is overwritten while it is
 * held begins anew there. Four loads of a frame of megabytes do not show in the figures. */
#include "role.h"
#include "system.h"
#include "transport.h"

#include <stdlib.h>
#include <string.h>

static volatile uint64_t *word(const uint8_t *frame, uint64_t offset) {
    return (volatile uint64_t *)(uintptr_t)(frame + offset / 8 * 8);
}

static volatile uint64_t *time_of(const uint8_t *frame) {
    return word(frame, 8);
}

static void stamp(uint8_t *frame, uint64_t size, uint64_t number) {
    *word(frame, 0) = number;
    *word(frame, size / 2) = number;
    *word(frame, size - 8) = number;
    *time_of(frame) = (uint64_t)system_now_ns();
}

static bool is_whole(const uint8_t *frame, uint64_t size, uint64_t *number) {
    *number = *word(frame, 0);
    return *word(frame, size / 2) == *number && *word(frame, size - 8) == *number && *word(frame, 0) == *number;
}

static void write_frame(transport *passing, const struct task *task, uint8_t *picture, uint64_t number) {
    if (task->copy)
        stamp(picture, task->size, number);
    uint8_t *slot = transport_begin(passing);
    if (!slot)
        fail("no slot is free");
    if (task->copy)
        memcpy(slot, picture, task->size);
    else
        stamp(slot, task->size, number);
    transport_publish(passing);
}

void role_write(const struct task *task, struct result *result) {
    uint8_t *picture = malloc(task->size);
    transport *passing = transport_create(task->name, task->size, task->slots);
    if (!passing || !picture)
        fail("cannot create the channel");
    memset(picture, 1, task->size); /* else the system may use one page of zeros for all of it */
    wait_for_start();
    int64_t begin = system_now_ns(), now = begin;
    int64_t end = begin + (int64_t)(task->seconds * SECOND_NS);
    while (now < end || !system_input_ended()) { /* it ends when all readers have finished */
        if (task->fps > 0) {
            system_sleep_until(begin + (int64_t)((double)result->count / task->fps * SECOND_NS));
            now = system_now_ns();
        }
        write_frame(passing, task, picture, ++result->count);
        if (result->count == WARM_UP_FRAMES)
            begin_samples(result);
        int64_t after = system_now_ns();
        add_sample(result, after - now);
        now = after;
    }
    result->elapsed_ns = now - begin;
    transport_close(passing);
    free(picture);
}

static void read_frame(transport *passing, const struct task *task, uint8_t *picture, struct result *result,
                       uint64_t *number) {
    const uint8_t *frame = transport_acquire(passing);
    if (!frame)
        fail("no frames came");
    if (task->copy) {
        memcpy(picture, frame, task->size);
        transport_release(passing);
        frame = picture;
    }
    if (task->fps > 0)
        add_sample(result, system_now_ns() - (int64_t)*time_of(frame));
    if (!is_whole(frame, task->size, number))
        result->torn++;
    if (!task->copy)
        transport_release(passing);
}

void role_read(const struct task *task, struct result *result) {
    uint8_t *picture = calloc(1, task->size);
    transport *passing = transport_open(task->name);
    uint64_t first = 0, last = 0;
    if (!passing || !picture)
        fail("cannot open the channel");
    wait_for_start();
    for (int i = 0; i < WARM_UP_FRAMES; i++)
        read_frame(passing, task, picture, result, &first);
    begin_samples(result);
    int64_t begin = system_now_ns(), now = begin;
    int64_t end = begin + (int64_t)(task->seconds * SECOND_NS);
    while (now < end) {
        read_frame(passing, task, picture, result, &last);
        result->count++;
        now = system_now_ns();
    }
    result->elapsed_ns = now - begin;
    result->missed = last - first - result->count;
    transport_close(passing);
    free(picture);
}
