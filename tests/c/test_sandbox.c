/* Systems that refuse what others allow: filters for system calls. Each test runs in a child of its own, which can
 * never get rid of its filter. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "system.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* From here on, this system call of this process fails. */
static void forbid(long call, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("the test program: seccomp");
        _exit(2);
    }
}

/* The child reports its failed checks itself, and by its exit code. */
static void in_a_child(void (*run)(void)) {
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        run_and_exit(run);
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* wmmf_wait_many without futex_waitv. */

struct waiting {
    wmmf_wait_item items[2];
    uint32_t count;
    wmmf_waker *waker;
    int32_t status;
};

static void wait_in_thread(void *argument) {
    struct waiting *waiting = argument;
    waiting->status = wmmf_wait_many(waiting->items, waiting->count, waiting->waker, LONG_TIMEOUT);
}

static void wait_for_many(void) {
    wmmf_section *sections[2];
    struct waiting waiting = {.count = 2};
    struct timespec before, after;
    for (int i = 0; i < 2; i++) {
        sections[i] = create(new_name(), 100, WMMF_NATIVE);
        waiting.items[i].section = sections[i];
    }
    REQUIRE_OK(wmmf_waker_create(&waiting.waker));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    CHECK_STATUS(WMMF_E_TIMEOUT, wmmf_wait_many(waiting.items, 2, waiting.waker, SECOND / 5));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    int64_t used = (after.tv_sec - before.tv_sec) * SECOND + after.tv_nsec - before.tv_nsec;
    CHECK(used < SECOND / 10); /* asleep, and not turning */
    for (int i = 0; i < 2; i++) {
        struct thread *thread = thread_start(wait_in_thread, &waiting);
        REQUIRE_OK(wmmf_write(sections[i], 0, "x", 1, LONG_TIMEOUT));
        thread_join(thread);
        CHECK_STATUS(WMMF_OK, waiting.status);
        CHECK_STATUS(WMMF_OK, waiting.items[i].status);
        waiting.items[i].sequence = 1;
    }
    struct thread *thread = thread_start(wait_in_thread, &waiting);
    REQUIRE_OK(wmmf_waker_wake(waiting.waker));
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
    waiting.waker = NULL;
    waiting.count = 1;
    thread = thread_start(wait_in_thread, &waiting);
    REQUIRE_OK(wmmf_write(sections[0], 0, "x", 1, LONG_TIMEOUT));
    thread_join(thread);
    CHECK_STATUS(WMMF_OK, waiting.status);
}

static void wait_for_many_unknown(void) {
    forbid(SYS_futex_waitv, ENOSYS);
    wait_for_many();
}

static void wait_for_many_forbidden(void) {
    forbid(SYS_futex_waitv, EPERM);
    wait_for_many();
}

static void many_are_waited_for_without_futex_waitv(void) {
    in_a_child(wait_for_many_unknown);
    in_a_child(wait_for_many_forbidden);
}

static const struct test tests[] = {
    TEST(many_are_waited_for_without_futex_waitv),
    {NULL, NULL},
};

static const struct role roles[] = {{NULL, NULL}};

const struct suite suite_sandbox = {tests, roles};
