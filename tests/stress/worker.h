/* What all work of the kill stress has in common (worker.c). */
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "wmmf.h"

#define TIMEOUT INT64_C(10000000000) /* longer than any wait here should take: running into it counts as a hang */
#define FAULTY  3 /* exit status of a worker that met a fault; 1 is Wine's for a program that it did not start */
#define MOMENT  INT64_C(1000000) /* for waits that may well time out */

/* What to do with the thing of this name, once it is open. */
struct work {
    bool (*start)(const char *name);
    void (*finish)(void);
    void (*const *often)(void); /* operations; both lists end with NULL */
    void (*const *seldom)(void);
};
extern const struct work on_section, on_channel, on_table;

extern struct tally { uint32_t torn, failed, repairs; } tally;

uint64_t random_word(void);
uint32_t choose(uint32_t range);

/* A victim pauses for a while, once in this many times, so that many die here. */
void linger(uint32_t one_in);
/* The same between the steps of the library (dwell.h). */
void dwell(void);

/* Both return whether all is well, and report and count it if not. */
bool succeeded(const char *call, int32_t status);
bool expected(const char *what, bool condition);

/* Every version of a payload or frame is one random number in all words. */
void fill(uint64_t *words, uint64_t value, uint32_t count);
void look(const uint64_t *words, uint32_t count);

#endif
