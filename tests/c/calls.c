/* How many system calls it takes to create, to open and to map a window, and how many names of a folder are read. The
 * parent traces a child, which stops itself before and after each step. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "system.h"
#include "tuning.h"

static void stop(pid_t self) {
    syscall(SYS_kill, self, SIGSTOP);
}

static void create_and_open(void) {
    const char *section_name = new_name(), *channel_name = new_name();
    wmmf_section *created = NULL, *opened = NULL;
    wmmf_channel *created_channel = NULL, *opened_channel = NULL, *large = NULL;
    pid_t self = getpid();
    /* Looks at the folder and at the memory: those that follow at once need not. */
    wmmf_create(new_name(), ROOM_CHECK_BYTES, NULL, &created);
    wmmf_close(created);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    stop(self);
    wmmf_create(section_name, 100, NULL, &created);
    stop(self);
    wmmf_open(section_name, 0, NULL, &opened);
    stop(self);
    wmmf_channel_create(channel_name, 100, 0, NULL, &created_channel);
    stop(self);
    wmmf_channel_open(channel_name, NULL, &opened_channel);
    stop(self);
    wmmf_channel_create(new_name(), ROOM_CHECK_BYTES, 0, NULL, &large);
    stop(self);
    wmmf_channel_close(large);
    wmmf_channel_close(opened_channel);
    wmmf_channel_close(created_channel);
    wmmf_close(opened);
    wmmf_close(created);
    _exit(opened && opened_channel && large ? 0 : 1);
}

/* Until the child stops itself: each of its calls halts it twice, and the last one is the stop. */
static int calls_of_step(pid_t child) {
    int halts = 0, status = 0;
    do {
        ptrace(PTRACE_SYSCALL, child, NULL, NULL);
        if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
            give_up();
        halts++;
    } while (WSTOPSIG(status) != SIGSTOP);
    return (halts - 1) / 2 - 1;
}

/* In a child, up to its first stop. */
static pid_t start(void (*steps)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0)
        steps();
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        give_up();
    return child;
}

/* Lets the child finish; returns whether it succeeded. */
static bool end(pid_t child) {
    int status;
    ptrace(PTRACE_CONT, child, NULL, NULL);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The least of several turns: creating also looks at the folder when some time has passed. */
static void creating_and_opening_take_few_system_calls(void) {
    enum { TURNS = 5 };
    /* As in create_and_open. One fewer for each section where a file is named by its descriptor. */
    struct {
        const char *what;
        int most, least;
    } steps[] = {{"create a section", 14, INT_MAX},
                 {"open it", 13, INT_MAX},
                 {"create a channel", 43, INT_MAX},
                 {"open it", 34, INT_MAX},
                 {"create a large channel", 43, INT_MAX}};
    size_t count = sizeof steps / sizeof *steps;
    for (int turn = 0; turn < TURNS; turn++) {
        pid_t child = start(create_and_open);
        for (size_t i = 0; i < count; i++) {
            int calls = calls_of_step(child);
            steps[i].least = calls < steps[i].least ? calls : steps[i].least;
        }
        CHECK(end(child));
    }
    for (size_t i = 0; i < count; i++) {
        printf("system calls: %d to %s\n", steps[i].least, steps[i].what);
        CHECK(steps[i].least <= steps[i].most);
    }
}

static void map_a_window(void) {
    wmmf_section *file = NULL;
    wmmf_window *window = NULL;
    wmmf_file_options options = {.struct_size = sizeof options, .file_mode = WMMF_FILE_CREATE};
    const char *path = new_name();
    pid_t self = getpid();
    wmmf_map_file(path, 100, &options, &file);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    stop(self);
    wmmf_map_window(file, 10, 50, WMMF_READ_WRITE, &window);
    stop(self);
    wmmf_unmap_window(window);
    wmmf_close(file);
    unlink(path);
    _exit(window ? 0 : 1);
}

/* One asks whether the descriptor is still ours, one how long the file is, one maps: the file is not opened again. */
static void a_window_of_a_raw_file_takes_few_system_calls(void) {
    pid_t child = start(map_a_window);
    int mapped = calls_of_step(child);
    printf("system calls: window %d\n", mapped);
    CHECK(mapped <= 3);
    CHECK(end(child));
}

/* What the library finds in a folder: the names of this many files that are not there. The linker puts these functions
 * in the place of the system's, which has one of the last two. */
static uint64_t names, names_left, names_read;

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
void __wrap_rewinddir(DIR *folder);
struct dirent *__wrap_readdir(DIR *folder);
struct dirent *__wrap_readdir64(DIR *folder);

DIR *__wrap_opendir(const char *path) {
    names_left = names;
    return __real_opendir(path);
}

void __wrap_rewinddir(DIR *folder) {
    (void)folder;
    names_left = names;
}

struct dirent *__wrap_readdir64(DIR *folder) {
    static struct dirent other;
    (void)folder;
    if (names_left == 0)
        return NULL;
    snprintf(other.d_name, sizeof other.d_name, "wmmf-g-other-%u", (unsigned)names_left--);
    names_read++;
    return &other;
}

struct dirent *__wrap_readdir(DIR *folder) {
    return __wrap_readdir64(folder);
}

/* Each look reads a random number of names. */
static void creating_reads_few_of_many_names(void) {
    enum { LOOKS = 32, NAMES = 20000 };
    int64_t deadline = system_now_ns() + LONG_TIMEOUT;
    names = NAMES;
    for (int looks = 0; looks < LOOKS && system_now_ns() < deadline;) {
        uint64_t before = names_read;
        wmmf_close(create(new_name(), 100, WMMF_NATIVE));
        looks += names_read != before;
    }
    printf("names read in %d looks: %lu of %d each\n", LOOKS, (unsigned long)names_read, NAMES);
    CHECK(names_read < (uint64_t)LOOKS * NAMES / 2);
    names = 0;
}

static const struct test tests[] = {
    TEST(creating_reads_few_of_many_names),
    TEST(creating_and_opening_take_few_system_calls),
    TEST(a_window_of_a_raw_file_takes_few_system_calls),
    {NULL, NULL},
};

int main(int argc, char **argv) {
    return harness_run(argc, argv, tests);
}
