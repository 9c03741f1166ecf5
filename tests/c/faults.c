/* Every call of the library to the outside fails once: at each step of each way to open a section, first that call
 * alone, then that call and all that follow. After the failure the process holds what it held before, and nothing else
 * has changed. A creator also dies before each of its calls, while others open. Linked with a library that was compiled
 * with faults.h. */
#include <stdio.h>

#include "atomic.h"
#include "harness.h"
#include "system.h"

static uint32_t calls;
static uint32_t first_failing; /* 0: none fails */
static bool later_ones_too, step_by_step;

static bool stand_still(void) {
    say("here");
    return heard("go");
}

bool faults_strike(void);
bool faults_strike(void) {
    uint32_t call = add_seq_u32(&calls, 1) + 1;
    if (step_by_step)
        stand_still();
    if (first_failing == 0)
        return false;
    return later_ones_too ? call >= first_failing : call == first_failing;
}

static const char *name;
static wmmf_options options;

/* One way to open, and whether the section exists before. */
struct way {
    const char *text;
    bool exists;
    uint32_t layout;
    int32_t (*open)(wmmf_section **out);
};

static int32_t way_create(wmmf_section **out) {
    return wmmf_create(name, 100, &options, out);
}

static int32_t way_create_a_channel(wmmf_section **out) {
    wmmf_channel *channel;
    int32_t status = wmmf_channel_create(name, 100, 0, &options, &channel);
    wmmf_channel_close(status == WMMF_OK ? channel : NULL);
    *out = NULL;
    return status;
}

static int32_t way_create_or_open(wmmf_section **out) {
    return wmmf_create_or_open(name, 100, &options, out, NULL);
}

static int32_t way_open(wmmf_section **out) {
    return wmmf_open(name, 0, &options, out);
}

static int32_t way_open_read_only(wmmf_section **out) {
    wmmf_options read_only = options;
    read_only.read_only = 1;
    return wmmf_open(name, 0, &read_only, out);
}

static int32_t way_open_file(wmmf_section **out) {
    return wmmf_open_file(name, 0, &options, out);
}

static void write_file(void) {
    FILE *file = fopen(name, "wb");
    if (!file || fputs("content", file) < 0 || fclose(file) != 0)
        give_up();
}

static int32_t way_lengthen_a_file(wmmf_section **out) {
    wmmf_file_options file = {.struct_size = sizeof file, .flags = WMMF_FILE_RESERVE};
    write_file();
    return wmmf_map_file(name, 100, &file, out);
}

static int32_t way_make_a_file_empty(wmmf_section **out) {
    wmmf_file_options file = {.struct_size = sizeof file, .file_mode = WMMF_FILE_TRUNCATE};
    write_file();
    return wmmf_map_file(name, 100, &file, out);
}

static int32_t way_create_a_native_file(wmmf_section **out) {
    wmmf_file_options file = {.struct_size = sizeof file, .file_mode = WMMF_FILE_OPEN_OR_CREATE, .native = 1};
    remove(name);
    return wmmf_map_file(name, 100, &file, out);
}

static int32_t way_create_a_growing_one(wmmf_section **out) {
    wmmf_options growing = options;
    growing.reserve = 1 << 20;
    return wmmf_create(name, 100, &growing, out);
}

static int32_t way_create_in_large_pages(wmmf_section **out) {
    wmmf_options large = options;
    large.flags = WMMF_TRY_LARGE_PAGES | WMMF_LOCKED;
    return wmmf_create(name, 100, &large, out);
}

static int32_t way_create_in_large_pages_unnamed(wmmf_section **out) {
    wmmf_options large = options;
    large.flags = WMMF_TRY_LARGE_PAGES;
    return wmmf_create_unnamed(100, &large, out);
}

static int32_t way_open_a_growing_one(wmmf_section **out) {
    wmmf_section *section;
    int32_t status = way_create_a_growing_one(&section);
    if (status != WMMF_OK)
        return status;
    status = way_open(out);
    wmmf_close(section);
    return status;
}

static int32_t way_create_unnamed(wmmf_section **out) {
    return wmmf_create_unnamed(100, &options, out);
}

static int32_t way_open_a_handle(wmmf_section **out) {
    wmmf_section *section;
    int64_t handle;
    int32_t status = wmmf_create_unnamed(100, &options, &section);
    if (status != WMMF_OK)
        return status;
    status = wmmf_share(section, 0, 0, &handle);
    if (status == WMMF_OK) {
        status = wmmf_open_handle(handle, 0, &options, out);
        system_close(handle);
    }
    wmmf_close(section);
    return status;
}

static const struct way ways[] = {
    {"create native", false, WMMF_NATIVE, way_create},
    {"create winmmf", false, WMMF_WINMMF, way_create},
    {"create raw", false, WMMF_RAW, way_create},
    {"create a channel", false, WMMF_NATIVE, way_create_a_channel},
    {"create or open, to create", false, WMMF_NATIVE, way_create_or_open},
    {"create or open, to open", true, WMMF_NATIVE, way_create_or_open},
    {"open native", true, WMMF_NATIVE, way_open},
    {"open winmmf", true, WMMF_WINMMF, way_open},
    {"open raw", true, WMMF_RAW, way_open},
    {"open read-only", true, WMMF_NATIVE, way_open_read_only},
    {"create one that grows", false, WMMF_NATIVE, way_create_a_growing_one},
    {"open one that grows", false, WMMF_NATIVE, way_open_a_growing_one},
    {"create in large pages", false, WMMF_NATIVE, way_create_in_large_pages},
    {"create in large pages, unnamed", false, WMMF_NATIVE, way_create_in_large_pages_unnamed},
    {"create unnamed", false, WMMF_NATIVE, way_create_unnamed},
    {"open a handle", false, WMMF_NATIVE, way_open_a_handle},
    {"open a file", false, WMMF_RAW, way_open_file},
    {"lengthen a file", false, WMMF_RAW, way_lengthen_a_file},
    {"make a file empty", false, WMMF_RAW, way_make_a_file_empty},
    {"create a native file", false, WMMF_RAW, way_create_a_native_file},
};

static bool is_of_file(const struct way *way) {
    return way->open == way_open_file || way->open == way_lengthen_a_file || way->open == way_make_a_file_empty ||
           way->open == way_create_a_native_file;
}

/* After a failure the file is unchanged; or empty, if it was to be emptied and a call failed after that although it had
 * worked before. Its length stays wrong only if restoring it also fails. */
static void check_file(const struct way *way) {
    char content[200];
    FILE *file = fopen(name, "rb");
    if (!file)
        give_up();
    size_t length = fread(content, 1, sizeof content, file);
    fclose(file);
    bool whole = length >= 7 && memcmp(content, "content", 7) == 0;
    CHECK(whole || (way->open == way_make_a_file_empty && (length == 0 || content[0] == '\0')));
    if (whole && !later_ones_too)
        CHECK_EQUAL(7, length);
}

/* What a failed call must leave as it was. */
static void check_world(const struct way *way, wmmf_section *existing) {
    wmmf_section *section = NULL;
    char content[8] = "";
    if (existing) {
        CHECK_STATUS(WMMF_OK, wmmf_read(existing, 0, content, 7, 0));
        CHECK(strcmp(content, "content") == 0);
        CHECK_STATUS(WMMF_OK, wmmf_open(name, 0, &options, &section));
        wmmf_close(section);
    } else if (!is_of_file(way)) {
        CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, &options, &section));
    }
}

/* False once no call was left to fail. */
static bool fail_at(const struct way *way, uint32_t step, wmmf_section *existing) {
    struct resources before = system_resources();
    wmmf_section *section = NULL;
    calls = 0;
    first_failing = step;
    int32_t status = way->open(&section);
    bool struck = calls >= step;
    first_failing = 0;
    if (status == WMMF_OK) {
        CHECK_STATUS(WMMF_OK, status); /* it did not need that call, whose error is forgotten */
        wmmf_close(section);
    } else {
        CHECK(section == NULL);
    }
    if (status != WMMF_OK && is_of_file(way) && way->open != way_create_a_native_file)
        check_file(way);
    struct resources after = system_resources();
    CHECK_EQUAL(before.handles, after.handles);
    CHECK_EQUAL(before.mapped, after.mapped);
    check_world(way, existing);
    CHECK(struck || status == WMMF_OK);
    if (before.handles != after.handles || before.mapped != after.mapped)
        printf("  (%s, step %d, %s: %s)\n", way->text, step, later_ones_too ? "and on" : "once",
               wmmf_status_name(status));
    return struck;
}

static void fail_everywhere(const struct way *way) {
    wmmf_section *existing = NULL;
    name = new_name();
    options = options_of(way->layout, WMMF_LOCAL);
    if (way->exists) {
        REQUIRE_OK(wmmf_create(name, 100, &options, &existing));
        REQUIRE_OK(wmmf_write(existing, 0, "content", 7, 0));
    }
    if (way->open == way_open_file)
        write_file();
    wmmf_section *warm = NULL; /* first use allocates what stays: thread storage, the C library's buffers */
    REQUIRE_OK(way->open(&warm));
    wmmf_close(warm);
    uint32_t step = 1;
    while (fail_at(way, step, existing))
        step++;
    CHECK(step > 3);
    if (is_of_file(way))
        remove(name);
    wmmf_close(existing);
}

static void each_call_fails_once(void) {
    later_ones_too = false;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        fail_everywhere(&ways[i]);
}

static void each_call_fails_and_all_that_follow(void) {
    later_ones_too = true;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        fail_everywhere(&ways[i]);
}

/* Listing undoes nothing, so it may leave out what it could not look at. */
static void a_list_leaves_nothing_open(void) {
    static char names[1 << 20];
    uint64_t needed;
    wmmf_section *section = create(name = new_name(), 100, WMMF_NATIVE);
    options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    REQUIRE_OK(wmmf_list(WMMF_LOCAL, names, sizeof names, &needed));
    uint32_t step = 1;
    bool struck;
    do {
        struct resources before = system_resources();
        calls = 0;
        first_failing = step;
        wmmf_list(WMMF_LOCAL, names, sizeof names, &needed);
        struck = calls >= step++;
        first_failing = 0;
        struct resources after = system_resources();
        CHECK_EQUAL(before.handles, after.handles);
        CHECK_EQUAL(before.mapped, after.mapped);
        wmmf_section *other = open_existing(name, WMMF_NATIVE);
        wmmf_close(other);
    } while (struck);
    CHECK(step > 3);
    wmmf_close(section);
}

/* On Linux a slot's memory is reserved when it is first filled; without that, nothing has been begun. */
static void a_slot_without_memory_is_not_begun(void) {
    wmmf_channel *channel = NULL;
    wmmf_frame frame = {.struct_size = sizeof frame};
    REQUIRE_OK(wmmf_channel_create(name = new_name(), 1 << 20, 0, NULL, &channel));
    for (int frames = 0; frames < 3; frames++) {
        calls = 0;
        first_failing = 1;
        int32_t status = wmmf_channel_begin(channel, 0, &frame);
        bool struck = calls > 0;
        first_failing = 0;
        CHECK_EQUAL(struck, status != WMMF_OK);
        if (struck) {
            CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_channel_cancel(channel, &frame));
            REQUIRE_OK(wmmf_channel_begin(channel, 0, &frame));
        }
        memset(frame.data, frames, 1 << 20);
        REQUIRE_OK(wmmf_channel_publish(channel, &frame));
    }
    wmmf_channel_close(channel);
}

static void a_waker_is_made_whole_or_not(void) {
    wmmf_waker *waker = NULL;
    int32_t status = WMMF_E_OS;
    REQUIRE_OK(wmmf_waker_create(&waker)); /* first use allocates what stays */
    wmmf_waker_close(waker);
    waker = NULL;
    struct resources before = system_resources();
    for (uint32_t step = 1; status != WMMF_OK && CHECK(step < 10); step++) {
        calls = 0;
        first_failing = step;
        status = wmmf_waker_create(&waker);
        CHECK_EQUAL(status == WMMF_OK, calls < step);
        CHECK_EQUAL(status == WMMF_OK, waker != NULL);
    }
    first_failing = 0;
    wmmf_waker_close(waker);
    CHECK_EQUAL(before.handles, system_resources().handles);
}

/* Without memory to look at the frames, none of them is held. */
static void a_set_is_taken_whole_or_not(void) {
    wmmf_channel *channels[2];
    wmmf_frame frames[2] = {{.struct_size = sizeof frames[0]}, {.struct_size = sizeof frames[1]}};
    wmmf_set_item items[2] = {{.frame = &frames[0]}, {.frame = &frames[1]}};
    for (int i = 0; i < 2; i++) {
        wmmf_frame frame = {.struct_size = sizeof frame, .used = 4, .timestamp_ns = 5};
        REQUIRE_OK(wmmf_channel_create(new_name(), 100, 0, NULL, &channels[i]));
        REQUIRE_OK(wmmf_channel_write(channels[i], "data", 0, &frame));
        items[i].channel = channels[i];
    }
    int32_t status = WMMF_E_OS;
    uint32_t step = 1;
    for (; status != WMMF_OK && CHECK(step < 10); step++) {
        calls = 0;
        first_failing = step;
        status = wmmf_channel_acquire_set(items, 2, 0, 0);
        CHECK_STATUS(calls < step ? WMMF_OK : WMMF_E_NO_MEMORY, status);
    }
    first_failing = 0;
    CHECK(step > 3);
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(WMMF_OK, wmmf_channel_release(channels[i], &frames[i]));
        wmmf_channel_close(channels[i]);
    }
}

/* Growing: of a section in memory, and of a native file. */

#define GROWN 300000

static wmmf_section *growing_section(bool of_file) {
    wmmf_section *section = NULL;
    name = new_name();
    options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    REQUIRE_OK(of_file ? way_create_a_native_file(&section) : way_create_a_growing_one(&section));
    return section;
}

static int32_t open_native(const char *section_name, bool of_file, wmmf_section **out) {
    wmmf_file_options file = {.struct_size = sizeof file, .native = 1};
    return of_file ? wmmf_map_file(section_name, 0, &file, out) : wmmf_open(section_name, 0, NULL, out);
}

/* Whether it has grown or not, it is whole: there, zero, and able to grow. */
static void check_grown(wmmf_section *section, bool of_file) {
    static uint8_t bytes[GROWN], zeros[GROWN];
    wmmf_section *newcomer = NULL;
    uint64_t size = 0, others = 0;
    REQUIRE_OK(wmmf_size(section, &size));
    CHECK(size == 100 || size == GROWN);
    CHECK_STATUS(WMMF_OK, wmmf_read(section, 0, bytes, size, LONG_TIMEOUT));
    CHECK(memcmp(bytes, zeros, (size_t)size) == 0);
    CHECK_STATUS(WMMF_OK, wmmf_resize(section, GROWN));
    CHECK_STATUS(WMMF_OK, wmmf_read(section, 0, bytes, GROWN, LONG_TIMEOUT));
    CHECK(memcmp(bytes, zeros, GROWN) == 0);
    if (of_file)
        wmmf_close(section); /* and with it the lock of the file, if releasing that is what failed */
    REQUIRE_OK(open_native(name, of_file, &newcomer));
    CHECK_STATUS(WMMF_OK, wmmf_size(newcomer, &others));
    CHECK_EQUAL(GROWN, others);
    wmmf_close(newcomer);
    if (of_file)
        remove(name);
    else
        wmmf_close(section);
}

static void growing_fails_at_every_call(bool of_file) {
    bool struck = true;
    uint32_t step = 1;
    for (; struck; step++) {
        wmmf_section *section = growing_section(of_file);
        struct resources before = system_resources();
        calls = 0;
        first_failing = step;
        int32_t status = wmmf_resize(section, GROWN);
        struck = calls >= step;
        first_failing = 0;
        CHECK(struck || status == WMMF_OK);
        if (status != WMMF_OK)
            CHECK_EQUAL(before.handles, system_resources().handles);
        check_grown(section, of_file);
    }
    CHECK(step > 2);
}

static void a_section_that_cannot_grow_now_stays_whole(void) {
    for (int both = 0; both < 2; both++) {
        later_ones_too = both == 1;
        growing_fails_at_every_call(false);
        growing_fails_at_every_call(true);
    }
}

static int grow_and_stand_still(const char *section_name, bool of_file) {
    wmmf_section *section = NULL;
    REQUIRE_OK(open_native(section_name, of_file, &section));
    step_by_step = true;
    wmmf_resize(section, GROWN);
    while (stand_still())
        continue;
    return 1; /* nobody killed it */
}

static int grow_step_by_step(const char *section_name) {
    return grow_and_stand_still(section_name, false);
}

static int grow_a_file_step_by_step(const char *section_name) {
    return grow_and_stand_still(section_name, true);
}

/* Whether it was done before. */
static bool die_growing(uint32_t step, bool of_file) {
    uint64_t size = 0;
    wmmf_section *section = growing_section(of_file);
    struct child *grower = child_start(of_file ? "grow_a_file_step_by_step" : "grow_step_by_step", name);
    for (uint32_t i = 1; i < step && CHECK(child_said(grower, "here")); i++)
        child_tell(grower, "go");
    CHECK(child_said(grower, "here"));
    child_kill(grower);
    REQUIRE_OK(wmmf_size(section, &size));
    check_grown(section, of_file);
    return size == GROWN;
}

static void a_grower_may_die_at_any_step(void) {
    uint32_t step = 0;
    while (!die_growing(++step, false))
        continue;
    CHECK(step > 1);
    for (step = 0; !die_growing(++step, true);)
        continue;
    CHECK(step > 4);
}

/* A creator that stops before each of its calls, and once it is done. */
static int create_and_stand_still(const char *section_name, uint64_t reserve) {
    wmmf_section *section = NULL;
    wmmf_options growing = options_of(WMMF_NATIVE, WMMF_LOCAL);
    growing.reserve = reserve;
    step_by_step = true;
    wmmf_create(section_name, 100, &growing, &section);
    while (stand_still())
        continue;
    return 1; /* nobody killed it */
}

static int create_step_by_step(const char *section_name) {
    return create_and_stand_still(section_name, 0);
}

static int create_a_growing_one_step_by_step(const char *section_name) {
    return create_and_stand_still(section_name, 1 << 20);
}

#define OPENERS           2
#define CALLS_OF_ONE_OPEN 20 /* at most */

struct opener {
    wmmf_section *section;
    int32_t status;
    uint32_t done;
};

static void open_in_thread(void *argument) {
    struct opener *opener = argument;
    opener->status = way_open(&opener->section);
    store_release_u32(&opener->done, 1);
}

/* They know by now, or have begun to wait. */
static bool have_looked(struct opener *openers) {
    bool done = true;
    for (uint32_t i = 0; i < OPENERS; i++)
        done = done && load_acquire_u32(&openers[i].done);
    return done || load_relaxed_u32(&calls) > OPENERS * CALLS_OF_ONE_OPEN;
}

/* What openers get meanwhile. */
static int32_t die_at_step(const char *role, uint32_t step) {
    struct opener openers[OPENERS] = {{NULL, WMMF_OK, 0}};
    struct thread *threads[OPENERS];
    wmmf_section *section = NULL;
    name = new_name();
    struct child *creator = child_start(role, name);
    for (uint32_t i = 1; i < step && CHECK(child_said(creator, "here")); i++)
        child_tell(creator, "go");
    CHECK(child_said(creator, "here"));
    calls = 0;
    for (uint32_t i = 0; i < OPENERS; i++)
        threads[i] = thread_start(open_in_thread, &openers[i]);
    while (!have_looked(openers))
        continue;
    child_kill(creator);
    for (int i = 0; i < OPENERS; i++)
        thread_join(threads[i]);
    for (int i = 0; i < OPENERS; i++) {
        CHECK_STATUS(openers[0].status, openers[i].status);
        wmmf_close(openers[i].section);
    }
    CHECK_STATUS(WMMF_OK, way_create(&section)); /* the name is free */
    wmmf_close(section);
    return openers[0].status;
}

static void die_at_each_step(const char *role) {
    uint32_t step = 0;
    int32_t status;
    options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    do
        status = die_at_step(role, ++step);
    while (status == WMMF_E_NOT_FOUND);
    CHECK_STATUS(WMMF_OK, status); /* it was done */
    CHECK(step > 3);
}

static void a_creator_may_die_at_any_step(void) {
    die_at_each_step("create_step_by_step");
    die_at_each_step("create_a_growing_one_step_by_step");
}

/* A thread whose end could not be noticed gets no lock. */
struct locker {
    wmmf_section *section;
    uint32_t step, calls;
    int32_t status;
};

static void lock_with_a_fault(void *argument) {
    struct locker *locker = argument;
    calls = 0;
    first_failing = locker->step;
    locker->status = wmmf_lock_write(locker->section, LONG_TIMEOUT);
    first_failing = 0;
    locker->calls = calls;
    if (locker->status == WMMF_OK)
        locker->status = wmmf_unlock_write(locker->section);
}

static void a_thread_whose_end_nobody_sees_gets_no_lock(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    struct locker locker = {.section = section};
    do {
        locker.step++;
        thread_join(thread_start(lock_with_a_fault, &locker));
        CHECK_STATUS(locker.step <= locker.calls ? WMMF_E_NO_MEMORY : WMMF_OK, locker.status);
        CHECK_STATUS(WMMF_OK, wmmf_write(section, 0, "x", 1, 0));
    } while (locker.step <= locker.calls);
    CHECK(locker.step > 1);
    wmmf_close(section);
}

static const struct test tests[] = {
    TEST(each_call_fails_once),
    TEST(each_call_fails_and_all_that_follow),
    TEST(a_waker_is_made_whole_or_not),
    TEST(a_set_is_taken_whole_or_not),
    TEST(a_list_leaves_nothing_open),
    TEST(a_slot_without_memory_is_not_begun),
    TEST(a_thread_whose_end_nobody_sees_gets_no_lock),
    TEST(a_creator_may_die_at_any_step),
    TEST(a_section_that_cannot_grow_now_stays_whole),
    TEST(a_grower_may_die_at_any_step),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(create_step_by_step),
    ROLE(create_a_growing_one_step_by_step),
    ROLE(grow_step_by_step),
    ROLE(grow_a_file_step_by_step),
    {NULL, NULL},
};

int main(int argc, char **argv) {
    static const struct suite suite = {tests, roles};
    static const struct suite *const suites[] = {&suite, NULL};
    return harness_main(argc, argv, suites);
}
