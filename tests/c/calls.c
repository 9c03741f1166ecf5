/* How many system calls it takes to create and to open. The parent traces a child, which stops itself before and after
 * each step. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static void stop(pid_t self) {
    syscall(SYS_kill, self, SIGSTOP);
}

static void create_and_open(void) {
    const char *section_name = new_name(), *channel_name = new_name();
    wmmf_section *created = NULL, *opened = NULL;
    wmmf_channel *created_channel = NULL, *opened_channel = NULL;
    pid_t self = getpid();
    wmmf_create(new_name(), 100, NULL, &created); /* what only the first does: a look at the folder, memory */
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
    wmmf_channel_close(opened_channel);
    wmmf_channel_close(created_channel);
    wmmf_close(opened);
    wmmf_close(created);
    _exit(opened && opened_channel ? 0 : 1);
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

static void creating_and_opening_take_few_system_calls(void) {
    int status;
    pid_t child = fork();
    if (child == 0)
        create_and_open();
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        give_up();
    int created = calls_of_step(child), opened = calls_of_step(child);
    int channel_created = calls_of_step(child), channel_opened = calls_of_step(child);
    printf("system calls: section %d and %d, channel %d and %d\n", created, opened, channel_created, channel_opened);
    CHECK(created <= 15 &&
          channel_created <= 47); /* one fewer for each section where a file is named by its descriptor */
    CHECK(opened <= 14 && channel_opened <= 36);
    ptrace(PTRACE_CONT, child, NULL, NULL);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct test tests[] = {
    TEST(creating_and_opening_take_few_system_calls),
    {NULL, NULL},
};

int main(int argc, char **argv) {
    return harness_run(argc, argv, tests);
}
