/* Atomic operations named by their order, on words that other processes share. */
#ifndef WMMF_ATOMIC_H
#define WMMF_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

/* i386 Linux aligns uint64_t to 4 bytes; a shared word must never straddle a cache line. */
typedef uint64_t shared_u64 __attribute__((aligned(8)));
typedef uint32_t shared_u32;

static inline uint32_t load_relaxed_u32(const shared_u32 *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline uint32_t load_acquire_u32(const shared_u32 *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint32_t load_seq_u32(const shared_u32 *word) {
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void store_relaxed_u32(shared_u32 *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void store_release_u32(shared_u32 *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void store_seq_u32(shared_u32 *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline uint32_t add_seq_u32(shared_u32 *word, uint32_t value) {
    return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}

static inline uint32_t exchange_seq_u32(shared_u32 *word, uint32_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}

static inline bool cas_seq_u32(shared_u32 *word, uint32_t *expected, uint32_t desired) {
    return __atomic_compare_exchange_n(word, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline uint64_t load_relaxed_u64(const shared_u64 *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline uint64_t load_acquire_u64(const shared_u64 *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint64_t load_seq_u64(const shared_u64 *word) {
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void store_relaxed_u64(shared_u64 *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void store_release_u64(shared_u64 *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void store_seq_u64(shared_u64 *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static inline uint64_t add_seq_u64(shared_u64 *word, uint64_t value) {
    return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);
}

static inline uint64_t or_seq_u64(shared_u64 *word, uint64_t bits) {
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static inline uint64_t and_seq_u64(shared_u64 *word, uint64_t bits) {
    return __atomic_fetch_and(word, bits, __ATOMIC_SEQ_CST);
}

static inline bool cas_seq_u64(shared_u64 *word, uint64_t *expected, uint64_t desired) {
    return __atomic_compare_exchange_n(word, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static inline void fence_acquire(void) {
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void fence_release(void) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Brings the cache line of something that we shall store to soon. Not __builtin_prefetch, which without options for the
 * processor only asks for a copy that still is to be taken from the others. */
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
