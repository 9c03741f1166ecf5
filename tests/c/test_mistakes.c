/* The same mistake gets the same status and the same reason on every system. */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "system.h"

#define SIZE           100
#define SIZE_TOO_LARGE (UINT64_C(1) << 62) /* no file system has files so large */

struct mistake {
    const char *path; /* NULL: a file of SIZE bytes */
    uint64_t size;
    uint32_t file_mode;
    uint64_t offset;
    uint64_t file_size;
    int32_t status;
    const char *detail;
};

static void check_detail(const char *expected) {
    if (!CHECK(*expected == '\0' || strstr(wmmf_last_detail(), expected) != NULL)) /* Wine's finds no "" in "" */
        printf("  expected '%s', but it is '%s'\n", expected, wmmf_last_detail());
}

static void check_mistake(const struct mistake *mistake, const char *file) {
    const char *path = mistake->path ? mistake->path : file;
    wmmf_file_options options = {.struct_size = sizeof options,
                                 .file_mode = mistake->file_mode,
                                 .offset = mistake->offset,
                                 .file_size = mistake->file_size};
    wmmf_section *section = NULL;
    uint64_t handles = system_resources().handles;
    if (!CHECK_STATUS(mistake->status, wmmf_map_file(path, mistake->size, &options, &section)))
        printf("  of '%.40s'\n", path);
    check_detail(mistake->detail);
    CHECK_EQUAL(handles, system_resources().handles);
    CHECK_EQUAL(SIZE, size_of_file(file));
    CHECK(section == NULL);
    wmmf_close(section);
}

static void check_mistakes(const struct mistake *mistakes, size_t count) {
    const char *file = new_file(SIZE);
    for (size_t i = 0; i < count; i++)
        check_mistake(&mistakes[i], file);
    remove(file);
}

/* `length` characters: one name, or names of one letter. */
static char *long_path(size_t length, bool one_name) {
    char *path = malloc(length + 1);
    if (!path)
        give_up();
    for (size_t i = 0; i < length; i++)
        path[i] = one_name || i % 2 == 0 ? 'n' : '/';
    path[length] = '\0';
    return path;
}

static void a_path_that_leads_to_no_file(void) {
    static const char slash[] = "a path that ends with a slash names a folder";
    const uint32_t or_create = WMMF_FILE_OPEN_OR_CREATE;
    char *name = long_path(300, true), *all = long_path(40001, false), below[64];
    snprintf(below, sizeof below, "%s/", new_name());
    const struct mistake mistakes[] = {
        {"", SIZE, 0, 0, 0, WMMF_E_NAME_EMPTY, "the path is empty"},
        {"", SIZE, or_create, 0, 0, WMMF_E_NAME_EMPTY, "the path is empty"},
        {"no-such-file", SIZE, 0, 0, 0, WMMF_E_NOT_FOUND, ""},
        {"no-such-folder/file", SIZE, 0, 0, 0, WMMF_E_NOT_FOUND, ""},
        {"no-such-folder/file", SIZE, or_create, 0, 0, WMMF_E_NOT_FOUND, ""},
        {"no-such-folder/file", SIZE, WMMF_FILE_CREATE, 0, 0, WMMF_E_NOT_FOUND, ""},
        {".", SIZE, 0, 0, 0, WMMF_E_FORMAT, "it is a folder, not an ordinary file"},
        {".", SIZE, or_create, 0, 0, WMMF_E_FORMAT, "it is a folder, not an ordinary file"},
        {"./", SIZE, 0, 0, 0, WMMF_E_FORMAT, slash},
        {below, SIZE, 0, 0, 0, WMMF_E_FORMAT, slash},
        {below, SIZE, or_create, 0, 0, WMMF_E_FORMAT, slash},
        {name, SIZE, 0, 0, 0, WMMF_E_NAME_TOO_LONG, ""},
        {name, SIZE, or_create, 0, 0, WMMF_E_NAME_TOO_LONG, ""},
        {all, SIZE, 0, 0, 0, WMMF_E_NAME_TOO_LONG, ""},
        {all, SIZE, or_create, 0, 0, WMMF_E_NAME_TOO_LONG, ""},
        {NULL, SIZE, WMMF_FILE_CREATE, 0, 0, WMMF_E_EXISTS, ""},
    };
    wmmf_section *section = NULL;
    check_mistakes(mistakes, sizeof mistakes / sizeof *mistakes);
    CHECK_STATUS(WMMF_E_NAME_EMPTY, wmmf_open_file("", 0, NULL, &section));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open_file("./", 0, NULL, &section));
    free(name);
    free(all);
}

static void a_size_that_no_file_has(void) {
    static const char none_so_large[] = "are needed, and no file of this file system can have that many";
    static const struct mistake mistakes[] = {
        {NULL, 0, 0, SIZE, 0, WMMF_E_SIZE, "size 0: expected at least 1"},
        {NULL, UINT64_MAX, 0, 0, 0, WMMF_E_SIZE, "size 18446744073709551615: expected at most"},
        {NULL, PTRDIFF_MAX, 0, 0, 0, WMMF_E_SIZE, "can map at once; give a smaller size, and map windows of the rest"},
        {NULL, 2, 0, UINT64_MAX - 1, 0, WMMF_E_SIZE, "size 2: expected at most 1"},
        {NULL, 1, 0, INT64_MAX, 0, WMMF_E_SIZE, "size 9223372036854775808: expected at most 9223372036854775807"},
        {NULL, 1, 0, 0, UINT64_MAX, WMMF_E_SIZE, "size 18446744073709551615: expected at most 9223372036854775807"},
        {NULL, 1, 0, SIZE_TOO_LARGE, 0, WMMF_E_NO_MEMORY, none_so_large},
        {NULL, 1, 0, 0, SIZE_TOO_LARGE, WMMF_E_NO_MEMORY, none_so_large},
    };
    check_mistakes(mistakes, sizeof mistakes / sizeof *mistakes);
}

static void check_resize(wmmf_section *section, uint64_t size, int32_t status, const char *detail) {
    CHECK_STATUS(status, wmmf_resize(section, size));
    check_detail(detail);
    CHECK_EQUAL(SIZE, size_of(section));
}

static void a_size_that_nothing_can_be_given(void) {
    const char *path = new_file(SIZE);
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *file, *grows;
    options.reserve = 2 * SIZE;
    REQUIRE_OK(wmmf_map_file(path, 0, NULL, &file));
    REQUIRE_OK(wmmf_create(new_name(), SIZE, &options, &grows));
    wmmf_section *const sections[] = {file, grows};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        check_resize(sections[i], 0, WMMF_E_SIZE, "size 0: expected at least 1");
        check_resize(sections[i], INT64_MAX, WMMF_E_SIZE, "size 9223372036854775807: expected at most");
        check_resize(sections[i], UINT64_MAX, WMMF_E_SIZE, "size 18446744073709551615: expected at most");
    }
    wmmf_close(file);
    wmmf_close(grows);
    remove(path);
}

static void check_reserve(void) {
    wmmf_section *section = NULL;
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    options.reserve = UINT64_MAX;
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create(new_name(), SIZE, &options, &section));
    check_detail("(its size) to");
    options.reserve = (uint64_t)PTRDIFF_MAX / 2;
    CHECK_STATUS(WMMF_E_NO_MEMORY, wmmf_create(new_name(), SIZE, &options, &section));
    check_detail("bytes of addresses that the section may grow into");
}

static void a_size_that_no_section_has(void) {
    wmmf_section *section = NULL;
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create(new_name(), 0, NULL, &section));
    check_detail("size 0: expected at least 1");
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create_or_open(new_name(), 0, NULL, &section, NULL));
    check_detail("size 0: expected at least 1");
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create(new_name(), UINT64_MAX, NULL, &section));
    check_detail("size 18446744073709551615: expected at most");
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create_unnamed(UINT64_MAX, NULL, &section));
    check_detail("size 18446744073709551615: expected at most");
    if (sizeof(void *) == 8) /* other processes may have half of their addresses left */
        check_reserve();
}

/* The detail of a call that has none. */
static void a_handle_that_is_none(void) {
    wmmf_section *section = NULL;
    for (int64_t handle = -2; handle < 0; handle++) {
        CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_open_handle(handle, 0, NULL, &section));
        check_detail("is not a");
    }
}

static void an_option_that_is_none(void) {
    const struct {
        wmmf_options options;
        const char *detail;
    } mistakes[] = {
        {{.name_space = 4}, "name_space 4: expected 0 to 3"},
        {{.layout = 3}, "layout 3: expected 0 to 2"},
        {{.access = 5}, "access 5: expected 0 to 4"},
        {{.mode = 01000}, "mode 512: expected at most 511 (0777)"},
        {{.read_only = 2}, "read_only 2: expected 0 or 1"},
        {{.participants = WMMF_PARTICIPANTS_MAX + 1}, "participants 4097: expected at most"},
        {{.locks = WMMF_LOCKS_MAX + 1}, "locks 65: expected at most"},
        {{.access = WMMF_ACCESS_SDDL}, "access 3: expected a security descriptor"},
        {{.sddl = "D:"}, "access 0: expected WMMF_ACCESS_SDDL"},
        {{.flags = 8}, "flags 8: expected"},
        {{.flags = WMMF_LARGE_PAGES | WMMF_TRY_LARGE_PAGES}, "flags 3: expected either"},
        {{.own_only = 2}, "own_only 2: expected 0 or 1"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        wmmf_options options = mistakes[i].options;
        wmmf_section *section = NULL;
        options.struct_size = sizeof options;
        CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create(new_name(), SIZE, &options, &section));
        check_detail(mistakes[i].detail);
        CHECK(section == NULL);
    }
}

/* A struct of another version of the library, and none. */
static void a_struct_that_the_library_does_not_know(void) {
    static const char size_0[] = "struct_size 0: expected", none[] = "the pointer to the struct is NULL";
    wmmf_section *section = create(new_name(), SIZE, WMMF_NATIVE), *out = NULL;
    wmmf_channel_options channel_options = {0};
    wmmf_options options = {0};
    wmmf_file_options file_options = {0};
    wmmf_info info = {0};
    wmmf_frame frame = {0};
    wmmf_channel *channel;
    REQUIRE_OK(wmmf_channel_create(new_name(), SIZE, 0, NULL, &channel));
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_get_info(section, &info));
    check_detail(size_0);
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_channel_acquire(channel, 0, 0, &frame));
    check_detail(size_0);
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_create(new_name(), SIZE, &options, &out));
    check_detail(size_0);
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_map_file("file", SIZE, &file_options, &out));
    check_detail(size_0);
    options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    options.channel = &channel_options;
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_open(new_name(), SIZE, &options, &out));
    check_detail(size_0);
    channel_options.struct_size = sizeof channel_options;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_open(new_name(), SIZE, &options, &out));
    check_detail("channel: expected NULL");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_info(section, NULL));
    check_detail(none);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire(channel, 0, 0, NULL));
    check_detail(none);
    wmmf_channel_close(channel);
    wmmf_close(section);
}

static void an_argument_that_is_null(void) {
    wmmf_section *section = create(new_name(), SIZE, WMMF_NATIVE);
    void *data;
    char byte;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_data(NULL, &data));
    check_detail("section is NULL");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_data(section, NULL));
    check_detail("data is NULL");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_read(section, 0, NULL, 1, 0));
    check_detail("buffer is NULL");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create(NULL, SIZE, NULL, &section));
    check_detail("name is NULL");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_open("name", SIZE, NULL, NULL));
    check_detail("out is NULL");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_begin(NULL, 0, NULL));
    check_detail("channel is NULL");
    REQUIRE_OK(wmmf_read(section, 0, NULL, 0, 0));
    REQUIRE_OK(wmmf_read(section, 0, &byte, 1, 0));
    check_detail("");
    CHECK_EQUAL(0, strlen(wmmf_last_detail()));
    wmmf_close(section);
}

static void what_a_section_is_not_made_for(void) {
    static const char channel_is_none[] = "it is a frame channel: expected a section or a file";
    const char *path = new_file(SIZE), *name = new_name();
    wmmf_window *window = NULL;
    int64_t handle;
    uint32_t named;
    wmmf_file_options options = {.struct_size = sizeof options, .flags = WMMF_FILE_UNMAPPED};
    wmmf_section *file;
    wmmf_channel *channel;
    void *data;
    REQUIRE_OK(wmmf_map_file(path, 0, &options, &file));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_data(file, &data));
    check_detail("the file is not mapped (WMMF_FILE_UNMAPPED): map a window of it");
    REQUIRE_OK(wmmf_channel_create(name, SIZE, 0, NULL, &channel));
    wmmf_section *section = open_read_only(name, WMMF_NATIVE);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_data(section, &data));
    check_detail(channel_is_none);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_wait(section, 0, 0, NULL));
    check_detail(channel_is_none);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_map_window(section, 0, 1, WMMF_READ, &window));
    check_detail(channel_is_none);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_share(section, 0, 1, &handle));
    check_detail("it is opened by its name or path: only unnamed sections are handed over");
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_is_named(file, &named));
    check_detail("it is a file or an unnamed section: expected a section");
    wmmf_close(section);
    section = create(new_name(), SIZE, WMMF_RAW);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_resize(section, 2 * SIZE));
    check_detail("it is a section without a header: expected a file, or a section of the native layout");
    wmmf_close(section);
    wmmf_channel_close(channel);
    wmmf_close(file);
    remove(path);
}

static void bytes_that_a_section_does_not_have(void) {
    wmmf_section *section = create(new_name(), SIZE, WMMF_NATIVE);
    wmmf_window *window = NULL;
    char byte = 0;
    REQUIRE_OK(wmmf_map_window(section, 0, 10, WMMF_READ, &window));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_read(section, SIZE, &byte, 1, 0));
    check_detail("1 bytes at offset 100: expected to end within 100");
    CHECK_STATUS(WMMF_E_RANGE, wmmf_write(section, UINT64_MAX, &byte, 1, 0));
    check_detail("1 bytes at offset 18446744073709551615: expected to end within 100");
    CHECK_STATUS(WMMF_E_RANGE, wmmf_flush(section, 1, SIZE, 1));
    check_detail("100 bytes at offset 1: expected to end within 100");
    CHECK_STATUS(WMMF_E_RANGE, wmmf_advise_window(window, 0, 11, WMMF_ADVICE_NORMAL));
    check_detail("11 bytes at offset 0: expected to end within 10");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_advise(section, 0, 1, 6));
    check_detail("advice 6: expected 0 to 5");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_flush(section, 0, 1, 2));
    check_detail("to_device 2: expected 0 or 1");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_map_window(section, 0, 1, 3, &window));
    check_detail("protection 3: expected 0 to 2");
    wmmf_unmap_window(window);
    wmmf_close(section);
}

static void a_channel_that_none_can_create(void) {
    const struct {
        uint64_t capacity;
        uint32_t slots;
        wmmf_channel_options channel;
        uint32_t layout;
        uint32_t read_only;
        int32_t status;
        const char *detail;
    } mistakes[] = {
        {0, 0, {0}, 0, 0, WMMF_E_SIZE, "capacity 0: expected at least 1"},
        {UINT64_MAX, 0, {0}, 0, 0, WMMF_E_SIZE, "capacity 18446744073709551615: expected at most"},
        {SIZE, 2, {0}, 0, 0, WMMF_E_ARGUMENT, "slots 2: expected 3 to 64"},
        {SIZE, 65, {0}, 0, 0, WMMF_E_ARGUMENT, "slots 65: expected 3 to 64"},
        {SIZE, 0, {.history = 60001}, 0, 0, WMMF_E_ARGUMENT, "history 60001: expected at most 60000"},
        {SIZE, 0, {.pins = 65}, 0, 0, WMMF_E_ARGUMENT, "pins 65: expected at most 64"},
        {SIZE, 0, {.standby = 2}, 0, 0, WMMF_E_ARGUMENT, "standby 2: expected 0 or 1"},
        {SIZE, 0, {.pin_limit_ns = UINT64_MAX}, 0, 0, WMMF_E_ARGUMENT, "pin_limit_ns 18446744073709551615: expected"},
        {SIZE, 0, {0}, WMMF_RAW, 0, WMMF_E_ARGUMENT, "layout 2: expected 0 (WMMF_NATIVE)"},
        {SIZE, 0, {0}, 0, 1, WMMF_E_ARGUMENT, "read_only 1: expected 0"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        wmmf_channel_options special = mistakes[i].channel;
        wmmf_options options = options_of(mistakes[i].layout, WMMF_LOCAL);
        wmmf_channel *channel = NULL;
        special.struct_size = sizeof special;
        options.channel = &special;
        options.read_only = mistakes[i].read_only;
        CHECK_STATUS(mistakes[i].status,
                     wmmf_channel_create(new_name(), mistakes[i].capacity, mistakes[i].slots, &options, &channel));
        check_detail(mistakes[i].detail);
        CHECK(channel == NULL);
    }
}

static void what_has_the_name_is_of_another_kind(void) {
    const char *name = new_name(), *other = new_name();
    wmmf_section *section = create(name, SIZE, WMMF_NATIVE), *none = NULL;
    wmmf_channel *channel, *no_channel = NULL;
    REQUIRE_OK(wmmf_channel_create(other, SIZE, 0, NULL, &channel));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_channel_open(name, NULL, &no_channel));
    check_detail("it is a section, not a frame channel");
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_channel_create_or_open(name, SIZE, 0, NULL, &no_channel, NULL));
    check_detail("it is a section, not a frame channel");
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(other, 0, NULL, &none));
    check_detail("it is a frame channel, which opens as a section only read-only");
    wmmf_channel_close(channel);
    wmmf_close(section);
}

static void a_frame_that_no_slot_takes(void) {
    const struct {
        wmmf_frame frame;
        int32_t status;
        const char *detail;
    } mistakes[] = {
        {{.used = SIZE + 1}, WMMF_E_RANGE, "used 101: expected at most 100, the capacity"},
        {{.user_size = 65}, WMMF_E_RANGE, "user_size 65: expected at most 64"},
        {{.used = SIZE, .width = 10, .height = 11, .stride = 10},
         WMMF_E_RANGE,
         "width 10, height 11, stride 10, fourcc 0x00000000, element 0, dimensions 0, used 100: expected as many"},
        {{.used = SIZE, .width = 10}, WMMF_E_ARGUMENT, "width 10, height 0"},
        {{.used = SIZE, .element = 99}, WMMF_E_ARGUMENT, "element 99"},
        {{.used = SIZE, .element = WMMF_ELEMENT_UINT8, .dimensions = 9}, WMMF_E_ARGUMENT, "dimensions 9"},
    };
    wmmf_channel *channel;
    char bytes[SIZE + 1] = {0};
    REQUIRE_OK(wmmf_channel_create(new_name(), SIZE, 0, NULL, &channel));
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        wmmf_frame frame = mistakes[i].frame, begun = {.struct_size = sizeof begun};
        frame.struct_size = sizeof frame;
        CHECK_STATUS(mistakes[i].status, wmmf_channel_write(channel, bytes, 0, &frame));
        check_detail(mistakes[i].detail);
        REQUIRE_OK(wmmf_channel_begin(channel, 0, &begun));
        frame.hold = begun.hold;
        CHECK_STATUS(mistakes[i].status, wmmf_channel_publish(channel, &frame));
        check_detail(mistakes[i].detail);
        REQUIRE_OK(wmmf_channel_cancel(channel, &begun));
    }
    wmmf_channel_close(channel);
}

static void frames_that_a_channel_does_not_give(void) {
    wmmf_channel_options few = {.struct_size = sizeof few, .pins = 2};
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_channel *channel;
    wmmf_frame held[2] = {{.struct_size = sizeof *held}, {.struct_size = sizeof *held}};
    wmmf_frame frame = {.struct_size = sizeof frame, .used = SIZE};
    char bytes[SIZE] = {0};
    options.channel = &few;
    REQUIRE_OK(wmmf_channel_create(new_name(), SIZE, 3, &options, &channel));
    REQUIRE_OK(wmmf_channel_write(channel, bytes, 0, &frame));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_channel_read(channel, 0, bytes, SIZE - 1, 0, &frame));
    check_detail("the picture has 100 bytes: expected at most 99, the length of the buffer");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_pick(channel, 5, 0, 0, &frame));
    check_detail("pick 5: expected 0 to 4");
    for (int i = 0; i < 2; i++) {
        REQUIRE_OK(wmmf_channel_acquire(channel, 0, 0, &held[i]));
        REQUIRE_OK(wmmf_channel_write(channel, bytes, 0, &frame));
    }
    CHECK_STATUS(WMMF_E_FULL, wmmf_channel_acquire(channel, 0, 0, &frame));
    check_detail("this handle holds 2 frames, as many as it has pins");
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_channel_write(channel, bytes, 0, &frame));
    check_detail("readers hold all of the 2 slots that could be filled");
    for (int i = 0; i < 2; i++)
        REQUIRE_OK(wmmf_channel_release(channel, &held[i]));
    wmmf_channel_close(channel);
}

static void more_or_less_than_one_can_wait_for(void) {
    wmmf_wait_item items[WMMF_WAIT_MANY_MAX + 1] = {{0}};
    wmmf_set_item set[1] = {{0}};
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait_many(items, WMMF_WAIT_MANY_MAX + 1, NULL, 0));
    check_detail("count 64: expected at most 63");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait_many(items, 1, NULL, 0));
    check_detail("item 0: expected either a section or a channel");
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_acquire_set(set, 0, 0, 0));
    check_detail("count 0: expected 1 to 63");
}

static const struct test tests[] = {
    TEST(a_path_that_leads_to_no_file),
    TEST(a_size_that_no_file_has),
    TEST(a_size_that_nothing_can_be_given),
    TEST(a_size_that_no_section_has),
    TEST(a_handle_that_is_none),
    TEST(an_option_that_is_none),
    TEST(a_struct_that_the_library_does_not_know),
    TEST(an_argument_that_is_null),
    TEST(what_a_section_is_not_made_for),
    TEST(bytes_that_a_section_does_not_have),
    TEST(a_channel_that_none_can_create),
    TEST(what_has_the_name_is_of_another_kind),
    TEST(a_frame_that_no_slot_takes),
    TEST(frames_that_a_channel_does_not_give),
    TEST(more_or_less_than_one_can_wait_for),
    {NULL, NULL},
};

static const struct role roles[] = {{NULL, NULL}};

const struct suite suite_mistakes = {tests, roles};
