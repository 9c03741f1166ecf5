/* Sections that grow while others have them open: in memory, into the addresses that they were created with, and native
 * files. */
#include <stdio.h>

#include "growth.h"
#include "harness.h"
#include "system.h"

#define SIZE    100000
#define GROWN   (UINT64_C(5) << 20)
#define KIB64   (UINT64_C(1) << 16)
#define RESERVE (sizeof(void *) == 8 ? UINT64_C(64) << 30 : UINT64_C(64) << 20)

static wmmf_section *growing(const char *name, uint64_t reserve) {
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *section = NULL;
    options.reserve = reserve;
    REQUIRE_OK(wmmf_create(name, SIZE, &options, &section));
    return section;
}

static wmmf_section *native_file(const char *path, uint64_t size, uint32_t protection) {
    wmmf_file_options options = {.struct_size = sizeof options, .native = 1, .protection = protection};
    wmmf_section *section = NULL;
    options.file_mode = size != 0 ? WMMF_FILE_CREATE : WMMF_FILE_OPEN;
    REQUIRE_OK(wmmf_map_file(path, size, &options, &section));
    return section;
}

/* All bytes that the section claims can be read, and are zero from `from` on. */
static void check_zeros(wmmf_section *section, uint64_t from) {
    static uint8_t bytes[1 << 16], zeros[1 << 16];
    uint64_t size = size_of(section);
    for (uint64_t at = from; at < size; at += sizeof bytes) {
        uint64_t length = size - at < sizeof bytes ? size - at : sizeof bytes;
        REQUIRE_OK(wmmf_read(section, at, bytes, length, LONG_TIMEOUT));
        CHECK(memcmp(bytes, zeros, (size_t)length) == 0);
    }
}

static void check_beyond_is_an_error(wmmf_section *section) {
    char byte = 0;
    wmmf_window *window = NULL;
    uint64_t size = size_of(section);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_read(section, size, &byte, 1, 0));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_read(section, size - 1, &byte, UINT64_MAX, 0));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_flush(section, size, 1, 0));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_map_window(section, size, 1, WMMF_READ, &window));
}

static int read_what_has_grown(const char *name) {
    char text[6] = "";
    wmmf_section *section = open_read_only(name, WMMF_NATIVE);
    CHECK_EQUAL(SIZE, size_of(section));
    check_beyond_is_an_error(section);
    say("open");
    if (!heard("grown"))
        return 1;
    REQUIRE_OK(wmmf_read(section, GROWN - 6, text, 6, LONG_TIMEOUT));
    CHECK_EQUAL(GROWN, size_of(section));
    check_beyond_is_an_error(section);
    bool same = strcmp(text, "hello") == 0 && strcmp((char *)data_of(section) + GROWN - 6, "hello") == 0;
    wmmf_close(section);
    return !same;
}

static void a_section_grows_in_place_for_everybody(void) {
    const char *name = new_name();
    wmmf_section *section = growing(name, RESERVE), *other = open_existing(name, WMMF_NATIVE);
    struct child *child = child_start("read_what_has_grown", name);
    uint8_t *data = data_of(section), *theirs = data_of(other);
    CHECK(child_said(child, "open"));
    REQUIRE_OK(wmmf_write(section, 0, "begin", 5, 0));
    CHECK_EQUAL(RESERVE, info_of(section).reserve);
    CHECK_EQUAL(RESERVE, info_of(other).reserve);
    REQUIRE_OK(wmmf_resize(section, GROWN));
    CHECK_EQUAL(GROWN, size_of(section));
    CHECK_EQUAL(GROWN, info_of(other).size);
    check_zeros(other, 5);
    REQUIRE_OK(wmmf_write(other, GROWN - 6, "hello", 6, 0));
    child_tell(child, "grown");
    CHECK_EQUAL(0, child_end(child));
    CHECK(data_of(section) == data && data_of(other) == theirs); /* in place */
    CHECK(memcmp(data, "begin", 5) == 0 && memcmp(data + GROWN - 6, "hello", 6) == 0);
    REQUIRE_OK(wmmf_resize(other, GROWN + 1));
    check_beyond_is_an_error(section);
    wmmf_close(other);
    wmmf_close(section);
}

static void newcomers_see_what_is_there(void) {
    const char *name = new_name();
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *section = growing(name, RESERVE), *other = NULL;
    int32_t created = 1;
    CHECK_STATUS(WMMF_E_SIZE, wmmf_open(name, SIZE + 1, &options, &other));
    REQUIRE_OK(wmmf_resize(section, GROWN));
    REQUIRE_OK(wmmf_create_or_open(name, SIZE, &options, &other, &created));
    CHECK_EQUAL(0, created);
    CHECK_EQUAL(GROWN, size_of(other));
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_audit(other, &report));
    CHECK_EQUAL(0, report.damaged);
    wmmf_close(other);
    wmmf_close(section);
}

static void windows_reach_what_has_grown(void) {
    void *data = NULL;
    wmmf_window *window = NULL;
    wmmf_section *section = growing(new_name(), RESERVE);
    REQUIRE_OK(wmmf_resize(section, GROWN));
    REQUIRE_OK(wmmf_map_window(section, GROWN - 3, 3, WMMF_READ_WRITE, &window));
    REQUIRE_OK(wmmf_window_data(window, &data));
    memcpy(data, "abc", 3);
    CHECK(memcmp(data_of(section) + GROWN - 3, "abc", 3) == 0);
    wmmf_unmap_window(window);
    wmmf_close(section);
}

static void a_section_without_a_name_grows(void) {
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *section = NULL, *other = NULL;
    int64_t handle = -1;
    options.reserve = RESERVE;
    REQUIRE_OK(wmmf_create_unnamed(SIZE, &options, &section));
    REQUIRE_OK(wmmf_share(section, 0, 0, &handle));
    REQUIRE_OK(wmmf_open_handle(handle, 0, NULL, &other));
    REQUIRE_OK(wmmf_resize(other, GROWN));
    REQUIRE_OK(wmmf_write(section, GROWN - 1, "x", 1, 0));
    CHECK_EQUAL('x', data_of(other)[GROWN - 1]);
    CHECK(!system_cuts(handle));
    wmmf_close(other);
    system_close(handle);
    wmmf_close(section);
}

static void check_not_created(int32_t expected, uint64_t reserve, uint32_t layout) {
    wmmf_options options = options_of(layout, WMMF_LOCAL);
    wmmf_section *section = NULL;
    const char *name = new_name();
    options.reserve = reserve;
    uint64_t handles = system_resources().handles;
    CHECK_STATUS(expected, wmmf_create(name, SIZE, &options, &section));
    CHECK_STATUS(layout == WMMF_WINMMF ? WMMF_E_NOT_SUPPORTED : expected,
                 wmmf_create_unnamed(SIZE, &options, &section));
    CHECK_EQUAL(handles, system_resources().handles);
}

static void what_cannot_grow_says_why(void) {
    wmmf_channel *channel = NULL;
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    check_not_created(WMMF_E_SIZE, SIZE - 1, WMMF_NATIVE);
    check_not_created(WMMF_E_SIZE, UINT64_MAX, WMMF_NATIVE);
    check_not_created(WMMF_E_NOT_SUPPORTED, RESERVE, WMMF_RAW);
    check_not_created(WMMF_E_NOT_SUPPORTED, RESERVE, WMMF_WINMMF);
    options.reserve = RESERVE;
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_channel_create(new_name(), SIZE, 0, &options, &channel));

    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_RAW; layout++) {
        wmmf_section *section = create(new_name(), SIZE, layout);
        CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_resize(section, SIZE + 1));
        CHECK_EQUAL(0, info_of(section).reserve);
        wmmf_close(section);
    }
    const char *name = new_name();
    wmmf_file_options raw = {.struct_size = sizeof raw, .file_mode = WMMF_FILE_CREATE};
    wmmf_section *file = NULL;
    REQUIRE_OK(wmmf_map_file(name, SIZE, &raw, &file));
    CHECK_EQUAL(0, info_of(file).reserve);
    wmmf_close(file);
    remove(name);
    wmmf_section *section = growing(name, 2 * SIZE), *reader = open_read_only(name, WMMF_NATIVE);
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_resize(reader, SIZE + 1));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_resize(section, 0));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_resize(section, SIZE - 1));
    CHECK(strstr(wmmf_last_detail(), "does not get smaller") != NULL);
    CHECK_STATUS(WMMF_E_SIZE, wmmf_resize(section, 2 * SIZE + 1));
    CHECK(strstr(wmmf_last_detail(), "at most 200000, its reserve") != NULL);
    CHECK_STATUS(WMMF_E_SIZE, wmmf_resize(section, UINT64_MAX));
    CHECK_EQUAL(SIZE, size_of(section));
    CHECK_STATUS(WMMF_OK, wmmf_resize(section, SIZE));
    CHECK_STATUS(WMMF_OK, wmmf_resize(section, 2 * SIZE));
    CHECK_EQUAL(2 * SIZE, size_of(reader));
    wmmf_close(reader);
    wmmf_close(section);
}

/* A peer that claims more than there is. */
static void a_false_size_leads_nobody_outside(void) {
    const char *name = new_name();
    wmmf_section *section = growing(name, RESERVE), *reader = open_read_only(name, WMMF_NATIVE), *other = NULL;
    struct header *header = section->header;
    static const uint64_t claims[] = {GROWN, UINT64_MAX, UINT64_MAX - 4096};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        header->committed = claims[i];
        uint64_t shown = size_of(reader); /* up to the end of a page */
        CHECK(shown >= SIZE && shown < SIZE + KIB64);
        check_zeros(reader, 0);
        check_beyond_is_an_error(reader);
        CHECK_STATUS(i == 0 ? WMMF_E_TRUNCATED : WMMF_E_FORMAT, wmmf_open(name, 0, NULL, &other));
    }
    wmmf_audit_report report = {.struct_size = sizeof report};
    header->committed = SIZE;
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(0, report.damaged);
    REQUIRE_OK(wmmf_resize(section, GROWN)); /* what an honest peer adds counts again */
    CHECK_EQUAL(GROWN, size_of(reader));
    header->committed = SIZE;
    CHECK_EQUAL(GROWN, size_of(reader)); /* seen is seen */
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(1, report.damaged);
    wmmf_close(reader);
    wmmf_close(section);
}

static void a_false_reserve_is_refused(void) {
    const char *name = new_name();
    wmmf_section *section = growing(name, RESERVE), *other = NULL;
    struct header *header = section->header;
    header->reserve = SIZE - 1;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(name, 0, NULL, &other));
    header->reserve = UINT64_MAX;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(name, 0, NULL, &other));
    header->reserve = LARGEST_MAPPING - 8192; /* no process of 64 bits has so many addresses */
    int32_t status = wmmf_open(name, 0, NULL, &other);
    CHECK(status == WMMF_E_NO_MEMORY || status == WMMF_E_TRUNCATED || (status == WMMF_OK && sizeof(void *) == 4));
    wmmf_close(other);
    header->reserve = 0;
    CHECK_STATUS(WMMF_OK, wmmf_open(name, 0, NULL, &other));
    CHECK_EQUAL(SIZE, size_of(other));
    wmmf_close(other);
    header->reserve = RESERVE;
    header->kind = KIND_CHANNEL;
    wmmf_options looking = options_of(WMMF_NATIVE, WMMF_LOCAL);
    looking.read_only = 1;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(name, 0, &looking, &other));
    wmmf_close(section);
}

/* Threads that make it larger at the same time each get at least the size that they wanted. */
#define GROWERS 4
#define STEPS   50

struct grower {
    wmmf_section *section;
    uint64_t first;
    int failures;
};

static void grow_in_steps(void *argument) {
    struct grower *grower = argument;
    for (uint64_t i = 0; i < STEPS; i++) {
        uint64_t size = SIZE + (grower->first + i * GROWERS) * 4096, at;
        int32_t status = wmmf_resize(grower->section, size);
        /* It does not get smaller: others have made it larger meanwhile. */
        at = status == WMMF_E_SIZE ? SIZE : size;
        if ((status != WMMF_OK && status != WMMF_E_SIZE) ||
            wmmf_write(grower->section, at - 1, "x", 1, LONG_TIMEOUT) != WMMF_OK)
            grower->failures++;
    }
}

static void grow_together(wmmf_section *handles[GROWERS]) {
    struct grower growers[GROWERS];
    struct thread *threads[GROWERS];
    for (uint64_t i = 0; i < GROWERS; i++) {
        growers[i] = (struct grower){handles[i], i + 1, 0};
        threads[i] = thread_start(grow_in_steps, &growers[i]);
    }
    for (int i = 0; i < GROWERS; i++) {
        thread_join(threads[i]);
        CHECK_EQUAL(0, growers[i].failures);
    }
    for (int i = 0; i < GROWERS; i++)
        CHECK_EQUAL(SIZE + GROWERS * STEPS * 4096, size_of(handles[i]));
}

static void many_grow_one_section(void) {
    const char *name = new_name();
    wmmf_section *section = growing(name, RESERVE), *other = open_existing(name, WMMF_NATIVE);
    grow_together((wmmf_section *[GROWERS]){section, other, section, other});
    wmmf_close(other);
    wmmf_close(section);
}

static int grow_until_killed(const char *name) {
    wmmf_section *section = open_existing(name, WMMF_NATIVE);
    for (uint64_t size = size_of(section) + KIB64; size < RESERVE; size += KIB64) {
        REQUIRE_OK(wmmf_resize(section, size));
        say("grown");
    }
    return 1; /* nobody killed it */
}

static void killed_growers_leave_it_whole(void) {
    const char *name = new_name();
    wmmf_section *section = growing(name, RESERVE);
    for (uint64_t kill = 0; kill < 10; kill++) {
        uint64_t before = size_of(section);
        struct child *child = child_start("grow_until_killed", name);
        for (uint64_t i = 0; i <= kill; i++)
            CHECK(child_said(child, "grown"));
        child_kill(child);
        CHECK(size_of(section) >= before + (kill + 1) * KIB64);
        check_zeros(section, before);
        REQUIRE_OK(wmmf_resize(section, size_of(section) + KIB64));
        check_zeros(section, before);
    }
    wmmf_close(section);
}

/* Sections of other programs, which only reserve pages (Windows). */

static void a_strangers_reserved_section_says_what_it_is(void) {
    wmmf_options options = options_of(WMMF_RAW, WMMF_LOCAL);
    wmmf_section *section = NULL;
    int64_t handle;
    const char *name = new_name();
    if (!system_reserves(name, 1 << 20, 0, &handle))
        return;
    CHECK_STATUS(WMMF_E_NOT_READY, wmmf_open(name, 0, &options, &section)); /* after a second */
    CHECK(strstr(wmmf_last_detail(), "1048576 bytes are only reserved") != NULL);
    system_close(handle);
    if (!system_reserves(name = new_name(), 1 << 20, 1 << 16, &handle))
        return;
    REQUIRE_OK(wmmf_open(name, 0, &options, &section));
    CHECK_EQUAL(1 << 16, size_of(section));
    CHECK_EQUAL(1 << 20, info_of(section).reserve);
    check_zeros(section, 0);
    check_beyond_is_an_error(section);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_resize(section, 1 << 17));
    wmmf_close(section);
    system_close(handle);
}

/* Native files. */

static void a_native_file_grows_for_everybody(void) {
    const char *path = new_name();
    char text[6] = "";
    wmmf_section *section = native_file(path, SIZE, WMMF_READ_WRITE);
    wmmf_section *other = native_file(path, 0, WMMF_READ_WRITE), *reader = native_file(path, 0, WMMF_READ);
    uint8_t *old = data_of(section);
    REQUIRE_OK(wmmf_write(section, SIZE - 5, "begin", 5, 0));
    check_beyond_is_an_error(reader);
    REQUIRE_OK(wmmf_resize(section, GROWN));
    CHECK_EQUAL(GROWN, size_of(other));
    check_zeros(other, SIZE);
    REQUIRE_OK(wmmf_write(other, GROWN - 6, "hello", 6, 0));
    REQUIRE_OK(wmmf_read(reader, GROWN - 6, text, 6, LONG_TIMEOUT));
    CHECK(strcmp(text, "hello") == 0);
    CHECK(memcmp(data_of(section) + GROWN - 6, "hello", 6) == 0);
    CHECK(memcmp(old + SIZE - 5, "begin", 5) == 0); /* what was given out stays */
    memcpy(old + SIZE - 5, "still", 5);
    CHECK(memcmp(data_of(section) + SIZE - 5, "still", 5) == 0);
    REQUIRE_OK(wmmf_flush(section, GROWN - 6, 6, 1));
    REQUIRE_OK(wmmf_resize(other, 2 * GROWN));
    CHECK_EQUAL(2 * GROWN, size_of(section));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_resize(section, GROWN));
    CHECK(strstr(wmmf_last_detail(), "does not get smaller") != NULL);
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_resize(reader, 3 * GROWN));
    wmmf_close(reader);
    wmmf_close(other);
    wmmf_close(section);
    section = native_file(path, 0, WMMF_READ_WRITE); /* and it stays so */
    CHECK_EQUAL(2 * GROWN, size_of(section));
    REQUIRE_OK(wmmf_read(section, GROWN - 6, text, 6, 0));
    CHECK(strcmp(text, "hello") == 0);
    wmmf_close(section);
    remove(path);
}

static void what_a_file_grows_by_is_on_the_disk(void) {
    for (uint32_t native = 0; native < 2; native++) {
        const char *path = new_name();
        wmmf_file_options options = {.struct_size = sizeof options, .file_mode = WMMF_FILE_CREATE, .native = native};
        wmmf_section *section = NULL;
        options.flags = WMMF_FILE_RESERVE;
        REQUIRE_OK(wmmf_map_file(path, SIZE, &options, &section));
        REQUIRE_OK(wmmf_resize(section, GROWN));
        CHECK(system_place_of_file(path) >= GROWN);
        CHECK_EQUAL(GROWN, size_of(section));
        if (!native) {
            wmmf_section *other = NULL;
            REQUIRE_OK(wmmf_resize(section, SIZE));
            REQUIRE_OK(wmmf_map_file(path, 0, NULL, &other));
            CHECK_EQUAL(SIZE, size_of(other)); /* it can still get shorter */
            wmmf_close(other);
        }
        wmmf_close(section);
        remove(path);
    }
}

/* Windows: the section that has the name is as long as the file was. */
static void a_name_over_a_file_that_grew_shows_its_first_bytes(void) {
    const char *path = new_name(), *name = new_name();
    wmmf_file_options options = {.struct_size = sizeof options, .native = 1, .name = name};
    wmmf_section *section = NULL, *other = NULL;
    options.file_mode = WMMF_FILE_CREATE;
    if (wmmf_map_file(path, SIZE, &options, &section) == WMMF_E_NOT_SUPPORTED)
        return;
    REQUIRE_OK(wmmf_resize(section, GROWN));
    REQUIRE_OK(wmmf_write(section, SIZE - 1, "x", 1, 0));
    other = open_existing(name, WMMF_NATIVE);
    CHECK_EQUAL(SIZE, size_of(other));
    CHECK_EQUAL('x', data_of(other)[SIZE - 1]);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_resize(other, 2 * GROWN));
    wmmf_close(other);
    wmmf_close(section);
    remove(path);
}

static void a_part_of_a_native_file_stays_one(void) {
    const char *path = new_name();
    wmmf_file_options options = {.struct_size = sizeof options, .native = 1};
    wmmf_section *section = native_file(path, SIZE, WMMF_READ_WRITE), *part = NULL;
    REQUIRE_OK(wmmf_map_file(path, 100, &options, &part));
    REQUIRE_OK(wmmf_resize(section, GROWN));
    CHECK_EQUAL(100, size_of(part));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_resize(part, 2 * GROWN));
    CHECK(strstr(wmmf_last_detail(), "opened with a size") != NULL);
    wmmf_close(part);
    wmmf_close(section);
    remove(path);
}

static void many_grow_one_file(void) {
    const char *path = new_name();
    wmmf_section *section = native_file(path, SIZE, WMMF_READ_WRITE);
    wmmf_section *other = native_file(path, 0, WMMF_READ_WRITE);
    grow_together((wmmf_section *[GROWERS]){section, other, section, other});
    wmmf_close(other);
    wmmf_close(section);
    remove(path);
}

static void a_false_size_of_a_file_leads_nobody_outside(void) {
    const char *path = new_name();
    wmmf_file_options options = {.struct_size = sizeof options, .native = 1};
    wmmf_section *section = native_file(path, SIZE, WMMF_READ_WRITE), *other = NULL;
    struct header *header = section->header;
    header->committed = GROWN;
    CHECK_EQUAL(SIZE, size_of(section));
    check_beyond_is_an_error(section);
    CHECK_STATUS(WMMF_E_TRUNCATED, wmmf_map_file(path, 0, &options, &other));
    header->committed = 0;
    header->reserve = RESERVE; /* of memory only */
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_map_file(path, 0, &options, &other));
    wmmf_close(section);
    remove(path);
}

static const struct test tests[] = {
    TEST(a_section_grows_in_place_for_everybody),
    TEST(newcomers_see_what_is_there),
    TEST(windows_reach_what_has_grown),
    TEST(a_section_without_a_name_grows),
    TEST(what_cannot_grow_says_why),
    TEST(a_false_size_leads_nobody_outside),
    TEST(a_false_reserve_is_refused),
    TEST(many_grow_one_section),
    TEST(killed_growers_leave_it_whole),
    TEST(a_strangers_reserved_section_says_what_it_is),
    TEST(a_native_file_grows_for_everybody),
    TEST(what_a_file_grows_by_is_on_the_disk),
    TEST(a_name_over_a_file_that_grew_shows_its_first_bytes),
    TEST(a_part_of_a_native_file_stays_one),
    TEST(many_grow_one_file),
    TEST(a_false_size_of_a_file_leads_nobody_outside),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(read_what_has_grown),
    ROLE(grow_until_killed),
    {NULL, NULL},
};

const struct suite suite_growth;
const struct suite suite_growth = {tests, roles};
