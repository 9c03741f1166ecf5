/* Non-temporal stores, which a large memcpy is made of on x86, stay behind stores before our fence: the odd stamp of a
 * frame, the odd sequence of a section. A litmus test: a thread stores a number, then the same one into another cache
 * line, past the cache; a thread that sees it there must also see it in the first line. Many processors never show
 * otherwise, some now and then: test_c.py looks for the instruction, which has to be there on all.
 */
#include <stdio.h>

#include "atomic.h"
#include "harness.h"
#include "system.h"

#if defined(__x86_64__) && !defined(_MSC_VER)

enum { LINE = 8, APART = 512, ROUNDS = 300000 };

struct litmus {
    shared_u64 words[2 * APART]; /* the stamp, and far from it the copy: a whole cache line, which leaves at once */
    void (*fence)(void);
    shared_u32 over;
};

static shared_u64 *copy_of(struct litmus *litmus) {
    return &litmus->words[APART];
}

static void store_past_the_cache(shared_u64 *line, uint64_t value) {
    for (int i = 0; i < LINE; i++)
        __asm__ volatile("movnti %1, %0" : "=m"(line[i]) : "r"(value));
}

/* Makes the store to it slow, so that others get the chance to overtake it. */
static void flush(shared_u64 *word) {
    __asm__ volatile("clflush %0\n\tmfence" : "+m"(*word));
}

static void store_both(void *argument) {
    struct litmus *litmus = argument;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        flush(&litmus->words[0]);
        store_relaxed_u64(&litmus->words[0], round);
        litmus->fence();
        store_past_the_cache(copy_of(litmus), round);
    }
    store_release_u32(&litmus->over, 1);
}

/* In how many rounds the copy was seen before the stamp. */
static uint64_t overtaken_with(void (*fence)(void)) {
    static struct litmus litmus __attribute__((aligned(64)));
    uint64_t overtaken = 0, seen = 0;
    memset(&litmus, 0, sizeof litmus);
    litmus.fence = fence;
    struct thread *thread = thread_start(store_both, &litmus);
    while (!load_acquire_u32(&litmus.over)) {
        for (int i = 0; i < LINE; i++) {
            uint64_t copy = load_acquire_u64(&copy_of(&litmus)[i]);
            if (copy == seen)
                continue;
            seen = copy;
            overtaken += load_acquire_u64(&litmus.words[0]) < copy;
        }
    }
    thread_join(thread);
    return overtaken;
}

/* For comparison, without the fence: if this processor then shows no error, the test proves nothing. */
static void no_copy_overtakes_what_announces_it(void) {
    printf("(without the fence: %lu of %d)\n", (unsigned long)overtaken_with(fence_release), (int)ROUNDS);
    CHECK_EQUAL(0, overtaken_with(fence_release_before_copy));
}

static const struct test tests[] = {
    TEST(no_copy_overtakes_what_announces_it),
    {NULL, NULL},
};

#else

static const struct test tests[] = {
    {NULL, NULL},
};

#endif

static const struct role roles[] = {
    {NULL, NULL},
};

const struct suite suite_copies = {tests, roles};
