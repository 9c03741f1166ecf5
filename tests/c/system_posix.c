#define _GNU_SOURCE
#include "harness.h"
#include "system.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *checked(void *pointer) {
    if (!pointer) {
        perror("the test program");
        abort();
    }
    return pointer;
}

static void checked_call(int result) {
    if (result != 0) {
        perror("the test program");
        abort();
    }
}

struct child {
    pid_t pid;
    FILE *to, *from;
};

struct child *child_start(const char *role, const char *section) {
    struct child *child = checked(malloc(sizeof *child));
    int to[2], from[2];
    checked_call(pipe2(to, O_CLOEXEC));
    checked_call(pipe2(from, O_CLOEXEC));
    child->pid = fork();
    if (child->pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execl("/proc/self/exe", "unit", "role", role, section, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    child->to = checked(fdopen(to[1], "w"));
    child->from = checked(fdopen(from[0], "r"));
    return child;
}

bool child_said(struct child *child, const char *line) {
    char got[256] = "";
    if (fgets(got, sizeof got, child->from))
        got[strcspn(got, "\n")] = '\0';
    if (strcmp(got, line) != 0)
        printf("the child said '%s' instead of '%s'\n", got, line);
    return strcmp(got, line) == 0;
}

void child_tell(struct child *child, const char *line) {
    fprintf(child->to, "%s\n", line);
    fflush(child->to);
}

void child_kill(struct child *child) {
    kill(child->pid, SIGKILL);
    child_end(child);
}

int child_end(struct child *child) {
    int status = -1;
    fclose(child->to);
    waitpid(child->pid, &status, 0);
    fclose(child->from);
    free(child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void in_a_child(void (*run)(void)) {
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        run_and_exit(run);
    waitpid(pid, &status, 0);
    CHECK_EQUAL(0, status);
}

struct thread {
    pthread_t id;
    void (*run)(void *);
    void *argument;
};

static void *thread_main(void *argument) {
    struct thread *thread = argument;
    thread->run(thread->argument);
    return NULL;
}

struct thread *thread_start(void (*run)(void *), void *argument) {
    struct thread *thread = checked(malloc(sizeof *thread));
    thread->run = run;
    thread->argument = argument;
    checked_call(pthread_create(&thread->id, NULL, thread_main, thread));
    return thread;
}

void thread_join(struct thread *thread) {
    pthread_join(thread->id, NULL);
    free(thread);
}

struct resources system_resources(void) {
    struct resources resources = {0, 0};
    DIR *directory = checked(opendir("/proc/self/fd"));
    while (readdir(directory))
        resources.handles++;
    closedir(directory);
#ifdef __SANITIZE_ADDRESS__
    return resources; /* its own mappings come and go */
#endif
    /* Shared ones are sections: the C library's heap grows by private ones, when it likes. */
    FILE *maps = checked(fopen("/proc/self/maps", "r"));
    char line[512], permissions[5];
    unsigned long begin, end;
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %4s", &begin, &end, permissions) == 3 && permissions[3] == 's')
            resources.mapped += end - begin;
    fclose(maps);
    return resources;
}

static uint64_t locked_bytes(void) {
    char line[256];
    unsigned long long kilobytes = 0;
    FILE *status = checked(fopen("/proc/self/status", "r"));
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmLck: %llu", &kilobytes) == 1)
            break;
    fclose(status);
    return kilobytes * 1024;
}

bool system_locked_bytes(uint64_t *bytes) {
    static char byte;
    *bytes = locked_bytes();
    mlock(&byte, 1);
    bool told = locked_bytes() > *bytes; /* the sanitizers have mlock do nothing */
    munlock(&byte, 1);
    return told;
}

void system_close(int64_t handle) {
    checked_call(close((int)handle));
}

bool system_cuts(int64_t handle) {
    return ftruncate((int)handle, 1) == 0;
}

int64_t system_handle_of_file(FILE *file) {
    return fileno(file);
}

unsigned long system_process_id(void) {
    return (unsigned long)getpid();
}

int64_t system_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool system_keep_to_one_core(void) {
    cpu_set_t cores, one;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        return false;
    size_t core = 0;
    while (!CPU_ISSET(core, &cores))
        core++;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

bool system_work_in_real_time(void) {
    const struct sched_param priority = {.sched_priority = 10};
    return pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0;
}

int64_t system_thread_cpu_ns(void) {
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

void system_user_name(char *name, size_t capacity) {
    const struct passwd *entry = getpwuid(geteuid());
    if (entry)
        snprintf(name, capacity, "%s", entry->pw_name);
    else
        snprintf(name, capacity, "%lu", (unsigned long)geteuid());
}

bool system_remove_name(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "/dev/shm/wmmf-%lu-%s", (unsigned long)geteuid(), name);
    checked_call(unlink(path));
    return true;
}

const char *system_device(void) {
    return "/dev/null";
}

bool system_makes_sparse_file(const char *path, uint64_t size) {
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    bool made = fd >= 0 && ftruncate(fd, (off_t)size) == 0;
    if (fd >= 0)
        close(fd);
    return made;
}

void system_pause(void) {
    const struct timespec moment = {.tv_nsec = 100000};
    nanosleep(&moment, NULL);
}

uint64_t system_place_of_file(const char *path) {
    struct stat file;
    return stat(path, &file) == 0 ? (uint64_t)file.st_blocks * 512 : 0;
}

bool system_reserves(const char *name, uint64_t addresses, uint64_t committed, int64_t *handle) {
    (void)name;
    (void)addresses;
    (void)committed;
    (void)handle;
    return false;
}

bool system_sizes_later(const char *name, int64_t size) {
    char path[512];
    snprintf(path, sizeof path, "/dev/shm/%s", name);
    unlink(path);
    if (size < 0)
        return true;
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        checked_call(-1);
    if (size > 0 && fork() == 0) {
        usleep(50000);
        _exit(ftruncate(fd, (off_t)size) != 0);
    }
    close(fd);
    return true;
}
