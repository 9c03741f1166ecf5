/* The memory of a section: large pages, locked memory, and hints. The system decides which of them it grants: either
 * the section has them, or the error says what to do. python/test_pages.py makes Linux grant them. */
#include <stdio.h>

#include "harness.h"
#include "system.h"

#define SIZE 100000

static wmmf_options flagged(uint32_t layout, uint32_t flags) {
    wmmf_options options = options_of(layout, WMMF_LOCAL);
    options.flags = flags;
    return options;
}

static uint64_t page_of(uint32_t flags, int32_t status) {
    uint64_t ordinary = 0, large = 0;
    REQUIRE_OK(wmmf_page_sizes(&ordinary, NULL, &large));
    return flags == WMMF_LARGE_PAGES && status == WMMF_OK ? large : ordinary;
}

static void check_whole(wmmf_section *section, uint64_t page) {
    static const uint8_t zeros[SIZE];
    wmmf_info info = info_of(section);
    CHECK_EQUAL(page, info.page_size);
    CHECK_EQUAL(SIZE, info.size);
    CHECK(page == page_of(0, WMMF_OK) || info.mapped_size % page == 0);
    CHECK(memcmp(data_of(section), zeros, SIZE) == 0);
    REQUIRE_OK(wmmf_write(section, SIZE - 6, "hello", 6, 0));
}

/* The other handle of this section, which learns nothing. */
static void check_other(wmmf_section *other, uint64_t page) {
    char text[6] = "";
    wmmf_window *window = NULL;
    void *data = NULL;
    CHECK_EQUAL(page, info_of(other).page_size);
    REQUIRE_OK(wmmf_read(other, SIZE - 6, text, 6, 0));
    CHECK(strcmp(text, "hello") == 0);
    REQUIRE_OK(wmmf_map_window(other, SIZE - 6, 6, WMMF_READ, &window));
    REQUIRE_OK(wmmf_window_data(window, &data));
    CHECK(memcmp(data, "hello", 6) == 0);
    wmmf_unmap_window(window);
    wmmf_close(other);
}

/* "Which setting" is a setting's path, an option of a mount, or a right. */
static void check_refusal(int32_t status) {
    const char *detail = wmmf_last_detail();
    CHECK(status == WMMF_E_NOT_SUPPORTED || status == WMMF_E_ACCESS || status == WMMF_E_NO_MEMORY);
    CHECK(strstr(detail, "huge=advise") || strstr(detail, "nr_hugepages") || strstr(detail, "SeLockMemoryPrivilege") ||
          strstr(detail, "contiguous memory"));
}

static void large_pages_are_granted_or_refused_with_a_reason(void) {
    const char *name = new_name();
    wmmf_options options = flagged(WMMF_NATIVE, WMMF_LARGE_PAGES);
    wmmf_section *section = NULL;
    int32_t status = wmmf_create(name, SIZE, &options, &section);
    if (status != WMMF_OK) {
        check_refusal(status);
        CHECK(section == NULL);
        CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, NULL, &section));
        return;
    }
    check_whole(section, page_of(WMMF_LARGE_PAGES, status));
    check_other(open_existing(name, WMMF_NATIVE), page_of(WMMF_LARGE_PAGES, status));
    wmmf_close(section);
}

static void large_pages_without_a_name(void) {
    wmmf_options options = flagged(WMMF_NATIVE, WMMF_LARGE_PAGES);
    wmmf_section *section = NULL, *other = NULL;
    int64_t handle = -1;
    int32_t status = wmmf_create_unnamed(SIZE, &options, &section);
    if (status != WMMF_OK) {
        check_refusal(status);
        CHECK(section == NULL);
        return;
    }
    check_whole(section, page_of(WMMF_LARGE_PAGES, status));
    REQUIRE_OK(wmmf_share(section, 0, 0, &handle));
    REQUIRE_OK(wmmf_open_handle(handle, 0, NULL, &other));
    check_other(other, page_of(WMMF_LARGE_PAGES, status));
    system_close(handle);
    wmmf_close(section);
}

static void a_try_always_ends_well(void) {
    static const uint32_t layouts[] = {WMMF_NATIVE, WMMF_RAW, WMMF_WINMMF};
    for (int i = 0; i < 3; i++) {
        const char *name = new_name();
        wmmf_options options = flagged(layouts[i], WMMF_TRY_LARGE_PAGES);
        wmmf_section *section = NULL, *other = NULL;
        REQUIRE_OK(wmmf_create(name, SIZE, &options, &section));
        check_whole(section, info_of(section).page_size);
        REQUIRE_OK(wmmf_open(name, SIZE, &options, &other)); /* when opening, there is no detail */
        check_other(other, layouts[i] == WMMF_NATIVE ? info_of(section).page_size : info_of(other).page_size);
        wmmf_close(section);
    }
}

static void a_false_page_size_is_only_told(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, SIZE, WMMF_NATIVE), *other;
    uint64_t *page_size = (uint64_t *)(void *)(data_of(section) - info_of(section).data_offset + 280);
    uint64_t page = info_of(section).page_size;
    CHECK_EQUAL(page, *page_size);
    *page_size = UINT64_C(1) << 40;
    other = open_existing(name, WMMF_NATIVE);
    CHECK(memcmp(data_of(other), data_of(section), SIZE) == 0);
    wmmf_close(other);
    *page_size = 12345;
    other = open_existing(name, WMMF_NATIVE);
    CHECK_EQUAL(page, info_of(other).page_size);
    wmmf_close(other);
    wmmf_close(section);
}

static uint64_t locked_bytes(void) {
    uint64_t bytes = 0;
    system_locked_bytes(&bytes);
    return bytes;
}

static void locked_memory(void) {
    const char *name = new_name();
    wmmf_options options = flagged(WMMF_NATIVE, WMMF_LOCKED);
    wmmf_section *section = NULL, *other = NULL;
    uint64_t before = 0, told = system_locked_bytes(&before) ? 1 : 0;
    REQUIRE_OK(wmmf_create(name, SIZE, &options, &section));
    CHECK_EQUAL(1, info_of(section).locked);
    CHECK(locked_bytes() >= before + told * SIZE);
    other = open_existing(name, WMMF_NATIVE);
    CHECK_EQUAL(0, info_of(other).locked);
    wmmf_close(other);
    options.read_only = 1;
    REQUIRE_OK(wmmf_open(name, 0, &options, &other));
    CHECK_EQUAL(1, info_of(other).locked);
    CHECK(locked_bytes() >= before + told * 2 * SIZE);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_advise(other, 0, 0, WMMF_ADVICE_DONT_NEED));
    wmmf_close(other);
    wmmf_close(section);
    CHECK_EQUAL(before, locked_bytes());
}

static void check_refused(int32_t status, wmmf_options options) {
    wmmf_section *section = NULL;
    int32_t created;
    const char *name = new_name();
    CHECK_STATUS(status, wmmf_create(name, SIZE, &options, &section));
    CHECK_STATUS(status, wmmf_create_or_open(name, SIZE, &options, &section, &created));
    CHECK_STATUS(status, wmmf_create_unnamed(SIZE, &options, &section));
    CHECK(section == NULL);
}

static void what_does_not_fit_together_is_refused(void) {
    static const uint32_t flags[] = {WMMF_LARGE_PAGES, WMMF_TRY_LARGE_PAGES, WMMF_LOCKED};
    wmmf_channel *channel = NULL;
    wmmf_section *section = NULL;
    for (int i = 0; i < 3; i++) {
        wmmf_options options = flagged(WMMF_NATIVE, flags[i]);
        CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_channel_create(new_name(), SIZE, 0, &options, &channel));
        CHECK_STATUS(
            WMMF_E_NOT_SUPPORTED,
            wmmf_open_file("none", 0,
                           &(wmmf_options){.struct_size = sizeof options, .layout = WMMF_RAW, .flags = flags[i]},
                           &section));
        options.reserve = 2 * SIZE;
        check_refused(WMMF_E_NOT_SUPPORTED, options);
        CHECK(strstr(wmmf_last_detail(), "reserve") != NULL);
    }
    check_refused(WMMF_E_ARGUMENT, flagged(WMMF_NATIVE, WMMF_LARGE_PAGES | WMMF_TRY_LARGE_PAGES));
    check_refused(WMMF_E_ARGUMENT, flagged(WMMF_NATIVE, 8));
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    options.own_only = 2;
    check_refused(WMMF_E_ARGUMENT, options);
}

static void what_grows_is_not_locked(void) {
    const char *name = new_name();
    wmmf_options growing = options_of(WMMF_NATIVE, WMMF_LOCAL), locked = flagged(WMMF_NATIVE, WMMF_LOCKED);
    wmmf_section *section = NULL, *other = NULL;
    growing.reserve = 2 * SIZE;
    REQUIRE_OK(wmmf_create(name, SIZE, &growing, &section));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_open(name, 0, &locked, &other));
    CHECK(other == NULL);
    wmmf_close(section);
}

static void rows_of_a_locked_section_have_locks(void) {
    wmmf_options options = flagged(WMMF_NATIVE, WMMF_LOCKED | WMMF_TRY_LARGE_PAGES);
    wmmf_section *section = NULL;
    options.locks = 2;
    REQUIRE_OK(wmmf_create(new_name(), SIZE, &options, &section));
    REQUIRE_OK(wmmf_lock_write_at(section, 64, 0));
    REQUIRE_OK(wmmf_unlock_write_at(section, 64));
    wmmf_close(section);
}

static void hints_change_no_byte(void) {
    wmmf_section *section = create(new_name(), SIZE, WMMF_NATIVE);
    wmmf_window *window = NULL;
    uint8_t *data = data_of(section);
    memset(data, 7, SIZE);
    REQUIRE_OK(wmmf_map_window(section, 501, 70000, WMMF_READ_WRITE, &window));
    for (uint32_t advice = WMMF_ADVICE_NORMAL; advice <= WMMF_ADVICE_LARGE_PAGES; advice++) {
        CHECK_STATUS(WMMF_OK, wmmf_advise(section, 0, 0, advice));
        CHECK_STATUS(WMMF_OK, wmmf_advise(section, 4097, 33333, advice));
        CHECK_STATUS(WMMF_OK, wmmf_advise(section, SIZE, 0, advice));
        CHECK_STATUS(WMMF_OK, wmmf_advise_window(window, 3, 60000, advice));
    }
    for (int i = 0; i < SIZE; i++)
        if (data[i] != 7) {
            CHECK_EQUAL(7, data[i]);
            break;
        }
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_advise(section, 0, 0, WMMF_ADVICE_LARGE_PAGES + 1));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_advise(section, 1, SIZE, WMMF_ADVICE_NORMAL));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_advise_window(window, 1, 70000, WMMF_ADVICE_NORMAL));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_advise_window(window, UINT64_MAX, 2, WMMF_ADVICE_NORMAL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_advise_window(NULL, 0, 0, WMMF_ADVICE_NORMAL));
    wmmf_unmap_window(window);
    wmmf_close(section);
}

static void what_a_copy_has_is_not_given_away(void) {
    const char *path = new_name();
    wmmf_file_options options = {.struct_size = sizeof options, .file_mode = WMMF_FILE_CREATE};
    wmmf_section *file = NULL, *copy = NULL;
    wmmf_window *window = NULL;
    void *data = NULL;
    REQUIRE_OK(wmmf_map_file(path, SIZE, &options, &file));
    options.file_mode = WMMF_FILE_OPEN;
    options.protection = WMMF_COPY_ON_WRITE;
    REQUIRE_OK(wmmf_map_file(path, 0, &options, &copy));
    REQUIRE_OK(wmmf_map_window(file, 0, SIZE, WMMF_COPY_ON_WRITE, &window));
    REQUIRE_OK(wmmf_window_data(window, &data));
    memcpy(data, "mine", 4);
    memcpy(data_of(copy), "mine", 4);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_advise(copy, 0, 0, WMMF_ADVICE_DONT_NEED));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_advise_window(window, 0, 0, WMMF_ADVICE_DONT_NEED));
    CHECK_STATUS(WMMF_OK, wmmf_advise(copy, 0, 0, WMMF_ADVICE_WILL_NEED));
    CHECK(memcmp(data, "mine", 4) == 0 && memcmp(data_of(copy), "mine", 4) == 0);
    CHECK_STATUS(WMMF_OK, wmmf_advise(file, 0, 0, WMMF_ADVICE_DONT_NEED));
    wmmf_unmap_window(window);
    wmmf_close(copy);
    wmmf_close(file);
    remove(path);
}

static const struct test tests[] = {
    TEST(large_pages_are_granted_or_refused_with_a_reason),
    TEST(large_pages_without_a_name),
    TEST(a_try_always_ends_well),
    TEST(a_false_page_size_is_only_told),
    TEST(locked_memory),
    TEST(what_does_not_fit_together_is_refused),
    TEST(what_grows_is_not_locked),
    TEST(rows_of_a_locked_section_have_locks),
    TEST(hints_change_no_byte),
    TEST(what_a_copy_has_is_not_given_away),
    {NULL, NULL},
};

static const struct role roles[] = {{NULL, NULL}};

const struct suite suite_pages;
const struct suite suite_pages = {tests, roles};
