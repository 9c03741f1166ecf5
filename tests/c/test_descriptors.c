/* Descriptors that the program closes under the library, as daemons do: the number then belongs to a file of the
 * program's, which is neither closed nor written to. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "system.h"

#define FIRST 3
#define LAST  256

static char log_path[64];
static int log_file = -1;

static void close_all_but_the_standard_ones(void) {
    for (int fd = FIRST; fd < LAST; fd++)
        close(fd);
}

/* Every number that was closed now is a file of this test. */
static void open_a_log_everywhere(void) {
    snprintf(log_path, sizeof log_path, "/tmp/wmmf-test-log-%d", (int)getpid());
    log_file = open(log_path, O_CREAT | O_RDWR | O_TRUNC, 0600);
    if (log_file < 0 || write(log_file, "log", 3) != 3)
        exit(2);
    for (int fd = FIRST; fd < 64; fd++)
        if (fd != log_file)
            dup2(log_file, fd);
}

static void check_the_log(void) {
    struct stat status = {.st_size = -1};
    for (int fd = FIRST; fd < 64; fd++) {
        CHECK_EQUAL(0, fstat(fd, &status)); /* still open */
        CHECK_EQUAL(3, status.st_size);
    }
    CHECK_EQUAL(3, lseek(log_file, 0, SEEK_CUR));
    unlink(log_path);
}

static void lose_the_descriptors_of_a_channel(void) {
    wmmf_channel *channel = NULL;
    wmmf_frame frame = {.struct_size = sizeof frame, .used = 1 << 20};
    uint8_t *picture = calloc(1, 1 << 20);
    REQUIRE_OK(wmmf_channel_create(new_name(), 1 << 20, 0, NULL, &channel));
    close_all_but_the_standard_ones();
    open_a_log_everywhere();
    CHECK_STATUS(WMMF_E_DESCRIPTOR, wmmf_channel_write(channel, picture, 0, &frame));
    CHECK_STATUS(WMMF_E_DESCRIPTOR, wmmf_channel_write(channel, picture, 0, &frame));
    CHECK_STATUS(WMMF_E_DESCRIPTOR, wmmf_channel_resize(channel, 1 << 21, 0, 0, SECOND));
    CHECK_STATUS(WMMF_OK, wmmf_channel_close(channel));
    check_the_log();
    free(picture);
}

static void lose_the_descriptors_of_sections(void) {
    const char *name = new_name();
    char byte;
    snprintf(log_path, sizeof log_path, "/tmp/wmmf-test-file-%d", (int)getpid());
    int file_descriptor = open(log_path, O_CREAT | O_RDWR, 0600);
    if (file_descriptor < 0 || write(file_descriptor, "file", 4) != 4)
        exit(2);
    wmmf_options raw = options_of(WMMF_RAW, WMMF_LOCAL);
    wmmf_section *section = create(name, 100, WMMF_NATIVE), *other = open_existing(name, WMMF_NATIVE), *file = NULL;
    REQUIRE_OK(wmmf_open_file(log_path, 0, &raw, &file));
    unlink(log_path);
    REQUIRE_OK(wmmf_lock_write(section, 0));
    close_all_but_the_standard_ones();
    open_a_log_everywhere();
    CHECK_STATUS(WMMF_E_DESCRIPTOR, wmmf_read(file, 0, &byte, 1, 0));
    CHECK_STATUS(WMMF_E_DESCRIPTOR, wmmf_write(file, 0, "x", 1, 0));
    CHECK_STATUS(WMMF_E_DESCRIPTOR, wmmf_resize(file, 8));
    CHECK_EQUAL('f', data_of(file)[0]); /* still mapped */
    /* The kernel cannot be asked: uncertain means alive. */
    CHECK_STATUS(WMMF_E_TIMEOUT, of_another_thread(wmmf_lock_write, other, SECOND / 20));
    CHECK_STATUS(WMMF_OK, wmmf_unlock_write(section));
    wmmf_close(file);
    wmmf_close(other);
    wmmf_close(section);
    check_the_log();
}

/* The number goes to a newer handle of the same section: the same file, but not the same open file. */
static void lose_a_descriptor_to_a_newer_handle(void) {
    const char *name = new_name();
    wmmf_options custom = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_section *old = create(name, 100, WMMF_NATIVE), *newer = NULL;
    struct child *keeper = child_start("keep_open", name);
    CHECK(child_said(keeper, "open"));
    for (int fd = FIRST; fd < LAST; fd++) {
        struct stat status;
        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
            close(fd);
    }
    REQUIRE_OK(wmmf_open(name, 0, &custom, &newer));
    uint64_t handles = system_resources().handles;
    wmmf_close(old);
    CHECK_EQUAL(handles, system_resources().handles);
    REQUIRE_OK(wmmf_lock_write(newer, 0));
    child_tell(keeper, "try");
    CHECK(child_said(keeper, "alive"));
    child_tell(keeper, "go");
    child_end(keeper);
    wmmf_close(newer);
}

static int keep_open(const char *name) {
    wmmf_section *section = open_existing(name, WMMF_NATIVE);
    say("open");
    bool told = heard("try");
    say(wmmf_lock_write(section, SECOND / 20) == WMMF_E_TIMEOUT ? "alive" : "dead");
    told = heard("go") && told;
    wmmf_close(section);
    return !told;
}

static void a_lost_descriptor_is_an_error_and_harms_nothing(void) {
    in_a_child(lose_the_descriptors_of_a_channel);
    in_a_child(lose_the_descriptors_of_sections);
    in_a_child(lose_a_descriptor_to_a_newer_handle);
}

static const struct test tests[] = {
    TEST(a_lost_descriptor_is_an_error_and_harms_nothing),
    {NULL, NULL},
};

static const struct role roles[] = {
    ROLE(keep_open),
    {NULL, NULL},
};

const struct suite suite_descriptors = {tests, roles};
