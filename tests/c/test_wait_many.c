/* One thread that waits for many sections and channels, and the wakers that end its wait. */
#include "eventcount.h"
#include "harness.h"
#include "system.h"

#define MANY WMMF_WAIT_MANY_MAX

static wmmf_wait_item item_of(wmmf_section *section, uint64_t sequence) {
    wmmf_wait_item item = {.section = section, .sequence = sequence, .status = WMMF_E_OS};
    return item;
}

static wmmf_wait_item channel_item(wmmf_channel *channel, uint64_t sequence) {
    wmmf_wait_item item = {.channel = channel, .sequence = sequence, .status = WMMF_E_OS};
    return item;
}

static wmmf_channel *new_channel(const char *name) {
    wmmf_channel *channel = NULL;
    REQUIRE_OK(wmmf_channel_create(name, 100, 0, NULL, &channel));
    return channel;
}

static void publish(wmmf_channel *channel) {
    wmmf_frame frame = {.struct_size = sizeof frame, .used = 4};
    REQUIRE_OK(wmmf_channel_write(channel, "data", 0, &frame));
}

static void arguments_are_checked(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    wmmf_channel *channel = new_channel(new_name());
    wmmf_waker *waker = NULL;
    wmmf_wait_item items[MANY + 1];
    for (int i = 0; i < MANY + 1; i++)
        items[i] = item_of(section, 0);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait_many(items, MANY + 1, NULL, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait_many(NULL, 1, NULL, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait_many(items, 0, NULL, 0));
    items[1].channel = channel;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait_many(items, 2, NULL, 0));
    items[1].section = NULL;
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_many(items, 2, NULL, 0));
    items[1].channel = NULL;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait_many(items, 2, NULL, 0));
    items[0].reserved = 1;
    items[0].status = WMMF_E_OS;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait_many(items, 1, NULL, 0));
    CHECK_STATUS(WMMF_E_OS, items[0].status);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_waker_create(NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_waker_wake(NULL));
    CHECK_STATUS(WMMF_OK, wmmf_waker_close(NULL));
    REQUIRE_OK(wmmf_waker_create(&waker));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_many(NULL, 0, waker, 0));
    wmmf_waker_close(waker);
    wmmf_channel_close(channel);
    wmmf_close(section);
}

static void what_is_decided_is_told_at_once(void) {
    wmmf_section *changed = create(new_name(), 100, WMMF_NATIVE), *quiet = create(new_name(), 100, WMMF_NATIVE);
    wmmf_section *raw = create(new_name(), 100, WMMF_RAW);
    wmmf_channel *channel = new_channel(new_name()), *empty = new_channel(new_name());
    REQUIRE_OK(wmmf_write(changed, 0, "x", 1, 0));
    publish(channel);
    publish(channel);
    wmmf_wait_item items[] = {item_of(quiet, 0),        item_of(changed, 0),      item_of(raw, 0),
                              channel_item(channel, 1), channel_item(channel, 2), channel_item(empty, 0)};
    CHECK_STATUS(WMMF_OK, wmmf_wait_many(items, 6, NULL, -1));
    CHECK_STATUS(WMMF_E_TIMEOUT, items[0].status);
    CHECK_STATUS(WMMF_OK, items[1].status);
    CHECK_EQUAL(1, items[1].current);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, items[2].status);
    CHECK_STATUS(WMMF_OK, items[3].status);
    CHECK_EQUAL(2, items[3].current);
    CHECK_STATUS(WMMF_E_TIMEOUT, items[4].status);
    CHECK_STATUS(WMMF_E_TIMEOUT, items[5].status);
    wmmf_channel_close(empty);
    wmmf_channel_close(channel);
    wmmf_close(raw);
    wmmf_close(quiet);
    wmmf_close(changed);
}

static void it_ends_after_the_timeout(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    wmmf_channel *channel = new_channel(new_name());
    wmmf_wait_item items[] = {item_of(section, 0), channel_item(channel, 0)};
    int64_t start = system_now_ns();
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_many(items, 2, NULL, SECOND / 20));
    CHECK(system_now_ns() - start >= SECOND / 20);
    CHECK_STATUS(WMMF_E_TIMEOUT, items[0].status);
    CHECK_STATUS(WMMF_E_TIMEOUT, items[1].status);
    wmmf_channel_close(channel);
    wmmf_close(section);
}

/* A thread that waits for ever. */
struct waiting {
    wmmf_wait_item *items;
    uint32_t count;
    wmmf_waker *waker;
    int32_t status;
};

static void wait_in_thread(void *argument) {
    struct waiting *waiting = argument;
    waiting->status = wmmf_wait_many(waiting->items, waiting->count, waiting->waker, LONG_TIMEOUT);
}

static eventcount *change_of(wmmf_section *section) {
    return &((struct header *)(void *)(data_of(section) -
                                       (HEADER_SIZE + WMMF_PARTICIPANTS_DEFAULT * sizeof(struct participant))))
                ->events[EVENT_CHANGE];
}

static void wait_until_asleep(wmmf_section *section) {
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    while (load_seq_u64(change_of(section)) < EVENTCOUNT_SLEEPER && CHECK(system_now_ns() < deadline))
        continue;
}

static void each_of_many_ends_the_wait(void) {
    wmmf_section *sections[MANY], *writers[MANY];
    wmmf_wait_item items[MANY];
    for (int i = 0; i < MANY; i++) {
        const char *name = new_name();
        sections[i] = create(name, 100, WMMF_NATIVE);
        writers[i] = open_existing(name, WMMF_NATIVE);
        items[i] = item_of(sections[i], 0);
    }
    for (int which = 0; which < MANY; which++) {
        struct waiting waiting = {items, MANY, NULL, WMMF_E_OS};
        struct thread *thread = thread_start(wait_in_thread, &waiting);
        wait_until_asleep(sections[MANY - 1]);
        REQUIRE_OK(wmmf_write(writers[which], 0, "x", 1, LONG_TIMEOUT));
        thread_join(thread);
        CHECK_STATUS(WMMF_OK, waiting.status);
        for (int i = 0; i < MANY; i++)
            CHECK_STATUS(i == which ? WMMF_OK : WMMF_E_TIMEOUT, items[i].status);
        CHECK_EQUAL(1, items[which].current);
        items[which].sequence = 1;
    }
    for (int i = 0; i < MANY; i++) {
        CHECK_EQUAL(0, load_seq_u64(change_of(sections[i])) / EVENTCOUNT_SLEEPER); /* no count is left */
        wmmf_close(writers[i]);
        wmmf_close(sections[i]);
    }
}

static void a_frame_ends_the_wait(void) {
    const char *name = new_name();
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    wmmf_channel *writer = new_channel(name), *reader = NULL;
    REQUIRE_OK(wmmf_channel_open(name, NULL, &reader));
    wmmf_wait_item items[] = {channel_item(reader, 0), item_of(section, 0)};
    struct waiting waiting = {items, 2, NULL, WMMF_E_OS};
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    wait_until_asleep(section);
    publish(writer);
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    CHECK_STATUS(WMMF_OK, items[0].status);
    CHECK_EQUAL(1, items[0].current);
    CHECK_STATUS(WMMF_E_TIMEOUT, items[1].status);
    wmmf_channel_close(reader);
    wmmf_channel_close(writer);
    wmmf_close(section);
}

static void read_only_handles_also_wait(void) {
    const char *names[] = {new_name(), new_name()};
    wmmf_options read_only = {.struct_size = sizeof read_only, .read_only = 1};
    wmmf_section *writer = create(names[0], 100, WMMF_NATIVE), *reader = open_read_only(names[0], WMMF_NATIVE);
    wmmf_channel *publisher = new_channel(names[1]), *viewer = NULL;
    REQUIRE_OK(wmmf_channel_open(names[1], &read_only, &viewer));
    wmmf_wait_item items[] = {item_of(reader, 0), channel_item(viewer, 0)};
    struct waiting waiting = {items, 2, NULL, WMMF_E_OS};
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    REQUIRE_OK(wmmf_write(writer, 0, "x", 1, 0));
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    CHECK_STATUS(WMMF_OK, items[0].status);
    items[0].sequence = items[0].current;
    thread = thread_start(wait_in_thread, &waiting);
    publish(publisher);
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    CHECK_STATUS(WMMF_OK, items[1].status);
    wmmf_channel_close(viewer);
    wmmf_channel_close(publisher);
    wmmf_close(reader);
    wmmf_close(writer);
}

static void one_section_in_several_items(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *writer = open_existing(name, WMMF_NATIVE);
    wmmf_wait_item items[] = {item_of(section, 0), item_of(section, 0), item_of(writer, 0)};
    struct waiting waiting = {items, 3, NULL, WMMF_E_OS};
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    wait_until_asleep(section);
    REQUIRE_OK(wmmf_write(writer, 0, "x", 1, LONG_TIMEOUT));
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(WMMF_OK, items[i].status);
    wmmf_close(writer);
    wmmf_close(section);
}

static void a_waker_ends_one_wait(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    wmmf_waker *waker = NULL;
    wmmf_wait_item item = item_of(section, 0);
    REQUIRE_OK(wmmf_waker_create(&waker));
    struct waiting waiting = {&item, 1, waker, WMMF_E_OS};
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    wait_until_asleep(section);
    CHECK_STATUS(WMMF_OK, wmmf_waker_wake(waker));
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    CHECK_STATUS(WMMF_E_TIMEOUT, item.status);
    /* Before the wait, and twice: it ends the next wait, and only that. */
    CHECK_STATUS(WMMF_OK, wmmf_waker_wake(waker));
    CHECK_STATUS(WMMF_OK, wmmf_waker_wake(waker));
    CHECK_STATUS(WMMF_OK, wmmf_wait_many(&item, 1, waker, -1));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_many(&item, 1, waker, SECOND / 50));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_many(NULL, 0, waker, SECOND / 50));
    CHECK_STATUS(WMMF_OK, wmmf_waker_wake(waker));
    CHECK_STATUS(WMMF_OK, wmmf_wait_many(NULL, 0, waker, -1));
    wmmf_waker_close(waker);
    wmmf_close(section);
}

static void poison_ends_the_wait(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *raw = open_existing(name, WMMF_RAW);
    wmmf_section *other = create(new_name(), 100, WMMF_NATIVE);
    wmmf_audit_report report = {.struct_size = sizeof report};
    wmmf_wait_item items[] = {item_of(section, 0), item_of(other, 0)};
    struct waiting waiting = {items, 2, NULL, WMMF_E_OS};
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    wait_until_asleep(other);
    ((struct header *)(void *)data_of(raw))->section_id++;
    REQUIRE_OK(wmmf_audit(section, &report));
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    CHECK_STATUS(WMMF_E_POISONED, items[0].status);
    CHECK_STATUS(WMMF_E_TIMEOUT, items[1].status);
    wmmf_close(other);
    wmmf_close(raw);
    wmmf_close(section);
}

static int write_until_killed(const char *name) {
    wmmf_section *section = open_existing(name, WMMF_NATIVE);
    REQUIRE_OK(wmmf_lock_write(section, LONG_TIMEOUT));
    say("locked");
    return !heard("go");
}

static void a_death_ends_the_wait_of(bool read_only) {
    const char *name = new_name();
    wmmf_section *keeper = create(name, 100, WMMF_NATIVE), *other = create(new_name(), 100, WMMF_NATIVE);
    wmmf_section *section = read_only ? open_read_only(name, WMMF_NATIVE) : open_existing(name, WMMF_NATIVE);
    wmmf_wait_item items[] = {item_of(other, 0), item_of(section, 0)};
    struct waiting waiting = {items, 2, NULL, WMMF_E_OS};
    struct child *child = child_start("write_until_killed", name);
    CHECK(child_said(child, "locked"));
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    wait_until_asleep(other);
    child_kill(child);
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    CHECK_STATUS(WMMF_E_TIMEOUT, items[0].status);
    CHECK_STATUS(WMMF_E_OWNER_DIED, items[1].status);
    wmmf_close(section);
    wmmf_close(other);
    wmmf_close(keeper);
}

static void the_death_of_a_writer_ends_the_wait(void) {
    a_death_ends_the_wait_of(false);
    a_death_ends_the_wait_of(true);
}

/* No wake-up is lost: otherwise each round of two threads that answer each other would last until the next look. */
#define ROUNDS 1000

struct player {
    wmmf_section *mine, *theirs, *unused;
    wmmf_waker *waker;
    int32_t status;
};

static void play_rounds(void *argument) {
    struct player *player = argument;
    for (uint64_t round = 0; round < ROUNDS && player->status == WMMF_OK; round++) {
        wmmf_wait_item items[] = {item_of(player->unused, 0), item_of(player->theirs, round)};
        player->status = wmmf_wait_many(items, 2, player->waker, LONG_TIMEOUT);
        if (player->status == WMMF_OK)
            player->status = wmmf_write(player->mine, 0, "x", 1, LONG_TIMEOUT);
    }
}

static void no_wakeup_is_lost(void) {
    const char *names[] = {new_name(), new_name(), new_name()};
    wmmf_section *ping = create(names[0], 100, WMMF_NATIVE), *pong = create(names[1], 100, WMMF_NATIVE);
    wmmf_section *unused = create(names[2], 100, WMMF_NATIVE);
    struct player player = {open_existing(names[0], WMMF_NATIVE), open_existing(names[1], WMMF_NATIVE), unused, NULL,
                            WMMF_OK};
    REQUIRE_OK(wmmf_waker_create(&player.waker));
    struct thread *thread = thread_start(play_rounds, &player);
    int64_t start = system_now_ns();
    for (uint64_t round = 0; round < ROUNDS; round++) {
        wmmf_wait_item items[] = {item_of(unused, 0), item_of(ping, round)};
        if (!CHECK_STATUS(WMMF_OK, wmmf_write(pong, 0, "x", 1, LONG_TIMEOUT)) ||
            !CHECK_STATUS(WMMF_OK, wmmf_wait_many(items, 2, NULL, LONG_TIMEOUT)))
            break;
    }
    int64_t took = system_now_ns() - start;
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, player.status);
    CHECK(took < ROUNDS * (SECOND / 100)); /* one look each */
    wmmf_waker_close(player.waker);
    wmmf_close(player.theirs);
    wmmf_close(player.mine);
    wmmf_close(unused);
    wmmf_close(pong);
    wmmf_close(ping);
}

/* How many sleeps end early, one after the other. */
static int count_early_ends(wmmf_section *section) {
    const shared_u32 *epoch = (const shared_u32 *)(void *)change_of(section);
    for (int early = 0;; early++) {
        int64_t start = system_now_ns();
        platform_sleep(section->mapping, EVENT_CHANGE, epoch, load_seq_u32(epoch), SECOND / 50);
        if (system_now_ns() - start > SECOND / 100)
            return early;
    }
}

/* Changes that come together leave no wake-ups behind that would end as many later sleeps. */
static void what_came_together_is_taken_together(void) {
    const char *names[] = {new_name(), new_name()};
    wmmf_section *sections[] = {create(names[0], 100, WMMF_NATIVE), create(names[1], 100, WMMF_NATIVE)};
    wmmf_section *writers[] = {open_existing(names[0], WMMF_NATIVE), open_existing(names[1], WMMF_NATIVE)};
    for (int round = 0; round < 200; round++) {
        struct platform_sleep sleeps[2];
        for (int i = 0; i < 2; i++)
            sleeps[i] = eventcount_sleep(&sections[i]->lock, EVENT_CHANGE,
                                         eventcount_prepare(&sections[i]->lock, EVENT_CHANGE));
        for (int i = 0; i < 2; i++)
            eventcount_wake(&writers[i]->lock, EVENT_CHANGE);
        platform_sleep_many(sleeps, 2, NULL, LONG_TIMEOUT);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(0, count_early_ends(sections[i]));
        wmmf_close(writers[i]);
        wmmf_close(sections[i]);
    }
}

static const struct test tests[] = {
    TEST(arguments_are_checked),
    TEST(what_is_decided_is_told_at_once),
    TEST(it_ends_after_the_timeout),
    TEST(each_of_many_ends_the_wait),
    TEST(a_frame_ends_the_wait),
    TEST(read_only_handles_also_wait),
    TEST(one_section_in_several_items),
    TEST(a_waker_ends_one_wait),
    TEST(poison_ends_the_wait),
    TEST(the_death_of_a_writer_ends_the_wait),
    TEST(no_wakeup_is_lost),
    TEST(what_came_together_is_taken_together),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(write_until_killed),
    {NULL, NULL},
};

const struct suite suite_wait_many = {tests, roles};
