/* Waits leave the processor alone. A thread of real-time priority never spins for what only an ordinary thread on the
 * same core can give it. */
#include <stdio.h>

#include "atomic.h"
#include "harness.h"
#include "system.h"

#define ROUNDS  4000
#define CPU_MAX (SECOND / 10) /* of the real-time thread, for one call; other load of the machine adds nothing */

/* Both threads use the same handles, and the same core. */
struct shared {
    const char *name;
    wmmf_section *section, *reader, *plain;
    wmmf_channel *channel, *viewer;
    void (*step)(struct shared *);
    shared_u32 over;
    bool refused;
    int64_t worst_ns;
};

static void take_the_lock(struct shared *shared) {
    if (wmmf_lock_write(shared->section, SECOND) == WMMF_OK)
        wmmf_unlock_write(shared->section);
    if (wmmf_lock_read(shared->section, SECOND) == WMMF_OK)
        wmmf_unlock_read(shared->section);
}

static void take_the_lock_of_winmmf(struct shared *shared) {
    if (wmmf_lock_write(shared->plain, SECOND) == WMMF_OK)
        wmmf_unlock_write(shared->plain);
}

static void read_without_the_lock(struct shared *shared) {
    char bytes[4096] = {0};
    wmmf_read(shared->reader, 0, bytes, sizeof bytes, SECOND);
    wmmf_write(shared->section, 0, bytes, sizeof bytes, SECOND);
}

static void wait_for_a_change(struct shared *shared) {
    wmmf_wait_item item = {.section = shared->section};
    wmmf_wait_many(&item, 1, NULL, SECOND / 10000);
    wmmf_wait(shared->section, UINT64_MAX, SECOND / 10000, NULL);
}

static void open_and_close(struct shared *shared) {
    wmmf_close(open_existing(shared->name, WMMF_NATIVE));
}

static void publish(struct shared *shared) {
    static const uint8_t picture[100];
    wmmf_frame frame = {.struct_size = sizeof frame, .used = sizeof picture};
    wmmf_channel_write(shared->channel, picture, SECOND, &frame);
}

static void take_frames(struct shared *shared) {
    uint8_t picture[100];
    wmmf_frame frame = {.struct_size = sizeof frame}, copy = {.struct_size = sizeof copy};
    publish(shared);
    if (wmmf_channel_acquire(shared->viewer, 0, SECOND, &frame) == WMMF_OK)
        wmmf_channel_release(shared->viewer, &frame);
    wmmf_channel_read(shared->viewer, 0, picture, sizeof picture, SECOND, &copy);
}

static void resize(struct shared *shared) {
    publish(shared);
    wmmf_channel_resize(shared->channel, 100, 0, 0, SECOND);
}

static void work_as_ordinary_thread(void *argument) {
    struct shared *shared = argument;
    system_keep_to_one_core();
    while (!load_acquire_u32(&shared->over))
        shared->step(shared);
}

static void work_in_real_time(void *argument) {
    struct shared *shared = argument;
    shared->refused = !system_keep_to_one_core() || !system_work_in_real_time();
    int64_t end = system_now_ns() + SECOND;
    for (int i = 0; !shared->refused && i < ROUNDS && system_now_ns() < end; i++) {
        int64_t start = system_thread_cpu_ns();
        shared->step(shared);
        int64_t used = system_thread_cpu_ns() - start;
        if (used > shared->worst_ns)
            shared->worst_ns = used;
        system_pause(); /* lets the ordinary thread reach the middle of its call */
    }
    store_release_u32(&shared->over, 1);
}

/* Wine accepts the priorities but ignores them: there this shows only that the calls end. */
static void no_spin_keeps_an_ordinary_thread_from_its_core(void) {
    static void (*const steps[])(struct shared *) = {take_the_lock,         take_the_lock_of_winmmf,
                                                     read_without_the_lock, wait_for_a_change,
                                                     open_and_close,        publish,
                                                     take_frames,           resize};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct shared shared = {.name = new_name(), .step = steps[i]};
        shared.section = create(shared.name, 4096, WMMF_NATIVE);
        shared.reader = open_read_only(shared.name, WMMF_NATIVE);
        shared.plain = create(new_name(), 100, WMMF_WINMMF);
        const char *channel_name = new_name();
        REQUIRE_OK(wmmf_channel_create(channel_name, 100, 0, NULL, &shared.channel));
        REQUIRE_OK(wmmf_channel_open(channel_name, NULL, &shared.viewer));
        struct thread *ordinary = thread_start(work_as_ordinary_thread, &shared);
        struct thread *real_time = thread_start(work_in_real_time, &shared);
        thread_join(real_time);
        thread_join(ordinary);
        if (shared.refused && i == 0)
            printf("(skipped: this process may not choose its core, or may not have a real-time priority)\n");
        if (!CHECK(shared.worst_ns < CPU_MAX))
            printf("step %d: %.1f ms\n", (int)i, (double)shared.worst_ns / 1e6);
        wmmf_channel_close(shared.viewer);
        wmmf_channel_close(shared.channel);
        wmmf_close(shared.plain);
        wmmf_close(shared.reader);
        wmmf_close(shared.section);
    }
}

/* Half a second is some fifty looks for a death. A timeout that the system reads as 0 is thousands of wake-ups: that of
 * SYS_futex on a 32-bit machine whose time_t has 64 bits. */
static void a_wait_sleeps(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    int64_t before = system_thread_cpu_ns();
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait(section, 0, SECOND / 2, NULL));
    CHECK(system_thread_cpu_ns() - before < SECOND / 20);
    wmmf_close(section);
}

static const struct test tests[] = {
    TEST(a_wait_sleeps),
    TEST(no_spin_keeps_an_ordinary_thread_from_its_core),
    {NULL, NULL},
};

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_realtime = {tests, roles};
