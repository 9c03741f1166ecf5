/* What the programs need of the operating system. */
#ifndef BENCH_SYSTEM_H
#define BENCH_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Named memory and something to sleep on, without any safety. */
typedef struct shared_memory shared_memory;

/* Nanoseconds of a clock that all processes of the machine share. */
int64_t system_now_ns(void);

void system_sleep_until(int64_t ns);

/* NULL: no. The name must be free. */
shared_memory *system_create(const char *name, size_t size);

/* NULL: no. */
shared_memory *system_open(const char *name);

void *system_address(const shared_memory *memory);

/* Its creator also removes the name. */
void system_close(shared_memory *memory);

/* Sleeps until it is woken, unless *epoch is not `seen`; may also wake for no reason. */
void system_sleep(shared_memory *memory, const uint32_t *epoch, uint32_t seen, int64_t timeout_ns);

/* Wakes this many, after *epoch has changed. */
void system_wake(shared_memory *memory, uint32_t *epoch, uint32_t sleepers);

/* Whether the standard input has ended. */
bool system_input_ended(void);

/* Tells the core that this is a spin loop. */
static inline void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
