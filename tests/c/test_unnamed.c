/* Sections without a name, which are handed over. */
#include <stdio.h>

#include "harness.h"
#include "system.h"

#define SIZE 1000

static wmmf_section *unnamed(uint32_t layout) {
    wmmf_options options = options_of(layout, WMMF_LOCAL);
    wmmf_section *section = NULL;
    REQUIRE_OK(wmmf_create_unnamed(SIZE, &options, &section));
    return section;
}

static int64_t shared(wmmf_section *section, uint32_t read_only) {
    int64_t handle = -1;
    REQUIRE_OK(wmmf_share(section, 0, read_only, &handle));
    return handle;
}

static wmmf_section *opened(int64_t handle, uint32_t layout, uint32_t read_only) {
    wmmf_options options = options_of(layout, WMMF_LOCAL);
    wmmf_section *section = NULL;
    options.read_only = read_only;
    REQUIRE_OK(wmmf_open_handle(handle, 0, &options, &section));
    return section;
}

static void a_handle_leads_to_the_section(void) {
    char text[6] = "";
    uint64_t size = 0;
    wmmf_section *section = unnamed(WMMF_NATIVE);
    int64_t handle = shared(section, 0);
    wmmf_section *other = opened(handle, WMMF_NATIVE, 0);
    CHECK_STATUS(WMMF_OK, wmmf_write(section, 10, "hello", 6, 0));
    CHECK_STATUS(WMMF_OK, wmmf_read(other, 10, text, 6, 0));
    CHECK(strcmp(text, "hello") == 0);
    CHECK_STATUS(WMMF_OK, wmmf_size(other, &size));
    CHECK_EQUAL(SIZE, size);
    CHECK_EQUAL(1, participant_of(section, 1).alive);
    REQUIRE_OK(wmmf_lock_write(section, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(wmmf_lock_write, other, 0));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    wmmf_close(other);
    system_close(handle);
    wmmf_close(section);
}

static void a_handle_keeps_the_section(void) {
    char text[6] = "";
    wmmf_section *section = unnamed(WMMF_RAW);
    int64_t handle = shared(section, 0);
    CHECK_STATUS(WMMF_OK, wmmf_write(section, 0, "hello", 6, 0));
    wmmf_close(section);
    for (int i = 0; i < 2; i++) {
        wmmf_options options = options_of(WMMF_RAW, WMMF_LOCAL);
        wmmf_section *other = NULL;
        REQUIRE_OK(wmmf_open_handle(handle, SIZE, &options, &other));
        CHECK_STATUS(WMMF_OK, wmmf_read(other, 0, text, 6, 0));
        CHECK(strcmp(text, "hello") == 0);
        wmmf_close(other);
    }
    system_close(handle);
}

static void windows_of_unnamed_sections(void) {
    void *data = NULL;
    wmmf_window *window = NULL;
    wmmf_section *section = unnamed(WMMF_NATIVE);
    REQUIRE_OK(wmmf_map_window(section, 501, 3, WMMF_READ_WRITE, &window));
    REQUIRE_OK(wmmf_window_data(window, &data));
    memcpy(data, "abc", 3);
    CHECK(memcmp(data_of(section) + 501, "abc", 3) == 0);
    wmmf_unmap_window(window);
    wmmf_close(section);
}

static void a_reader_cannot_write_or_hand_on_more(void) {
    int64_t none = 17;
    wmmf_section *section = unnamed(WMMF_NATIVE);
    int64_t handle = shared(section, 1);
    wmmf_section *reader = opened(handle, WMMF_NATIVE, 1);
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_write(reader, 0, "x", 1, 0));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_share(reader, 0, 0, &none));
    CHECK_EQUAL(17, none);
    int64_t again = shared(reader, 1);
    system_close(again);
    wmmf_close(reader);
    system_close(handle);
    wmmf_close(section);
}

static void nobody_cuts_it(void) {
    wmmf_section *section = unnamed(WMMF_RAW);
    int64_t handle = shared(section, 0);
    CHECK(!system_cuts(handle));
    data_of(section)[SIZE - 1] = 1;
    system_close(handle);
    wmmf_close(section);
}

static void bad_arguments(void) {
    wmmf_section *section = unnamed(WMMF_NATIVE), *none = NULL;
    wmmf_section *named = create(new_name(), SIZE, WMMF_NATIVE);
    wmmf_options winmmf = options_of(WMMF_WINMMF, WMMF_LOCAL);
    wmmf_options raw = options_of(WMMF_RAW, WMMF_LOCAL);
    int64_t handle = 17;
    uint32_t is_named;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create_unnamed(SIZE, NULL, NULL));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create_unnamed(0, NULL, &none));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create_unnamed(UINT64_MAX, NULL, &none));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_create_unnamed(SIZE, &winmmf, &none));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_open_handle(0, 0, &winmmf, &none));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_share(NULL, 0, 0, &handle));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_share(section, 0, 0, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_share(section, 0, 2, &handle));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_share(named, 0, 0, &handle));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_is_named(section, &is_named));
    CHECK_EQUAL(17, handle);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_open_handle(0x7ffffff0, 0, &raw, &none));
    CHECK(strstr(wmmf_last_detail(), "2147483632") != NULL);
    FILE *file = tmpfile();
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open_handle(system_handle_of_file(file), 0, &raw, &none));
    fclose(file);
    CHECK(none == NULL);
    wmmf_close(named);
    wmmf_close(section);
}

/* The process that hands a section over decides what is in it. */
static void hostile_content(void) {
    static const struct {
        uint64_t first;
        int32_t status;
    } cases[] = {{0, WMMF_E_NOT_READY}, {1, WMMF_E_FORMAT}, {UINT64_C(0x74636573464d4d57), WMMF_E_VERSION}};
    wmmf_section *section = unnamed(WMMF_RAW), *none = NULL;
    int64_t handle = shared(section, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(data_of(section), &cases[i].first, sizeof cases[i].first);
        CHECK_STATUS(cases[i].status, wmmf_open_handle(handle, 0, NULL, &none));
    }
    wmmf_options raw = options_of(WMMF_RAW, WMMF_LOCAL);
    CHECK_STATUS(WMMF_E_SIZE, wmmf_open_handle(handle, UINT64_C(1) << 30, &raw, &none));
    CHECK(none == NULL);
    system_close(handle);
    wmmf_close(section);
}

static void only_windows_hands_to_a_process_by_its_number(void) {
    int64_t handle = -1;
    wmmf_section *section = unnamed(WMMF_RAW);
    int32_t status = wmmf_share(section, (uint32_t)system_process_id(), 0, &handle);
#ifdef _WIN32
    REQUIRE_OK(status);
    wmmf_close(opened(handle, WMMF_RAW, 0));
    system_close(handle);
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_share(section, 0xFFFFFFF0, 0, &handle));
#else
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, status);
#endif
    wmmf_close(section);
}

static const struct test tests[] = {
    TEST(a_handle_leads_to_the_section),
    TEST(a_handle_keeps_the_section),
    TEST(windows_of_unnamed_sections),
    TEST(a_reader_cannot_write_or_hand_on_more),
    TEST(nobody_cuts_it),
    TEST(bad_arguments),
    TEST(hostile_content),
    TEST(only_windows_hands_to_a_process_by_its_number),
    {0},
};

static const struct role roles[] = {{0}};

extern const struct suite suite_unnamed;
const struct suite suite_unnamed = {tests, roles};
