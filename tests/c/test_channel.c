/* The frame channel as handles, threads and processes see it. */
#include <stdlib.h>

#include "atomic.h"
#include "channel_handle.h"
#include "harness.h"
#include "section.h"
#include "system.h"

#define CAPACITY 1000

static wmmf_channel *make(const char *name, uint32_t slots) {
    wmmf_channel *channel = NULL;
    REQUIRE_OK(wmmf_channel_create(name, CAPACITY, slots, NULL, &channel));
    return channel;
}

static wmmf_frame new_frame(void) {
    wmmf_frame frame = {.struct_size = sizeof frame};
    return frame;
}

/* A frame whose bytes all have this value. */
static uint64_t publish(wmmf_channel *channel, int value) {
    wmmf_frame frame = new_frame();
    REQUIRE_OK(wmmf_channel_begin(channel, LONG_TIMEOUT, &frame));
    memset(frame.data, value, CAPACITY);
    REQUIRE_OK(wmmf_channel_publish(channel, &frame));
    return frame.sequence;
}

static bool shows(const wmmf_frame *frame, int value) {
    const uint8_t *bytes = frame->data;
    for (uint64_t i = 0; i < frame->used; i++)
        if (bytes[i] != (uint8_t)value)
            return false;
    return frame->used == CAPACITY;
}

static void a_reader_gets_the_newest_frame_and_what_it_missed(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 0), *reader = open_channel(name, false);
    wmmf_frame frame = new_frame();
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire(reader, 0, 0, &frame));
    CHECK_EQUAL(1, publish(writer, 1));
    CHECK_EQUAL(2, publish(writer, 2));
    REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &frame));
    CHECK_EQUAL(2, frame.sequence);
    CHECK_EQUAL(0, frame.missed);
    CHECK(shows(&frame, 2));
    CHECK_EQUAL(0, (uintptr_t)frame.data % 64);
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire(reader, 2, SECOND / 100, &frame));
    for (int i = 3; i <= 6; i++)
        publish(writer, i);
    REQUIRE_OK(wmmf_channel_acquire(reader, 2, 0, &frame));
    CHECK_EQUAL(6, frame.sequence);
    CHECK_EQUAL(3, frame.missed);
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_release(reader, &frame));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void what_describes_a_frame_travels_with_it(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 0), *reader = open_channel(name, false);
    uint8_t picture[600], copy[600];
    wmmf_frame sent = new_frame(), got = new_frame();
    memset(picture, 7, sizeof picture);
    sent.used = 600;
    sent.width = 10;
    sent.height = 20;
    sent.stride = 30;
    sent.fourcc = 0x33524742;
    sent.timestamp_ns = 12345;
    sent.user_size = 64;
    memset(sent.user, 9, sizeof sent.user);
    REQUIRE_OK(wmmf_channel_write(writer, picture, 0, &sent));
    REQUIRE_OK(wmmf_channel_read(reader, 0, copy, sizeof copy, 0, &got));
    CHECK_EQUAL(1, sent.sequence);
    CHECK(memcmp(copy, picture, sizeof copy) == 0 && got.data == NULL && got.capacity == CAPACITY);
    CHECK(got.used == 600 && got.width == 10 && got.height == 20 && got.stride == 30 && got.fourcc == 0x33524742);
    CHECK(got.timestamp_ns == 12345 && got.user_size == 64 && memcmp(got.user, sent.user, 64) == 0);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_channel_read(reader, 0, copy, 599, 0, &got));
    CHECK_EQUAL(600, got.used);
    sent.timestamp_ns = 0;
    REQUIRE_OK(wmmf_channel_write(writer, picture, 0, &sent));
    CHECK(sent.timestamp_ns != 0);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static wmmf_frame picture_of(const char *fourcc, uint32_t width, uint32_t height, uint32_t stride, uint64_t used) {
    wmmf_frame frame = new_frame();
    for (int i = 3; fourcc && i >= 0; i--)
        frame.fourcc = frame.fourcc << 8 | (uint8_t)fourcc[i];
    frame.width = width;
    frame.height = height;
    frame.stride = stride;
    frame.used = used;
    return frame;
}

/* In a channel of 1000 bytes a frame. */
static void a_picture_is_as_large_as_its_description_says(void) {
    static const struct {
        const char *fourcc;
        uint32_t width, height, stride;
        uint64_t used;
        int32_t status;
        uint32_t stride_found;
    } cases[] = {
        {"BGR3", 10, 20, 0, 600, WMMF_OK, 30},
        {"BGR3", 10, 20, 40, 800, WMMF_OK, 40},
        {"BGR3", 1920, 1080, 0, 10, WMMF_E_RANGE, 0},
        {"BGR3", 10, 20, 0, 599, WMMF_E_RANGE, 0},
        {"BGR3", 10, 20, 29, 600, WMMF_E_ARGUMENT, 0},
        {"BGR3", 10, 0, 0, 600, WMMF_E_ARGUMENT, 0},
        {"BGR3", 0, 20, 0, 600, WMMF_E_ARGUMENT, 0},
        {"BGRA", UINT32_MAX, 1, 0, 600, WMMF_E_ARGUMENT, 0},
        {"GREY", UINT32_MAX, UINT32_MAX, 0, 600, WMMF_E_ARGUMENT, 0},
        {"NV12", 20, 20, 0, 600, WMMF_OK, 20},
        {"NV12", 20, 20, 0, 599, WMMF_E_RANGE, 0},
        {"I420", 20, 21, 0, 700, WMMF_E_ARGUMENT, 0},
        {"YUYV", 11, 2, 0, 100, WMMF_E_ARGUMENT, 0},
        {"Y16 ", 10, 20, 0, 400, WMMF_OK, 20},
        {"MJPG", 640, 480, 0, 77, WMMF_OK, 0},
        {"ABCD", 640, 480, 0, 77, WMMF_OK, 0},
        {"ABCD", 640, 480, 1, 77, WMMF_E_RANGE, 0},
        {NULL, UINT32_MAX, UINT32_MAX, UINT32_MAX, 1000, WMMF_E_RANGE, 0},
    };
    wmmf_channel *channel = make(new_name(), 0);
    uint8_t bytes[CAPACITY] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wmmf_frame frame = picture_of(cases[i].fourcc, cases[i].width, cases[i].height, cases[i].stride, cases[i].used);
        CHECK_STATUS(cases[i].status, wmmf_channel_write(channel, bytes, 0, &frame));
        if (cases[i].status == WMMF_OK)
            CHECK_EQUAL(cases[i].stride_found, frame.stride);
    }
    uint32_t stride = 0;
    uint64_t size = 0;
    REQUIRE_OK(wmmf_picture_size(picture_of("NV12", 0, 0, 0, 0).fourcc, 640, 480, &stride, &size));
    CHECK(stride == 640 && size == 640 * 720);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_picture_size(0, 640, 480, &stride, &size));
    wmmf_channel_close(channel);
}

static wmmf_frame array_of(uint32_t element, uint32_t dimensions, uint64_t first, uint64_t second, uint64_t used) {
    wmmf_frame frame = new_frame();
    frame.element = element;
    frame.dimensions = dimensions;
    frame.shape[0] = first;
    frame.shape[1] = second;
    frame.used = used;
    return frame;
}

static void an_array_keeps_its_element_and_its_shape(void) {
    static const struct {
        uint32_t element, dimensions;
        uint64_t first, second, used;
        int32_t status;
    } cases[] = {
        {WMMF_ELEMENT_FLOAT32, 2, 10, 12, 480, WMMF_OK},
        {WMMF_ELEMENT_COMPLEX128, 0, 0, 0, 16, WMMF_OK},
        {WMMF_ELEMENT_INT16, 2, 0, UINT64_MAX, 0, WMMF_OK},
        {WMMF_ELEMENT_FLOAT32, 2, 10, 12, 481, WMMF_E_ARGUMENT},
        {WMMF_ELEMENT_FLOAT32, 2, 10, 12, 479, WMMF_E_RANGE},
        {WMMF_ELEMENT_FLOAT64, 2, UINT64_C(1) << 32, UINT64_C(1) << 32, 480, WMMF_E_RANGE},
        {WMMF_ELEMENT_COMPLEX128 + 1, 1, 10, 0, 160, WMMF_E_ARGUMENT},
        {WMMF_ELEMENT_UINT8, WMMF_FRAME_DIMENSIONS_MAX + 1, 10, 10, 100, WMMF_E_ARGUMENT},
        {WMMF_ELEMENT_NONE, 1, 10, 0, 10, WMMF_E_ARGUMENT},
    };
    wmmf_channel *channel = make(new_name(), 0);
    uint8_t bytes[CAPACITY] = {0}, copy[CAPACITY];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wmmf_frame got = new_frame(), sent = array_of(cases[i].element, cases[i].dimensions, cases[i].first,
                                                      cases[i].second, cases[i].used);
        sent.device_timestamp = 5;
        sent.device_frame = i + 1;
        CHECK_STATUS(cases[i].status, wmmf_channel_write(channel, bytes, 0, &sent));
        if (cases[i].status != WMMF_OK)
            continue;
        REQUIRE_OK(wmmf_channel_read(channel, 0, copy, sizeof copy, 0, &got));
        CHECK(got.element == sent.element && got.dimensions == sent.dimensions && got.used == sent.used);
        for (uint32_t d = 0; d < sent.dimensions; d++)
            CHECK_EQUAL(sent.shape[d], got.shape[d]);
        CHECK(got.device_timestamp == 5 && got.device_frame == i + 1);
    }
    wmmf_frame both = array_of(WMMF_ELEMENT_UINT8, 2, 10, 10, 100);
    both.fourcc = picture_of("GREY", 0, 0, 0, 0).fourcc;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_write(channel, bytes, 0, &both));
    wmmf_channel_close(channel);
}

static void the_latest_is_had_again_and_says_what_was_missed(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 0), *reader = open_channel(name, false), *copier = open_channel(name, true);
    wmmf_frame frame = new_frame(), copied = new_frame();
    uint8_t copy[CAPACITY];
    for (int i = 1; i <= 5; i++)
        publish(writer, i);
    for (uint64_t had = 0; had <= 5; had++) {
        REQUIRE_OK(wmmf_channel_acquire_pick(reader, WMMF_PICK_LATEST, had, 0, &frame));
        REQUIRE_OK(wmmf_channel_read_pick(copier, WMMF_PICK_LATEST, had, copy, sizeof copy, 0, &copied));
        uint64_t missed = had == 0 || had == 5 ? 0 : 4 - had;
        CHECK(frame.sequence == 5 && frame.missed == missed && copied.sequence == 5 && copied.missed == missed);
        REQUIRE_OK(wmmf_channel_release(reader, &frame));
    }
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_pick(reader, 99, 0, 0, &frame));
    wmmf_channel_close(copier);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void a_pinned_frame_stays_as_it_is(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3), *reader = open_channel(name, false);
    wmmf_frame one = new_frame(), again = new_frame(), two = new_frame(), begun = new_frame();
    publish(writer, 1);
    REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &one));
    REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &again));
    for (int i = 2; i <= 9; i++)
        publish(writer, i);
    CHECK(shows(&one, 1));
    REQUIRE_OK(wmmf_channel_acquire(reader, 1, 0, &two));
    CHECK(shows(&two, 9));
    publish(writer, 10); /* into the third slot: now each is pinned or the newest */
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_begin(writer, 0, &begun));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_begin(writer, SECOND / 50, &begun));
    REQUIRE_OK(wmmf_channel_release(reader, &one));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_begin(writer, 0, &begun)); /* there is another pin on it */
    REQUIRE_OK(wmmf_channel_release(reader, &again));
    publish(writer, 11);
    CHECK(shows(&two, 9));
    REQUIRE_OK(wmmf_channel_release(reader, &two));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

struct reading {
    wmmf_section *section;
    wmmf_channel *reader;
    const wmmf_frame *frame;
};

static void release_when_a_writer_waits(void *argument) {
    const struct reading *reading = argument;
    wait_until_writing(reading->section, 0);
    REQUIRE_OK(wmmf_channel_release(reading->reader, reading->frame));
}

static void a_writer_may_wait_for_a_slot(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3), *reader = open_channel(name, false);
    wmmf_frame held[2] = {new_frame(), new_frame()};
    for (int i = 0; i < 2; i++) {
        publish(writer, i);
        REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &held[i]));
    }
    publish(writer, 2);
    struct reading reading = {open_read_only(name, WMMF_NATIVE), reader, &held[0]};
    struct thread *thread = thread_start(release_when_a_writer_waits, &reading);
    CHECK_EQUAL(4, publish(writer, 3));
    thread_join(thread);
    wmmf_close(reading.section);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void a_frame_that_is_not_published_was_never_there(void) {
    wmmf_channel *writer = make(new_name(), 3);
    wmmf_frame frame = new_frame(), got = new_frame();
    REQUIRE_OK(wmmf_channel_begin(writer, 0, &frame));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_channel_begin(writer, -1, &got));
    frame.hold++;
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_publish(writer, &frame));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_cancel(writer, &frame));
    frame.hold--;
    REQUIRE_OK(wmmf_channel_cancel(writer, &frame));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_publish(writer, &frame));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire(writer, 0, 0, &got));
    CHECK_EQUAL(1, publish(writer, 1));
    wmmf_channel_close(writer);
}

static void only_published_frames_count_as_written(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3), *reader = open_channel(name, false);
    wmmf_section *section = open_read_only(name, WMMF_NATIVE);
    wmmf_frame frame = new_frame(), held[2] = {new_frame(), new_frame()};
    REQUIRE_OK(wmmf_channel_begin(writer, 0, &frame));
    CHECK_EQUAL(1, participant_of(section, 0).writing);
    REQUIRE_OK(wmmf_channel_cancel(writer, &frame));
    CHECK_EQUAL(0, participant_of(section, 0).writes);
    for (int i = 0; i < 2; i++) {
        publish(writer, i);
        REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &held[i]));
    }
    publish(writer, 2);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_begin(writer, 0, &frame)); /* no slot is free */
    REQUIRE_OK(wmmf_channel_resize(writer, 2 * CAPACITY, 0, 0, 0));
    CHECK_EQUAL(3, participant_of(section, 0).writes);
    CHECK_EQUAL(0, participant_of(section, 0).writing);
    wmmf_close(section);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void writers_take_turns(void) {
    const char *name = new_name();
    wmmf_channel *one = make(name, 3), *two = open_channel(name, false);
    wmmf_frame frame = new_frame(), other = new_frame();
    REQUIRE_OK(wmmf_channel_begin(one, 0, &frame));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_channel_begin(two, 0, &other));
    REQUIRE_OK(wmmf_channel_publish(one, &frame));
    CHECK_EQUAL(2, publish(two, 2));
    CHECK_EQUAL(3, publish(one, 3));
    wmmf_channel_close(one);
    CHECK_EQUAL(4, publish(two, 4)); /* the creator has gone, the channel stays */
    wmmf_channel_close(two);
}

/* Without a readers' section, like a reader whom its access rights keep out. */
static void a_reader_that_cannot_pin_copies(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3), *reader = open_channel(name, true);
    wmmf_frame frame = new_frame();
    wmmf_channel_info info = {.struct_size = sizeof info};
    uint8_t copy[CAPACITY];
    uint64_t sequence = 0;
    section_close(channel_base(reader)->readers.section);
    channel_base(reader)->readers.section = NULL;
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_read(reader, 0, copy, sizeof copy, SECOND / 100, &frame));
    publish(writer, 5);
    REQUIRE_OK(wmmf_channel_read(reader, 0, copy, sizeof copy, 0, &frame));
    CHECK(frame.sequence == 1 && copy[0] == 5 && copy[CAPACITY - 1] == 5);
    REQUIRE_OK(wmmf_channel_wait(reader, 0, 0, &sequence));
    CHECK_EQUAL(1, sequence);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_wait(reader, 1, 0, &sequence));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_channel_acquire(reader, 0, 0, &frame));
    REQUIRE_OK(wmmf_channel_get_info(reader, &info));
    CHECK(info.read_only && !info.in_place);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* Small pictures are copied without a pin, large ones with a pin. The tests with sanitizers notice a copy from NULL. */
static void an_empty_frame_needs_no_buffer(void) {
    for (uint64_t capacity = 1; capacity <= 1000000; capacity *= 1000) {
        wmmf_channel *channel = NULL;
        wmmf_frame frame = new_frame();
        REQUIRE_OK(wmmf_channel_create(new_name(), capacity, 3, NULL, &channel));
        REQUIRE_OK(wmmf_channel_write(channel, NULL, 0, &frame));
        REQUIRE_OK(wmmf_channel_read(channel, 0, NULL, 0, 0, &frame));
        CHECK(frame.sequence == 1 && frame.used == 0);
        wmmf_channel_close(channel);
    }
}

static void bad_frames_are_refused(void) {
    wmmf_channel *channel = make(new_name(), 3);
    wmmf_frame frame = new_frame();
    uint8_t bytes[CAPACITY + 1] = {0};
    frame.used = CAPACITY + 1;
    CHECK_STATUS(WMMF_E_RANGE, wmmf_channel_write(channel, bytes, 0, &frame));
    frame.used = 100;
    frame.width = 1;
    frame.height = 11;
    frame.stride = 10;
    CHECK_STATUS(WMMF_E_RANGE, wmmf_channel_write(channel, bytes, 0, &frame));
    frame.height = 10;
    frame.user_size = 65;
    CHECK_STATUS(WMMF_E_RANGE, wmmf_channel_write(channel, bytes, 0, &frame));
    frame.user_size = 0;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_write(channel, NULL, 0, &frame));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_write(channel, bytes, 0, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_write(NULL, bytes, 0, &frame));
    frame.struct_size--;
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_channel_write(channel, bytes, 0, &frame));
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_channel_begin(channel, 0, &frame));
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_channel_acquire(channel, 0, 0, &frame));
    CHECK_EQUAL(1, publish(channel, 1));
    wmmf_channel_close(channel);
}

static void bad_channels_are_refused(void) {
    const char *name = new_name();
    wmmf_channel *channel = NULL;
    wmmf_options winmmf = options_of(WMMF_WINMMF, WMMF_LOCAL);
    CHECK_STATUS(WMMF_E_SIZE, wmmf_channel_create(name, 0, 3, NULL, &channel));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_channel_create(name, UINT64_MAX, 3, NULL, &channel));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_create(name, 100, 2, NULL, &channel));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_create(name, 100, WMMF_CHANNEL_SLOTS_MAX + 1, NULL, &channel));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_create(name, 100, 3, &winmmf, &channel));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_create(name, 100, 3, NULL, NULL));
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_channel_open(name, NULL, &channel));
    wmmf_section *plain = create(name, 10000, WMMF_NATIVE);
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_channel_open(name, NULL, &channel));
    CHECK_STATUS(WMMF_E_EXISTS, wmmf_channel_create(name, 100, 3, NULL, &channel));
    wmmf_close(plain);
    CHECK(channel == NULL);
}

static void a_channel_is_no_plain_section(void) {
    const char *name = new_name();
    wmmf_channel *channel = make(name, 3);
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *section = NULL;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(name, 0, &options, &section));
    wmmf_close(open_read_only(name, WMMF_NATIVE));
    wmmf_channel_close(channel);
}

static void a_writer_comes_back_to_its_channel(void) {
    const char *name = new_name();
    wmmf_channel *writer = NULL;
    int32_t created = 7;
    REQUIRE_OK(wmmf_channel_create_or_open(name, CAPACITY, 3, NULL, &writer, &created));
    CHECK_EQUAL(1, created);
    publish(writer, 1);
    wmmf_channel *reader = open_channel(name, false);
    wmmf_channel_close(writer);
    REQUIRE_OK(wmmf_channel_create_or_open(name, CAPACITY, 3, NULL, &writer, &created));
    CHECK_EQUAL(0, created);
    CHECK_EQUAL(2, publish(writer, 2));
    wmmf_frame frame = new_frame();
    REQUIRE_OK(wmmf_channel_acquire(reader, 1, 0, &frame));
    CHECK(shows(&frame, 2));
    wmmf_channel_info info = {.struct_size = sizeof info};
    REQUIRE_OK(wmmf_channel_get_info(reader, &info));
    CHECK(info.sequence == 2 && info.slots == 3 && info.capacity == CAPACITY &&
          info.participants == WMMF_CHANNEL_PARTICIPANTS_DEFAULT);
    CHECK(info.timestamp_ns == frame.timestamp_ns && info.now_ns >= info.timestamp_ns && !info.read_only);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void there_are_only_so_many_readers(void) {
    const char *name = new_name();
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_channel *channels[4] = {NULL};
    options.participants = 3;
    REQUIRE_OK(wmmf_channel_create(name, CAPACITY, 3, &options, &channels[0]));
    channels[1] = open_channel(name, false);
    channels[2] = open_channel(name, false);
    CHECK_STATUS(WMMF_E_FULL, wmmf_channel_open(name, NULL, &channels[3]));
    wmmf_channel_close(channels[1]);
    channels[1] = open_channel(name, false);
    for (int i = 0; i < 3; i++)
        wmmf_channel_close(channels[i]);
}

/* What a thread reads while frames are published without a pause. */
struct watcher {
    wmmf_channel *channel;
    bool copies;
    uint32_t stop;
    uint32_t frames;
    int torn;
};

static void watch(void *argument) {
    struct watcher *watcher = argument;
    uint8_t *copy = malloc(CAPACITY);
    uint64_t last = 0;
    while (!load_relaxed_u32(&watcher->stop)) {
        wmmf_frame frame = new_frame();
        int32_t status = watcher->copies
                             ? wmmf_channel_read(watcher->channel, last, copy, CAPACITY, SECOND / 20, &frame)
                             : wmmf_channel_acquire(watcher->channel, last, SECOND / 20, &frame);
        if (status == WMMF_E_TIMEOUT)
            continue;
        REQUIRE_OK(status);
        const uint8_t *bytes = watcher->copies ? copy : frame.data;
        watcher->torn += memcmp(bytes, bytes + 1, CAPACITY - 1) != 0 || bytes[0] != (uint8_t)frame.sequence;
        add_seq_u32(&watcher->frames, 1);
        last = frame.sequence;
        if (!watcher->copies)
            REQUIRE_OK(wmmf_channel_release(watcher->channel, &frame));
    }
    free(copy);
}

static bool all_have_seen_frames(const struct watcher *watchers, int count) {
    for (int i = 0; i < count; i++)
        if (load_relaxed_u32(&watchers[i].frames) == 0)
            return false;
    return true;
}

static void no_frame_is_torn(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 4);
    struct watcher watchers[3] = {{.channel = open_channel(name, false)},
                                  {.channel = open_channel(name, false), .copies = true},
                                  {.channel = open_channel(name, true), .copies = true}};
    struct thread *threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = thread_start(watch, &watchers[i]);
    uint64_t last = 0;
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    while (last < 20000 || (!all_have_seen_frames(watchers, 3) && system_now_ns() < deadline))
        last = publish(writer, (int)(last + 1));
    for (int i = 0; i < 3; i++) {
        store_relaxed_u32(&watchers[i].stop, 1);
        thread_join(threads[i]);
        CHECK(watchers[i].frames > 0);
        CHECK_EQUAL(0, watchers[i].torn);
        wmmf_channel_close(watchers[i].channel);
    }
    wmmf_channel_close(writer);
}

/* Deaths. */

static int pin_and_wait(const char *section_name) {
    wmmf_channel *channel = open_channel(section_name, false);
    wmmf_frame frame = new_frame();
    if (wmmf_channel_acquire(channel, 0, LONG_TIMEOUT, &frame) != WMMF_OK)
        return 1;
    say("pinned");
    return heard("never");
}

static int begin_and_wait(const char *section_name) {
    wmmf_channel *channel = open_channel(section_name, false);
    wmmf_frame frame = new_frame();
    if (wmmf_channel_begin(channel, LONG_TIMEOUT, &frame) != WMMF_OK)
        return 1;
    memset(frame.data, 0xEE, CAPACITY);
    say("begun");
    return heard("never");
}

static void a_dead_reader_gives_its_slot_back(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3);
    publish(writer, 1);
    struct child *one = child_start("pin_and_wait", name);
    CHECK(child_said(one, "pinned"));
    publish(writer, 2);
    struct child *two = child_start("pin_and_wait", name);
    CHECK(child_said(two, "pinned"));
    publish(writer, 3);
    wmmf_frame frame = new_frame();
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_begin(writer, 0, &frame));
    child_kill(one);
    CHECK_EQUAL(4, publish(writer, 4));
    child_kill(two);
    CHECK_EQUAL(5, publish(writer, 5));
    wmmf_channel_close(writer);
}

static void a_dead_writer_leaves_nothing(void) {
    const char *name = new_name();
    wmmf_channel *channel = make(name, 3);
    publish(channel, 1);
    struct child *child = child_start("begin_and_wait", name);
    CHECK(child_said(child, "begun"));
    wmmf_frame frame = new_frame();
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_begin(channel, 0, &frame));
    child_kill(child);
    REQUIRE_OK(wmmf_channel_acquire(channel, 0, 0, &frame));
    CHECK(frame.sequence == 1 && shows(&frame, 1));
    REQUIRE_OK(wmmf_channel_release(channel, &frame));
    CHECK_EQUAL(2, publish(channel, 2));
    wmmf_channel_close(channel);
}

/* Like a camera: skips a frame if no slot is free at once. */
static void a_writer_that_never_waits_follows_a_dead_one(void) {
    const char *name = new_name();
    wmmf_channel *channel = make(name, 3);
    wmmf_frame frame = new_frame();
    struct child *child = child_start("begin_and_wait", name);
    CHECK(child_said(child, "begun"));
    child_kill(child);
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    int32_t status;
    do
        status = wmmf_channel_begin(channel, 0, &frame);
    while (status == WMMF_E_TIMEOUT && system_now_ns() < deadline);
    CHECK_STATUS(WMMF_OK, status);
    wmmf_channel_close(channel);
}

static const struct test tests[] = {
    TEST(a_reader_gets_the_newest_frame_and_what_it_missed),
    TEST(what_describes_a_frame_travels_with_it),
    TEST(a_picture_is_as_large_as_its_description_says),
    TEST(an_array_keeps_its_element_and_its_shape),
    TEST(the_latest_is_had_again_and_says_what_was_missed),
    TEST(a_pinned_frame_stays_as_it_is),
    TEST(a_writer_may_wait_for_a_slot),
    TEST(a_frame_that_is_not_published_was_never_there),
    TEST(only_published_frames_count_as_written),
    TEST(writers_take_turns),
    TEST(a_reader_that_cannot_pin_copies),
    TEST(an_empty_frame_needs_no_buffer),
    TEST(bad_frames_are_refused),
    TEST(bad_channels_are_refused),
    TEST(a_channel_is_no_plain_section),
    TEST(a_writer_comes_back_to_its_channel),
    TEST(there_are_only_so_many_readers),
    TEST(no_frame_is_torn),
    TEST(a_dead_reader_gives_its_slot_back),
    TEST(a_dead_writer_leaves_nothing),
    TEST(a_writer_that_never_waits_follows_a_dead_one),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(pin_and_wait),
    ROLE(begin_and_wait),
    {NULL, NULL},
};

const struct suite suite_channel = {tests, roles};
