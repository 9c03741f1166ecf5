/* The operations of atomic.h for Microsoft's compiler and clang-cl: intrinsics that every version since Visual Studio
 * 2015 has without a switch. Only atomic.h includes this file.
 *
 * Aligned volatile accesses of up to the size of a register are single accesses. What the processor may reorder:
 * x86 and x64 only a load before an earlier store to another place; ARM64 everything. The _Interlocked operations
 * are full barriers on all of them with cl.exe; clang-cl makes them acquire and release on ARM64, in one order with
 * each other. */
#ifndef WMMF_ATOMIC_MSVC_H
#define WMMF_ATOMIC_MSVC_H

#include <intrin.h>

#if defined(_M_ARM64)
/* The compiler moves no access across these intrinsics. */
#define BARRIER_LOADS() __dmb(_ARM64_BARRIER_ISHLD)
#define BARRIER_ALL()   __dmb(_ARM64_BARRIER_ISH)
#else
/* Only the compiler must not reorder: no instruction. */
#define BARRIER_LOADS() _ReadWriteBarrier()
#define BARRIER_ALL()   _ReadWriteBarrier()
#endif

static __forceinline uint32_t load_relaxed_u32(const shared_u32 *word) {
    return *(const volatile shared_u32 *)word;
}

static __forceinline void store_relaxed_u32(shared_u32 *word, uint32_t value) {
    *(volatile shared_u32 *)word = value;
}

#if defined(_M_IX86) && defined(__clang__)
/* One MOVQ of SSE2. From the intrinsics below clang would make two 32-bit accesses. */
static __forceinline uint64_t load_relaxed_u64(const shared_u64 *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static __forceinline void store_relaxed_u64(shared_u64 *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}
#elif defined(_M_IX86)
/* One MOVQ of SSE2. A compare-and-swap would write, which faults on a read-only page. The barrier keeps the compiler
 * from reusing an earlier load. */
static __forceinline uint64_t load_relaxed_u64(const shared_u64 *word) {
    uint64_t value;
    _ReadWriteBarrier();
    _mm_storel_epi64((__m128i *)(void *)&value, _mm_loadl_epi64((const __m128i *)(const void *)word));
    return value;
}

static __forceinline void store_relaxed_u64(shared_u64 *word, uint64_t value) {
    _mm_storel_epi64((__m128i *)(void *)word, _mm_loadl_epi64((const __m128i *)(const void *)&value));
    _ReadWriteBarrier();
}
#else
static __forceinline uint64_t load_relaxed_u64(const shared_u64 *word) {
    return *(const volatile shared_u64 *)word;
}

static __forceinline void store_relaxed_u64(shared_u64 *word, uint64_t value) {
    *(volatile shared_u64 *)word = value;
}
#endif

static __forceinline void fence_acquire(void) {
    BARRIER_LOADS();
}

static __forceinline void fence_release(void) {
    BARRIER_ALL();
}

/* A full fence: all loads and stores before it come before all after it, also a load after a store. ARM64: DMB ISH,
 * which reaches all cores of the machine. x86, x64: MFENCE, needed after plain stores, because a later load would
 * otherwise overtake stores that still wait in the core; the barriers around it are only for the compiler.
 *
 * What the pins need from this file (pins.h):
 * - A reader stores its pin and then loads `newest`, `oldest` and `current`; a writer stores those and then loads the
 *   pins. All are of order seq. The store is a locked instruction on x86 and x64, XCHG or CMPXCHG8B, which no later
 *   load overtakes. On ARM64 the load begins with a DMB ISH, so it does not matter what the exchange of clang-cl lets
 *   pass.
 * - Releasing a pin is two stores of order release, then fence_seq, then loads of order seq: of the sleepers, and of
 *   `current`. On all three processors only the fence keeps those loads behind the stores. */
static __forceinline void fence_seq(void) {
#if !defined(_M_ARM64)
    BARRIER_ALL();
    _mm_mfence();
#endif
    BARRIER_ALL();
}

static __forceinline void fence_release_before_copy(void) {
    fence_release();
#if !defined(_M_ARM64)
    _mm_sfence();
#endif
}

/* On ARM64 the first barrier of a load of order seq keeps it behind earlier stores of order seq, the second keeps it
 * before all that follows. On x86 and x64 those stores are locked instructions, which no later load overtakes. */
#define LOADS_AND_STORES(bits)                                                                                         \
    static __forceinline uint##bits##_t load_acquire_u##bits(const shared_u##bits *word) {                             \
        uint##bits##_t value = load_relaxed_u##bits(word);                                                             \
        fence_acquire();                                                                                               \
        return value;                                                                                                  \
    }                                                                                                                  \
    static __forceinline void store_release_u##bits(shared_u##bits *word, uint##bits##_t value) {                      \
        fence_release();                                                                                               \
        store_relaxed_u##bits(word, value);                                                                            \
    }                                                                                                                  \
    static __forceinline uint##bits##_t load_seq_u##bits(const shared_u##bits *word) {                                 \
        BARRIER_ALL();                                                                                                 \
        uint##bits##_t value = load_relaxed_u##bits(word);                                                             \
        BARRIER_ALL();                                                                                                 \
        return value;                                                                                                  \
    }
LOADS_AND_STORES(32)
LOADS_AND_STORES(64)
#undef LOADS_AND_STORES

/* On Windows long has 32 bits, __int64 has 64. */
#define READ_MODIFY_WRITE(bits, type, suffix)                                                                          \
    static __forceinline uint##bits##_t exchange_seq_u##bits(shared_u##bits *word, uint##bits##_t value) {             \
        return (uint##bits##_t)_InterlockedExchange##suffix((volatile type *)word, (type)value);                       \
    }                                                                                                                  \
    static __forceinline uint##bits##_t add_seq_u##bits(shared_u##bits *word, uint##bits##_t value) {                  \
        return (uint##bits##_t)_InterlockedExchangeAdd##suffix((volatile type *)word, (type)value);                    \
    }                                                                                                                  \
    static __forceinline uint##bits##_t or_seq_u##bits(shared_u##bits *word, uint##bits##_t bits_to_set) {             \
        return (uint##bits##_t)_InterlockedOr##suffix((volatile type *)word, (type)bits_to_set);                       \
    }                                                                                                                  \
    static __forceinline uint##bits##_t and_seq_u##bits(shared_u##bits *word, uint##bits##_t bits_to_keep) {           \
        return (uint##bits##_t)_InterlockedAnd##suffix((volatile type *)word, (type)bits_to_keep);                     \
    }
#define COMPARE_AND_SWAP(bits, type, suffix)                                                                           \
    static __forceinline bool cas_seq_u##bits(shared_u##bits *word, uint##bits##_t *expected,                          \
                                              uint##bits##_t desired) {                                                \
        uint##bits##_t wanted = *expected;                                                                             \
        *expected =                                                                                                    \
            (uint##bits##_t)_InterlockedCompareExchange##suffix((volatile type *)word, (type)desired, (type)wanted);   \
        return *expected == wanted;                                                                                    \
    }
READ_MODIFY_WRITE(32, long, )
COMPARE_AND_SWAP(32, long, )
COMPARE_AND_SWAP(64, __int64, 64)
#if defined(_M_IX86)
/* The only atomic 64-bit write of these processors is CMPXCHG8B. */
#define COMPARE_AND_SWAP_LOOP(name, result)                                                                            \
    static __forceinline uint64_t name(shared_u64 *word, uint64_t value) {                                             \
        uint64_t seen = load_relaxed_u64(word);                                                                        \
        while (!cas_seq_u64(word, &seen, (result)))                                                                    \
            continue;                                                                                                  \
        return seen;                                                                                                   \
    }
COMPARE_AND_SWAP_LOOP(exchange_seq_u64, value)
COMPARE_AND_SWAP_LOOP(add_seq_u64, seen + value)
COMPARE_AND_SWAP_LOOP(or_seq_u64, seen | value)
COMPARE_AND_SWAP_LOOP(and_seq_u64, seen &value)
#undef COMPARE_AND_SWAP_LOOP
#else
READ_MODIFY_WRITE(64, __int64, 64)
#endif
#undef READ_MODIFY_WRITE
#undef COMPARE_AND_SWAP

static __forceinline void store_seq_u32(shared_u32 *word, uint32_t value) {
    (void)exchange_seq_u32(word, value);
}

static __forceinline void store_seq_u64(shared_u64 *word, uint64_t value) {
    (void)exchange_seq_u64(word, value);
}

static __forceinline void prefetch_to_store(const void *what) {
#if defined(__clang__)
    __builtin_prefetch(what, 1);
#elif defined(_M_ARM64)
    __prefetch(what);
#else
    _m_prefetchw(what);
#endif
}

static __forceinline void spin_pause(void) {
#if defined(_M_ARM64)
    __yield();
#else
    _mm_pause();
#endif
}

#endif
