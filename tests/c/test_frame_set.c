/* Sets: frames of several channels that were taken at the same time. */
#include "frame_set.h"

#include <stdlib.h>

#include "atomic.h"
#include "channel_handle.h"
#include "harness.h"
#include "system.h"

#define MANY    4 /* channels, at most */
#define FRAMES  5 /* of each, at most */
#define SETS    1000000
#define ROUNDS  300
#define HISTORY 6
#define KEPT    (HISTORY + WMMF_CHANNEL_SLOTS_DEFAULT)

static uint32_t random_state = 1;

static uint32_t choose(uint32_t range) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % range;
}

/* The oracle: of all sets, one of each, the one whose timestamps have the largest sum; 0: there is none. */

static uint64_t sum_of(const struct moment *const *set, uint32_t count, uint64_t tolerance) {
    uint64_t first = UINT64_MAX, last = 0, sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        first = set[i]->timestamp_ns < first ? set[i]->timestamp_ns : first;
        last = set[i]->timestamp_ns > last ? set[i]->timestamp_ns : last;
        sum += set[i]->timestamp_ns;
    }
    return last - first <= tolerance ? sum : 0;
}

static uint64_t best_sum(const struct moments *lists, uint32_t count, uint64_t tolerance) {
    uint64_t best = 0, all = 1;
    for (uint32_t i = 0; i < count; i++)
        all *= lists[i].count;
    for (uint64_t number = 0; number < all; number++) {
        const struct moment *set[MANY];
        uint64_t rest = number;
        for (uint32_t i = 0; i < count; i++) {
            set[i] = &lists[i].of[rest % lists[i].count];
            rest /= lists[i].count;
        }
        uint64_t sum = sum_of(set, count, tolerance);
        best = sum > best ? sum : best;
    }
    return best;
}

static uint64_t matched_sum(struct moments *lists, uint32_t count, uint64_t tolerance) {
    const struct moment *set[MANY];
    if (!moments_match(lists, count, tolerance))
        return 0;
    for (uint32_t i = 0; i < count; i++)
        set[i] = &lists[i].of[lists[i].count - 1];
    return sum_of(set, count, tolerance);
}

/* The sum is the largest only if each timestamp is: if one set is newer in one channel and another in another, the
 * newest of both in each channel also form a set. */
static void random_sets_against_all_sets(void) {
    uint32_t found = 0, wrong = 0;
    for (uint32_t number = 0; number < SETS; number++) {
        struct moment frames[MANY][FRAMES];
        struct moments lists[MANY];
        uint32_t count = 1 + choose(MANY);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t timestamp = 1;
            lists[i] = (struct moments){frames[i], choose(FRAMES + 1), FRAMES};
            for (uint64_t k = 0; k < lists[i].count; k++)
                frames[i][k] = (struct moment){timestamp += choose(12), k + 1};
        }
        uint64_t tolerance = choose(12), best = best_sum(lists, count, tolerance);
        found += best != 0;
        wrong += matched_sum(lists, count, tolerance) != best;
    }
    CHECK_EQUAL(0, wrong);
    CHECK(found > SETS / 10 && found < SETS - SETS / 10); /* both were tried */
}

/* A time difference beyond all clocks does not overflow. */
static void any_tolerance_counts(void) {
    struct moment frames[] = {{1, 1}, {UINT64_MAX, 1}};
    struct moments lists[] = {{&frames[0], 1, 1}, {&frames[1], 1, 1}};
    CHECK(moments_match(lists, 2, UINT64_MAX) && moments_match(lists, 2, UINT64_MAX - 1));
    CHECK(!moments_match(lists, 2, UINT64_MAX - 2));
}

/* Channels. */

struct camera {
    wmmf_channel *writer, *reader;
    wmmf_frame frame;
};

static struct camera camera_new(uint32_t history) {
    const char *name = new_name();
    wmmf_channel_options more = {.struct_size = sizeof more, .history = history, .pins = 2};
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    struct camera camera = {.frame = {.struct_size = sizeof(wmmf_frame)}};
    options.channel = &more;
    REQUIRE_OK(wmmf_channel_create(name, sizeof(uint64_t), 0, &options, &camera.writer));
    options.channel = NULL;
    options.read_only = 1;
    REQUIRE_OK(wmmf_channel_open(name, &options, &camera.reader));
    return camera;
}

static void camera_close(struct camera *camera) {
    wmmf_channel_close(camera->reader);
    wmmf_channel_close(camera->writer);
}

/* A picture that shows its time. */
static void publish(const struct camera *camera, uint64_t timestamp) {
    wmmf_frame frame = {.struct_size = sizeof frame, .used = sizeof timestamp, .timestamp_ns = timestamp};
    REQUIRE_OK(wmmf_channel_write(camera->writer, &timestamp, 0, &frame));
}

static wmmf_set_item item_of(struct camera *camera) {
    wmmf_set_item item = {.channel = camera->reader, .frame = &camera->frame, .status = WMMF_E_OS};
    return item;
}

static uint64_t shown(const struct camera *camera) {
    return *(const uint64_t *)camera->frame.data;
}

static void release(struct camera *camera) {
    CHECK_STATUS(WMMF_OK, wmmf_channel_release(camera->reader, &camera->frame));
}

static uint32_t pins_in_use(const struct camera *camera) {
    uint32_t pins = 0;
    wmmf_participant participant = {.struct_size = sizeof participant};
    for (uint32_t i = 0; wmmf_channel_get_participant(camera->writer, i, &participant) == WMMF_OK; i++)
        pins += participant.pins;
    return pins;
}

static void the_newest_set_that_was_not_given(void) {
    struct camera cameras[3];
    wmmf_set_item items[3];
    for (uint32_t i = 0; i < 3; i++) {
        cameras[i] = camera_new(HISTORY);
        items[i] = item_of(&cameras[i]);
        for (uint64_t number = 1; number <= 5; number++)
            if (number != 5 || i != 2) /* the third is behind */
                publish(&cameras[i], number * 1000 + i * 10);
    }
    REQUIRE_OK(wmmf_channel_acquire_set(items, 3, 50, 0));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQUAL(4000 + i * 10, shown(&cameras[i]));
        CHECK(items[i].after == 4 && cameras[i].frame.missed == 0 && items[i].status == WMMF_OK);
        release(&cameras[i]);
    }
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire_set(items, 3, 50, SECOND / 50));
    publish(&cameras[0], 6000);
    publish(&cameras[2], 5020);
    publish(&cameras[1], 6010);
    publish(&cameras[2], 6020);
    REQUIRE_OK(wmmf_channel_acquire_set(items, 3, 50, 0));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQUAL(6000 + i * 10, shown(&cameras[i]));
        CHECK(items[i].after == 6 && cameras[i].frame.missed == 1);
        release(&cameras[i]);
        camera_close(&cameras[i]);
    }
}

/* The same with channels, whatever times their writers give, and whatever was lost or returned before. */
static void random_channels_against_all_sets(void) {
    struct camera cameras[3];
    wmmf_set_item items[3];
    struct moment frames[3][KEPT];
    struct moments lists[3];
    uint32_t found = 0;
    for (uint32_t i = 0; i < 3; i++) {
        cameras[i] = camera_new(HISTORY);
        items[i] = item_of(&cameras[i]);
        lists[i] = (struct moments){frames[i], 0, KEPT};
    }
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        for (uint32_t i = 0; i < 3; i++)
            for (uint32_t more = choose(3); more > 0; more--)
                publish(&cameras[i], round * 10 + choose(20));
        for (uint32_t i = 0; i < 3; i++) { /* what is there */
            wmmf_channel_info info = {.struct_size = sizeof info};
            REQUIRE_OK(wmmf_channel_get_info(cameras[i].writer, &info));
            lists[i].count = 0;
            CHECK(info.sequence + 1 - info.oldest <= KEPT);
            for (uint64_t sequence = info.oldest; sequence <= info.sequence; sequence++) {
                wmmf_frame frame = {.struct_size = sizeof frame};
                if (sequence > items[i].after &&
                    wmmf_channel_acquire_pick(cameras[i].writer, WMMF_PICK_AT, sequence, 0, &frame) == WMMF_OK) {
                    frames[i][lists[i].count++] = (struct moment){frame.timestamp_ns, sequence};
                    REQUIRE_OK(wmmf_channel_release(cameras[i].writer, &frame));
                }
            }
        }
        uint64_t tolerance = choose(12), best = best_sum(lists, 3, tolerance), sum = 0;
        int32_t status = wmmf_channel_acquire_set(items, 3, tolerance, 0);
        for (uint32_t i = 0; i < 3 && status == WMMF_OK; i++) {
            sum += shown(&cameras[i]);
            CHECK_EQUAL(cameras[i].frame.sequence, items[i].after);
            release(&cameras[i]);
        }
        CHECK_STATUS(best ? WMMF_OK : WMMF_E_TIMEOUT, status);
        CHECK_EQUAL(best, sum);
        found += best != 0;
    }
    CHECK(found > ROUNDS / 10 && found < ROUNDS - ROUNDS / 10);
    for (uint32_t i = 0; i < 3; i++)
        camera_close(&cameras[i]);
}

static void clocks_that_are_equal(void) {
    struct camera one = camera_new(HISTORY), other = camera_new(HISTORY);
    wmmf_set_item items[] = {item_of(&one), item_of(&other)};
    for (int i = 0; i < 3; i++)
        publish(&one, 7);
    publish(&other, 8);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_acquire_set(items, 2, 0, 0));
    publish(&other, 7);
    REQUIRE_OK(wmmf_channel_acquire_set(items, 2, 0, 0));
    CHECK(one.frame.sequence == 3 && other.frame.sequence == 2);
    release(&one);
    release(&other);
    camera_close(&other);
    camera_close(&one);
}

static void a_channel_twice_in_a_set(void) {
    struct camera one = camera_new(0);
    struct camera again = {one.writer, one.reader, one.frame};
    wmmf_set_item items[] = {item_of(&one), item_of(&again)};
    publish(&one, 5);
    REQUIRE_OK(wmmf_channel_acquire_set(items, 2, 0, 0));
    CHECK_EQUAL(1, pins_in_use(&one));
    CHECK(shown(&one) == 5 && shown(&again) == 5);
    release(&again);
    CHECK_STATUS(WMMF_OK, wmmf_channel_intact(one.reader, &one.frame));
    release(&one);
    CHECK_EQUAL(0, pins_in_use(&one));
    camera_close(&one);
}

static void into_buffers(void) {
    struct camera one = camera_new(0), other = camera_new(0);
    wmmf_set_item items[] = {item_of(&one), item_of(&other)};
    uint64_t copies[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        items[i].buffer = &copies[i];
        items[i].length = sizeof copies[i];
    }
    publish(&one, 5);
    publish(&other, 6);
    REQUIRE_OK(wmmf_channel_acquire_set(items, 2, 1, 0));
    CHECK(copies[0] == 5 && copies[1] == 6 && !one.frame.data && one.frame.used == sizeof copies[0]);
    CHECK_EQUAL(0, pins_in_use(&one));
    camera_close(&other);
    camera_close(&one);
}

/* Whatever is wrong with one channel, no frame of the others is held, and nothing has changed. */
static void after_an_error_nothing_is_held(void) {
    struct camera one = camera_new(0), other = camera_new(HISTORY);
    wmmf_set_item items[] = {item_of(&one), item_of(&other)};
    wmmf_frame held[2] = {{.struct_size = sizeof held[0]}, {.struct_size = sizeof held[1]}};
    uint64_t little = 0;
    for (uint64_t i = 1; i <= 3; i++) {
        publish(&one, i);
        publish(&other, i);
    }
    items[1].buffer = &little;
    items[1].length = sizeof little - 1;
    CHECK_STATUS(WMMF_E_RANGE, wmmf_channel_acquire_set(items, 2, 0, 0));
    CHECK(items[0].status == WMMF_OK && items[1].status == WMMF_E_RANGE);
    CHECK_EQUAL(0, pins_in_use(&one));
    items[1].buffer = NULL;
    items[1].length = 0;
    for (uint64_t i = 0; i < 2; i++)
        REQUIRE_OK(wmmf_channel_acquire_pick(other.reader, WMMF_PICK_AT, i + 1, 0, &held[i]));
    CHECK_STATUS(WMMF_E_FULL, wmmf_channel_acquire_set(items, 2, 0, 0));
    CHECK(items[0].status == WMMF_OK && items[1].status == WMMF_E_FULL);
    CHECK_EQUAL(0, pins_in_use(&one));
    CHECK(items[0].after == 0 && one.frame.hold == 0 && one.frame.sequence == 0);
    for (int i = 0; i < 2; i++)
        REQUIRE_OK(wmmf_channel_release(other.reader, &held[i]));
    REQUIRE_OK(wmmf_channel_acquire_set(items, 2, 0, 0));
    release(&one);
    release(&other);
    camera_close(&other);
    camera_close(&one);
}

static void arguments_are_checked(void) {
    struct camera one = camera_new(0);
    wmmf_set_item items[WMMF_WAIT_MANY_MAX + 1];
    for (int i = 0; i <= WMMF_WAIT_MANY_MAX; i++)
        items[i] = item_of(&one);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_set(NULL, 1, 0, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_set(items, 0, 0, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_set(items, WMMF_WAIT_MANY_MAX + 1, 0, 0));
    items[1].channel = NULL;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_set(items, 2, 0, 0));
    items[1] = items[0];
    items[1].frame = NULL;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_set(items, 2, 0, 0));
    items[1] = items[0];
    items[1].reserved = 1;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_set(items, 2, 0, 0));
    items[1] = items[0];
    items[1].length = 1;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_set(items, 2, 0, 0));
    one.frame.struct_size--;
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_channel_acquire_set(items, 1, 0, 0));
    CHECK_STATUS(WMMF_E_OS, items[0].status); /* nothing was written */
    camera_close(&one);
}

/* Waiting. */

struct waiting {
    wmmf_set_item *items;
    int32_t status;
};

static void wait_in_thread(void *argument) {
    struct waiting *waiting = argument;
    waiting->status = wmmf_channel_acquire_set(waiting->items, 2, 0, LONG_TIMEOUT);
}

static void wait_until_asleep(const struct camera *camera) {
    const eventcount *change = &channel_base(camera->reader)->readers.section->header->events[EVENT_CHANGE];
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    while (load_seq_u64(change) < EVENTCOUNT_SLEEPER && CHECK(system_now_ns() < deadline))
        continue;
}

/* What others do while it waits ends the wait, or is followed. */
static int32_t status_after(void (*happens)(struct camera *one, struct camera *other)) {
    struct camera one = camera_new(HISTORY), other = camera_new(HISTORY);
    wmmf_set_item items[] = {item_of(&one), item_of(&other)};
    struct waiting waiting = {items, WMMF_E_OS};
    publish(&one, 7);
    publish(&other, 6);
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    wait_until_asleep(&other);
    happens(&one, &other);
    thread_join(thread);
    CHECK_EQUAL(waiting.status == WMMF_OK ? 1 : 0, pins_in_use(&one));
    if (waiting.status == WMMF_OK) {
        CHECK(shown(&one) == shown(&other));
        release(&one);
        release(&other);
    } else {
        CHECK_STATUS(waiting.status, items[1].status);
    }
    camera_close(&other);
    camera_close(&one);
    return waiting.status;
}

static void the_last_one_comes(struct camera *one, struct camera *other) {
    (void)one;
    publish(other, 7);
}

static void the_pictures_are_replaced(struct camera *one, struct camera *other) {
    REQUIRE_OK(wmmf_channel_resize(one->writer, 1000, 5, HISTORY, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_channel_resize(other->writer, 1000, 5, 0, LONG_TIMEOUT));
    publish(other, 8);
    publish(one, 8);
}

static void the_channel_is_damaged(struct camera *one, struct camera *other) {
    wmmf_audit_report report = {.struct_size = sizeof report};
    (void)one;
    other->writer->generations[other->writer->current].pictures.header->newest++;
    REQUIRE_OK(wmmf_channel_audit(other->writer, &report));
}

/* Another program may take its place, so the wait goes on. */
static void its_writer_goes(struct camera *one, struct camera *other) {
    const char *name = other->writer->name;
    wmmf_channel *writer = NULL;
    (void)one;
    REQUIRE_OK(wmmf_channel_open(name, NULL, &writer));
    wmmf_channel_close(other->writer);
    other->writer = writer;
    publish(other, 7);
}

static void what_happens_while_it_waits(void) {
    CHECK_STATUS(WMMF_OK, status_after(the_last_one_comes));
    CHECK_STATUS(WMMF_OK, status_after(the_pictures_are_replaced));
    CHECK_STATUS(WMMF_OK, status_after(its_writer_goes));
    CHECK_STATUS(WMMF_E_POISONED, status_after(the_channel_is_damaged));
}

/* Frames that always disappear between the look and the taking. */
struct busy {
    struct camera *camera;
    shared_u32 stop;
};

static void publish_until_stopped(void *argument) {
    struct busy *busy = argument;
    for (uint64_t timestamp = 1; !load_relaxed_u32(&busy->stop); timestamp++) {
        wmmf_frame frame = {.struct_size = sizeof frame, .used = sizeof timestamp, .timestamp_ns = timestamp};
        int32_t status = wmmf_channel_write(busy->camera->writer, &timestamp, 0, &frame);
        CHECK(status == WMMF_OK || status == WMMF_E_TIMEOUT);
    }
}

static void quick_writers(void) {
    struct camera cameras[2] = {camera_new(0), camera_new(HISTORY)};
    wmmf_set_item items[] = {item_of(&cameras[0]), item_of(&cameras[1])};
    struct busy busy[2];
    struct thread *threads[2];
    for (int i = 0; i < 2; i++) {
        busy[i] = (struct busy){&cameras[i], 0};
        threads[i] = thread_start(publish_until_stopped, &busy[i]);
    }
    for (int set = 0; set < 200; set++) {
        if (!CHECK_STATUS(WMMF_OK, wmmf_channel_acquire_set(items, 2, UINT64_MAX, LONG_TIMEOUT)))
            break;
        for (int i = 0; i < 2; i++) {
            CHECK_EQUAL(cameras[i].frame.timestamp_ns, shown(&cameras[i]));
            release(&cameras[i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        store_relaxed_u32(&busy[i].stop, 1);
        thread_join(threads[i]);
        CHECK_EQUAL(0, pins_in_use(&cameras[i]));
        camera_close(&cameras[i]);
    }
}

/* A hostile writer, whose frame has another time at each look. */
static void lie_until_stopped(void *argument) {
    struct busy *busy = argument;
    const wmmf_channel *writer = busy->camera->writer;
    const struct pictures *pictures = &writer->generations[writer->current].pictures;
    shared_u64 *timestamp =
        &pictures->frames[newest_slot(pictures, load_seq_u64(&pictures->header->newest))].timestamp_ns;
    for (uint64_t lie = 0; !load_relaxed_u32(&busy->stop); lie ^= 1)
        store_relaxed_u64(timestamp, 7 + lie);
}

static void a_time_that_changes_does_not_match(void) {
    struct camera cameras[2] = {camera_new(0), camera_new(0)};
    wmmf_set_item items[] = {item_of(&cameras[0]), item_of(&cameras[1])};
    struct busy busy = {&cameras[1], 0};
    publish(&cameras[0], 7);
    publish(&cameras[1], 7);
    struct thread *thread = thread_start(lie_until_stopped, &busy);
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    int32_t before = WMMF_E_OS;
    int changes = 0; /* a thousand take milliseconds, or longer than anybody waits, on a busy machine */
    while (changes < 1000 && system_now_ns() < deadline) {
        items[0].after = items[1].after = 0;
        int32_t status = wmmf_channel_acquire_set(items, 2, 0, 0);
        CHECK(status == WMMF_OK || status == WMMF_E_TIMEOUT);
        changes += status != before;
        before = status;
        for (int i = 0; status == WMMF_OK && i < 2; i++) {
            CHECK_EQUAL(7, cameras[i].frame.timestamp_ns);
            release(&cameras[i]);
        }
    }
    CHECK(changes > 1); /* both have run at a time */
    store_relaxed_u32(&busy.stop, 1);
    thread_join(thread);
    camera_close(&cameras[1]);
    camera_close(&cameras[0]);
}

static const struct test tests[] = {
    TEST(random_sets_against_all_sets),
    TEST(any_tolerance_counts),
    TEST(the_newest_set_that_was_not_given),
    TEST(random_channels_against_all_sets),
    TEST(clocks_that_are_equal),
    TEST(a_channel_twice_in_a_set),
    TEST(into_buffers),
    TEST(after_an_error_nothing_is_held),
    TEST(arguments_are_checked),
    TEST(what_happens_while_it_waits),
    TEST(quick_writers),
    TEST(a_time_that_changes_does_not_match),
    {NULL, NULL},
};

static const struct role roles[] = {{NULL, NULL}};

const struct suite suite_frame_set = {tests, roles};
