/* Threads on Windows: their numbers, what the library keeps for each, and the notice that one ends. */
#include "win.h"

#include <stdlib.h>

#include "last_error.h"

/* What we know about each thread, in fiber-local storage: the system calls us when a thread ends, and we free the index
 * when the library is unloaded. (The index of mingw's __thread would never be freed.) */
struct thread {
    uint64_t own_number; /* 0: none yet */
    uint64_t number;     /* its own, or the one that it acts as */
    struct last_error error;
};

static struct {
    shared_u32 index_and_one; /* of the storage; 0: none yet */
    shared_u32 unloaded;      /* 1: the library is unloaded, or the process ends */
    shared_u64 numbers;       /* how many numbers were given out */
} threads;

static struct last_error error_without_memory;

static void NTAPI thread_ends(void *value) {
    struct thread *thread = value;
    if (thread && thread->own_number != 0 && !load_seq_u32(&threads.unloaded))
        thread_ended(thread->own_number);
    free(thread);
}

/* FlsFree calls thread_ends for every thread that is known here; none of them has ended. */
static void forget_threads(void) {
    store_seq_u32(&threads.unloaded, 1);
    uint32_t index_and_one = exchange_seq_u32(&threads.index_and_one, 0);
    if (index_and_one != 0)
        FlsFree(index_and_one - 1);
}

static DWORD thread_index(void) {
    uint32_t found = load_acquire_u32(&threads.index_and_one);
    if (found != 0)
        return found - 1;
    DWORD index = FlsAlloc(thread_ends);
    if (index == FLS_OUT_OF_INDEXES)
        return index;
    if (cas_seq_u32(&threads.index_and_one, &found, index + 1)) {
        atexit(forget_threads); /* of a DLL: when it is unloaded */
        return index;
    }
    FlsFree(index); /* another thread was quicker */
    return found - 1;
}

/* NULL: no memory for it. */
static struct thread *this_thread(void) {
    DWORD index = thread_index();
    if (index == FLS_OUT_OF_INDEXES)
        return NULL;
    struct thread *thread = FlsGetValue(index);
    if (thread)
        return thread;
    thread = calloc(1, sizeof *thread);
    if (thread && FlsSetValue(index, thread))
        return thread;
    free(thread);
    return NULL;
}

struct last_error *last_error(void) {
    struct thread *thread = this_thread();
    return thread ? &thread->error : &error_without_memory;
}

uint64_t platform_thread_number(void) {
    struct thread *thread = this_thread();
    if (!thread)
        return 0;
    if (thread->number == 0)
        thread->number = thread->own_number = add_seq_u64(&threads.numbers, 1) + 1;
    return thread->number;
}

bool platform_act_as(uint64_t number, uint64_t *previous) {
    struct thread *thread = this_thread();
    if (!thread || platform_thread_number() == 0)
        return false;
    *previous = thread->number != thread->own_number ? thread->number : 0;
    thread->number = number != 0 ? number : thread->own_number;
    return true;
}
