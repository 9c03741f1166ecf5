/* Files of the file system: every way to map one, windows, growth, and native files that outlive their users. */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "layout.h"
#include "system.h"

#define SIZE   100000
#define NOBODY (-1)

static wmmf_file_options with_mode(uint32_t file_mode) {
    wmmf_file_options options = {.struct_size = sizeof options, .file_mode = file_mode};
    return options;
}

static wmmf_file_options with_protection(uint32_t protection) {
    wmmf_file_options options = {.struct_size = sizeof options, .protection = protection};
    return options;
}

static wmmf_file_options native(uint32_t file_mode) {
    wmmf_file_options options = {.struct_size = sizeof options, .file_mode = file_mode, .native = 1};
    return options;
}

static int byte_in_file(const char *path, long offset) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    fseek(file, offset, SEEK_SET);
    int byte = getc(file);
    fclose(file);
    return byte;
}

static wmmf_section *map(const char *path, uint64_t size, wmmf_file_options options) {
    wmmf_section *section = NULL;
    REQUIRE_OK(wmmf_map_file(path, size, &options, &section));
    return section;
}

static void check_detail(const char *text) {
    if (!CHECK(*text == '\0' || strstr(wmmf_last_detail(), text) != NULL)) /* Wine's strstr finds no "" in "" */
        printf("  expected '%s', but it is '%s'\n", text, wmmf_last_detail());
}

/* Checks that the status is the expected one, that nothing is left open, and that no new file is left. */
static void check_refused_with(int32_t expected, const char *path, uint64_t size, wmmf_file_options options,
                               const char *detail) {
    wmmf_section *section = NULL;
    int64_t before = size_of_file(path);
    uint64_t handles = system_resources().handles;
    CHECK_STATUS(expected, wmmf_map_file(path, size, &options, &section));
    check_detail(detail);
    CHECK(section == NULL);
    CHECK_EQUAL(handles, system_resources().handles);
    CHECK_EQUAL(before, size_of_file(path));
    wmmf_close(section);
}

static void check_refused(int32_t expected, const char *path, uint64_t size, wmmf_file_options options) {
    check_refused_with(expected, path, size, options, "");
}

static void a_file_is_opened_or_created(void) {
    const char *path = new_name();
    check_refused(WMMF_E_NOT_FOUND, path, 0, with_mode(WMMF_FILE_OPEN));
    check_refused(WMMF_E_SIZE, path, 0, with_mode(WMMF_FILE_CREATE));
    check_refused(WMMF_E_SIZE, path, 0, with_mode(WMMF_FILE_OPEN_OR_CREATE));
    check_refused(WMMF_E_NAME_EMPTY, "", SIZE, with_mode(WMMF_FILE_CREATE));
    wmmf_section *section = map(path, SIZE, with_mode(WMMF_FILE_CREATE));
    CHECK_EQUAL(SIZE, size_of(section));
    CHECK_EQUAL(SIZE, size_of_file(path));
    CHECK_EQUAL(0, data_of(section)[SIZE - 1]);
    data_of(section)[SIZE - 1] = 7;
    check_refused(WMMF_E_EXISTS, path, SIZE, with_mode(WMMF_FILE_CREATE));
    wmmf_section *again = map(path, 0, with_mode(WMMF_FILE_OPEN_OR_CREATE));
    CHECK_EQUAL(7, data_of(again)[SIZE - 1]);
    wmmf_close(again);
    wmmf_close(section);
    CHECK_EQUAL(7, byte_in_file(path, SIZE - 1));
    section = map(path, 10, with_mode(WMMF_FILE_TRUNCATE));
    CHECK_EQUAL(10, size_of_file(path));
    CHECK_EQUAL(0, data_of(section)[9]);
    wmmf_close(section);
    remove(path);
}

static void what_cannot_be_is_refused(void) {
    const char *path = new_file(SIZE), *empty = new_file(0);
    wmmf_file_options options = with_mode(WMMF_FILE_TRUNCATE + 1);
    check_refused(WMMF_E_ARGUMENT, path, 0, options);
    options = with_protection(WMMF_COPY_ON_WRITE + 1);
    check_refused(WMMF_E_ARGUMENT, path, 0, options);
    options = with_protection(WMMF_READ);
    options.file_mode = WMMF_FILE_OPEN_OR_CREATE;
    check_refused(WMMF_E_ARGUMENT, path, 0, options);
    options = with_mode(WMMF_FILE_OPEN);
    options.flags = 8;
    check_refused(WMMF_E_ARGUMENT, path, 0, options);
    options.flags = 0;
    options.locks = WMMF_LOCKS_MAX + 1;
    check_refused(WMMF_E_ARGUMENT, path, 0, options);
    options.locks = 0;
    options.struct_size--;
    check_refused(WMMF_E_STRUCT_SIZE, path, 0, options);
    check_refused(WMMF_E_SIZE, path, SIZE + 1, with_protection(WMMF_READ));
    check_refused(WMMF_E_SIZE, path, SIZE + 1, with_protection(WMMF_COPY_ON_WRITE));
    options = with_mode(WMMF_FILE_OPEN);
    options.offset = SIZE;
    check_refused(WMMF_E_SIZE, path, 0, options);
    options.offset = UINT64_MAX;
    check_refused(WMMF_E_SIZE, path, 2, options);
    check_refused(WMMF_E_SIZE, path, UINT64_MAX, with_mode(WMMF_FILE_OPEN));
    check_refused(WMMF_E_SIZE, empty, 0, with_mode(WMMF_FILE_OPEN));
    check_refused(WMMF_E_SIZE, empty, 0, with_protection(WMMF_READ));
    options = native(WMMF_FILE_OPEN_OR_CREATE);
    options.offset = 4096;
    check_refused(WMMF_E_NOT_SUPPORTED, path, SIZE, options);
    options = native(WMMF_FILE_TRUNCATE);
    check_refused(WMMF_E_NOT_SUPPORTED, path, SIZE, options);
    check_refused_with(WMMF_E_FORMAT, path, 0, native(WMMF_FILE_OPEN_OR_CREATE), "the header of a native file");
    check_refused_with(WMMF_E_FORMAT, empty, 0, native(WMMF_FILE_OPEN), "the file has no header yet");
    check_refused(WMMF_E_FORMAT, system_device(), 0, with_protection(WMMF_READ));
    wmmf_section *section = NULL;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_map_file(NULL, 1, NULL, &section));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_map_file(path, 1, NULL, NULL));
    remove(empty);
    remove(path);
}

static void options_that_do_not_fit_are_named(void) {
    static const struct {
        wmmf_file_options options;
        const char *detail;
    } cases[] = {
        {{.file_mode = 4}, "file_mode 4: expected 0 to 3"},
        {{.protection = 3}, "protection 3: expected 0 to 2"},
        {{.share = 3}, "share 3: expected 0 to 2"},
        {{.native = 2}, "native 2: expected 0 or 1"},
        {{.permissions = 01000}, "permissions 512: expected at most 511 (0777)"},
        {{.flags = 8}, "flags 8: expected bits WMMF_FILE_..."},
        {{.participants = WMMF_PARTICIPANTS_MAX + 1}, "participants 4097: expected at most"},
        {{.name_space = 4}, "name_space 4: expected a wmmf_namespace"},
        {{.native = 1, .locks = WMMF_LOCKS_MAX + 1}, "locks 65: expected at most WMMF_LOCKS_MAX"},
        {{.locks = 1}, "locks 1: expected 0, because only a native file"},
        {{.protection = WMMF_READ, .file_mode = WMMF_FILE_CREATE}, "file_mode 1: expected 0 (WMMF_FILE_OPEN)"},
        {{.protection = WMMF_COPY_ON_WRITE, .file_size = 7}, "file_size 7: expected 0"},
        {{.native = 1, .protection = WMMF_COPY_ON_WRITE}, "protection 2: expected 0 or 1"},
        {{.native = 1, .offset = 4096}, "offset 4096: expected 0"},
        {{.native = 1, .file_mode = WMMF_FILE_TRUNCATE}, "file_mode 3: expected 0 to 2"},
        {{.native = 1, .flags = WMMF_FILE_UNMAPPED}, "flags 4: expected no WMMF_FILE_UNMAPPED"},
        {{.native = 1, .flags = WMMF_FILE_WRITE_THROUGH}, "flags 1: expected no WMMF_FILE_WRITE_THROUGH"},
    };
    const char *path = new_file(SIZE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wmmf_file_options options = cases[i].options;
        options.struct_size = sizeof options;
        wmmf_section *section = NULL;
        CHECK(wmmf_map_file(path, 0, &options, &section) < 0);
        check_detail(cases[i].detail);
        CHECK_EQUAL(SIZE, size_of_file(path));
    }
    remove(path);
}

static void sizes_that_do_not_fit_are_named(void) {
    const char *path = new_file(10), *empty = new_file(0), *missing = new_name();
    wmmf_file_options options = with_protection(WMMF_READ);
    options.offset = 4;
    check_refused_with(WMMF_E_SIZE, path, 7, options,
                       "size 7: expected at most 6, because the file has 10 bytes and the offset is 4");
    options.offset = 11;
    check_refused_with(WMMF_E_SIZE, path, 0, options,
                       "size 0: expected at least 1, because the file has 10 bytes and the offset is 11");
    check_refused_with(WMMF_E_SIZE, empty, 0, with_mode(WMMF_FILE_OPEN),
                       "size 0: expected at least 1, because the file has 0 bytes");
    check_refused_with(WMMF_E_SIZE, missing, 0, native(WMMF_FILE_OPEN_OR_CREATE),
                       "size 0: expected at least 1, because the file is new");
    options = with_mode(WMMF_FILE_OPEN);
    options.offset = UINT64_MAX;
    check_refused_with(WMMF_E_SIZE, path, 2, options, "size 2: expected at most 0");
    wmmf_section *section = map(missing, 100, native(WMMF_FILE_CREATE));
    wmmf_close(section);
    check_refused_with(WMMF_E_SIZE, missing, 101, native(WMMF_FILE_OPEN),
                       "size 101: expected at most 100"); /* the payload, and not the file */
    remove(missing);
    remove(empty);
    remove(path);
}

static void check_no_file(const char *path, const char *detail) {
    for (uint32_t mode = WMMF_FILE_OPEN; mode <= WMMF_FILE_TRUNCATE; mode++) {
        if (mode == WMMF_FILE_CREATE)
            continue; /* the name is taken */
        check_refused_with(WMMF_E_FORMAT, path, SIZE, with_mode(mode), detail);
    }
    check_refused_with(WMMF_E_FORMAT, path, 0, with_protection(WMMF_READ), detail);
}

static void what_is_no_ordinary_file_is_named(void) {
    check_no_file(".", "it is a folder, not an ordinary file");
    check_no_file(system_device(), "it is a device, not an ordinary file");
}

/* It still has the content that new_file gave it. */
static void check_whole(const char *path) {
    CHECK_EQUAL(SIZE, size_of_file(path));
    CHECK_EQUAL(5, byte_in_file(path, 5));
    CHECK_EQUAL((SIZE - 1) % 251, byte_in_file(path, SIZE - 1));
}

static void a_good_file_is_not_emptied_in_vain(void) {
    const char *path = new_file(SIZE);
    wmmf_file_options options = with_mode(WMMF_FILE_TRUNCATE);
    wmmf_section *section = NULL;
    check_refused(WMMF_E_SIZE, path, 0, options);
    check_whole(path);
    CHECK(wmmf_map_file(path, UINT64_MAX, &options, &section) < 0);
    CHECK(wmmf_map_file(path, UINT64_C(1) << 62, &options, &section) < 0);
    check_whole(path);
    options.file_size = UINT64_C(1) << 62; /* no disk is so large */
    options.flags = WMMF_FILE_RESERVE;
    CHECK(wmmf_map_file(path, 100, &options, &section) < 0);
    check_whole(path);
    options.file_mode = WMMF_FILE_OPEN;
    CHECK(wmmf_map_file(path, 100, &options, &section) < 0);
    check_whole(path);
    options.file_mode = WMMF_FILE_TRUNCATE;
    options.offset = 10;
    options.file_size = 10;
    check_refused(WMMF_E_SIZE, path, 0, options);
    check_whole(path);
    options.file_size = 30;
    section = map(path, 0, options); /* of the file as it is made */
    CHECK_EQUAL(20, size_of(section));
    CHECK_EQUAL(30, size_of_file(path));
    CHECK_EQUAL(0, byte_in_file(path, 5));
    wmmf_close(section);
    remove(path);
}

static void a_file_that_others_have_mapped_is_emptied_or_stays(void) {
    const char *path = new_file(SIZE);
    wmmf_file_options options = with_mode(WMMF_FILE_TRUNCATE);
    wmmf_section *other = map(path, 0, with_protection(WMMF_READ)), *section = NULL;
    uint8_t byte = 1;
    int32_t status = wmmf_map_file(path, SIZE / 2, &options, &section);
    if (status == WMMF_OK) { /* POSIX */
        REQUIRE_OK(wmmf_read(other, 5, &byte, 1, 0));
        CHECK_EQUAL(0, byte);
    } else { /* Windows */
        CHECK_STATUS(WMMF_E_ACCESS, status);
        check_detail("the file is mapped");
        check_whole(path);
    }
    wmmf_close(section);
    wmmf_close(other);
    remove(path);
}

/* Not even its length changes. */
static void a_native_file_of_another_version_stays(void) {
    const char *path = new_name();
    wmmf_section *section = map(path, SIZE, native(WMMF_FILE_CREATE));
    wmmf_file_options options = native(WMMF_FILE_OPEN_OR_CREATE);
    wmmf_close(section);
    section = map(path, 0, with_mode(WMMF_FILE_OPEN));
    ((struct header *)(void *)data_of(section))->format_version++;
    wmmf_close(section);
    options.file_size = 10 * SIZE;
    check_refused(WMMF_E_VERSION, path, SIZE, options);
    remove(path);
}

static void a_part_of_a_file_is_mapped(void) {
    const char *path = new_file(SIZE);
    wmmf_file_options options = with_mode(WMMF_FILE_OPEN);
    uint8_t byte = 0;
    options.offset = 70001; /* neither a page nor what Windows requires */
    wmmf_section *section = map(path, 100, options);
    CHECK_EQUAL(100, size_of(section));
    CHECK_EQUAL(70001 % 251, data_of(section)[0]);
    REQUIRE_OK(wmmf_read(section, 99, &byte, 1, 0));
    CHECK_EQUAL(70100 % 251, byte);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_read(section, 100, &byte, 1, 0));
    REQUIRE_OK(wmmf_write(section, 0, "\xff", 1, 0));
    CHECK_EQUAL(0xff, data_of(section)[0]);
    wmmf_close(section);
    CHECK_EQUAL(0xff, byte_in_file(path, 70001));
    section = map(path, 0, options);
    CHECK_EQUAL(SIZE - 70001, size_of(section));
    wmmf_close(section);
    options.offset = SIZE + 5; /* a writable file grows */
    section = map(path, 10, options);
    CHECK_EQUAL(SIZE + 15, size_of_file(path));
    wmmf_close(section);
    options = with_mode(WMMF_FILE_OPEN);
    options.file_size = 2 * SIZE;
    options.flags = WMMF_FILE_RESERVE;
    section = map(path, 10, options);
    CHECK_EQUAL(2 * SIZE, size_of_file(path));
    wmmf_close(section);
    remove(path);
}

static void protections_hold(void) {
    const char *path = new_file(SIZE);
    uint8_t byte = 0;
    wmmf_section *reader = map(path, 0, with_protection(WMMF_READ));
    wmmf_section *copy = map(path, 0, with_protection(WMMF_COPY_ON_WRITE)), *writer = map(path, 0, with_mode(0));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_write(reader, 0, "x", 1, 0));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_resize(reader, 10));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_resize(copy, 10));
    data_of(copy)[5000] = 'c';
    REQUIRE_OK(wmmf_write(copy, 5001, "d", 1, 0));
    REQUIRE_OK(wmmf_read(copy, 5000, &byte, 1, 0));
    CHECK_EQUAL('c', byte);
    CHECK_EQUAL('d', data_of(copy)[5001]);
    CHECK_EQUAL(5000 % 251, data_of(writer)[5000]);
    data_of(writer)[9] = 'w';
    CHECK_EQUAL('w', data_of(reader)[9]);
    REQUIRE_OK(wmmf_read(reader, 9, &byte, 1, 0));
    CHECK_EQUAL('w', byte);
    wmmf_close(writer);
    wmmf_close(copy);
    wmmf_close(reader);
    CHECK_EQUAL(5000 % 251, byte_in_file(path, 5000));
    remove(path);
}

static uint8_t *data_of_window(wmmf_window *window) {
    void *data = NULL;
    REQUIRE_OK(wmmf_window_data(window, &data));
    return data;
}

#define HUGE_SIZE (UINT64_C(64) << 30)

static void windows_reach_everywhere(void) {
    const char *path = new_name();
    wmmf_file_options options = with_mode(WMMF_FILE_CREATE);
    uint64_t at = (UINT64_C(40) << 30) + 12345;
    wmmf_window *window = NULL, *view = NULL;
    void *data;
    uint8_t byte = 0;
    options.flags = WMMF_FILE_UNMAPPED;
    if (!system_makes_sparse_file(path, HUGE_SIZE)) {
        printf("(skipped: no file system for 64 GiB here)\n");
        return;
    }
    options.file_mode = WMMF_FILE_OPEN;
    wmmf_section *section = map(path, 0, options);
    CHECK_EQUAL(HUGE_SIZE, size_of(section));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_data(section, &data));
    REQUIRE_OK(wmmf_map_window(section, at, 4 << 20, WMMF_READ_WRITE, &window));
    CHECK_EQUAL(0, data_of_window(window)[0]);
    memset(data_of_window(window), 'w', 4 << 20);
    REQUIRE_OK(wmmf_read(section, at + (4 << 20) - 1, &byte, 1, 0));
    CHECK_EQUAL('w', byte);
    REQUIRE_OK(wmmf_write(section, at, "x", 1, 0));
    CHECK_EQUAL('x', data_of_window(window)[0]);
    REQUIRE_OK(wmmf_map_window(section, at, 1, WMMF_READ, &view));
    REQUIRE_OK(wmmf_flush(section, at, 1, 1));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_map_window(section, HUGE_SIZE, 1, WMMF_READ, &window));
    check_detail("1 bytes at offset 68719476736: expected 1 or more that end within 68719476736");
    CHECK_STATUS(WMMF_E_RANGE, wmmf_map_window(section, 0, 0, WMMF_READ, &window));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_map_window(section, 1, HUGE_SIZE, WMMF_READ, &window));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_map_window(section, 0, 1, 3, &window));
    wmmf_close(section);
    data_of_window(window)[0] = 'y'; /* they outlive the handle */
    CHECK_EQUAL('y', data_of_window(view)[0]);
    wmmf_unmap_window(view);
    wmmf_unmap_window(window);
    CHECK_STATUS(WMMF_OK, wmmf_unmap_window(NULL));
    remove(path);
}

/* A section's name does not stay because of a window. */
static void sections_have_windows_too(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, SIZE, WMMF_NATIVE), *reader = open_read_only(name, WMMF_NATIVE);
    wmmf_window *window = NULL, *refused = NULL, *copy = NULL;
    REQUIRE_OK(wmmf_map_window(section, 70001, 100, WMMF_READ_WRITE, &window));
    data_of_window(window)[0] = 'w';
    CHECK_EQUAL('w', data_of(section)[70001]);
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_map_window(reader, 0, 1, WMMF_READ_WRITE, &refused));
    REQUIRE_OK(wmmf_map_window(reader, 70001, 1, WMMF_COPY_ON_WRITE, &copy));
    CHECK_EQUAL('w', data_of_window(copy)[0]);
    data_of_window(copy)[0] = 'c';
    CHECK_EQUAL('w', data_of(section)[70001]);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_map_window(section, SIZE - 1, 2, WMMF_READ, &refused));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_resize(section, SIZE));
    CHECK_STATUS(WMMF_OK, wmmf_flush(section, 0, 0, 1));
    wmmf_close(reader);
    wmmf_close(section);
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, NULL, &section));
    CHECK_EQUAL('w', data_of_window(window)[0]);
    wmmf_unmap_window(copy);
    wmmf_unmap_window(window);
}

static void a_file_grows_and_shrinks(void) {
    const char *path = new_file(SIZE);
    wmmf_section *section = map(path, 0, with_mode(WMMF_FILE_OPEN)), *other = map(path, 0, with_protection(WMMF_READ));
    wmmf_window *window = NULL;
    uint8_t byte = 0;
    REQUIRE_OK(wmmf_resize(section, 3 * SIZE));
    CHECK_EQUAL(3 * SIZE, size_of(section));
    CHECK_EQUAL(3 * SIZE, size_of_file(path));
    CHECK_EQUAL(70001 % 251, data_of(section)[70001]);
    CHECK_EQUAL(0, data_of(section)[3 * SIZE - 1]);
    data_of(section)[5] = 'g';
    CHECK_EQUAL('g', data_of(other)[5]); /* with other mappings open, which stay as they are */
    REQUIRE_OK(wmmf_map_window(other, 3 * SIZE - 1, 1, WMMF_READ, &window)); /* of the file as it is now */
    CHECK_STATUS(WMMF_E_SIZE, wmmf_resize(section, 0));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_resize(section, UINT64_MAX));
    CHECK_EQUAL('g', data_of(section)[5]);
    int32_t status = wmmf_resize(section, 10);
    if (status == WMMF_OK) { /* POSIX */
        CHECK_EQUAL(10, size_of(section));
        CHECK_STATUS(WMMF_E_TRUNCATED, wmmf_read(other, 50000, &byte, 1, 0));
        REQUIRE_OK(wmmf_read(other, 5, &byte, 1, 0));
        CHECK_EQUAL('g', byte);
    } else { /* Windows */
        CHECK_STATUS(WMMF_E_ACCESS, status);
        CHECK_EQUAL(1224, wmmf_last_os_error());
        CHECK(strstr(wmmf_last_detail(), "mapped") != NULL);
        CHECK_EQUAL(3 * SIZE, size_of(section));
        CHECK_EQUAL('g', data_of(section)[5]);
    }
    wmmf_unmap_window(window);
    wmmf_close(other);
    REQUIRE_OK(wmmf_resize(section, 20));
    CHECK_EQUAL(20, size_of_file(path));
    CHECK_EQUAL('g', data_of(section)[5]);
    REQUIRE_OK(wmmf_flush(section, 0, 0, 0));
    REQUIRE_OK(wmmf_flush(section, 5, 1, 1));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_flush(section, 5, 16, 1));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_flush(section, 0, 0, 2));
    wmmf_close(section);
    remove(path);
}

static void write_through_reaches_the_file(void) {
    const char *path = new_file(SIZE);
    wmmf_file_options options = with_mode(WMMF_FILE_OPEN);
    options.flags = WMMF_FILE_WRITE_THROUGH;
    wmmf_section *section = map(path, 0, options);
    REQUIRE_OK(wmmf_write(section, 50000, "through", 7, 0));
    CHECK_EQUAL('t', byte_in_file(path, 50000));
    CHECK_EQUAL('t', data_of(section)[50000]);
    wmmf_close(section);
    remove(path);
}

static void a_program_that_does_not_share_is_named(void) {
    const char *path = new_file(SIZE);
    wmmf_file_options options = with_mode(WMMF_FILE_OPEN);
    wmmf_section *section = NULL, *other = NULL;
    options.share = WMMF_SHARE_NONE;
    int32_t status = wmmf_map_file(path, 0, &options, &section);
    if (status == WMMF_OK) { /* Windows */
        CHECK_STATUS(WMMF_E_ACCESS, wmmf_map_file(path, 0, NULL, &other));
        CHECK_EQUAL(32, wmmf_last_os_error());
        CHECK(strstr(wmmf_last_detail(), "does not share") != NULL);
        CHECK_STATUS(
            WMMF_E_ACCESS,
            wmmf_open_file(path, 0, &(wmmf_options){.struct_size = sizeof(wmmf_options), .layout = WMMF_RAW}, &other));
        wmmf_close(section);
        options.share = WMMF_SHARE_READ;
        section = map(path, 0, options);
        options = with_protection(WMMF_READ);
        REQUIRE_OK(wmmf_map_file(path, 0, &options, &other));
        wmmf_close(other);
    } else {
        CHECK_STATUS(WMMF_E_NOT_SUPPORTED, status);
        check_detail("only Windows has that for files");
    }
    wmmf_close(section);
    remove(path);
}

static void a_section_over_a_file_may_have_a_name(void) {
    const char *path = new_file(SIZE), *name = new_name();
    wmmf_file_options options = with_mode(WMMF_FILE_OPEN);
    wmmf_section *section = NULL, *other = NULL;
    options.name = name;
    int32_t status = wmmf_map_file(path, 0, &options, &section);
    if (status == WMMF_OK) { /* Windows */
        other = open_existing(name, WMMF_RAW);
        data_of(section)[7] = 'n';
        CHECK_EQUAL('n', data_of(other)[7]);
        wmmf_close(other);
        other = NULL;
        CHECK_STATUS(WMMF_E_EXISTS, wmmf_map_file(path, 0, &options, &other));
    } else {
        CHECK_STATUS(WMMF_E_NOT_SUPPORTED, status);
        check_detail("only Windows has that for files");
    }
    wmmf_close(section);
    remove(path);
}

/* Native files. */

static void a_native_file_is_a_table_on_disk(void) {
    const char *path = new_name();
    uint64_t sequence = 0;
    uint8_t byte = 0;
    check_refused(WMMF_E_SIZE, path, 0, native(WMMF_FILE_OPEN_OR_CREATE));
    wmmf_section *section = map(path, SIZE, native(WMMF_FILE_CREATE));
    wmmf_section *other = map(path, 0, native(WMMF_FILE_OPEN));
    CHECK_EQUAL(SIZE, size_of(other));
    REQUIRE_OK(wmmf_write(section, 5, "t", 1, 0));
    REQUIRE_OK(wmmf_lock_write(section, 0));
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(wmmf_lock_read, other, SECOND / 50));
    REQUIRE_OK(wmmf_unlock_write(section));
    wmmf_file_options options = native(WMMF_FILE_OPEN);
    options.protection = WMMF_READ;
    wmmf_section *reader = map(path, 0, options);
    REQUIRE_OK(wmmf_read(reader, 5, &byte, 1, 0));
    CHECK_EQUAL('t', byte);
    wmmf_close(reader);
    wmmf_close(other);
    wmmf_close(section);
    other = map(path, 0, native(WMMF_FILE_OPEN_OR_CREATE)); /* it outlives its users */
    REQUIRE_OK(wmmf_read(other, 5, &byte, 1, 0));
    CHECK_EQUAL('t', byte);
    REQUIRE_OK(wmmf_sequence(other, &sequence));
    CHECK_EQUAL(2, sequence);
    check_refused(WMMF_E_SIZE, path, SIZE + 1, native(WMMF_FILE_OPEN));
    REQUIRE_OK(wmmf_flush(other, 0, 0, 1));
    wmmf_close(other);
    remove(path);
}

static int write_a_file_until_killed(const char *path) {
    wmmf_section *section = map(path, 0, native(WMMF_FILE_OPEN));
    REQUIRE_OK(wmmf_lock_write(section, 0));
    say("locked");
    return !heard("go");
}

static void a_death_in_a_native_file_is_told(void) {
    const char *path = new_name();
    wmmf_section *section = map(path, SIZE, native(WMMF_FILE_CREATE));
    wmmf_close(section);
    struct child *child = child_start("write_a_file_until_killed", path);
    CHECK(child_said(child, "locked"));
    child_kill(child);
    section = map(path, 0, native(WMMF_FILE_OPEN)); /* nobody had it open in between */
    CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(section, LONG_TIMEOUT));
    REQUIRE_OK(wmmf_mark_consistent(section));
    REQUIRE_OK(wmmf_unlock_write(section));
    REQUIRE_OK(wmmf_write(section, 0, "x", 1, 0));
    wmmf_close(section);
    remove(path);
}

/* As if the machine had restarted: with a participant that never left, in this record, or without one. */
static void start_anew(const char *path, int record) {
    wmmf_section *raw = map(path, 0, with_mode(WMMF_FILE_OPEN));
    struct header *header = (struct header *)(void *)data_of(raw);
    header->boot_id ^= 1;
    if (record != NOBODY)
        ((struct participant *)(void *)(data_of(raw) + HEADER_SIZE))[record].pid = 4711;
    wmmf_close(raw);
}

static void a_restart_of_the_machine_is_noticed(void) {
    const char *path = new_name();
    wmmf_section *section = map(path, SIZE, native(WMMF_FILE_CREATE));
    wmmf_close(section);
    start_anew(path, NOBODY);
    section = map(path, 0, native(WMMF_FILE_OPEN));
    REQUIRE_OK(wmmf_write(section, 0, "x", 1, 0)); /* all had left: it is whole */
    wmmf_close(section);
    for (int record = 0; record < 4; record += 3) { /* that of the next opener, and another */
        start_anew(path, record);
        section = map(path, 0, native(WMMF_FILE_OPEN));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_write(section, 0, "x", 1, 0));
        CHECK_STATUS(WMMF_E_OWNER_DIED, wmmf_lock_write(section, 0));
        REQUIRE_OK(wmmf_mark_consistent(section));
        REQUIRE_OK(wmmf_unlock_write(section));
        wmmf_close(section);
        section = map(path, 0, native(WMMF_FILE_OPEN)); /* told once */
        REQUIRE_OK(wmmf_write(section, 0, "x", 1, 0));
        wmmf_close(section);
    }
    remove(path);
}

/* A foreign file: it begins with zeros, or is shorter than the magic. */
static void a_file_that_begins_with_zeros_stays(void) {
    const char *path = new_name(), *small = new_file(3);
    wmmf_section *section = map(path, SIZE, with_mode(WMMF_FILE_CREATE));
    data_of(section)[600] = 'p';
    wmmf_close(section);
    check_refused(WMMF_E_FORMAT, path, 100, native(WMMF_FILE_OPEN_OR_CREATE));
    CHECK_EQUAL('p', byte_in_file(path, 600));
    check_refused(WMMF_E_FORMAT, small, 100, native(WMMF_FILE_OPEN_OR_CREATE));
    CHECK_EQUAL(2, byte_in_file(small, 2));
    remove(small);
    remove(path);
}

/* As left by a creator that died before it stored the magic. */
static void an_unfinished_file_is_finished(void) {
    const char *path = new_name();
    wmmf_section *section = map(path, SIZE, with_mode(WMMF_FILE_CREATE));
    ((struct header *)(void *)data_of(section))->format_version = WMMF_FORMAT_VERSION;
    data_of(section)[1000] = 1;
    wmmf_close(section);
    check_refused(WMMF_E_FORMAT, path, 0, native(WMMF_FILE_OPEN));
    section = map(path, 100, native(WMMF_FILE_OPEN_OR_CREATE));
    REQUIRE_OK(wmmf_write(section, 0, "x", 1, 0));
    wmmf_audit_report report = {.struct_size = sizeof report};
    REQUIRE_OK(wmmf_audit(section, &report));
    CHECK_EQUAL(0, report.damaged);
    CHECK_EQUAL(1, report.participants);
    wmmf_close(section);
    remove(path);
}

#define CREATORS 8

struct creator {
    const char *path;
    wmmf_section *section;
    int32_t status;
};

static void create_in_thread(void *argument) {
    struct creator *creator = argument;
    wmmf_file_options options = native(WMMF_FILE_OPEN_OR_CREATE);
    creator->status = wmmf_map_file(creator->path, SIZE, &options, &creator->section);
    if (creator->status == WMMF_OK)
        creator->status = wmmf_write(creator->section, 0, "x", 1, LONG_TIMEOUT);
}

static void many_create_one_file(void) {
    struct creator creators[CREATORS];
    struct thread *threads[CREATORS];
    const char *path = new_name();
    uint64_t sequence = 0;
    for (int i = 0; i < CREATORS; i++) {
        creators[i] = (struct creator){path, NULL, WMMF_E_OS};
        threads[i] = thread_start(create_in_thread, &creators[i]);
    }
    for (int i = 0; i < CREATORS; i++) {
        thread_join(threads[i]);
        CHECK_STATUS(WMMF_OK, creators[i].status);
    }
    REQUIRE_OK(wmmf_sequence(creators[0].section, &sequence));
    CHECK_EQUAL(CREATORS, sequence);
    for (int i = 0; i < CREATORS; i++)
        wmmf_close(creators[i].section);
    remove(path);
}

/* Numbered records, each acknowledged once it is on the device. A test that cannot switch off a machine does not see
 * the device; but no acknowledged record is missing after a kill at any moment. */
#define KILLS   25
#define RECORDS 1000

struct record {
    uint64_t number, check;
};

static int write_records(const char *path) {
    char line[32];
    wmmf_section *section = map(path, 0, native(WMMF_FILE_OPEN));
    for (uint64_t number = 0; number < RECORDS; number++) {
        struct record record = {number, ~number};
        REQUIRE_OK(wmmf_write(section, number * sizeof record, &record, sizeof record, LONG_TIMEOUT));
        REQUIRE_OK(wmmf_flush(section, number * sizeof record, sizeof record, 1));
        snprintf(line, sizeof line, "%u", (unsigned)number);
        say(line);
    }
    return !heard("go");
}

static void what_was_acknowledged_is_there_after_a_kill(void) {
    for (uint64_t kill = 0; kill < KILLS; kill++) {
        const char *path = new_name();
        char line[32];
        wmmf_section *section = map(path, RECORDS * sizeof(struct record), native(WMMF_FILE_CREATE));
        wmmf_close(section);
        struct child *child = child_start("write_records", path);
        for (uint64_t number = 0; number <= kill; number++) {
            snprintf(line, sizeof line, "%u", (unsigned)number);
            CHECK(child_said(child, line));
        }
        child_kill(child);
        section = map(path, 0, native(WMMF_FILE_OPEN));
        int32_t status = wmmf_lock_write(section, LONG_TIMEOUT);
        CHECK(status == WMMF_OK || status == WMMF_E_OWNER_DIED);
        const struct record *records = (const struct record *)(const void *)data_of(section);
        for (uint64_t number = 0; number <= kill; number++)
            CHECK(records[number].number == number && records[number].check == ~number);
        if (status == WMMF_E_OWNER_DIED)
            REQUIRE_OK(wmmf_mark_consistent(section));
        REQUIRE_OK(wmmf_unlock_write(section));
        wmmf_close(section);
        remove(path);
    }
}

static void a_hostile_file_is_refused(void) {
    const char *path = new_name();
    wmmf_section *section = map(path, SIZE, native(WMMF_FILE_CREATE));
    wmmf_close(section);
    section = map(path, 0, with_mode(WMMF_FILE_OPEN));
    struct header *header = (struct header *)(void *)data_of(section);
    struct header whole = *header;
    header->payload_size = UINT64_MAX - 10;
    check_refused(WMMF_E_TRUNCATED, path, 0, native(WMMF_FILE_OPEN));
    *header = whole;
    header->participants = UINT32_MAX;
    check_refused(WMMF_E_FORMAT, path, 0, native(WMMF_FILE_OPEN));
    *header = whole;
    header->format_version++;
    check_refused(WMMF_E_VERSION, path, 0, native(WMMF_FILE_OPEN));
    *header = whole;
    header->payload_offset = 1;
    check_refused(WMMF_E_FORMAT, path, 0, native(WMMF_FILE_OPEN));
    wmmf_close(section);
    remove(path);
}

static void page_sizes_are_told(void) {
    uint64_t page = 0, granularity = 0, large = 1;
    REQUIRE_OK(wmmf_page_sizes(&page, &granularity, &large));
    CHECK(page >= 4096 && (page & (page - 1)) == 0);
    CHECK(granularity >= page && granularity % page == 0);
    CHECK(large == 0 || large > page);
    REQUIRE_OK(wmmf_page_sizes(NULL, NULL, NULL));
}

/* Up or down by some bytes, from or into the memory of the section itself. */
static void check_moved(wmmf_section *section, uint64_t length, uint64_t shift, bool up, bool reads) {
    static uint8_t before[20000];
    uint8_t *data = data_of(section);
    uint64_t from = up ? 0 : shift, to = up ? shift : 0;
    for (size_t i = 0; i < sizeof before; i++)
        before[i] = data[i] = (uint8_t)(i * 7 + (i >> 8));
    CHECK_STATUS(WMMF_OK, reads ? wmmf_read(section, from, data + to, length, 0)
                                : wmmf_write(section, to, data + from, length, 0));
    CHECK(memcmp(data + to, before + from, (size_t)length) == 0);
    CHECK(data[to + length] == before[to + length]);
}

static void what_overlaps_is_moved(void) {
    static const uint32_t protections[] = {WMMF_READ_WRITE, WMMF_COPY_ON_WRITE};
    static const uint64_t shifts[] = {0, 1, 10, 4096, 5000, 9000};
    const char *path = new_name();
    wmmf_close(map(path, 30000, with_mode(WMMF_FILE_CREATE)));
    for (size_t p = 0; p < sizeof protections / sizeof *protections; p++) {
        wmmf_file_options options = with_protection(protections[p]);
        options.offset = 5;
        wmmf_section *section = map(path, 0, options);
        for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++)
            for (int way = 0; way < 4; way++)
                check_moved(section, 10000, shifts[i], (way & 1) != 0, (way & 2) != 0);
        wmmf_close(section);
    }
    remove(path);
}

static const struct test tests[] = {
    TEST(a_file_is_opened_or_created),
    TEST(what_cannot_be_is_refused),
    TEST(options_that_do_not_fit_are_named),
    TEST(sizes_that_do_not_fit_are_named),
    TEST(what_is_no_ordinary_file_is_named),
    TEST(a_good_file_is_not_emptied_in_vain),
    TEST(a_file_that_others_have_mapped_is_emptied_or_stays),
    TEST(a_native_file_of_another_version_stays),
    TEST(a_part_of_a_file_is_mapped),
    TEST(protections_hold),
    TEST(what_overlaps_is_moved),
    TEST(windows_reach_everywhere),
    TEST(sections_have_windows_too),
    TEST(a_file_grows_and_shrinks),
    TEST(write_through_reaches_the_file),
    TEST(a_program_that_does_not_share_is_named),
    TEST(a_section_over_a_file_may_have_a_name),
    TEST(a_native_file_is_a_table_on_disk),
    TEST(a_death_in_a_native_file_is_told),
    TEST(a_restart_of_the_machine_is_noticed),
    TEST(a_file_that_begins_with_zeros_stays),
    TEST(an_unfinished_file_is_finished),
    TEST(many_create_one_file),
    TEST(what_was_acknowledged_is_there_after_a_kill),
    TEST(a_hostile_file_is_refused),
    TEST(page_sizes_are_told),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(write_a_file_until_killed),
    ROLE(write_records),
    {NULL, NULL},
};

const struct suite suite_files = {tests, roles};
