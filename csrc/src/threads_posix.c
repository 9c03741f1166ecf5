/* Threads on Linux: their numbers, what the library keeps for each, and the notice that one ends. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "posix.h"

#include <pthread.h>
#include <stdlib.h>

#include "last_error.h"

static THREAD_LOCAL struct last_error error_of_thread;

struct last_error *last_error(void) {
    return &error_of_thread;
}

static struct {
    shared_u32 key_and_one; /* 0: none yet */
    shared_u32 unloaded;    /* 1: the library is unloaded, or the process ends */
    shared_u64 numbers;     /* how many numbers were given out */
} threads;

static THREAD_LOCAL uint64_t own_number;    /* 0: none yet */
static THREAD_LOCAL uint64_t thread_number; /* its own, or the one that it acts as */
static THREAD_LOCAL bool thread_ends_again;

static pthread_key_t thread_key(void) {
    return load_acquire_u32(&threads.key_and_one) - 1;
}

/* The program's own destructors may still release what this thread holds. They come first, since the system calls a
 * destructor again if it leaves a value. */
static void thread_ends(void *value) {
    if (!thread_ends_again) {
        thread_ends_again = true;
        pthread_setspecific(thread_key(), value);
        return;
    }
    thread_ended(own_number);
    thread_number = own_number = 0;
    thread_ends_again = false;
}

/* Otherwise a thread that ends later would call a function of the unloaded library. */
static void forget_threads(void) {
    store_seq_u32(&threads.unloaded, 1);
    pthread_key_delete(thread_key());
}

static bool make_thread_key(void) {
    uint32_t found = load_acquire_u32(&threads.key_and_one);
    if (found != 0)
        return true;
    pthread_key_t key;
    if (pthread_key_create(&key, thread_ends) != 0)
        return false;
    if (cas_seq_u32(&threads.key_and_one, &found, key + 1))
        atexit(forget_threads); /* of a shared library: when it is unloaded */
    else
        pthread_key_delete(key); /* another thread was quicker */
    return true;
}

static uint64_t number_thread(void) {
    if (!make_thread_key())
        return 0;
    if (pthread_setspecific(thread_key(), &threads) != 0 && !load_seq_u32(&threads.unloaded))
        return 0;
    thread_number = own_number = add_seq_u64(&threads.numbers, 1) + 1;
    return thread_number;
}

uint64_t platform_thread_number(void) {
    return thread_number != 0 ? thread_number : number_thread();
}

bool platform_act_as(uint64_t number, uint64_t *previous) {
    if (platform_thread_number() == 0)
        return false;
    *previous = thread_number != own_number ? thread_number : 0;
    thread_number = number != 0 ? number : own_number;
    return true;
}
