/* The same mistake gets the same status and the same reason on every system. */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "system.h"

#define SIZE 100
#define MOST (UINT64_C(1) << 62) /* no file system has files so large */

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
    static const char none_so_large[] = "are needed, and no file of this file system has so many";
    static const struct mistake mistakes[] = {
        {NULL, 0, 0, SIZE, 0, WMMF_E_SIZE, "size 0: expected at least 1"},
        {NULL, UINT64_MAX, 0, 0, 0, WMMF_E_SIZE, "size 18446744073709551615: expected at most"},
        {NULL, PTRDIFF_MAX, 0, 0, 0, WMMF_E_SIZE, "can map at once; give a smaller size, and map windows of the rest"},
        {NULL, 2, 0, UINT64_MAX - 1, 0, WMMF_E_SIZE, "size 2: expected at most 1"},
        {NULL, 1, 0, INT64_MAX, 0, WMMF_E_SIZE, "size 9223372036854775808: expected at most 9223372036854775807"},
        {NULL, 1, 0, 0, UINT64_MAX, WMMF_E_SIZE, "size 18446744073709551615: expected at most 9223372036854775807"},
        {NULL, 1, 0, MOST, 0, WMMF_E_NO_MEMORY, none_so_large},
        {NULL, 1, 0, 0, MOST, WMMF_E_NO_MEMORY, none_so_large},
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

/* What a call answers that has none to give. */
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

static const struct test tests[] = {
    TEST(a_path_that_leads_to_no_file),
    TEST(a_size_that_no_file_has),
    TEST(a_size_that_nothing_can_be_given),
    TEST(a_size_that_no_section_has),
    TEST(a_handle_that_is_none),
    TEST(an_option_that_is_none),
    TEST(bytes_that_a_section_does_not_have),
    {NULL, NULL},
};

static const struct role roles[] = {{NULL, NULL}};

const struct suite suite_mistakes = {tests, roles};
