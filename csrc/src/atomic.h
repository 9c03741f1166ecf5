/* All atomic operations and compiler differences are in this file. Operations are named by their order; they work on
 * words that other processes or threads share. */
#ifndef WMMF_ATOMIC_H
#define WMMF_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

/* i386 Linux aligns uint64_t to 4 bytes; a shared word must never straddle a cache line. */
typedef uint32_t shared_u32;
#if defined(_MSC_VER)

typedef __declspec(align(8)) uint64_t shared_u64;
#define THREAD_LOCAL __declspec(thread)
#define PRINTF_LIKE(text, first)
#include "atomic_msvc.h"

#else /* gcc, clang and compatible compilers */

typedef uint64_t shared_u64 __attribute__((aligned(8)));
#define THREAD_LOCAL             __thread
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

#define ATOMIC_OPERATIONS(bits)                                                                                        \
    static inline uint##bits##_t load_relaxed_u##bits(const shared_u##bits *word) {                                    \
        return __atomic_load_n(word, __ATOMIC_RELAXED);                                                                \
    }                                                                                                                  \
    static inline uint##bits##_t load_acquire_u##bits(const shared_u##bits *word) {                                    \
        return __atomic_load_n(word, __ATOMIC_ACQUIRE);                                                                \
    }                                                                                                                  \
    static inline uint##bits##_t load_seq_u##bits(const shared_u##bits *word) {                                        \
        return __atomic_load_n(word, __ATOMIC_SEQ_CST);                                                                \
    }                                                                                                                  \
    static inline void store_relaxed_u##bits(shared_u##bits *word, uint##bits##_t value) {                             \
        __atomic_store_n(word, value, __ATOMIC_RELAXED);                                                               \
    }                                                                                                                  \
    static inline void store_release_u##bits(shared_u##bits *word, uint##bits##_t value) {                             \
        __atomic_store_n(word, value, __ATOMIC_RELEASE);                                                               \
    }                                                                                                                  \
    static inline void store_seq_u##bits(shared_u##bits *word, uint##bits##_t value) {                                 \
        __atomic_store_n(word, value, __ATOMIC_SEQ_CST);                                                               \
    }                                                                                                                  \
    static inline uint##bits##_t exchange_seq_u##bits(shared_u##bits *word, uint##bits##_t value) {                    \
        return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);                                                     \
    }                                                                                                                  \
    static inline uint##bits##_t add_seq_u##bits(shared_u##bits *word, uint##bits##_t value) {                         \
        return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);                                                      \
    }                                                                                                                  \
    static inline uint##bits##_t or_seq_u##bits(shared_u##bits *word, uint##bits##_t bits_to_set) {                    \
        return __atomic_fetch_or(word, bits_to_set, __ATOMIC_SEQ_CST);                                                 \
    }                                                                                                                  \
    static inline uint##bits##_t and_seq_u##bits(shared_u##bits *word, uint##bits##_t bits_to_keep) {                  \
        return __atomic_fetch_and(word, bits_to_keep, __ATOMIC_SEQ_CST);                                               \
    }                                                                                                                  \
    /* On failure *expected becomes the current value. */                                                              \
    static inline bool cas_seq_u##bits(shared_u##bits *word, uint##bits##_t *expected, uint##bits##_t desired) {       \
        return __atomic_compare_exchange_n(word, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
    }

ATOMIC_OPERATIONS(32)
ATOMIC_OPERATIONS(64)
#undef ATOMIC_OPERATIONS

static inline void fence_acquire(void) {
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void fence_release(void) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Keeps later loads behind earlier stores; no other fence does that. */
static inline void fence_seq(void) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A release fence that also holds for the stores of a large memcpy. On x86 those may be non-temporal and overtake
 * earlier ordinary stores; fence_release has no instruction there. (tests/c/test_copies.c shows both. The sfence made a
 * write lock and unlock of 25 ns up to 6 % slower, and copies and frames of 64 bytes to 1 MB no slower than the noise
 * of 3 %.) */
static inline void fence_release_before_copy(void) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
#if defined(__x86_64__)
    __asm__ volatile("sfence" : : : "memory");
#elif defined(__i386__)
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* this processor may have no sfence */
#endif
}

/* Prefetches the cache line of a word that we shall soon store to, exclusively. __builtin_prefetch, without processor
 * options, would only fetch a shared copy. */
static inline void prefetch_to_store(const void *what) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)what));
#else
    __builtin_prefetch(what, 1);
#endif
}

/* Tells the core that this is a spin loop. */
static inline void spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
#endif
