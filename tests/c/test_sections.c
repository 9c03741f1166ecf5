/* Creating, opening and closing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "system.h"

#define FAULTED 77

static const char *const layout_names[] = {"native", "winmmf", "raw"};

static void share(uint32_t layout, uint32_t name_space) {
    const char *name = new_name();
    wmmf_options options = options_of(layout, name_space);
    wmmf_section *creator = NULL, *opener = NULL;
    if (!CHECK_STATUS(WMMF_OK, wmmf_create(name, 5000, &options, &creator))) {
        printf("  (layout %s, namespace %u)\n", layout_names[layout], (unsigned)name_space);
        return;
    }
    CHECK_EQUAL(5000, size_of(creator));
    uint8_t *data = data_of(creator);
    for (int i = 0; i < 5000; i++)
        if (!CHECK_EQUAL(0, data[i]))
            break;
    memset(data, 'x', 5000);

    REQUIRE_OK(wmmf_open(name, 5000, &options, &opener));
    CHECK_EQUAL(5000, size_of(opener));
    CHECK(memcmp(data_of(opener), data, 5000) == 0);
    CHECK(data_of(opener) != data);
    data_of(opener)[4999] = 'y';
    CHECK_EQUAL('y', data[4999]);

    wmmf_info info = info_of(opener);
    CHECK_EQUAL(layout, info.layout);
    CHECK_EQUAL(0, info.read_only);
    CHECK_EQUAL(layout == WMMF_NATIVE ? WMMF_PARTICIPANTS_DEFAULT : 0, info.participants);
    CHECK_EQUAL(5000, info.size);
    CHECK(info.mapped_size >= info.data_offset + info.size);
    CHECK_EQUAL(layout == WMMF_NATIVE ? 4096 : layout == WMMF_WINMMF ? 4 : 0, info.data_offset);

    /* The creator may go first: the section lives as long as anybody has it. */
    wmmf_close(creator);
    CHECK_EQUAL('y', data_of(opener)[4999]);
    REQUIRE_OK(wmmf_open(name, 0, &options, &creator));
    CHECK(size_of(creator) >= 5000);
    wmmf_close(creator);
    wmmf_close(opener);
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, &options, &opener));
    CHECK(wmmf_last_os_error() != 0);
}

static void every_layout_in_every_namespace(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_RAW; layout++)
        for (uint32_t name_space = WMMF_LOCAL; name_space <= WMMF_CUSTOM; name_space++)
            share(layout, name_space);
}

static void a_native_size_is_exact(void) {
    static const uint64_t sizes[] = {1, 63, 64, 4095, 4096, 4097, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *name = new_name();
        wmmf_section *section = create(name, sizes[i], WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE);
        CHECK_EQUAL(sizes[i], size_of(other));
        CHECK_EQUAL(0, (uintptr_t)data_of(other) % 64);
        wmmf_close(other);
        wmmf_close(section);
    }
}

static void an_opener_may_take_a_part(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_RAW; layout++) {
        const char *name = new_name();
        wmmf_options options = options_of(layout, WMMF_LOCAL);
        wmmf_section *section = create(name, 100, layout), *part = NULL;
        REQUIRE_OK(wmmf_open(name, 40, &options, &part));
        CHECK_EQUAL(40, size_of(part));
        char byte = 1;
        CHECK_STATUS(WMMF_E_RANGE, wmmf_write(part, 40, &byte, 1, 0));
        wmmf_close(part);
        part = NULL;
        CHECK_STATUS(WMMF_E_SIZE, wmmf_open(name, 1000000, &options, &part));
        CHECK(part == NULL);
        wmmf_close(section);
    }
}

static void creating_is_exclusive(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_RAW; layout++) {
        const char *name = new_name();
        wmmf_section *section = create(name, 100, layout);
        memset(data_of(section), 'x', 100);
        wmmf_info before = info_of(section);
        for (uint32_t other = WMMF_NATIVE; other <= WMMF_RAW; other++) {
            wmmf_options options = options_of(other, WMMF_LOCAL);
            wmmf_section *second = NULL;
            CHECK_STATUS(WMMF_E_EXISTS, wmmf_create(name, 5000, &options, &second));
            CHECK(wmmf_last_os_error() != 0);
            CHECK(second == NULL);
        }
        for (int i = 0; i < 100; i++)
            if (!CHECK_EQUAL('x', data_of(section)[i]))
                break;
        CHECK_EQUAL(before.mapped_size, info_of(section).mapped_size);
        wmmf_section *opener = open_existing(name, layout); /* and still in working order */
        wmmf_close(opener);
        wmmf_close(section);
    }
}

static void create_or_open_says_which(void) {
    const char *name = new_name();
    wmmf_section *first = NULL, *second = NULL;
    int32_t created = -1;
    REQUIRE_OK(wmmf_create_or_open(name, 100, NULL, &first, &created));
    CHECK_EQUAL(1, created);
    data_of(first)[99] = 'x';
    REQUIRE_OK(wmmf_create_or_open(name, 50, NULL, &second, &created));
    CHECK_EQUAL(0, created);
    CHECK_EQUAL(50, size_of(second));
    wmmf_close(second);
    REQUIRE_OK(wmmf_create_or_open(name, 100, NULL, &second, NULL));
    CHECK_EQUAL('x', data_of(second)[99]);
    wmmf_close(second);
    second = NULL;
    created = -1;
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create_or_open(name, 101, NULL, &second, &created));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create_or_open(name, 0, NULL, &second, &created));
    CHECK(second == NULL);
    CHECK_EQUAL(-1, created);
    wmmf_close(first);
}

static void another_layout_is_not_taken_for_native(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 10000, WMMF_WINMMF), *other = NULL;
    data_of(section)[0] = 1; /* a payload whose beginning is not 0, unlike a header that is not written yet */
    data_of(section)[3] = 1;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(name, 0, NULL, &other));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_create_or_open(name, 100, NULL, &other, NULL));
    CHECK(other == NULL);
    wmmf_close(section);
}

/* The lock word or payload of the other layout would begin in its header. */
static void native_is_not_taken_for_another_layout(void) {
    const char *name = new_name();
    wmmf_options winmmf = options_of(WMMF_WINMMF, WMMF_LOCAL), raw = options_of(WMMF_RAW, WMMF_LOCAL);
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = NULL;
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(name, 0, &winmmf, &other));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_create_or_open(name, 10, &winmmf, &other, NULL));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_create_or_open(name, 10, &raw, &other, NULL));
    CHECK(other == NULL);
    CHECK_STATUS(WMMF_OK, wmmf_open(name, 0, &raw, &other)); /* it shows the bytes as they are */
    wmmf_close(other);
    wmmf_close(section);
}

/* For its participants only: its frames move no sequence that would show a torn copy. */
static void a_channel_is_not_read_as_a_plain_section(void) {
    const char *name = new_name();
    wmmf_channel *channel = NULL;
    char byte;
    REQUIRE_OK(wmmf_channel_create(name, 100, 0, NULL, &channel));
    wmmf_section *section = open_read_only(name, WMMF_NATIVE);
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_read(section, 0, &byte, 1, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_wait(section, 0, LONG_TIMEOUT, NULL));
    wmmf_close(section);
    wmmf_channel_close(channel);
}

static void impossible_sizes_are_refused(void) {
    static const uint64_t sizes[] = {0, UINT64_MAX, UINT64_MAX - 4096, INT64_MAX, (uint64_t)INT64_MAX + 1};
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_RAW; layout++) {
        const char *name = new_name();
        wmmf_options options = options_of(layout, WMMF_LOCAL);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            wmmf_section *section = NULL;
            CHECK_STATUS(WMMF_E_SIZE, wmmf_create(name, sizes[i], &options, &section));
            CHECK(section == NULL);
            CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, &options, &section));
        }
    }
}

static void too_much_memory_is_refused_when_creating(void) {
    const char *name = new_name();
    wmmf_section *section = NULL;
    int32_t status = wmmf_create(name, UINT64_C(1) << 46, NULL, &section);
    if (status != WMMF_E_SIZE) { /* of a 32-bit program */
        CHECK_STATUS(WMMF_E_NO_MEMORY, status);
        CHECK(strstr(wmmf_last_detail(), " bytes are needed, and ") != NULL);
    }
    CHECK(section == NULL);
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(name, 0, NULL, &section));
}

static void check_options(wmmf_options options, int32_t status) {
    const char *name = new_name();
    wmmf_section *section = NULL;
    CHECK_STATUS(status, wmmf_create(name, 10, &options, &section));
    CHECK(section == NULL);
}

static void bad_options_are_refused(void) {
    const wmmf_options good = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_options bad;
#define BAD(status, change) (bad = good, bad.change, check_options(bad, status))
    BAD(WMMF_E_STRUCT_SIZE, struct_size = 0);
    BAD(WMMF_E_STRUCT_SIZE, struct_size = sizeof good - 1);
    BAD(WMMF_E_STRUCT_SIZE, struct_size = sizeof good + 1);
    BAD(WMMF_E_ARGUMENT, name_space = 3);
    BAD(WMMF_E_ARGUMENT, layout = 3);
    BAD(WMMF_E_ARGUMENT, access = 5);
    BAD(WMMF_E_ARGUMENT, mode = 01000);
    BAD(WMMF_E_ARGUMENT, read_only = 1);
    BAD(WMMF_E_ARGUMENT, read_only = 2);
    BAD(WMMF_E_ARGUMENT, participants = WMMF_PARTICIPANTS_MAX + 1);
    BAD(WMMF_E_ARGUMENT, locks = WMMF_LOCKS_MAX + 1);
    BAD(WMMF_E_ARGUMENT, sddl = "D:");
    BAD(WMMF_E_ARGUMENT, access = WMMF_ACCESS_SDDL);
#undef BAD
    wmmf_section *section = NULL;
    bad = good;
    bad.read_only = 1;
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create_or_open(new_name(), 10, &bad, &section, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_create(new_name(), 10, NULL, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_open(new_name(), 10, NULL, NULL));
}

static void access_that_belongs_to_the_other_system_is_refused(void) {
    wmmf_options mode = options_of(WMMF_NATIVE, WMMF_LOCAL), sddl = mode;
    mode.access = WMMF_ACCESS_MODE;
    mode.mode = 0600;
    sddl.access = WMMF_ACCESS_SDDL;
    sddl.sddl = "D:P(A;;GA;;;WD)";
    wmmf_options *foreign[2] = {&mode, &sddl};
#ifdef _WIN32
    wmmf_options *own = &sddl;
#else
    wmmf_options *own = &mode;
#endif
    for (int i = 0; i < 2; i++) {
        wmmf_section *section = NULL;
        CHECK_STATUS(foreign[i] == own ? WMMF_OK : WMMF_E_NOT_SUPPORTED,
                     wmmf_create(new_name(), 10, foreign[i], &section));
        wmmf_close(section);
    }
}

static void presets_of_access_are_accepted(void) {
    for (uint32_t access = WMMF_ACCESS_OWNER; access <= WMMF_ACCESS_USERS_WRITE; access++) {
        const char *name = new_name();
        wmmf_options options = options_of(WMMF_NATIVE, WMMF_GLOBAL);
        wmmf_section *section = NULL, *other = NULL;
        options.access = access;
        REQUIRE_OK(wmmf_create(name, 10, &options, &section));
        CHECK_STATUS(WMMF_OK, wmmf_open(name, 0, &options, &other));
        wmmf_close(other);
        wmmf_close(section);
    }
}

static void a_read_only_handle_only_reads(void) {
    const char *name = new_name();
    wmmf_section *writer = create(name, 100, WMMF_NATIVE), *reader = open_read_only(name, WMMF_NATIVE);
    uint64_t sequence = 0;
    char buffer[5] = "";
    REQUIRE_OK(wmmf_write(writer, 10, "hello", 5, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_OK, wmmf_read(reader, 10, buffer, 5, LONG_TIMEOUT));
    CHECK(memcmp(buffer, "hello", 5) == 0);
    CHECK_STATUS(WMMF_OK, wmmf_wait(reader, 0, LONG_TIMEOUT, &sequence));
    CHECK_EQUAL(1, sequence);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait(reader, 1, 1000000, &sequence));
    CHECK_EQUAL(1, info_of(reader).read_only);
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_write(reader, 0, "x", 1, 0));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_lock_read(reader, 0));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_lock_write(reader, 0));
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_mark_consistent(reader));
    /* While a writer is at work there is nothing to read. */
    REQUIRE_OK(wmmf_lock_write(writer, LONG_TIMEOUT));
    CHECK_STATUS(WMMF_E_DEADLOCK, wmmf_read(reader, 10, buffer, 5, 0));
    REQUIRE_OK(wmmf_unlock_write(writer));
    wmmf_close(reader);
    wmmf_close(writer);
}

static void on_fault(int signal_number) {
    (void)signal_number;
    _Exit(FAULTED);
}

static int write_through_the_pointer(const char *name, uint32_t layout, bool read_only) {
    wmmf_section *section = read_only ? open_read_only(name, layout) : open_existing(name, layout);
    signal(SIGSEGV, on_fault);
    *(volatile uint8_t *)data_of(section) = 1;
    wmmf_close(section);
    return 0;
}

static int write_native(const char *name) {
    return write_through_the_pointer(name, WMMF_NATIVE, false);
}

static int write_read_only_native(const char *name) {
    return write_through_the_pointer(name, WMMF_NATIVE, true);
}

static int write_read_only_raw(const char *name) {
    return write_through_the_pointer(name, WMMF_RAW, true);
}

static void read_only_pages_are_read_only(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE);
    CHECK_EQUAL(FAULTED, child_end(child_start("write_read_only_native", name)));
    CHECK_EQUAL(FAULTED, child_end(child_start("write_read_only_raw", name)));
    CHECK_EQUAL(0, data_of(section)[0]);
    CHECK_EQUAL(0, child_end(child_start("write_native", name)));
    CHECK_EQUAL(1, data_of(section)[0]);
    wmmf_close(section);
}

static void the_last_os_error_is_of_the_last_failure(void) {
    wmmf_section *section = NULL;
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(new_name(), 0, NULL, &section));
    CHECK(wmmf_last_os_error() != 0);
    CHECK_STATUS(WMMF_E_NAME_EMPTY, wmmf_open("", 0, NULL, &section));
    CHECK_EQUAL(0, wmmf_last_os_error());
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    options.reserve = 5;
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create_or_open(new_name(), 10, &options, &section, NULL));
    CHECK_EQUAL(0, wmmf_last_os_error()); /* that there was nothing to open was no failure */
}

static void make_file(const char *path, const char *content) {
    FILE *file = fopen(path, "wb");
    if (!file || fputs(content, file) < 0 || fclose(file) != 0)
        give_up();
}

static void a_file_is_mapped_and_left_in_place(void) {
    const char *path = new_name();
    wmmf_options options = options_of(WMMF_RAW, WMMF_LOCAL);
    wmmf_section *section = NULL;
    char content[8] = "";
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open_file(path, 0, &options, &section));
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open_file("no/such/folder", 0, &options, &section));
    make_file(path, "content");
    CHECK_STATUS(WMMF_E_SIZE, wmmf_open_file(path, 8, &options, &section));
    REQUIRE_OK(wmmf_open_file(path, 0, &options, &section));
    CHECK_EQUAL(7, size_of(section));
    CHECK_STATUS(WMMF_OK, wmmf_write(section, 0, "C", 1, 0));
    wmmf_close(section);
    options.read_only = 1;
    REQUIRE_OK(wmmf_open_file(path, 0, &options, &section));
    CHECK_STATUS(WMMF_OK, wmmf_read(section, 0, content, 7, 0));
    CHECK(strcmp(content, "Content") == 0);
    CHECK_STATUS(WMMF_E_READ_ONLY, wmmf_write(section, 0, "D", 1, 0));
    wmmf_close(section);
    section = NULL;
    options.layout = WMMF_NATIVE;
    CHECK_STATUS(WMMF_E_NOT_SUPPORTED, wmmf_open_file(path, 0, &options, &section));
    options.layout = WMMF_RAW;
    make_file(path, "");
    CHECK_STATUS(WMMF_E_SIZE, wmmf_open_file(path, 0, &options, &section));
    CHECK(section == NULL);
    CHECK_EQUAL(0, remove(path));
}

/* Failures in the middle of opening, which must undo what was done; tests/c/faults.c covers those of the system. */
static void fail_in_many_ways(const char *name, const char *foreign, const char *full, const char *nobodys) {
    wmmf_options read_only = options_of(WMMF_NATIVE, WMMF_LOCAL), winmmf = options_of(WMMF_WINMMF, WMMF_LOCAL),
                 raw = options_of(WMMF_RAW, WMMF_LOCAL);
    wmmf_section *section = NULL;
    read_only.read_only = 1;
    CHECK_STATUS(WMMF_E_EXISTS, wmmf_create(name, 10, NULL, &section));
    CHECK_STATUS(WMMF_E_EXISTS, wmmf_create(name, 10, &winmmf, &section));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_open(name, 1000000, NULL, &section));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(name, 0, &winmmf, &section));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_create_or_open(name, 10, &raw, &section, NULL));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_open(name, 1000000, &raw, &section));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_open(name, 1000000, &read_only, &section));
    CHECK_STATUS(WMMF_E_SIZE, wmmf_create_or_open(name, 1000000, NULL, &section, NULL));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(foreign, 0, NULL, &section));
    CHECK_STATUS(WMMF_E_FORMAT, wmmf_open(foreign, 0, &read_only, &section));
    CHECK_STATUS(WMMF_E_FULL, wmmf_open(full, 0, NULL, &section));
    CHECK(strstr(wmmf_last_detail(), ": all of these records are in use"));
    CHECK_STATUS(WMMF_E_NOT_FOUND, wmmf_open(nobodys, 0, NULL, &section));
    CHECK_STATUS(WMMF_E_NAME_INVALID, wmmf_open("a/b", 0, NULL, &section));
    CHECK(wmmf_create(nobodys, UINT64_C(1) << 46, NULL, &section) != WMMF_OK);
    CHECK(section == NULL);
}

static void failures_leave_nothing_open(void) {
    wmmf_options one_place = options_of(WMMF_NATIVE, WMMF_LOCAL);
    one_place.participants = 1;
    const char *name = new_name(), *foreign = new_name(), *full = new_name(), *nobodys = new_name();
    wmmf_section *section = create(name, 10, WMMF_NATIVE), *raw = create(foreign, 10000, WMMF_RAW), *lonely = NULL;
    REQUIRE_OK(wmmf_create(full, 10, &one_place, &lonely));
    memset(data_of(raw), 'x', 8);
    fail_in_many_ways(name, foreign, full, nobodys); /* what the first use of anything allocates, stays */
    struct resources before = system_resources();
    for (int i = 0; i < 10; i++)
        fail_in_many_ways(name, foreign, full, nobodys);
    struct resources after = system_resources();
    CHECK_EQUAL(before.handles, after.handles);
    CHECK_EQUAL(before.mapped, after.mapped);
    wmmf_close(lonely);
    wmmf_close(raw);
    wmmf_close(section);
}

static void the_process_that_opened_it_cannot_drop_it(void) {
#ifdef _WIN32
    int32_t refusal = WMMF_E_NOT_SUPPORTED;
#else
    int32_t refusal = WMMF_E_ARGUMENT;
#endif
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE);
    struct holder *writer = holder_start(section, wmmf_lock_write, wmmf_unlock_write);
    CHECK_STATUS(refusal, wmmf_after_fork_child(section));
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_lock_write(other, SECOND / 10)); /* it still looks alive */
    holder_end(writer);
    wmmf_close(other);
    wmmf_close(section);
}

static void null_and_ranges_are_checked(void) {
    wmmf_section *section = create(new_name(), 100, WMMF_NATIVE);
    char buffer[200];
    uint64_t number = 0;
    wmmf_info info = {.struct_size = sizeof info};
    wmmf_audit_report report = {.struct_size = sizeof report};
    void *data = NULL;
    CHECK_STATUS(WMMF_OK, wmmf_close(NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_after_fork_child(NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_channel_after_fork_child(NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_data(NULL, &data));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_data(section, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_size(NULL, &number));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_size(section, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_info(NULL, &info));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_info(section, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_lock_read(NULL, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_unlock_read(NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_lock_write(NULL, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_unlock_write(NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_mark_consistent(NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_read(NULL, 0, buffer, 1, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_read(section, 0, NULL, 1, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_write(NULL, 0, buffer, 1, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_write(section, 0, NULL, 1, 0));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_sequence(NULL, &number));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_sequence(section, NULL));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_wait(NULL, 0, 0, &number));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_audit(NULL, &report));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_audit(section, NULL));
    info.struct_size--;
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_get_info(section, &info));
    report.struct_size++;
    CHECK_STATUS(WMMF_E_STRUCT_SIZE, wmmf_audit(section, &report));

    static const struct {
        uint64_t offset, length;
    } outside[] = {{0, 101}, {100, 1}, {101, 0}, {UINT64_MAX, 1}, {1, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        CHECK_STATUS(WMMF_E_RANGE, wmmf_read(section, outside[i].offset, buffer, outside[i].length, 0));
        CHECK_STATUS(WMMF_E_RANGE, wmmf_write(section, outside[i].offset, buffer, outside[i].length, 0));
    }
    CHECK_STATUS(WMMF_OK, wmmf_read(section, 100, NULL, 0, 0));
    CHECK_STATUS(WMMF_OK, wmmf_write(section, 100, NULL, 0, 0));
    wmmf_close(section);
}

static void a_short_write_leaves_the_rest(void) {
    for (uint32_t layout = WMMF_NATIVE; layout <= WMMF_RAW; layout++) {
        wmmf_section *section = create(new_name(), 8, layout);
        char buffer[9] = "";
        CHECK_STATUS(WMMF_OK, wmmf_write(section, 0, "........", 8, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_OK, wmmf_write(section, 3, "ab", 2, LONG_TIMEOUT));
        CHECK_STATUS(WMMF_OK, wmmf_read(section, 0, buffer, 8, LONG_TIMEOUT));
        CHECK(strcmp(buffer, "...ab...") == 0);
        wmmf_close(section);
    }
}

static void it_tells_whose_it_is(void) {
    const char *name = new_name();
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *reader = open_read_only(name, WMMF_NATIVE);
    wmmf_info info = {.struct_size = sizeof info};
    char owner[256] = "", same[256] = "", user[256] = "";
    uint64_t needed = 0;
    system_user_name(user, sizeof user);
    REQUIRE_OK(wmmf_get_info(reader, &info));
    CHECK_EQUAL(system_process_id(), info.creator_pid);
    CHECK(info.created_unix_ns > UINT64_C(1700000000) * 1000000000);
    REQUIRE_OK(wmmf_get_owner(reader, owner, sizeof owner, &needed));
    if (!CHECK(strcmp(owner, user) == 0))
        printf("  the owner is '%s', the user '%s'\n", owner, user);
    CHECK_EQUAL(strlen(owner) + 1, needed);
    REQUIRE_OK(wmmf_get_owner(section, same, needed, &needed));
    CHECK(strcmp(owner, same) == 0);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_owner(section, same, needed - 1, &needed));
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_owner(section, NULL, 0, &needed));
    CHECK_EQUAL(strlen(owner) + 1, needed);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_owner(section, NULL, 1, &needed));
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_get_owner(section, same, 1, NULL));
    wmmf_close(reader);
    wmmf_close(section);
    section = create(new_name(), 100, WMMF_RAW);
    REQUIRE_OK(wmmf_get_info(section, &info));
    CHECK_EQUAL(0, info.creator_pid);
    CHECK_EQUAL(0, info.created_unix_ns);
    wmmf_close(section);
}

/* What a program's own protocol needs: which handle has an index, and whether its process lives. */
static void a_handle_knows_its_record(void) {
    const char *name = new_name();
    wmmf_section *one = create(name, 100, WMMF_NATIVE), *two = open_existing(name, WMMF_NATIVE),
                 *reader = open_read_only(name, WMMF_NATIVE), *raw = create(new_name(), 100, WMMF_RAW);
    uint32_t record = info_of(two).record;
    wmmf_participant participant = {.struct_size = sizeof participant};
    CHECK_EQUAL(0, info_of(one).record);
    CHECK_EQUAL(1, record);
    CHECK(info_of(reader).record == UINT32_MAX);
    CHECK(info_of(raw).record == UINT32_MAX);
    CHECK_EQUAL(1, participant_of(one, record).alive);
    REQUIRE_OK(wmmf_lock_read(two, 0));
    CHECK_EQUAL(1, participant_of(one, record).readers);
    REQUIRE_OK(wmmf_unlock_read(two));
    wmmf_close(two);
    CHECK_STATUS(WMMF_E_RANGE, wmmf_get_participant(one, record, &participant));
    two = open_existing(name, WMMF_NATIVE);
    CHECK_EQUAL(record, info_of(two).record);
    wmmf_close(two);
    wmmf_close(raw);
    wmmf_close(reader);
    wmmf_close(one);
}

static void a_name_leads_to_its_section(void) {
    const char *name = new_name();
    uint32_t named = 0;
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_read_only(name, WMMF_NATIVE);
    REQUIRE_OK(wmmf_is_named(section, &named));
    CHECK_EQUAL(1, named);
    CHECK_STATUS(WMMF_E_ARGUMENT, wmmf_is_named(section, NULL));
    if (system_remove_name(name)) {
        wmmf_section *newer = NULL;
        REQUIRE_OK(wmmf_is_named(section, &named));
        CHECK_EQUAL(0, named);
        REQUIRE_OK(wmmf_create(name, 100, NULL, &newer)); /* another section, under the same name */
        REQUIRE_OK(wmmf_is_named(other, &named));
        CHECK_EQUAL(0, named);
        REQUIRE_OK(wmmf_is_named(newer, &named));
        CHECK_EQUAL(1, named);
        REQUIRE_OK(wmmf_write(section, 0, "x", 1, 0)); /* and the old one goes on */
        char byte = 0;
        REQUIRE_OK(wmmf_read(other, 0, &byte, 1, 0));
        CHECK_EQUAL('x', byte);
        wmmf_close(section);
        wmmf_close(other);
        REQUIRE_OK(wmmf_is_named(newer, &named)); /* whose name the old section did not remove */
        CHECK_EQUAL(1, named);
        wmmf_close(newer);
        return;
    }
    wmmf_close(other);
    wmmf_close(section);
}

static const struct test tests[] = {
    TEST(every_layout_in_every_namespace),
    TEST(a_native_size_is_exact),
    TEST(an_opener_may_take_a_part),
    TEST(creating_is_exclusive),
    TEST(create_or_open_says_which),
    TEST(another_layout_is_not_taken_for_native),
    TEST(native_is_not_taken_for_another_layout),
    TEST(a_channel_is_not_read_as_a_plain_section),
    TEST(impossible_sizes_are_refused),
    TEST(too_much_memory_is_refused_when_creating),
    TEST(bad_options_are_refused),
    TEST(access_that_belongs_to_the_other_system_is_refused),
    TEST(presets_of_access_are_accepted),
    TEST(a_read_only_handle_only_reads),
    TEST(read_only_pages_are_read_only),
    TEST(the_last_os_error_is_of_the_last_failure),
    TEST(a_file_is_mapped_and_left_in_place),
    TEST(failures_leave_nothing_open),
    TEST(the_process_that_opened_it_cannot_drop_it),
    TEST(null_and_ranges_are_checked),
    TEST(a_short_write_leaves_the_rest),
    TEST(it_tells_whose_it_is),
    TEST(a_handle_knows_its_record),
    TEST(a_name_leads_to_its_section),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(write_native),
    ROLE(write_read_only_native),
    ROLE(write_read_only_raw),
    {NULL, NULL},
};

const struct suite suite_sections = {tests, roles};
