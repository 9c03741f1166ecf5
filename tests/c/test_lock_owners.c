/* Locks that belong to no thread: an owner takes one in one thread, and uses and releases it in another. */
#include "atomic.h"
#include "harness.h"
#include "system.h"

static wmmf_section *table_of(const char *name, uint32_t layout) {
    wmmf_options options = options_of(layout, WMMF_LOCAL);
    wmmf_section *section;
    options.locks = layout == WMMF_NATIVE ? 4 : 0;
    REQUIRE_OK(wmmf_create(name, 512, &options, &section));
    return section;
}

/* The kinds of lock, for a thread that acts as an owner. */
struct kind {
    uint32_t layout;
    int32_t (*lock)(wmmf_section *, int64_t);
    int32_t (*unlock)(wmmf_section *);
};

static const struct kind kinds[] = {
    {WMMF_NATIVE, wmmf_lock_read, wmmf_unlock_read}, {WMMF_NATIVE, wmmf_lock_write, wmmf_unlock_write},
    {WMMF_NATIVE, lock_read_row, unlock_read_row},   {WMMF_NATIVE, lock_write_row, unlock_write_row},
    {WMMF_WINMMF, wmmf_lock_read, wmmf_unlock_read}, {WMMF_WINMMF, wmmf_lock_write, wmmf_unlock_write},
};
#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))

static uint64_t new_owner(void) {
    uint64_t owner = 0;
    REQUIRE_OK(wmmf_new_lock_owner(&owner));
    return owner;
}

/* A thread that ends, after one call as an owner. */
struct doing {
    wmmf_section *section;
    uint64_t owner;
    int32_t (*lock)(wmmf_section *, int64_t);
    int32_t (*unlock)(wmmf_section *);
    int32_t status;
};

static void do_as_owner(void *argument) {
    struct doing *doing = argument;
    REQUIRE_OK(wmmf_set_lock_owner(doing->owner, NULL));
    doing->status = doing->lock ? doing->lock(doing->section, 0) : doing->unlock(doing->section);
}

static int32_t lock_elsewhere(wmmf_section *section, uint64_t owner, int32_t (*lock)(wmmf_section *, int64_t)) {
    struct doing doing = {.section = section, .owner = owner, .lock = lock};
    thread_join(thread_start(do_as_owner, &doing));
    return doing.status;
}

static int32_t unlock_elsewhere(wmmf_section *section, uint64_t owner, int32_t (*unlock)(wmmf_section *)) {
    struct doing doing = {.section = section, .owner = owner, .unlock = unlock};
    thread_join(thread_start(do_as_owner, &doing));
    return doing.status;
}

static void an_owner_releases_in_another_thread(void) {
    for (int i = 0; i < KINDS; i++) {
        const char *name = new_name();
        const struct kind *kind = &kinds[i];
        wmmf_section *section = table_of(name, kind->layout), *other = open_existing(name, kind->layout);
        uint64_t owner = new_owner();
        CHECK_STATUS(WMMF_OK, lock_elsewhere(section, owner, kind->lock));
        CHECK_STATUS(WMMF_E_NOT_OWNER, kind->unlock(section)); /* not this thread's, and not released with the other */
        CHECK_STATUS(WMMF_E_NOT_OWNER, unlock_elsewhere(section, new_owner(), kind->unlock));
        CHECK_STATUS(WMMF_E_DEADLOCK, lock_elsewhere(section, owner, kind->lock));
        CHECK_STATUS(WMMF_OK, unlock_elsewhere(section, owner, kind->unlock));
        CHECK_STATUS(WMMF_E_NOT_OWNER, unlock_elsewhere(section, owner, kind->unlock));
        CHECK_STATUS(WMMF_OK, kind->lock(other, 0));
        CHECK_STATUS(WMMF_OK, kind->unlock(other));
        wmmf_close(other);
        wmmf_close(section);
    }
}

static void owners_keep_each_other_and_threads_out(void) {
    static const struct kind *const writing[] = {&kinds[1], &kinds[3], &kinds[5]};
    for (int i = 0; i < 3; i++) {
        const struct kind *kind = writing[i];
        const char *name = new_name();
        wmmf_section *section = table_of(name, kind->layout), *other = open_existing(name, kind->layout);
        uint64_t owner = new_owner();
        CHECK_STATUS(WMMF_OK, lock_elsewhere(section, owner, kind->lock));
        CHECK_STATUS(WMMF_E_TIMEOUT, lock_elsewhere(section, new_owner(), kind->lock));
        CHECK_STATUS(WMMF_E_TIMEOUT, kind->lock(section, 0));
        CHECK_STATUS(WMMF_E_DEADLOCK, lock_elsewhere(other, owner, kind->lock));
        CHECK_STATUS(WMMF_OK, unlock_elsewhere(section, owner, kind->unlock));
        CHECK_STATUS(WMMF_OK, kind->lock(section, 0));
        CHECK_STATUS(WMMF_E_TIMEOUT, lock_elsewhere(section, owner, kind->lock));
        CHECK_STATUS(WMMF_OK, kind->unlock(section));
        wmmf_close(other);
        wmmf_close(section);
    }
}

static void an_owner_uses_what_it_holds(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    uint64_t owner = new_owner(), previous = 1;
    char byte = 0;
    CHECK_STATUS(WMMF_OK, lock_elsewhere(section, owner, wmmf_lock_write));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_write(section, 0, "x", 1, 0));
    REQUIRE_OK(wmmf_set_lock_owner(owner, &previous));
    CHECK(previous == 0);
    CHECK_STATUS(WMMF_OK, wmmf_write(section, 0, "x", 1, 0));
    CHECK_STATUS(WMMF_OK, wmmf_read(section, 0, &byte, 1, 0));
    CHECK_EQUAL('x', byte);
    REQUIRE_OK(wmmf_set_lock_owner(0, &previous));
    CHECK(previous == owner);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_read(section, 0, &byte, 1, 0));
    CHECK_STATUS(WMMF_OK, unlock_elsewhere(section, owner, wmmf_unlock_write));
    CHECK_STATUS(WMMF_OK, wmmf_read(section, 0, &byte, 1, 0));
    wmmf_close(section);
}

static void an_owner_repairs_in_another_thread(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *dies = open_existing(name, WMMF_NATIVE);
    uint64_t owner = new_owner();
    CHECK_STATUS(WMMF_OK, lock_elsewhere(dies, new_owner(), wmmf_lock_write));
    wmmf_close(dies); /* which takes the lock from its owner */
    CHECK_STATUS(WMMF_E_OWNER_DIED, lock_elsewhere(section, owner, wmmf_lock_write));
    CHECK_STATUS(WMMF_E_NOT_OWNER, wmmf_mark_consistent(section));
    CHECK_STATUS(WMMF_OK, unlock_elsewhere(section, owner, wmmf_mark_consistent));
    CHECK_STATUS(WMMF_OK, unlock_elsewhere(section, owner, wmmf_unlock_write));
    CHECK_STATUS(WMMF_OK, wmmf_write(section, 0, "x", 1, 0));
    wmmf_close(section);
}

static void lock_as_itself_and_as_an_owner(void *argument) {
    struct doing *doing = argument;
    uint64_t previous = 1;
    REQUIRE_OK(wmmf_lock_read(doing->section, 0));
    REQUIRE_OK(wmmf_set_lock_owner(doing->owner, &previous));
    CHECK(previous == 0);
    doing->status = wmmf_lock_read(doing->section, 0);
}

static void a_thread_that_ends_as_an_owner_loses_only_its_own(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    struct doing doing = {.section = section, .owner = new_owner()};
    thread_join(thread_start(lock_as_itself_and_as_an_owner, &doing));
    CHECK_STATUS(WMMF_OK, doing.status);
    CHECK_EQUAL(1, participant_of(section, 0).readers);
    CHECK_STATUS(WMMF_OK, unlock_elsewhere(section, doing.owner, wmmf_unlock_read));
    CHECK_EQUAL(0, participant_of(section, 0).readers);
    wmmf_close(section);
}

static void only_numbers_that_were_given_are_owners(void) {
    uint64_t owner = new_owner(), next = new_owner(), previous = 1;
    const uint64_t wrong[] = {1, owner & ~(UINT64_C(1) << 63), next + 1, UINT64_C(1) << 63, UINT64_MAX};
    CHECK(owner != next);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_new_lock_owner(NULL));
    for (int i = 0; i < (int)(sizeof wrong / sizeof wrong[0]); i++) {
        CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_set_lock_owner(wrong[i], &previous));
        CHECK(previous == 1);
    }
    REQUIRE_OK(wmmf_set_lock_owner(owner, NULL));
    REQUIRE_OK(wmmf_set_lock_owner(next, &previous));
    CHECK(previous == owner);
    REQUIRE_OK(wmmf_set_lock_owner(0, &previous));
    CHECK(previous == next);
}

static const struct test tests[] = {
    TEST(an_owner_releases_in_another_thread),
    TEST(owners_keep_each_other_and_threads_out),
    TEST(an_owner_uses_what_it_holds),
    TEST(an_owner_repairs_in_another_thread),
    TEST(a_thread_that_ends_as_an_owner_loses_only_its_own),
    TEST(only_numbers_that_were_given_are_owners),
    {NULL, NULL},
};

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_lock_owners = {tests, roles};
