/* What it takes to create a channel, and to open one that exists. */
#include "role.h"
#include "system.h"
#include "transport.h"

static transport *create(const struct task *task) {
    transport *made = transport_create(task->name, task->size, task->slots);
    if (!made)
        fail("cannot create the channel");
    return made;
}

static transport *open_again(const struct task *task) {
    transport *opened = transport_open(task->name);
    if (!opened)
        fail("cannot open the channel");
    return opened;
}

/* Times the action; closing what it opened is not timed. */
static void repeat(transport *(*action)(const struct task *), const struct task *task, struct result *result) {
    int64_t begin = system_now_ns();
    do {
        int64_t before = system_now_ns();
        transport *passing = action(task);
        add_sample(result, system_now_ns() - before);
        transport_close(passing);
        result->count++;
        result->elapsed_ns = system_now_ns() - begin;
    } while ((double)result->elapsed_ns < task->seconds * SECOND_NS);
}

void role_create(const struct task *task, struct result *result) {
    wait_for_start();
    repeat(create, task, result);
}

void role_open(const struct task *task, struct result *result) {
    transport *made = create(task);
    wait_for_start();
    repeat(open_again, task, result);
    transport_close(made);
}
