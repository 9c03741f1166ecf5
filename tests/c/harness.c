#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "atomic.h"
#include "system.h"

static int failed_checks;

bool check(bool condition, const char *text, const char *file, int line) {
    if (!condition) {
        failed_checks++;
        printf("%s:%d: not so: %s\n", file, line, text);
    }
    return condition;
}

bool check_equal(int64_t expected, int64_t actual, const char *text, const char *file, int line) {
    if (expected != actual) {
        failed_checks++;
        printf("%s:%d: %s is %lld, not %lld\n", file, line, text, (long long)actual, (long long)expected);
    }
    return expected == actual;
}

/* A call that succeeds leaves no error of a step that it could do without. */
static bool leaves_no_error(void) {
    return wmmf_last_os_error() == 0 && *wmmf_last_detail() == '\0';
}

bool check_status(int32_t expected, int32_t actual, const char *text, const char *file, int line) {
    if (expected != actual) {
        failed_checks++;
        printf("%s:%d: %s is %s, not %s\n", file, line, text, wmmf_status_name(actual), wmmf_status_name(expected));
    } else if (actual == WMMF_OK && !leaves_no_error()) {
        failed_checks++;
        printf("%s:%d: %s leaves the error %d '%s'\n", file, line, text, wmmf_last_os_error(), wmmf_last_detail());
    }
    return expected == actual;
}

void give_up(void) {
    printf("0 passed, 1 failed\n");
    fflush(stdout);
    exit(1);
}

void run_and_exit(void (*run)(void)) {
    failed_checks = 0;
    run();
    fflush(stdout);
    _Exit(failed_checks != 0);
}

const char *new_name(void) {
    static char names[8][64];
    static unsigned number;
    char *name = names[number % 8];
    snprintf(name, sizeof names[0], "wmmf-test-%lu-%u", system_process_id(), number++);
    return name;
}

const char *new_file(uint64_t size) {
    const char *path = new_name();
    FILE *file = fopen(path, "wb");
    for (uint64_t i = 0; file && i < size; i++)
        putc((int)(i % 251), file);
    if (!file || fclose(file) != 0)
        give_up();
    return path;
}

int64_t size_of_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    fseek(file, 0, SEEK_END);
    int64_t size = ftell(file);
    fclose(file);
    return size;
}

wmmf_options options_of(uint32_t layout, uint32_t name_space) {
    wmmf_options options = {.struct_size = sizeof options, .layout = layout, .name_space = name_space};
    return options;
}

wmmf_section *create(const char *name, uint64_t size, uint32_t layout) {
    wmmf_options options = options_of(layout, WMMF_LOCAL);
    wmmf_section *section = NULL;
    REQUIRE_OK(wmmf_create(name, size, &options, &section));
    return section;
}

static wmmf_section *open_as(const char *name, uint32_t layout, bool read_only) {
    wmmf_options options = options_of(layout, WMMF_LOCAL);
    wmmf_section *section = NULL;
    options.read_only = read_only;
    REQUIRE_OK(wmmf_open(name, 0, &options, &section));
    return section;
}

wmmf_section *open_existing(const char *name, uint32_t layout) {
    return open_as(name, layout, false);
}

wmmf_section *open_read_only(const char *name, uint32_t layout) {
    return open_as(name, layout, true);
}

wmmf_channel *open_channel(const char *name, bool read_only) {
    wmmf_options options = options_of(WMMF_NATIVE, WMMF_LOCAL);
    wmmf_channel *channel = NULL;
    options.read_only = read_only;
    REQUIRE_OK(wmmf_channel_open(name, &options, &channel));
    return channel;
}

uint8_t *data_of(wmmf_section *section) {
    void *data = NULL;
    REQUIRE_OK(wmmf_data(section, &data));
    return data;
}

uint64_t size_of(wmmf_section *section) {
    uint64_t size = 0;
    REQUIRE_OK(wmmf_size(section, &size));
    return size;
}

wmmf_info info_of(wmmf_section *section) {
    wmmf_info info = {.struct_size = sizeof info};
    REQUIRE_OK(wmmf_get_info(section, &info));
    return info;
}

wmmf_participant participant_of(wmmf_section *section, uint32_t index) {
    wmmf_participant found = {.struct_size = sizeof found};
    REQUIRE_OK(wmmf_get_participant(section, index, &found));
    return found;
}

int32_t lock_read_row(wmmf_section *section, int64_t timeout_ns) {
    return wmmf_lock_read_at(section, ROW, timeout_ns);
}

int32_t unlock_read_row(wmmf_section *section) {
    return wmmf_unlock_read_at(section, ROW);
}

int32_t lock_write_row(wmmf_section *section, int64_t timeout_ns) {
    return wmmf_lock_write_at(section, ROW, timeout_ns);
}

int32_t unlock_write_row(wmmf_section *section) {
    return wmmf_unlock_write_at(section, ROW);
}

struct holder {
    wmmf_section *section;
    int32_t (*lock)(wmmf_section *, int64_t);
    int32_t (*unlock)(wmmf_section *);
    struct thread *thread;
    shared_u32 step; /* 1 once it has the lock, 2 once it shall release it */
};

static void hold_in_a_thread(void *argument) {
    struct holder *holder = argument;
    REQUIRE_OK(holder->lock(holder->section, LONG_TIMEOUT));
    store_release_u32(&holder->step, 1);
    while (load_acquire_u32(&holder->step) != 2)
        system_pause();
    REQUIRE_OK(holder->unlock(holder->section));
}

struct holder *holder_start(wmmf_section *section, int32_t (*lock)(wmmf_section *, int64_t),
                            int32_t (*unlock)(wmmf_section *)) {
    struct holder *holder = calloc(1, sizeof *holder);
    if (!CHECK(holder != NULL))
        give_up();
    holder->section = section;
    holder->lock = lock;
    holder->unlock = unlock;
    holder->thread = thread_start(hold_in_a_thread, holder);
    while (load_acquire_u32(&holder->step) != 1)
        system_pause();
    return holder;
}

void holder_end(struct holder *holder) {
    store_release_u32(&holder->step, 2);
    thread_join(holder->thread);
    free(holder);
}

int hold_until_told(const char *name, uint32_t layout, int32_t (*lock)(wmmf_section *, int64_t),
                    int32_t (*unlock)(wmmf_section *)) {
    wmmf_section *section = open_existing(name, layout);
    REQUIRE_OK(lock(section, LONG_TIMEOUT));
    say("locked");
    bool told = heard("go");
    REQUIRE_OK(unlock(section));
    wmmf_close(section);
    return !told;
}

void wait_until_writing(wmmf_section *section, uint32_t index) {
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    while (!participant_of(section, index).writing)
        if (!CHECK(system_now_ns() < deadline))
            give_up();
}

static int play(const struct suite *const *suites, const char *name, const char *section_name) {
    for (; *suites; suites++)
        for (const struct role *role = (*suites)->roles; role->name; role++)
            if (strcmp(role->name, name) == 0)
                return role->play(section_name);
    printf("no role %s\n", name);
    return 1;
}

int harness_main(int argc, char **argv, const struct suite *const *suites) {
    if (argc == 4 && strcmp(argv[1], "role") == 0)
        return play(suites, argv[2], argv[3]);
    const char *only = argc == 2 ? argv[1] : "";
    int passed = 0, failed = 0;
    for (; *suites; suites++) {
        for (const struct test *test = (*suites)->tests; test->name; test++) {
            if (!strstr(test->name, only))
                continue;
            failed_checks = 0;
            test->run();
            failed_checks ? failed++ : passed++;
            printf("%s %s\n", failed_checks ? "FAILED" : "ok", test->name);
            fflush(stdout);
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}

int harness_run(int argc, char **argv, const struct test *tests) {
    static const struct role no_roles[] = {{NULL, NULL}};
    const struct suite suite = {tests, no_roles};
    const struct suite *const suites[] = {&suite, NULL};
    return harness_main(argc, argv, suites);
}
