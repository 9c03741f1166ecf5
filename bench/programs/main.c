/* One process of a measurement, with one line of JSON at its end. The arguments are those of pywinmmf/bench/worker.py,
 * which is the same in Python. */
#include "role.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*play)(const struct task *task, struct result *result);
} ROLES[] = {
    {"write", role_write},   {"read", role_read},     {"ask", role_ask},
    {"answer", role_answer}, {"create", role_create}, {"open", role_open},
};

enum { ARGUMENTS = 10 };

void wait_for_start(void) {
    puts("ready");
    fflush(stdout);
    if (getchar() == EOF)
        fail("nobody starts the measurement");
}

void begin_samples(struct result *result) {
    result->measured = 0;
    result->every = 1;
    result->samples = 0;
}

void add_sample(struct result *result, int64_t ns) {
    if (result->measured++ % result->every != 0)
        return;
    if (result->samples == SAMPLES) {
        for (uint32_t i = 0; i < SAMPLES / 2; i++)
            result->sample_ns[i] = result->sample_ns[2 * i];
        result->samples /= 2;
        result->every *= 2;
    }
    result->sample_ns[result->samples++] = ns;
}

void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void print(const struct result *result) {
    printf("{\"count\": %" PRIu64 ", \"missed\": %" PRIu64 ", \"torn\": %" PRIu64 ", \"elapsed_ns\": %" PRId64
           ", \"sample_ns\": [",
           result->count, result->missed, result->torn, result->elapsed_ns);
    for (uint32_t i = 0; i < result->samples; i++)
        printf("%s%" PRId64, i ? ", " : "", result->sample_ns[i]);
    puts("]}");
}

int main(int count, char **arguments) {
    static struct result result;
    if (count != ARGUMENTS)
        fail("expected: ROLE NAME SIZE SLOTS COPY SPIN FPS PAUSE_NS SECONDS");
    struct task task = {
        .name = arguments[2],
        .size = strtoull(arguments[3], NULL, 10),
        .slots = (uint32_t)strtoul(arguments[4], NULL, 10),
        .copy = atoi(arguments[5]) != 0,
        .spin = atoi(arguments[6]) != 0,
        .fps = atof(arguments[7]),
        .pause_ns = strtoll(arguments[8], NULL, 10),
        .seconds = atof(arguments[9]),
    };
    for (size_t i = 0; i < sizeof ROLES / sizeof *ROLES; i++)
        if (strcmp(arguments[1], ROLES[i].name) == 0) {
            begin_samples(&result);
            ROLES[i].play(&task, &result);
            print(&result);
            return 0;
        }
    fail("no such role");
}
