/* What it takes to create a channel, and to open one that exists. */
#include "role.h"
#include "system.h"
#include "transport.h"

#define SECOND_NS 1e9

void role_create(const struct task *task, struct result *result) {
    wait_for_start();
    int64_t begin = system_now_ns();
    do {
        int64_t before = system_now_ns();
        transport *passing = transport_create(task->name, task->size, task->slots);
        add_sample(result, system_now_ns() - before);
        if (!passing)
            fail("cannot create the channel");
        transport_close(passing);
        result->count++;
        result->elapsed_ns = system_now_ns() - begin;
    } while ((double)result->elapsed_ns < task->seconds * SECOND_NS);
}

void role_open(const struct task *task, struct result *result) {
    transport *made = transport_create(task->name, task->size, task->slots);
    if (!made)
        fail("cannot create the channel");
    wait_for_start();
    int64_t begin = system_now_ns();
    do {
        int64_t before = system_now_ns();
        transport *passing = transport_open(task->name);
        add_sample(result, system_now_ns() - before);
        if (!passing)
            fail("cannot open the channel");
        transport_close(passing);
        result->count++;
        result->elapsed_ns = system_now_ns() - begin;
    } while ((double)result->elapsed_ns < task->seconds * SECOND_NS);
    transport_close(made);
}
