/* Work on a frame channel: frames are begun, published, dropped, copied in, held, several at a time, copied out, waited
 * for; the channel is opened, closed and created again.
 *
 * Nobody waits for a slot with frames in hand, so a writer always gets one, unless a pin of the dead stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

#define WORDS    512 /* few enough that a copy is first tried without a pin */
#define SIZE     (WORDS * sizeof(uint64_t))
#define SLOTS    5
#define HELD_MAX 3

struct endpoint {
    wmmf_channel *channel;
    uint64_t last; /* sequence of the newest frame that was seen through it */
};

static const char *name;
static char short_lived_name[WMMF_NAME_MAX + 1];
static struct endpoint home;
static struct endpoint window; /* the same channel, read-only */

static wmmf_frame new_frame(void) {
    wmmf_frame frame = {.struct_size = sizeof frame};
    return frame;
}

/* Writing. The number is also in the user's bytes. */

static void describe(wmmf_frame *frame, uint64_t value) {
    frame->used = SIZE;
    frame->user_size = sizeof value;
    memcpy(frame->user, &value, sizeof value);
}

static void was_published(struct endpoint *through, const wmmf_frame *frame) {
    expected("a published frame is the newest", frame->sequence > through->last);
    through->last = frame->sequence;
}

static void write_in_place(struct endpoint *through) {
    wmmf_frame frame = new_frame();
    if (!succeeded("begin", wmmf_channel_begin(through->channel, TIMEOUT, &frame)))
        return;
    uint64_t *words = frame.data, value = random_word();
    fill(words, value, WORDS / 2);
    linger(4);
    fill(words + WORDS / 2, value, WORDS / 2);
    describe(&frame, value);
    if (choose(8) == 0)
        succeeded("cancel", wmmf_channel_cancel(through->channel, &frame));
    else if (succeeded("publish", wmmf_channel_publish(through->channel, &frame)))
        was_published(through, &frame);
}

static void write_copy(struct endpoint *through) {
    uint64_t words[WORDS], value = random_word();
    wmmf_frame frame = new_frame();
    fill(words, value, WORDS);
    describe(&frame, value);
    if (succeeded("write", wmmf_channel_write(through->channel, words, TIMEOUT, &frame)))
        was_published(through, &frame);
}

/* Reading. */

/* Whether a frame came. It may be late, unless the timeout is the long one. */
static bool has_come(const char *call, int32_t status, int64_t timeout) {
    return (timeout == TIMEOUT || status != WMMF_E_TIMEOUT) && succeeded(call, status);
}

static void was_read(struct endpoint *through, uint64_t after, const wmmf_frame *frame, const uint64_t *words) {
    look(words, WORDS);
    expected("picture and description are of one frame", frame->used == SIZE && frame->user_size == sizeof *words &&
                                                             memcmp(frame->user, words, sizeof *words) == 0);
    expected("no frame is older than the one before", frame->sequence >= through->last);
    expected("what was missed lies between", frame->missed == (after == 0 ? 0 : frame->sequence - after - 1));
    through->last = frame->sequence;
}

static bool acquire(struct endpoint *through, uint64_t after, wmmf_frame *frame) {
    *frame = new_frame();
    int64_t timeout = after == 0 ? TIMEOUT : MOMENT;
    int32_t status = wmmf_channel_acquire(through->channel, after, timeout, frame);
    if (!has_come("acquire", status, timeout))
        return false;
    was_read(through, after, frame, frame->data);
    return true;
}

static void let_go(struct endpoint *through, const wmmf_frame *frame) {
    look(frame->data, WORDS);
    expected("a frame in hand does not change", memcmp(frame->user, frame->data, sizeof(uint64_t)) == 0);
    succeeded("release", wmmf_channel_release(through->channel, frame));
}

static void hold(struct endpoint *through) {
    wmmf_frame held[HELD_MAX];
    uint32_t count = 0, wanted = 1 + choose(HELD_MAX);
    while (count < wanted && acquire(through, count == 0 ? 0 : through->last, &held[count]))
        count++;
    linger(4);
    while (count > 0)
        let_go(through, &held[--count]);
}

static void read_copy(struct endpoint *through, uint64_t after, int64_t timeout) {
    uint64_t words[WORDS];
    wmmf_frame frame = new_frame();
    int32_t status = wmmf_channel_read(through->channel, after, words, SIZE, timeout, &frame);
    if (has_come("read", status, timeout))
        was_read(through, after, &frame, words);
}

static void wait_for_frame(void) {
    uint64_t sequence = 0;
    if (has_come("wait", wmmf_channel_wait(home.channel, home.last, MOMENT, &sequence), MOMENT))
        expected("a wait ends with a later frame", sequence > home.last);
}

/* Coming and going. */

static bool open_window(void) {
    wmmf_options options = {.struct_size = sizeof options, .read_only = 1};
    return succeeded("open read-only", wmmf_channel_open(name, &options, &window.channel));
}

static void finish(void) {
    wmmf_channel_close(window.channel);
    wmmf_channel_close(home.channel);
}

static void come_and_go(void) {
    finish();
    int32_t status = wmmf_channel_create_or_open(name, SIZE, SLOTS, NULL, &home.channel, NULL);
    if (!succeeded("create_or_open", status) || !open_window())
        exit(FAULTY);
}

static bool enter_short_lived(wmmf_channel **channel) {
    int32_t status = choose(2) ? wmmf_channel_create(short_lived_name, SIZE, SLOTS, NULL, channel)
                               : wmmf_channel_create_or_open(short_lived_name, SIZE, SLOTS, NULL, channel, NULL);
    if (status == WMMF_E_EXISTS)
        status = wmmf_channel_open(short_lived_name, NULL, channel);
    /* It may have ended before it could be opened. */
    return status != WMMF_E_NOT_FOUND && succeeded("enter", status);
}

/* A channel that is there only while somebody is in here, so that it begins and ends all the time. */
static void visit_short_lived(void) {
    struct endpoint visit = {NULL, 0};
    wmmf_frame forgotten;
    if (!enter_short_lived(&visit.channel))
        return;
    write_copy(&visit);
    hold(&visit);
    write_in_place(&visit);
    acquire(&visit, 0, &forgotten);
    wmmf_channel_close(visit.channel);
}

static bool start(const char *of_channel) {
    name = of_channel;
    snprintf(short_lived_name, sizeof short_lived_name, "%s-short-lived", name);
    return succeeded("open", wmmf_channel_open(name, NULL, &home.channel)) && open_window();
}

static void write_frame_in_place(void) {
    write_in_place(&home);
}

static void write_frame(void) {
    write_copy(&home);
}

static void hold_frames(void) {
    hold(&home);
}

static void read_newest(void) {
    read_copy(&home, 0, TIMEOUT);
}

static void read_next(void) {
    read_copy(&home, home.last, 0);
}

static void read_newest_without_rights(void) {
    read_copy(&window, 0, TIMEOUT);
}

static void read_next_without_rights(void) {
    read_copy(&window, window.last, 0);
}

static void wait_without_rights(void) {
    read_copy(&window, window.last, MOMENT);
}

static void (*const often[])(void) = {
    write_frame_in_place,     write_frame, hold_frames, read_newest, read_next, read_newest_without_rights,
    read_next_without_rights, NULL};
static void (*const seldom[])(void) = {come_and_go, visit_short_lived, wait_for_frame, wait_without_rights, NULL};
const struct work on_channel = {start, finish, often, seldom};
