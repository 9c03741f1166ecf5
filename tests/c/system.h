/* What the tests need of the operating system beyond the library under test. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wmmf.h"

/* This program once more, in a role; a pipe to its standard input and one from its standard output. */
struct child;
struct child *child_start(const char *role, const char *section);
/* Waits until the child has printed this line, and nothing else. */
bool child_said(struct child *child, const char *line);
void child_tell(struct child *child, const char *line);
/* The hard way: SIGKILL, TerminateProcess. Returns when it is gone. */
void child_kill(struct child *child);
/* Waits for its end; its exit code. */
int child_end(struct child *child);

/* A child's side of the conversation. */
void say(const char *line);
bool heard(const char *line);

/* POSIX: runs this in a forked child, whose failed checks count here as one. */
void in_a_child(void (*run)(void));

struct thread;
struct thread *thread_start(void (*run)(void *), void *argument);
void thread_join(struct thread *thread);
/* Of this thread. False: this process may not. */
bool system_keep_to_one_core(void);
/* From now on this thread comes before all ordinary ones. False: this process may not have such a priority. */
bool system_work_in_real_time(void);
/* Processor time that this thread has used; Windows counts it in steps of some 16 ms. */
int64_t system_thread_cpu_ns(void);
/* What a lock call returns in a thread that has no lock yet. If the thread gets this lock, it loses it when it ends. */
int32_t of_another_thread(int32_t (*lock)(wmmf_section *, int64_t), wmmf_section *section, int64_t timeout_ns);

/* What this process holds: open descriptors or handles, and bytes or views mapped. */
struct resources {
    uint64_t handles;
    uint64_t mapped;
};
struct resources system_resources(void);

/* Bytes that this process keeps in memory. False: the system does not report them (Windows, sanitizers). */
bool system_locked_bytes(uint64_t *bytes);

/* Closes what wmmf_share gave this process. */
void system_close(int64_t handle);
/* Whether the system makes shorter what this handle leads to. */
bool system_cuts(int64_t handle);
/* A handle of a file, which is no shared memory. */
int64_t system_handle_of_file(FILE *file);

unsigned long system_process_id(void);
/* As wmmf_get_owner gives it. */
void system_user_name(char *name, size_t capacity);
/* Something that opens like a file but is none. */
const char *system_device(void);
/* False: this file system cannot have one so large. */
bool system_makes_sparse_file(const char *path, uint64_t size);
/* As a program without this library makes shared memory: a name at once, and the size, if it is not 0, a little later.
 * -1: removes it. False: no such thing on this system. */
bool system_sizes_later(const char *name, int64_t size);
/* Bytes that the disk has given to a file. */
uint64_t system_place_of_file(const char *path);
/* As a program without this library makes a section of which only the first `committed` bytes have memory (Windows).
 * False: no such thing on this system. */
bool system_reserves(const char *name, uint64_t addresses, uint64_t committed, int64_t *handle);
/* Removes the name of a local section while handles are open. False: no such thing on this system. */
bool system_remove_name(const char *name);
int64_t system_now_ns(void);
/* Lets other threads run. */
void system_pause(void);

#endif
