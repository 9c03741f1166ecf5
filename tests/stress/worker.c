/* One process of the kill stress: random operations until it is killed, or, if it is asked for a number of them, until
 * standard input ends and it has done as many. It works on what it is told to: on_section.c, on_channel.c, on_table.c.
 *
 * At its end it prints: operations, torn payloads, failed calls, repairs, and handles that it holds more than at its
 * start. A victim ends, instead of being killed, when it meets with one of these faults. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "system.h"

#define STEPS_PER_DWELL 500

struct tally tally;
static uint64_t random_state;
static bool victim;
static shared_u32 stop;

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016) */
uint64_t random_word(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

uint32_t choose(uint32_t range) {
    return (uint32_t)(random_word() >> 40) % range;
}

void linger(uint32_t one_in) {
    uint32_t turns = victim && choose(one_in) == 0 ? choose(1000000) : 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    for (volatile uint32_t i = 0; i < turns; i++)
        continue;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void dwell(void) {
    linger(STEPS_PER_DWELL);
}

bool expected(const char *what, bool condition) {
    if (!condition) {
        tally.failed++;
        fprintf(stderr, "%s\n", what);
    }
    return condition;
}

bool succeeded(const char *call, int32_t status) {
    if (status != WMMF_OK)
        fprintf(stderr, "%s: ", wmmf_status_name(status));
    return expected(call, status == WMMF_OK);
}

void fill(uint64_t *words, uint64_t value, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        words[i] = value;
}

void look(const uint64_t *words, uint32_t count) {
    if (memcmp(words, words + 1, (count - 1) * sizeof *words) == 0)
        return;
    tally.torn++;
    fprintf(stderr, "torn\n");
}

static const struct work *work_on(const char *kind) {
    if (strcmp(kind, "channel") == 0)
        return &on_channel;
    return strcmp(kind, "table") == 0 ? &on_table : &on_section;
}

static uint32_t length(void (*const *operations)(void)) {
    uint32_t count = 0;
    while (operations[count])
        count++;
    return count;
}

/* Mostly what is quick, so that deaths are everywhere. */
static void operate(const struct work *work) {
    uint32_t choice = choose(512);
    if (choice < length(work->seldom))
        work->seldom[choice]();
    else
        work->often[choose(length(work->often))]();
}

static bool is_faulty(void) {
    return tally.torn != 0 || tally.failed != 0;
}

static void wait_for_the_end(void *argument) {
    (void)argument;
    while (getchar() != EOF)
        continue;
    store_relaxed_u32(&stop, 1);
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    const struct work *work = work_on(argv[1]);
    random_state = strtoul(argv[3], NULL, 10) + 1;
    uint64_t operations = 0, least = strtoull(argv[4], NULL, 10);
    victim = least == 0;
    if (!work->start(argv[2]))
        return FAULTY;
    say("ready");
    struct thread *thread = thread_start(wait_for_the_end, NULL);
    uint64_t handles = system_resources().handles;
    for (; operations < least || !load_relaxed_u32(&stop); operations++) {
        operate(work);
        if (victim && is_faulty())
            return FAULTY;
    }
    int64_t leaked = (int64_t)(system_resources().handles - handles);
    thread_join(thread);
    work->finish();
    printf("%llu %u %u %u %lld\n", (unsigned long long)operations, tally.torn, tally.failed, tally.repairs,
           (long long)leaked);
    return 0;
}
