/* What platform.h asks of each operating system. */
#include "platform.h"
#include "harness.h"
#include "system.h"

#define SECTION_ID UINT64_C(0x1122334455667788)
#define SIZE       100000
#define RESERVED   100

static struct platform_mapping *platform_new(const char *name) {
    wmmf_options options = options_of(WMMF_RAW, WMMF_LOCAL);
    struct platform_mapping *section = NULL;
    REQUIRE_OK(platform_create(name, &options, SIZE, RESERVED, SIZE, &section));
    REQUIRE_OK(platform_join(section, SECTION_ID, false));
    REQUIRE_OK(platform_publish(section));
    return section;
}

static struct platform_mapping *platform_existing(const char *name) {
    wmmf_options options = options_of(WMMF_RAW, WMMF_LOCAL);
    struct platform_mapping *section = NULL;
    REQUIRE_OK(platform_open(name, &options, &section));
    REQUIRE_OK(platform_join(section, SECTION_ID, false));
    return section;
}

static void memory_is_reserved_piece_by_piece(void) {
    struct platform_mapping *section = platform_new(new_name());
    uint8_t *bytes = platform_base(section);
    CHECK(platform_mapped_size(section) >= SIZE);
    memset(bytes, 1, RESERVED);
    for (uint64_t done = RESERVED; done < SIZE; done += SIZE / 10) {
        uint64_t length = SIZE - done < SIZE / 10 ? SIZE - done : SIZE / 10;
        REQUIRE_OK(platform_reserve(section, done, length));
        REQUIRE_OK(platform_reserve(section, done, length)); /* the second time nothing changes */
        CHECK_EQUAL(0, bytes[done]);
        memset(bytes + done, 1, (size_t)length);
    }
    REQUIRE_OK(platform_reserve(section, 0, SIZE));
    CHECK_EQUAL(1, bytes[0]);
    CHECK_EQUAL(1, bytes[SIZE - 1]);
    platform_close(section);
}

static int hold_token(const char *name) {
    struct platform_mapping *section = platform_existing(name);
    if (!CHECK_STATUS(WMMF_OK, platform_token_claim(section, 3)))
        return 1;
    say("claimed");
    return !heard("go");
}

static void a_token_has_one_holder(void) {
    const char *name = new_name();
    struct platform_mapping *one = platform_new(name), *two = platform_existing(name);
    CHECK(!platform_token_alive(two, 7));
    CHECK_STATUS(WMMF_OK, platform_token_claim(one, 7));
    CHECK(platform_token_alive(two, 7));
    CHECK_STATUS(WMMF_E_EXISTS, platform_token_claim(two, 7));
    CHECK_STATUS(WMMF_OK, platform_token_claim(two, 8)); /* another index is another token */
    platform_token_drop(one, 7);
    CHECK(!platform_token_alive(two, 7));
    CHECK_STATUS(WMMF_OK, platform_token_claim(two, 7));
    platform_token_drop(two, 7);
    platform_token_drop(two, 8);
    platform_close(two);
    platform_close(one);
}

static void a_sealed_token_is_nobodys(void) {
    const char *name = new_name();
    struct platform_mapping *one = platform_new(name), *two = platform_existing(name);
    CHECK_STATUS(WMMF_OK, platform_token_claim(one, 7));
    CHECK_STATUS(WMMF_E_EXISTS, platform_token_seal(two, 7));
    platform_token_drop(one, 7);
    CHECK_STATUS(WMMF_OK, platform_token_seal(two, 7));
    CHECK_STATUS(WMMF_E_EXISTS, platform_token_claim(one, 7));
    if (platform_token_seal(one, 7) == WMMF_OK) { /* not on Windows */
        CHECK(!platform_token_alive(one, 7));
        platform_token_drop(two, 7);
        CHECK_STATUS(WMMF_E_EXISTS, platform_token_claim(two, 7));
        platform_token_drop(one, 7);
    } else {
        platform_token_drop(two, 7);
    }
    CHECK_STATUS(WMMF_OK, platform_token_claim(two, 7));
    platform_token_drop(two, 7);
    platform_close(two);
    platform_close(one);
}

static void a_token_ends_with_its_handle(void) {
    const char *name = new_name();
    struct platform_mapping *one = platform_new(name), *two = platform_existing(name);
    CHECK_STATUS(WMMF_OK, platform_token_claim(two, WMMF_PARTICIPANTS_MAX - 1));
    platform_close(two);
    CHECK_STATUS(WMMF_OK, platform_token_claim(one, WMMF_PARTICIPANTS_MAX - 1));
    platform_close(one);
}

static void a_token_ends_with_its_process(void) {
    const char *name = new_name();
    struct platform_mapping *section = platform_new(name);
    struct child *child = child_start("hold_token", name);
    CHECK(child_said(child, "claimed"));
    CHECK(platform_token_alive(section, 3));
    CHECK_STATUS(WMMF_E_EXISTS, platform_token_claim(section, 3));
    child_kill(child);
    CHECK(!platform_token_alive(section, 3));
    CHECK_STATUS(WMMF_OK, platform_token_claim(section, 3));
    platform_close(section);
}

struct sleeper {
    struct platform_mapping *section;
    uint32_t awake;
};

static shared_u32 *epoch_of(const struct platform_mapping *section) {
    return (shared_u32 *)(void *)platform_base(section);
}

/* As eventcount.c uses it: counted in, asleep while the epoch stands still. */
static void sleep_until_changed(void *argument) {
    struct sleeper *sleeper = argument;
    shared_u32 *epoch = epoch_of(sleeper->section);
    add_seq_u32(epoch + 1, 1);
    while (load_seq_u32(epoch) == 0)
        platform_sleep(sleeper->section, EVENT_CHANGE, epoch, 0, LONG_TIMEOUT);
    sleeper->awake = 1;
}

static void a_changed_epoch_wakes_all_sleepers(void) {
    const char *name = new_name();
    struct platform_mapping *section = platform_new(name);
    struct sleeper sleepers[2] = {{platform_existing(name), 0}, {platform_existing(name), 0}};
    struct thread *threads[2];
    for (int i = 0; i < 2; i++)
        threads[i] = thread_start(sleep_until_changed, &sleepers[i]);
    while (load_seq_u32(epoch_of(section) + 1) != 2)
        platform_yield();
    int64_t start = system_now_ns();
    add_seq_u32(epoch_of(section), 1);
    platform_wake(section, EVENT_CHANGE, epoch_of(section), 2);
    for (int i = 0; i < 2; i++) {
        thread_join(threads[i]);
        CHECK_EQUAL(1, sleepers[i].awake);
        platform_close(sleepers[i].section);
    }
    CHECK(system_now_ns() - start < LONG_TIMEOUT / 2); /* woken, and not timed out */
    platform_close(section);
}

static void a_changed_epoch_lets_nobody_sleep(void) {
    struct platform_mapping *section = platform_new(new_name());
    int64_t start = system_now_ns();
    platform_sleep(section, EVENT_CHANGE, epoch_of(section), 1, LONG_TIMEOUT);
    CHECK(system_now_ns() - start < LONG_TIMEOUT / 2);
    platform_close(section);
}

static void a_sleep_ends_by_itself(void) {
    struct platform_mapping *section = platform_new(new_name());
    int64_t start = system_now_ns();
    platform_sleep(section, EVENT_CHANGE, epoch_of(section), 0, 10000000);
    CHECK(system_now_ns() - start < LONG_TIMEOUT);
    platform_close(section);
}

static void clocks_and_chance_move(void) {
    int64_t monotonic = platform_monotonic_ns();
    uint64_t unix_time = platform_unix_ns(), one = 0, two = 0;
    platform_pause(2000000);
    CHECK(platform_monotonic_ns() - monotonic >= 2000000);
    CHECK(platform_unix_ns() > unix_time);
    CHECK(unix_time > UINT64_C(1700000000) * 1000000000);
    CHECK_STATUS(WMMF_OK, platform_random(&one));
    CHECK_STATUS(WMMF_OK, platform_random(&two));
    CHECK(one != two);
    CHECK_EQUAL(system_process_id(), platform_process_id(NULL));
}

static const struct test tests[] = {
    TEST(memory_is_reserved_piece_by_piece),
    TEST(a_token_has_one_holder),
    TEST(a_sealed_token_is_nobodys),
    TEST(a_token_ends_with_its_handle),
    TEST(a_token_ends_with_its_process),
    TEST(a_changed_epoch_wakes_all_sleepers),
    TEST(a_changed_epoch_lets_nobody_sleep),
    TEST(a_sleep_ends_by_itself),
    TEST(clocks_and_chance_move),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(hold_token),
    {NULL, NULL},
};

const struct suite suite_platform = {tests, roles};
