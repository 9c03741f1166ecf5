/* What a process does in a measurement, and what it reports at its end. */
#ifndef BENCH_ROLE_H
#define BENCH_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#define SECOND_NS      1e9
#define SAMPLES        4096 /* at most */
#define WARM_UP_FRAMES 8    /* they touch the pages for the first time */

struct task {
    const char *name;
    uint64_t size; /* bytes of a frame */
    uint32_t slots;
    bool copy;        /* through a buffer of its own; else in place */
    bool spin;        /* never sleep */
    double fps;       /* 0: as many as there can be */
    int64_t pause_ns; /* before each message of a round trip, so that the other side is asleep */
    double seconds;
};

struct result {
    uint64_t count;     /* of frames written or read, round trips ... */
    uint64_t missed;    /* frames that were written meanwhile, but not read */
    uint64_t torn;      /* frames that were not whole */
    int64_t elapsed_ns; /* for `count` */
    uint64_t measured;  /* since the samples below were begun */
    uint32_t every;     /* 1 + how many are left out after each sample */
    uint32_t samples;
    int64_t sample_ns[SAMPLES];
};

/* Reports that everything is open, and waits for the start of the measurement. */
void wait_for_start(void);

void begin_samples(struct result *result);

/* Spread over the whole measurement: when there is no more room, every second one is dropped. */
void add_sample(struct result *result, int64_t ns);

/* Prints what is wrong, and ends the process. */
__attribute__((noreturn)) void fail(const char *what);

void role_write(const struct task *task, struct result *result);
void role_read(const struct task *task, struct result *result);
void role_ask(const struct task *task, struct result *result);
void role_answer(const struct task *task, struct result *result);
void role_create(const struct task *task, struct result *result);
void role_open(const struct task *task, struct result *result);

#endif
