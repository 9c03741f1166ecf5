#define _GNU_SOURCE
#include "refusals.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void forbid_some(long call, int argument, uint32_t bits, bool exact, int error) {
    uint32_t at =
        (uint32_t)(offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (argument < 0 ? 0 : (size_t)argument));
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, argument == ANY_ARGUMENT ? 0
                                            : exact                  ? UINT32_MAX
                                                                     : bits),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument == ANY_ARGUMENT ? 0 : bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("the test program: seccomp");
        _exit(2);
    }
}

void forbid(long call, int error) {
    forbid_some(call, ANY_ARGUMENT, 0, false, error);
}

void run_command(const char *command) {
    if (system(command) != 0) {
        printf("the test program: %s failed\n", command);
        _exit(2);
    }
}

bool can_mount(void) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWNS) != 0 || system("mount --make-rprivate / 2>/dev/null") != 0);
    waitpid(pid, &status, 0);
    if (status != 0)
        printf("(skipped: only root may mount here)\n");
    return status == 0;
}

void mount_here(const char *command) {
    if (unshare(CLONE_NEWNS) != 0)
        _exit(2);
    run_command("mount --make-rprivate /");
    run_command(command);
}
