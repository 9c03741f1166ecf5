/* What the parts of a channel are for: readers that can only read, pictures that are replaced, a history. */
#include <stdio.h>
#include <stdlib.h>
#ifndef _WIN32
#include <unistd.h>
#endif

#include "atomic.h"
#include "channel_handle.h"
#include "harness.h"
#include "system.h"

#define CAPACITY 1000

static wmmf_frame new_frame(void) {
    wmmf_frame frame = {.struct_size = sizeof frame};
    return frame;
}

static wmmf_channel *make(const char *name, uint32_t slots, uint32_t history, uint32_t pins, int64_t pin_limit_ns) {
    wmmf_channel_options more = {.struct_size = sizeof more, .history = history, .pins = pins};
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_channel *channel = NULL;
    more.pin_limit_ns = (uint64_t)pin_limit_ns;
    options.channel = &more;
    REQUIRE_OK(wmmf_channel_create(name, CAPACITY, slots, &options, &channel));
    return channel;
}

/* Four bytes of this value. */
static uint32_t word_of(int value) {
    return (uint8_t)value * UINT32_C(0x01010101);
}

/* Pictures are stored and loaded atomically, word by word: if a pin was removed, a writer and a reader use the slot at
 * the same time. */
static void fill(const wmmf_frame *frame, int value) {
    shared_u32 *words = frame->data;
    for (uint64_t i = 0; i < CAPACITY / sizeof *words; i++)
        store_relaxed_u32(&words[i], word_of(value));
}

static bool shows(const wmmf_frame *frame, int value) {
    const shared_u32 *words = frame->data;
    for (uint64_t i = 0; i < CAPACITY / sizeof *words; i++)
        if (load_relaxed_u32(&words[i]) != word_of(value))
            return false;
    return frame->used >= CAPACITY;
}

/* A frame whose bytes all have this value. */
static int32_t publish_within(wmmf_channel *channel, int value, int64_t timeout_ns, uint64_t *sequence) {
    wmmf_frame frame = new_frame();
    int32_t status = wmmf_channel_begin(channel, timeout_ns, &frame);
    if (status != WMMF_OK)
        return status;
    fill(&frame, value);
    frame.timestamp_ns = (uint64_t)value * 100;
    frame.used = CAPACITY;
    status = wmmf_channel_publish(channel, &frame);
    *sequence = frame.sequence;
    return status;
}

static int32_t try_publish(wmmf_channel *channel, int value, uint64_t *sequence) {
    return publish_within(channel, value, 0, sequence);
}

static uint64_t publish(wmmf_channel *channel, int value) {
    uint64_t sequence = 0;
    REQUIRE_OK(publish_within(channel, value, LONG_TIMEOUT, &sequence)); /* a standby may be looking, with the lock */
    return sequence;
}

static wmmf_channel_info channel_info_of(wmmf_channel *channel) {
    wmmf_channel_info info = {.struct_size = sizeof info};
    REQUIRE_OK(wmmf_channel_get_info(channel, &info));
    return info;
}

static wmmf_frame acquire(wmmf_channel *channel, uint32_t pick, uint64_t after) {
    wmmf_frame frame = new_frame();
    REQUIRE_OK(wmmf_channel_acquire_pick(channel, pick, after, 0, &frame));
    return frame;
}

/* Readers. */

static void a_reader_with_read_rights_reads_in_place(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0), *reader = open_channel(name, true);
    wmmf_frame frame = new_frame(), begun = new_frame();
    publish(writer, 1);
    wmmf_frame one = acquire(reader, WMMF_PICK_NEXT, 0);
    CHECK(shows(&one, 1));
    for (int i = 2; i <= 9; i++)
        publish(writer, i);
    CHECK(shows(&one, 1));
    wmmf_frame two = acquire(reader, WMMF_PICK_NEXT, 1);
    CHECK(shows(&two, 9) && two.missed == 7);
    publish(writer, 10);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_begin(writer, 0, &begun));
    CHECK_STATUS(WMMF_OK, wmmf_channel_intact(reader, &one));
    REQUIRE_OK(wmmf_channel_release(reader, &one));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_release(reader, &one));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_intact(reader, &one));
    publish(writer, 11);
    CHECK(shows(&two, 9));
    REQUIRE_OK(wmmf_channel_release(reader, &two));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_channel_begin(reader, 0, &frame));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_channel_resize(reader, 0, 0, 0, 0));
    wmmf_channel_info info = channel_info_of(reader);
    CHECK(info.read_only && info.in_place && info.pins == WMMF_CHANNEL_PINS_DEFAULT);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static int scribble(const char *name) {
    wmmf_channel *reader = open_channel(name, true);
    wmmf_frame frame = acquire(reader, WMMF_PICK_NEXT, 0);
    say("reading");
    memset(frame.data, 0xFF, CAPACITY); /* the end of this process */
    say("written");
    return 0;
}

static int scribble_on_newest(const char *name) {
    wmmf_channel *reader = open_channel(name, true);
    struct generation *generation = generation_enter(reader);
    say("reading");
    generation->pictures.header->newest = 0;
    say("written");
    return 0;
}

static int scribble_on_the_lock(const char *name) {
    wmmf_channel *reader = open_channel(name, true);
    say("reading");
    channel_base(reader)->section->header->lock = 0;
    say("written");
    return 0;
}

static void no_store_of_a_reader_reaches_a_picture(void) {
    const char *const scribblers[] = {"scribble", "scribble_on_newest", "scribble_on_the_lock"};
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0);
    publish(writer, 7);
    for (size_t i = 0; i < sizeof scribblers / sizeof *scribblers; i++) {
        struct child *child = child_start(scribblers[i], name);
        CHECK(child_said(child, "reading"));
        CHECK(!child_said(child, "written"));
        CHECK(child_end(child) != 0);
    }
    wmmf_frame frame = acquire(writer, WMMF_PICK_LATEST, 0);
    CHECK(shows(&frame, 7));
    REQUIRE_OK(wmmf_channel_release(writer, &frame));
    wmmf_channel_close(writer);
}

static int hold_and_wait(const char *name) {
    wmmf_channel *reader = open_channel(name, true);
    wmmf_frame frame = acquire(reader, WMMF_PICK_NEXT, 0);
    say("pinned");
    heard("never");
    return frame.sequence == 0;
}

static void the_pin_of_a_dead_reader_goes(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0);
    uint64_t sequence;
    publish(writer, 1);
    struct child *child = child_start("hold_and_wait", name), *other;
    CHECK(child_said(child, "pinned"));
    publish(writer, 2);
    other = child_start("hold_and_wait", name);
    CHECK(child_said(other, "pinned"));
    publish(writer, 3);
    CHECK_STATUS(WMMF_E_TIMEOUT, try_publish(writer, 4, &sequence));
    child_kill(child);
    CHECK_STATUS(WMMF_OK, try_publish(writer, 4, &sequence));
    CHECK_STATUS(WMMF_OK, try_publish(writer, 5, &sequence));
    child_kill(other);
    wmmf_channel_close(writer);
}

static void a_reader_has_so_many_pins(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 12, 0, 3, 0), *reader = open_channel(name, true);
    wmmf_frame frames[3], again = new_frame(), frame = new_frame();
    for (int i = 0; i < 3; i++) {
        publish(writer, i + 1);
        frames[i] = acquire(reader, WMMF_PICK_NEXT, 0);
    }
    REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &again)); /* the same frame once more is the same pin */
    publish(writer, 4);
    CHECK_STATUS(WMMF_E_FULL, wmmf_channel_acquire(reader, 0, 0, &frame));
    REQUIRE_OK(wmmf_channel_release(reader, &frames[2]));
    CHECK_STATUS(WMMF_E_FULL, wmmf_channel_acquire(reader, 0, 0, &frame));
    REQUIRE_OK(wmmf_channel_release(reader, &again));
    REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &frame));
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    CHECK(shows(&frames[0], 1) && shows(&frames[1], 2));
    for (int i = 0; i < 2; i++)
        REQUIRE_OK(wmmf_channel_release(reader, &frames[i]));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void a_frame_whose_pin_was_removed_is_not_intact(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0), *reader = open_channel(name, true),
                 *hostile = open_channel(name, true);
    publish(writer, 1);
    wmmf_frame frame = acquire(reader, WMMF_PICK_NEXT, 0);
    wmmf_section *readers = channel_base(hostile)->readers.section;
    memset((void *)readers->pins, 0, (size_t)readers->size);
    CHECK_STATUS(WMMF_OK, wmmf_channel_intact(reader, &frame)); /* nobody needed the slot yet */
    for (int i = 2; i < 9; i++)
        publish(writer, i);
    CHECK_STATUS(WMMF_E_NOT_INTACT, wmmf_channel_intact(reader, &frame));
    CHECK_STATUS(WMMF_E_NOT_INTACT, wmmf_channel_release(reader, &frame));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_release(reader, &frame));
    wmmf_channel_close(hostile);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* By default the channel and its readers take a page each. */
static void a_page_for_each_part_but_the_pictures(void) {
    wmmf_channel *channel = make(new_name(), 3, 0, 0, 0);
    const struct base *base = channel_base(channel);
    CHECK(platform_mapped_size(base->section->mapping) <= 4096);
    CHECK_EQUAL(4096, platform_mapped_size(base->readers.section->mapping)); /* with no room for another record */
    CHECK_EQUAL(WMMF_CHANNEL_PINS_DEFAULT, base->readers.pins);
    CHECK_EQUAL(WMMF_CHANNEL_PARTICIPANTS_DEFAULT, channel_info_of(channel).participants);
    wmmf_channel_close(channel);
}

/* By default, and with as many records as the creator asks for. */
static void a_reader_without_a_record_gets_copies(void) {
    enum { MORE = WMMF_CHANNEL_PARTICIPANTS_DEFAULT + 12 };
    static const uint32_t asked[] = {0, MORE}, records[] = {WMMF_CHANNEL_PARTICIPANTS_DEFAULT, MORE};
    for (int i = 0; i < 2; i++) {
        const char *name = new_name();
        wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
        options.participants = asked[i];
        wmmf_channel *writer = NULL, *readers[MORE];
        REQUIRE_OK(wmmf_channel_create(name, CAPACITY, 3, &options, &writer));
        for (uint32_t k = 0; k < records[i]; k++) /* the writer also has one */
            readers[k] = open_channel(name, true);
        wmmf_channel *last = readers[records[i] - 1];
        publish(writer, 7);
        for (uint32_t k = 0; k < records[i]; k++)
            CHECK_EQUAL(readers[k] != last, channel_info_of(readers[k]).in_place);
        uint8_t copy[CAPACITY];
        wmmf_frame frame = new_frame();
        CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_channel_acquire(last, 0, 0, &frame));
        REQUIRE_OK(wmmf_channel_read(last, 0, copy, sizeof copy, 0, &frame));
        CHECK(frame.sequence == 1 && copy[0] == 7 && copy[CAPACITY - 1] == 7);
        for (uint32_t k = 0; k < records[i]; k++)
            wmmf_channel_close(readers[k]);
        wmmf_channel_close(writer);
    }
}

struct hostile {
    wmmf_channel *channel;
    shared_u32 stop;
};

/* Everything that a reader may write, all the time. */
static void write_garbage(void *argument) {
    struct hostile *it = argument;
    wmmf_section *readers = channel_base(it->channel)->readers.section;
    shared_u32 *words = (shared_u32 *)readers->header;
    size_t size = (size_t)(readers->payload - (uint8_t *)words) + (size_t)readers->size;
    uint32_t random = 1;
    while (!load_relaxed_u32(&it->stop)) {
        for (size_t i = 0; i < size / sizeof *words; i++) {
            random = random * 1664525 + 1013904223;
            store_relaxed_u32(&words[i], random);
        }
    }
    memset(words, 0, size);
}

/* The writer goes on within its timeouts; readers get whole frames, or a status that says otherwise. */
/* A second, or as long as ./run stress says. */
static int64_t garbage_ns(void) {
    const char *seconds = getenv("WMMF_TEST_GARBAGE_SECONDS");
    return (seconds ? atoi(seconds) : 1) * SECOND;
}

/* An honest reader, in a thread of its own, so that a writer may come in between. */
struct honest {
    wmmf_channel *channel;
    shared_u32 stop;
    uint64_t whole, told, torn; /* the status says that the frame is not intact */
};

static void look_until_stopped(void *argument) {
    struct honest *it = argument;
    while (!load_relaxed_u32(&it->stop)) {
        wmmf_frame frame = new_frame();
        if (wmmf_channel_acquire(it->channel, 0, SECOND / 100, &frame) != WMMF_OK)
            continue;
        bool same = shows(&frame, (uint8_t)load_relaxed_u32(frame.data));
        bool intact = wmmf_channel_release(it->channel, &frame) == WMMF_OK;
        it->whole += intact && same;
        it->torn += intact && !same;
        it->told += !intact;
    }
}

static void garbage_of_a_reader_stops_nobody(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 4, 0, 0, SECOND / 100);
    struct hostile hostile = {.channel = open_channel(name, true)};
    struct honest honest = {.channel = open_channel(name, true)};
    struct thread *threads[] = {thread_start(write_garbage, &hostile), thread_start(look_until_stopped, &honest)};
    int64_t start = system_now_ns(), duration = garbage_ns();
    uint64_t published = 0, sequence;
    while (system_now_ns() < start + duration) {
        int64_t before = system_now_ns();
        int32_t status = try_publish(writer, (int)(published % 200) + 1, &sequence);
        CHECK(system_now_ns() - before < 2 * SECOND);
        if (status == WMMF_OK)
            published++;
        else if (!CHECK_STATUS(WMMF_E_TIMEOUT, status))
            break;
    }
    store_relaxed_u32(&honest.stop, 1);
    thread_join(threads[1]);
    CHECK(published > 10 && honest.whole > 10);
    CHECK_EQUAL(0, honest.torn);
    printf("%llu frames published, %llu had whole, %llu told that they are not, %llu torn\n",
           (unsigned long long)published, (unsigned long long)honest.whole, (unsigned long long)honest.told,
           (unsigned long long)honest.torn);
    store_relaxed_u32(&hostile.stop, 1);
    thread_join(threads[0]);
    CHECK_EQUAL(0, channel_info_of(writer).nameless);
    wmmf_channel *late = open_channel(name, true);
    publish(writer, 9);
    wmmf_channel_close(late);
    wmmf_channel_close(hostile.channel);
    wmmf_channel_close(honest.channel);
    wmmf_channel_close(writer);
}

static void an_old_pin_is_taken_back(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, SECOND / 5), *reader = open_channel(name, true);
    uint64_t sequence;
    publish(writer, 1);
    wmmf_frame one = acquire(reader, WMMF_PICK_NEXT, 0);
    publish(writer, 2);
    wmmf_frame two = acquire(reader, WMMF_PICK_NEXT, 1);
    publish(writer, 3);
    int64_t start = system_now_ns();
    CHECK_STATUS(WMMF_E_TIMEOUT, try_publish(writer, 4, &sequence));
    CHECK(shows(&one, 1) && shows(&two, 2));
    int32_t status;
    while ((status = try_publish(writer, 4, &sequence)) == WMMF_E_TIMEOUT && system_now_ns() < start + LONG_TIMEOUT)
        continue;
    CHECK_STATUS(WMMF_OK, status);
    CHECK(system_now_ns() - start >= SECOND / 5);
    for (int i = 5; i < 9; i++)
        publish(writer, i); /* at once: a slot that was taken back needs no second wait */
    CHECK_STATUS(WMMF_E_NOT_INTACT, wmmf_channel_release(reader, &one));
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &two)); /* nobody needed that slot */
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void read_until_stopped(void *argument) {
    struct hostile *it = argument;
    uint64_t after = 0;
    while (!load_relaxed_u32(&it->stop)) {
        wmmf_frame frame = new_frame();
        if (wmmf_channel_acquire(it->channel, after, SECOND / 100, &frame) != WMMF_OK)
            continue;
        after = frame.sequence;
        CHECK(shows(&frame, *(const uint8_t *)frame.data));
        REQUIRE_OK(wmmf_channel_release(it->channel, &frame));
    }
}

/* Each begun frame is published once, whichever thread comes first. */

struct rival {
    wmmf_channel *channel;
    wmmf_frame frame;
    shared_u32 ready;
    uint32_t published;
};

static void publish_too(void *argument) {
    struct rival *it = argument;
    for (uint32_t turn = 1; turn <= 3000; turn++) {
        while (load_acquire_u32(&it->ready) != turn)
            continue;
        wmmf_frame frame = it->frame;
        if (wmmf_channel_publish(it->channel, &frame) == WMMF_OK)
            it->published++;
        store_release_u32(&it->ready, 0);
    }
}

static void a_frame_is_published_once(void) {
    struct rival rival = {.channel = make(new_name(), 3, 0, 0, 0)};
    uint32_t published = 0;
    struct thread *thread = thread_start(publish_too, &rival);
    for (uint32_t turn = 1; turn <= 3000; turn++) {
        wmmf_frame frame = new_frame();
        REQUIRE_OK(wmmf_channel_begin(rival.channel, 0, &frame));
        rival.frame = frame;
        store_release_u32(&rival.ready, turn);
        if (wmmf_channel_publish(rival.channel, &frame) == WMMF_OK)
            published++;
        while (load_acquire_u32(&rival.ready) != 0)
            continue;
    }
    thread_join(thread);
    CHECK_EQUAL(3000, published + rival.published);
    CHECK_EQUAL(3000, channel_info_of(rival.channel).sequence);
    wmmf_channel_close(rival.channel);
}

/* Generations. */

static void readers_follow_to_larger_pictures(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0), *reader = open_channel(name, true),
                 *other = open_channel(name, false);
    publish(writer, 1);
    publish(writer, 2);
    wmmf_frame held = acquire(reader, WMMF_PICK_NEXT, 0);
    REQUIRE_OK(wmmf_channel_resize(writer, 5 * CAPACITY, 5, 0, 0));
    wmmf_channel_info info = channel_info_of(reader);
    CHECK(info.capacity == 5 * CAPACITY && info.slots == 5 && info.generation == 2 && info.sequence == 2);
    wmmf_frame copied = acquire(reader, WMMF_PICK_LATEST, 0), frame = new_frame();
    CHECK(shows(&copied, 2) && copied.sequence == 2 && copied.data != held.data);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire(reader, 2, 0, &frame));
    for (int i = 3; i <= 9; i++)
        CHECK_EQUAL(i, publish(writer, i));
    CHECK_EQUAL(10, publish(other, 10)); /* another writer also follows */
    CHECK(shows(&held, 2) && shows(&copied, 2));
    REQUIRE_OK(wmmf_channel_acquire(reader, 2, 0, &frame));
    CHECK(shows(&frame, 10) && frame.missed == 7 && frame.capacity == 5 * CAPACITY);
    REQUIRE_OK(wmmf_channel_release(reader, &held));
    REQUIRE_OK(wmmf_channel_release(reader, &copied));
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    wmmf_channel_close(other);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void an_owner_comes_back_with_more(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0), *reader = open_channel(name, true);
    int32_t created = 7;
    publish(writer, 1);
    wmmf_channel_close(writer);
    REQUIRE_OK(wmmf_channel_create_or_open(name, 2 * CAPACITY, 3, NULL, &writer, &created));
    CHECK_EQUAL(0, created);
    CHECK_EQUAL(2, publish(writer, 2));
    wmmf_frame frame = acquire(reader, WMMF_PICK_NEXT, 1);
    CHECK(shows(&frame, 2) && frame.capacity == 2 * CAPACITY && frame.missed == 0);
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* The larger capacity does not go with the history that the channel has. */
static void what_a_channel_cannot_become_is_named(void) {
    const char *name = new_name();
    wmmf_channel *channel = make(name, 3, 1000, 0, 0), *second = NULL;
    CHECK_STATUS(WMMF_E_SIZE, wmmf_channel_create_or_open(name, PTRDIFF_MAX / 500, 3, NULL, &second, NULL));
    CHECK(strstr(wmmf_last_detail(), "for each of 1003 slots") != NULL);
    wmmf_channel_close(channel);
}

static void generations_do_not_pile_up(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0), *reader = open_channel(name, true);
    publish(writer, 1);
    wmmf_frame held = acquire(reader, WMMF_PICK_NEXT, 0);
    REQUIRE_OK(wmmf_channel_resize(writer, CAPACITY, 3, 0, 0));
    channel_info_of(reader);
    struct resources before = system_resources();
    for (int i = 0; i < 100; i++) {
        REQUIRE_OK(wmmf_channel_resize(writer, CAPACITY, 3, 0, 0));
        publish(writer, i);
        wmmf_frame frame = acquire(reader, WMMF_PICK_NEXT, 0);
        CHECK(shows(&frame, i) && shows(&held, 1));
        REQUIRE_OK(wmmf_channel_release(reader, &frame));
    }
    struct resources after = system_resources();
    CHECK(after.handles <= before.handles && after.mapped <= before.mapped);
    REQUIRE_OK(wmmf_channel_release(reader, &held));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void frames_of_so_many_generations_can_be_held(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, WMMF_CHANNEL_PINS_MAX, 0), *reader = open_channel(name, true);
    wmmf_frame frames[PIN_GENERATIONS];
    for (int i = 0; i < PIN_GENERATIONS; i++) {
        publish(writer, i);
        frames[i] = acquire(reader, WMMF_PICK_NEXT, 0);
        REQUIRE_OK(wmmf_channel_resize(writer, CAPACITY, 3, 0, 0));
    }
    wmmf_frame frame = new_frame();
    CHECK_STATUS(WMMF_E_FULL, wmmf_channel_acquire(reader, 0, 0, &frame));
    CHECK(strstr(wmmf_last_detail(), "frames of 15 earlier pictures are still held"));
    for (int i = 0; i < PIN_GENERATIONS; i++) {
        CHECK(shows(&frames[i], i));
        REQUIRE_OK(wmmf_channel_release(reader, &frames[i]));
    }
    REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &frame));
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void a_waiting_reader_follows(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0);
    struct hostile readers[3];
    struct thread *threads[3];
    for (int i = 0; i < 3; i++) {
        readers[i] = (struct hostile){.channel = open_channel(name, i != 0)};
        threads[i] = thread_start(read_until_stopped, &readers[i]);
    }
    for (int i = 0; i < 200; i++) {
        uint64_t sequence;
        if (i % 3 == 0)
            REQUIRE_OK(
                wmmf_channel_resize(writer, (uint64_t)CAPACITY + (uint64_t)i, 4, (uint32_t)(i % 2) * 5, LONG_TIMEOUT));
        wmmf_frame frame = new_frame();
        REQUIRE_OK(wmmf_channel_begin(writer, LONG_TIMEOUT, &frame));
        memset(frame.data, i, CAPACITY);
        frame.used = CAPACITY;
        REQUIRE_OK(wmmf_channel_publish(writer, &frame));
        sequence = frame.sequence;
        CHECK_EQUAL(i + 1, sequence);
    }
    for (int i = 0; i < 3; i++) {
        store_relaxed_u32(&readers[i].stop, 1);
        thread_join(threads[i]);
        wmmf_channel_close(readers[i].channel);
    }
    wmmf_channel_close(writer);
}

static int resize_often(const char *name) {
    wmmf_channel *channel = NULL;
    REQUIRE_OK(wmmf_channel_create_or_open(name, CAPACITY, 3, NULL, &channel, NULL));
    for (uint64_t turn = 0; turn < UINT64_MAX; turn++) {
        wmmf_frame frame = new_frame();
        for (int pause = 0; pause < 3; pause++)
            system_pause(); /* a reader follows if the pictures last longer than it takes to open them */
        if (turn % 3 == 0)
            REQUIRE_OK(wmmf_channel_resize(channel, CAPACITY + turn % 1000, 0, (uint32_t)turn % 4, LONG_TIMEOUT));
        REQUIRE_OK(wmmf_channel_begin(channel, LONG_TIMEOUT, &frame));
        memset(frame.data, (int)(turn % 250), CAPACITY);
        frame.used = CAPACITY;
        REQUIRE_OK(wmmf_channel_publish(channel, &frame));
        if (turn == 0)
            say("publishing");
    }
    return 0;
}

/* Wherever it dies, also in the middle of a replacement: the next owner goes on, and so do readers with the same
 * handle. */
static void an_owner_that_is_killed_while_it_replaces_pictures_is_followed(void) {
    const char *name = new_name();
    wmmf_channel *keeper = make(name, 3, 0, 0, 0), *reader = open_channel(name, true);
    uint64_t last = 0;
    uint32_t random = 5;
    for (int life = 0; life < 20; life++) {
        struct child *owner = child_start("resize_often", name);
        CHECK(child_said(owner, "publishing"));
        random = random * 1664525 + 1013904223;
        int64_t end = system_now_ns() + (int64_t)(random % 20000000);
        int frames = 0;
        while (system_now_ns() < end || frames == 0) {
            wmmf_frame frame = new_frame();
            REQUIRE_OK(wmmf_channel_acquire(reader, last, LONG_TIMEOUT, &frame));
            CHECK(frame.sequence > last && frame.missed == (last ? frame.sequence - last - 1 : 0));
            CHECK(shows(&frame, *(const uint8_t *)frame.data));
            CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &frame));
            last = frame.sequence;
            frames++;
        }
        child_kill(owner);
    }
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_channel_audit(keeper, &report));
    CHECK_EQUAL(0, report.damaged);
    wmmf_channel_close(reader);
    wmmf_channel_close(keeper);
}

static void a_damaged_channel_is_declared_new(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0), *reader = open_channel(name, true),
                 *other = open_channel(name, false);
    wmmf_audit_report report = {.struct_size = sizeof report};
    wmmf_frame frame = new_frame(), begun = new_frame();
    publish(writer, 1);
    wmmf_frame held = acquire(reader, WMMF_PICK_NEXT, 0);
    REQUIRE_OK(wmmf_channel_begin(other, 0, &begun));
    writer->generations[writer->current].pictures.header->newest++;
    REQUIRE_OK(wmmf_channel_audit(writer, &report));
    CHECK(report.damaged && report.poisoned);
    CHECK_STATUS(WMMF_E_POISONED, wmmf_channel_acquire(reader, 0, 0, &frame));
    REQUIRE_OK(wmmf_channel_resize(writer, 0, 0, 0, 0));
    begun.used = 1;
    CHECK_STATUS(WMMF_E_POISONED, wmmf_channel_publish(other, &begun));
    CHECK_EQUAL(2, publish(writer, 2));
    CHECK_EQUAL(3, publish(other, 3));
    REQUIRE_OK(wmmf_channel_acquire(reader, 1, 0, &frame));
    CHECK(shows(&frame, 3) && frame.missed == 1 && shows(&held, 1));
    REQUIRE_OK(wmmf_channel_release(reader, &held));
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    REQUIRE_OK(wmmf_channel_audit(writer, &report));
    CHECK(!report.damaged && !report.poisoned);
    wmmf_channel_close(other);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* History. */

static void every_frame_is_had_in_order(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 10, 0, 0), *reader = open_channel(name, true);
    wmmf_frame frame = new_frame();
    for (int i = 1; i <= 8; i++)
        publish(writer, i);
    uint64_t after = 0;
    for (int i = 1; i <= 8; i++) {
        frame = acquire(reader, WMMF_PICK_EVERY, after);
        CHECK(shows(&frame, i) && frame.sequence == (uint64_t)i && frame.missed == 0);
        after = frame.sequence;
        REQUIRE_OK(wmmf_channel_release(reader, &frame));
    }
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire_pick(reader, WMMF_PICK_EVERY, after, 0, &frame));
    for (int i = 9; i <= 100; i++)
        publish(writer, i);
    frame = acquire(reader, WMMF_PICK_EVERY, after); /* of 9 to 100, the newest and 10 before it are there */
    CHECK(frame.sequence >= 89 && frame.sequence <= 90 && shows(&frame, (int)frame.sequence));
    CHECK_EQUAL(frame.sequence - 9, frame.missed);
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    frame = acquire(reader, WMMF_PICK_LATEST, 0);
    CHECK(shows(&frame, 100));
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void a_frame_is_had_by_its_sequence_or_its_time(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 20, 0, 0), *reader = open_channel(name, true);
    wmmf_frame frame = new_frame();
    for (int i = 1; i <= 50; i++)
        publish(writer, i); /* at 100 times its number */
    for (uint64_t sequence = 31; sequence <= 50; sequence++) {
        frame = acquire(reader, WMMF_PICK_AT, sequence);
        CHECK(shows(&frame, (int)sequence) && frame.sequence == sequence);
        REQUIRE_OK(wmmf_channel_release(reader, &frame));
        frame = acquire(reader, WMMF_PICK_TIME, sequence * 100 + 99);
        CHECK_EQUAL(sequence, frame.sequence);
        REQUIRE_OK(wmmf_channel_release(reader, &frame));
    }
    CHECK_STATUS(WMMF_E_LOST, wmmf_channel_acquire_pick(reader, WMMF_PICK_AT, 10, 0, &frame));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire_pick(reader, WMMF_PICK_AT, 51, 0, &frame));
    CHECK_STATUS(WMMF_E_LOST, wmmf_channel_acquire_pick(reader, WMMF_PICK_TIME, 1000, 0, &frame));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_pick(reader, WMMF_PICK_TIME + 1, 1000, 0, &frame));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void a_held_frame_of_the_history_stays(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 4, 6, 0, 0), *reader = open_channel(name, true);
    for (int i = 1; i <= 20; i++)
        publish(writer, i);
    wmmf_frame old = acquire(reader, WMMF_PICK_AT, 15), older = acquire(reader, WMMF_PICK_EVERY, 0);
    int first = (int)older.sequence;
    for (int i = 21; i <= 200; i++) {
        CHECK_EQUAL(i, publish(writer, i % 250));
        CHECK(shows(&old, 15) && shows(&older, first));
        for (int back = 0; back <= 6; back++) { /* and the history loses no frame */
            wmmf_frame frame = acquire(reader, WMMF_PICK_AT, (uint64_t)(i - back));
            CHECK(i - back < 16 || shows(&frame, i - back));
            REQUIRE_OK(wmmf_channel_release(reader, &frame));
        }
    }
    REQUIRE_OK(wmmf_channel_release(reader, &old));
    REQUIRE_OK(wmmf_channel_release(reader, &older));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* Compares with a model which reader pins what, in a long random life of a channel with thousands of slots. */
static void a_long_history_keeps_its_promise(void) {
    const char *name = new_name();
    enum { HISTORY = 3000, HELD = 6 };
    wmmf_channel *writer = make(name, 9, HISTORY, HELD, 0), *reader = open_channel(name, true);
    wmmf_frame held[HELD];
    memset(held, 0, sizeof held);
    uint32_t random = 7;
    for (int i = 1; i <= 12000; i++) {
        publish(writer, i % 251);
        random = random * 1664525 + 1013904223;
        wmmf_frame *place = &held[(random >> 16) % HELD];
        if (place->sequence != 0) {
            CHECK(shows(place, (int)(place->sequence % 251)));
            REQUIRE_OK(wmmf_channel_release(reader, place));
        }
        uint64_t back = (random >> 4) % HISTORY;
        uint64_t wanted = (uint64_t)i > back ? (uint64_t)i - back : 1;
        *place = acquire(reader, WMMF_PICK_AT, wanted);
        if (!CHECK(place->sequence == wanted && shows(place, (int)(wanted % 251))))
            break;
    }
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* The next frame of these pictures, which have none yet, comes after this one. */
static void go_on_after(wmmf_channel *channel, uint64_t sequence) {
    struct generation *generation = generation_enter(channel);
    store_seq_u64(&generation->pictures.header->newest, sequence << NEWEST_SEQUENCE_SHIFT);
    store_seq_u64(&generation->pictures.header->oldest, sequence + 1);
    generation_leave(generation);
}

/* A pin in shared memory has 32 bits of the sequence. */
static void sequences_go_on_past_32_bits(void) {
    enum { HISTORY = 6, FRAMES = 40 };
    const uint64_t before = UINT32_MAX - UINT64_C(20);
    const char *name = new_name();
    wmmf_channel *writer = make(name, 4, HISTORY, 0, 0), *reader = open_channel(name, true);
    go_on_after(writer, before);
    wmmf_frame held = new_frame();
    uint64_t after = before, newest = 0;
    for (int i = 1; i <= FRAMES; i++) {
        CHECK_EQUAL(before + (uint64_t)i, publish(writer, i));
        REQUIRE_OK(wmmf_channel_wait(reader, newest, 0, &newest));
        CHECK_EQUAL(before + (uint64_t)i, newest);
        if (i % 3 == 0) {
            for (int every = i - 2; every <= i; every++) {
                wmmf_frame frame = acquire(reader, WMMF_PICK_EVERY, after);
                CHECK(frame.sequence == before + (uint64_t)every && frame.missed == 0 && shows(&frame, every));
                after = frame.sequence;
                REQUIRE_OK(wmmf_channel_release(reader, &frame));
            }
        }
        for (int back = 0; back <= HISTORY && back < i; back++) {
            wmmf_frame frame = acquire(reader, WMMF_PICK_AT, newest - (uint64_t)back);
            CHECK(shows(&frame, i - back));
            REQUIRE_OK(wmmf_channel_release(reader, &frame));
        }
        if (i == 10)
            held = acquire(reader, WMMF_PICK_NEXT, before + 1);
    }
    CHECK(newest > UINT32_MAX && held.sequence < UINT32_MAX && held.missed == 8);
    CHECK_STATUS(WMMF_E_LOST, wmmf_channel_acquire_pick(reader, WMMF_PICK_AT, UINT32_MAX, 0, &held));
    CHECK_STATUS(WMMF_E_LOST, wmmf_channel_acquire_pick(reader, WMMF_PICK_AT, (uint32_t)newest, 0, &held));
    wmmf_frame last = acquire(reader, WMMF_PICK_NEXT, held.sequence);
    CHECK(shows(&last, FRAMES) && last.missed == FRAMES - 10 - 1);
    CHECK(shows(&held, 10));
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &held));
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &last));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* A frame is held while its slot, its generation and 32 bits of its sequence come again. */
static void a_frame_is_no_other_with_the_same_32_bits(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0), *reader = open_channel(name, true);
    publish(writer, 1);
    wmmf_frame held = acquire(reader, WMMF_PICK_NEXT, 0), late = new_frame();
    go_on_after(writer, UINT64_C(1) << 32);
    CHECK_EQUAL((UINT64_C(1) << 32) + 1, publish(writer, 2));
    wmmf_frame same = acquire(reader, WMMF_PICK_NEXT, held.sequence);
    CHECK(same.slot != held.slot && shows(&same, 2) && shows(&held, 1));
    CHECK_EQUAL((uint64_t)UINT32_MAX, same.missed);
    CHECK_STATUS(WMMF_E_LOST, wmmf_channel_acquire_pick(reader, WMMF_PICK_AT, held.sequence, 0, &late));
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &held));
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &same));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* 2^48 frames are those of nine years at a million a second, but a hostile writer may claim them. */
static void the_end_of_all_sequences_stops_nobody(void) {
    for (uint32_t history = 0; history <= 5; history += 5) {
        const char *name = new_name();
        wmmf_channel *writer = make(name, 4, history, 0, 0), *reader = open_channel(name, true);
        const uint64_t before = (UINT64_C(1) << 48) - 4;
        wmmf_frame frame = new_frame();
        go_on_after(writer, before);
        for (int i = 1; i <= 20; i++) {
            publish(writer, i);
            for (uint32_t pick = WMMF_PICK_NEXT; pick <= WMMF_PICK_TIME; pick++)
                for (uint64_t after = before; after <= before + 8; after++)
                    if (wmmf_channel_acquire_pick(reader, pick, after, 0, &frame) == WMMF_OK)
                        REQUIRE_OK(wmmf_channel_release(reader, &frame));
        }
        frame = acquire(reader, WMMF_PICK_NEXT, 0);
        CHECK(shows(&frame, 20));
        REQUIRE_OK(wmmf_channel_release(reader, &frame));
        wmmf_channel_close(reader);
        wmmf_channel_close(writer);
    }
}

/* State and participants. */

static uint32_t state_of(wmmf_channel *channel, int64_t stalled_ns) {
    uint32_t state = 99;
    REQUIRE_OK(wmmf_channel_get_state(channel, stalled_ns, &state));
    return state;
}

static int publish_and_wait(const char *name) {
    wmmf_channel *channel = open_channel(name, false);
    publish(channel, 1);
    say("published");
    heard("close");
    wmmf_channel_close(channel);
    return 0;
}

static void a_channel_says_how_it_does(void) {
    const char *name = new_name();
    wmmf_channel *creator = make(name, 3, 0, 0, 0), *reader = open_channel(name, true);
    CHECK_EQUAL(WMMF_CHANNEL_LIVE, state_of(reader, SECOND));
    publish(creator, 1); /* with an old timestamp */
    CHECK_EQUAL(WMMF_CHANNEL_STALLED, state_of(reader, 0));
    CHECK_EQUAL(WMMF_CHANNEL_LIVE, state_of(reader, -1));
    struct child *child = child_start("publish_and_wait", name);
    CHECK(child_said(child, "published"));
    wmmf_channel_close(creator);
    CHECK_EQUAL(WMMF_CHANNEL_LIVE, state_of(reader, -1));
    child_kill(child);
    CHECK_EQUAL(WMMF_CHANNEL_HUNG_UP, state_of(reader, -1));
    child = child_start("publish_and_wait", name);
    CHECK(child_said(child, "published"));
    CHECK_EQUAL(WMMF_CHANNEL_LIVE, state_of(reader, -1));
    child_tell(child, "close");
    CHECK_EQUAL(0, child_end(child));
    CHECK_EQUAL(WMMF_CHANNEL_GONE, state_of(reader, -1));
    wmmf_channel_close(reader);
}

static bool becomes_stalled(wmmf_channel *channel) {
    int64_t end = system_now_ns() + SECOND;
    while (state_of(channel, 0) != WMMF_CHANNEL_STALLED && system_now_ns() < end)
        system_pause();
    return state_of(channel, 0) == WMMF_CHANNEL_STALLED;
}

static void a_channel_is_stalled_when_nothing_is_published(void) {
    const char *name = new_name();
    wmmf_channel *creator = make(name, 3, 0, 0, 0), *reader = open_channel(name, true);
    CHECK_EQUAL(WMMF_CHANNEL_LIVE, state_of(reader, SECOND * 60));
    CHECK(becomes_stalled(reader)); /* there is no frame yet */
    CHECK_EQUAL(WMMF_CHANNEL_LIVE, state_of(reader, -1));
    wmmf_frame frame = new_frame();
    for (int64_t way = -1; way <= 1; way++) { /* timestamps of an hour ago, of now, and of an hour to come */
        REQUIRE_OK(wmmf_channel_begin(creator, 0, &frame));
        frame.timestamp_ns = channel_info_of(creator).now_ns + (uint64_t)(way * 3600 * SECOND);
        REQUIRE_OK(wmmf_channel_publish(creator, &frame));
        CHECK_EQUAL(WMMF_CHANNEL_LIVE, state_of(reader, SECOND * 60));
        CHECK(becomes_stalled(reader));
    }
    wmmf_channel_close(reader);
    wmmf_channel_close(creator);
}

/* Their owner died before any other process had followed. The next owner makes new ones. */
static void lost_pictures_are_waited_for_asleep(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 4, 0, 0, 0), *reader = open_channel(name, true);
    wmmf_frame frame = new_frame();
    publish(writer, 1);
    shared_u64 *current = &channel_base(writer)->header->current;
    store_seq_u64(current, load_seq_u64(current) ^ 1); /* as if there were other pictures, to which no handle is left */
    int64_t start = system_now_ns(), used = system_thread_cpu_ns();
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire(reader, 1, SECOND, &frame));
    CHECK(system_now_ns() - start >= SECOND);
    CHECK(system_thread_cpu_ns() - used < SECOND / 10);
    CHECK_EQUAL(2, publish(writer, 2));
    frame = acquire(reader, WMMF_PICK_NEXT, 1);
    CHECK(shows(&frame, 2) && frame.missed == 0);
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void new_pictures_are_no_frame(void) {
    wmmf_channel *channel = make(new_name(), 3, 0, 0, 0);
    publish(channel, 1);
    int64_t before = (int64_t)channel_info_of(channel).now_ns, after;
    for (uint64_t capacity = 10; capacity <= CAPACITY; capacity *= 100) { /* too small for the frame, then larger */
        do {
            system_pause();
            after = (int64_t)channel_info_of(channel).now_ns;
        } while (after - before < SECOND / 50);
        REQUIRE_OK(wmmf_channel_resize(channel, capacity, 3, 0, 0));
        CHECK_EQUAL(WMMF_CHANNEL_STALLED, state_of(channel, SECOND / 50));
    }
    wmmf_channel_close(channel);
}

static int stand_by(const char *name) {
    wmmf_channel *channel = open_channel(name, false);
    say("standing by");
    REQUIRE_OK(wmmf_channel_stand_by(channel, LONG_TIMEOUT));
    publish(channel, 2);
    say("took over");
    heard("never");
    return 0;
}

static void a_standby_takes_over(void) {
    const char *name = new_name();
    wmmf_channel *creator = make(name, 3, 0, 0, 0), *reader = open_channel(name, true);
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_channel_stand_by(reader, 0));
    wmmf_channel *second = open_channel(name, false);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_stand_by(second, SECOND / 50));
    struct child *owner = child_start("publish_and_wait", name);
    CHECK(child_said(owner, "published"));
    wmmf_channel_close(creator);
    struct child *child = child_start("stand_by", name);
    CHECK(child_said(child, "standing by"));
    child_kill(owner);
    CHECK(child_said(child, "took over"));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_stand_by(second, SECOND / 50));
    wmmf_frame frame = acquire(reader, WMMF_PICK_NEXT, 1);
    CHECK(shows(&frame, 2));
    REQUIRE_OK(wmmf_channel_release(reader, &frame));
    child_kill(child);
    CHECK_STATUS(WMMF_OK, wmmf_channel_stand_by(second, LONG_TIMEOUT));
    wmmf_channel_close(second);
    wmmf_channel_close(reader);
}

/* Under Wine one process answers all questions about who lives. */
#ifdef _WIN32
enum { STANDBYS = 20 };
#else
enum { STANDBYS = 200 };
#endif

static shared_u32 at_work;

static void take_a_turn(void *channel) {
    REQUIRE_OK(wmmf_channel_stand_by(channel, 4 * LONG_TIMEOUT));
    CHECK_EQUAL(0, add_seq_u32(&at_work, 1));
    publish(channel, 2);
    add_seq_u32(&at_work, UINT32_MAX);
    wmmf_channel_close(channel);
}

/* The owner dies, and each of many has its turn, alone, when the one before has gone. */
static void one_of_many_standbys_takes_over(void) {
    const char *name = new_name();
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    options.participants = STANDBYS + 2;
    wmmf_channel *creator = NULL;
    REQUIRE_OK(wmmf_channel_create(name, CAPACITY, 3, &options, &creator));
    struct child *owner = child_start("publish_and_wait", name);
    CHECK(child_said(owner, "published"));
    struct thread *threads[STANDBYS];
    for (int i = 0; i < STANDBYS; i++)
        threads[i] = thread_start(take_a_turn, open_channel(name, false));
    wmmf_channel *reader = open_channel(name, true);
    wmmf_channel_close(creator);
    CHECK_EQUAL(1, channel_info_of(reader).sequence); /* the owner lives */
    child_kill(owner);
    for (int i = 0; i < STANDBYS; i++)
        thread_join(threads[i]);
    CHECK_EQUAL(1 + STANDBYS, channel_info_of(reader).sequence);
    CHECK_EQUAL(WMMF_CHANNEL_GONE, state_of(reader, -1));
    wmmf_channel_close(reader);
}

/* Readers have taken all records, also that of the owner that has gone. Its successor publishes, and reads copies. */
static void readers_keep_no_publisher_out(void) {
    const char *name = new_name();
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    options.participants = 3;
    wmmf_channel *owner = NULL, *readers[3], *heir = NULL;
    REQUIRE_OK(wmmf_channel_create(name, CAPACITY, 5, &options, &owner));
    publish(owner, 1);
    for (int i = 0; i < 2; i++)
        readers[i] = open_channel(name, true);
    wmmf_channel_close(owner);
    readers[2] = open_channel(name, true);
    CHECK(channel_info_of(readers[2]).in_place);
    REQUIRE_OK(wmmf_channel_create_or_open(name, CAPACITY, 5, &options, &heir, NULL));
    CHECK(*wmmf_last_detail() == '\0');
    REQUIRE_OK(wmmf_channel_stand_by(heir, LONG_TIMEOUT));
    CHECK(!channel_info_of(heir).in_place && !channel_info_of(heir).read_only);
    for (int i = 2; i <= 20; i++) {
        if (i == 10)
            REQUIRE_OK(wmmf_channel_resize(heir, 2 * CAPACITY, 5, 0, 0));
        publish(heir, i);
        for (int reader = 0; reader < 3; reader++) {
            wmmf_frame frame = acquire(readers[reader], WMMF_PICK_NEXT, (uint64_t)i - 1);
            CHECK(shows(&frame, i) && frame.missed == 0);
            REQUIRE_OK(wmmf_channel_release(readers[reader], &frame));
        }
    }
    uint8_t copy[CAPACITY];
    wmmf_frame frame = new_frame();
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_channel_acquire(heir, 0, 0, &frame));
    CHECK(strstr(wmmf_last_detail(), "it gets copies"));
    REQUIRE_OK(wmmf_channel_read(heir, 0, copy, sizeof copy, 0, &frame));
    CHECK(frame.sequence == 20 && copy[0] == 20);
    uint32_t writers = 0, listed = 0;
    wmmf_participant participant = {.struct_size = sizeof participant};
    for (uint32_t i = 0; wmmf_channel_get_participant(heir, i, &participant) == WMMF_OK; i++) {
        writers += participant.pid != 0 && !participant.read_only;
        listed += participant.pid != 0;
    }
    CHECK(writers == 1 && listed == 4);
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_channel_audit(heir, &report));
    CHECK(!report.damaged && !report.poisoned);
    for (int i = 0; i < 3; i++)
        wmmf_channel_close(readers[i]);
    wmmf_channel_close(heir);
}

static void all_handles_are_listed_once(void) {
    const char *name = new_name();
    wmmf_channel *writer = make(name, 4, 0, 0, 0), *reader = open_channel(name, true);
    uint32_t writers = 0, readers = 0;
    publish(writer, 1);
    wmmf_frame one = acquire(writer, WMMF_PICK_NEXT, 0), two = acquire(reader, WMMF_PICK_NEXT, 0);
    wmmf_participant participant = {.struct_size = sizeof participant};
    for (uint32_t i = 0; wmmf_channel_get_participant(reader, i, &participant) == WMMF_OK; i++) {
        if (participant.pid == 0)
            continue;
        CHECK(participant.alive && participant.pins == 1 && participant.oldest_pinned == 1);
        writers += !participant.read_only;
        readers += participant.read_only;
    }
    CHECK(writers == 1 && readers == 1);
    REQUIRE_OK(wmmf_channel_release(writer, &one));
    REQUIRE_OK(wmmf_channel_release(reader, &two));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

static void inner_sections_are_not_listed(void) {
    char names[65536];
    uint64_t needed = 0;
    const char *name = new_name();
    wmmf_channel *writer = make(name, 3, 0, 0, 0);
    for (uint32_t name_space = WMMF_LOCAL; name_space <= WMMF_GLOBAL; name_space++) {
        REQUIRE_OK(wmmf_list(name_space, names, sizeof names, &needed));
        int ours = 0;
        for (uint64_t at = 0; at < needed; at += strlen(names + at) + 1) {
            ours += strcmp(names + at, name) == 0;
            CHECK(!strstr(names + at, "-i") || strstr(names + at, "wmmf-") == NULL);
        }
        CHECK_EQUAL(name_space == WMMF_LOCAL, ours);
    }
    wmmf_channel_close(writer);
}

#ifndef _WIN32
/* rm, or systemd when the owner's last session ends. */
static void a_name_that_was_taken_away_comes_back(void) {
    const char *name = new_name();
    char path[300];
    wmmf_channel *writer = make(name, 4, 5, 0, 0), *reader = open_channel(name, true);
    wmmf_frame frame = new_frame();
    for (int i = 1; i <= 3; i++)
        publish(writer, i);
    wmmf_frame held = acquire(reader, WMMF_PICK_NEXT, 0);
    snprintf(path, sizeof path, "/dev/shm/wmmf-%u-%s", (unsigned)geteuid(), name);
    CHECK_EQUAL(0, unlink(path));
    wmmf_channel *late = NULL;
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_channel_open(name, NULL, &late));
    int64_t start = system_now_ns();
    int published = 3;
    while (channel_info_of(writer).republished == 0 && system_now_ns() < start + LONG_TIMEOUT)
        publish(writer, ++published);
    CHECK(system_now_ns() - start < SECOND);
    CHECK_EQUAL(0, channel_info_of(writer).nameless);
    publish(writer, ++published);
    REQUIRE_OK(wmmf_channel_acquire(reader, 3, LONG_TIMEOUT, &frame));
    CHECK(frame.sequence == (uint64_t)published && shows(&frame, published) && shows(&held, 3));
    CHECK_EQUAL((uint64_t)published - 4, frame.missed);
    late = open_channel(name, true);
    wmmf_frame other = acquire(late, WMMF_PICK_NEXT, 0);
    CHECK_EQUAL(published, other.sequence);
    CHECK_EQUAL(WMMF_CHANNEL_LIVE, state_of(late, -1));
    CHECK_STATUS(WMMF_OK, wmmf_channel_intact(reader, &held));
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &held));
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &frame));
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(late, &other));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_release(reader, &held));
    /* Another program is quicker: the owner reports that, and goes on for its present readers. */
    CHECK_EQUAL(0, unlink(path));
    wmmf_section *thief = create(name, 100, WMMF_NATIVE);
    start = system_now_ns();
    while (channel_info_of(writer).nameless == 0 && system_now_ns() < start + LONG_TIMEOUT) {
        publish(writer, ++published);
        CHECK_EQUAL(0, wmmf_last_os_error()); /* the frame was published */
    }
    CHECK_EQUAL(1, channel_info_of(writer).nameless);
    REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &frame));
    CHECK_EQUAL(published, frame.sequence);
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &frame));
    wmmf_close(thief);
    wmmf_channel_close(late);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* The process that takes the channel over also keeps its name: a standby, or an owner that starts again. */
static void a_name_is_kept_by_the_process_that_took_the_channel_over(void) {
    for (int again = 0; again < 2; again++) {
        const char *name = new_name();
        char path[300];
        wmmf_channel *owner = make(name, 4, 0, 0, 0);
        publish(owner, 1);
        wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
        wmmf_channel *reader = open_channel(name, true), *heir = NULL, *late = NULL;
        if (again)
            REQUIRE_OK(wmmf_channel_create_or_open(name, CAPACITY, 4, &options, &heir, NULL));
        else
            heir = open_channel(name, false);
        wmmf_channel_close(owner);
        REQUIRE_OK(wmmf_channel_stand_by(heir, LONG_TIMEOUT));
        snprintf(path, sizeof path, "/dev/shm/wmmf-%u-%s", (unsigned)geteuid(), name);
        CHECK_EQUAL(0, unlink(path));
        int64_t start = system_now_ns();
        while (channel_info_of(heir).republished == 0 && system_now_ns() < start + LONG_TIMEOUT)
            publish(heir, 2);
        uint64_t last = publish(heir, 3);
        late = open_channel(name, true);
        wmmf_frame ours = acquire(reader, WMMF_PICK_LATEST, 0), theirs = acquire(late, WMMF_PICK_LATEST, 0);
        CHECK(ours.sequence == last && theirs.sequence == last && shows(&ours, 3) && shows(&theirs, 3));
        CHECK_STATUS(WMMF_OK, wmmf_channel_release(reader, &ours));
        CHECK_STATUS(WMMF_OK, wmmf_channel_release(late, &theirs));
        wmmf_channel_close(late);
        wmmf_channel_close(reader);
        wmmf_channel_close(heir);
    }
}
#endif

static void bad_shapes_are_refused(void) {
    wmmf_channel_options more = {.struct_size = sizeof more};
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_channel *channel = NULL;
    options.channel = &more;
    more.history = WMMF_CHANNEL_HISTORY_MAX + 1;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_create(new_name(), CAPACITY, 3, &options, &channel));
    more.history = 0;
    more.pins = WMMF_CHANNEL_PINS_MAX + 1;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_create(new_name(), CAPACITY, 3, &options, &channel));
    more.pins = 0;
    more.struct_size--;
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_channel_create(new_name(), CAPACITY, 3, &options, &channel));
    more.struct_size++;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_open(new_name(), &options, &channel));
    wmmf_options other = options_of(WMMF_RAW, WMMF_LOCAL); /* of another size: nothing else in it is looked at */
    other.struct_size--;
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_channel_create(new_name(), CAPACITY, 3, &other, &channel));
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_channel_open(new_name(), &other, &channel));
    wmmf_section *section = NULL;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create(new_name(), 100, &options, &section));
    channel = make(new_name(), 3, 0, 0, 0);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_resize(channel, 0, 2, 0, 0));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_channel_resize(channel, UINT64_MAX, 0, 0, 0));
    CHECK_EQUAL(1, publish(channel, 1));
    wmmf_frame begun = new_frame();
    REQUIRE_OK(wmmf_channel_begin(channel, 0, &begun));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_channel_resize(channel, 0, 0, 0, 0));
    REQUIRE_OK(wmmf_channel_cancel(channel, &begun));
    wmmf_channel_close(channel);
}

/* Large pictures are copied with a pin if there is one. */
static void a_copy_needs_no_pin(void) {
    uint8_t copy[8 * CAPACITY];
    wmmf_channel *writer = NULL;
    wmmf_channel_options one = {.struct_size = sizeof one, .pins = 1};
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_frame held = new_frame(), frame = new_frame();
    const char *name = new_name();
    options.channel = &one;
    REQUIRE_OK(wmmf_channel_create(name, sizeof copy, 4, &options, &writer));
    wmmf_channel *reader = open_channel(name, true);
    publish(writer, 1);
    REQUIRE_OK(wmmf_channel_acquire(reader, 0, 0, &held));
    publish(writer, 2);
    CHECK_STATUS(WMMF_E_FULL, wmmf_channel_acquire(reader, 0, 0, &frame));
    REQUIRE_OK(wmmf_channel_read(reader, 0, copy, sizeof copy, 0, &frame));
    CHECK(frame.sequence == 2 && copy[0] == 2 && *wmmf_last_detail() == '\0');
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_read(reader, 2, copy, sizeof copy, SECOND / 100, &frame));
    CHECK(shows(&held, 1));
    REQUIRE_OK(wmmf_channel_release(reader, &held));
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
}

/* The pictures ended with the only handle that had them open. */
static void lost_pictures_are_no_error_of_the_system(void) {
    const char *name = new_name();
    wmmf_channel *first = make(name, 3, 0, 0, 0), *second = NULL;
    wmmf_frame frame = new_frame();
    publish(first, 1);
    REQUIRE_OK(wmmf_channel_create_or_open(name, 2 * CAPACITY, 3, NULL, &second, NULL));
    wmmf_channel_close(second);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire(first, 1, 0, &frame));
    CHECK_EQUAL(0, wmmf_last_os_error());
    publish(first, 2);
    CHECK_EQUAL(0, wmmf_last_os_error());
    wmmf_channel_close(first);
}

static const struct test tests[] = {
    TEST(a_copy_needs_no_pin),
    TEST(lost_pictures_are_no_error_of_the_system),
    TEST(a_reader_with_read_rights_reads_in_place),
    TEST(a_page_for_each_part_but_the_pictures),
    TEST(a_reader_without_a_record_gets_copies),
    TEST(no_store_of_a_reader_reaches_a_picture),
    TEST(the_pin_of_a_dead_reader_goes),
    TEST(a_reader_has_so_many_pins),
    TEST(a_frame_whose_pin_was_removed_is_not_intact),
    TEST(garbage_of_a_reader_stops_nobody),
    TEST(an_old_pin_is_taken_back),
    TEST(a_frame_is_published_once),
    TEST(readers_follow_to_larger_pictures),
    TEST(an_owner_comes_back_with_more),
    TEST(what_a_channel_cannot_become_is_named),
    TEST(generations_do_not_pile_up),
    TEST(frames_of_so_many_generations_can_be_held),
    TEST(a_waiting_reader_follows),
    TEST(an_owner_that_is_killed_while_it_replaces_pictures_is_followed),
    TEST(a_damaged_channel_is_declared_new),
    TEST(every_frame_is_had_in_order),
    TEST(a_frame_is_had_by_its_sequence_or_its_time),
    TEST(a_held_frame_of_the_history_stays),
    TEST(a_long_history_keeps_its_promise),
    TEST(sequences_go_on_past_32_bits),
    TEST(a_frame_is_no_other_with_the_same_32_bits),
    TEST(the_end_of_all_sequences_stops_nobody),
    TEST(a_channel_says_how_it_does),
    TEST(a_channel_is_stalled_when_nothing_is_published),
    TEST(lost_pictures_are_waited_for_asleep),
    TEST(new_pictures_are_no_frame),
    TEST(a_standby_takes_over),
    TEST(one_of_many_standbys_takes_over),
    TEST(readers_keep_no_publisher_out),
    TEST(all_handles_are_listed_once),
    TEST(inner_sections_are_not_listed),
#ifndef _WIN32
    TEST(a_name_that_was_taken_away_comes_back),
    TEST(a_name_is_kept_by_the_process_that_took_the_channel_over),
#endif
    TEST(bad_shapes_are_refused),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(hold_and_wait),    ROLE(scribble),     ROLE(scribble_on_newest), ROLE(scribble_on_the_lock),
    ROLE(publish_and_wait), ROLE(resize_often), ROLE(stand_by),           {NULL, NULL},
};

const struct suite suite_channel_parts = {tests, roles};
