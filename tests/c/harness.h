/* A small test harness: checks that count, tests in tables, and this same program started again as another process. */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wmmf.h"

#define SECOND INT64_C(1000000000)
/* Longer than any wait that succeeds; a test that waits that long has failed. */
#define LONG_TIMEOUT (30 * SECOND)

struct test {
    const char *name;
    void (*run)(void);
};
#define TEST(function)                                                                                                 \
    { #function, function }
#define ROLE(function) TEST(function)

/* What another process does, with the name of a section. Returns its exit code. */
struct role {
    const char *name;
    int (*play)(const char *section_name);
};

/* A failed check is reported and counted, and the test goes on. */
#define CHECK(condition)               check((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQUAL(expected, actual)  check_equal((int64_t)(expected), (int64_t)(actual), #actual, __FILE__, __LINE__)
#define CHECK_STATUS(expected, actual) check_status((expected), (actual), #actual, __FILE__, __LINE__)
/* If this fails, the rest of the program makes no sense. */
#define REQUIRE_OK(call)                                                                                               \
    do {                                                                                                               \
        if (!CHECK_STATUS(WMMF_OK, call))                                                                              \
            give_up();                                                                                                 \
    } while (0)

bool check(bool condition, const char *text, const char *file, int line);
bool check_equal(int64_t expected, int64_t actual, const char *text, const char *file, int line);
bool check_status(int32_t expected, int32_t actual, const char *text, const char *file, int line);
void give_up(void);
/* For a forked child: runs it and ends the child, with exit code 0 unless a check has failed. */
void run_and_exit(void (*run)(void));

/* A name that nobody else uses; overwritten by the eighth call after. */
const char *new_name(void);
/* The path of a new file with this many bytes: 0, 1 ... 250, 0 ... */
const char *new_file(uint64_t size);
/* -1: there is no such file. */
int64_t size_of_file(const char *path);
wmmf_options options_of(uint32_t layout, uint32_t name_space);
wmmf_section *create(const char *name, uint64_t size, uint32_t layout);
wmmf_section *open_existing(const char *name, uint32_t layout);
wmmf_section *open_read_only(const char *name, uint32_t layout);
wmmf_channel *open_channel(const char *name, bool read_only);
uint8_t *data_of(wmmf_section *section);
uint64_t size_of(wmmf_section *section);
wmmf_info info_of(wmmf_section *section);
wmmf_participant participant_of(wmmf_section *section, uint32_t index);
/* The lock at one place of the payload, as the calls for the section's own. */
#define ROW UINT64_C(128)
int32_t lock_read_row(wmmf_section *section, int64_t timeout_ns);
int32_t unlock_read_row(wmmf_section *section);
int32_t lock_write_row(wmmf_section *section, int64_t timeout_ns);
int32_t unlock_write_row(wmmf_section *section);
/* Another thread, which takes a lock with `lock` and keeps it until it shall release it with `unlock`.
 */
struct holder;
struct holder *holder_start(wmmf_section *section, int32_t (*lock)(wmmf_section *, int64_t),
                            int32_t (*unlock)(wmmf_section *));
void holder_end(struct holder *holder);
/* A role: takes a lock, says "locked", and keeps it until it hears "go", or is killed. */
int hold_until_told(const char *name, uint32_t layout, int32_t (*lock)(wmmf_section *, int64_t),
                    int32_t (*unlock)(wmmf_section *));
/* Until the participant holds the write lock, or has only readers to wait for. */
void wait_until_writing(wmmf_section *section, uint32_t index);

/* What a test file gives to main.c; both tables end with a NULL name. */
struct suite {
    const struct test *tests;
    const struct role *roles;
};

/* Runs the tests or, if the arguments ask for that, plays a role in another process; prints 'N passed, N failed'. */
int harness_main(int argc, char **argv, const struct suite *const *suites);
/* The same for a program of one file, whose tests need no other process. */
int harness_run(int argc, char **argv, const struct test *tests);

#endif
