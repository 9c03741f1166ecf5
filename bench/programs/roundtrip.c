/* One sends a message, the other sends it back. A pause before each message lets the other side fall asleep; the
 * answer says how long its own pause was, which is not counted. Number 0 is the end. */
#include "role.h"
#include "system.h"
#include "transport.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 256

struct message {
    uint64_t number;
    int64_t pause_ns;
    uint8_t rest[48];
};

static void name_of(char *name, const struct task *task, const char *direction) {
    snprintf(name, NAME_SIZE, "%s-%s", task->name, direction);
}

static void send(transport *passing, const struct message *message) {
    if (!transport_write(passing, message, sizeof *message))
        fail("no slot is free");
}

static bool receive(transport *passing, const struct task *task, struct message *message) {
    return transport_read(passing, message, sizeof *message, task->spin);
}

/* Awake, so that only the other side's processor can fall asleep. */
static int64_t pause_until(int64_t begin, int64_t length_ns) {
    int64_t now = begin;
    while (now - begin < length_ns) {
        spin_pause();
        now = system_now_ns();
    }
    return now - begin;
}

void role_ask(const struct task *task, struct result *result) {
    char there[NAME_SIZE], back[NAME_SIZE];
    struct message message = {0, 0, {0}}, answer;
    name_of(there, task, "there");
    name_of(back, task, "back");
    transport *questions = transport_create(there, sizeof message, task->slots);
    if (!questions)
        fail("cannot create the channel");
    wait_for_start();
    transport *answers = transport_open(back);
    if (!answers)
        fail("cannot open the channel");
    int64_t begin = system_now_ns(), now = begin;
    while ((double)(now - begin) < task->seconds * SECOND_NS) {
        now += pause_until(now, task->pause_ns);
        message.number = ++result->count;
        send(questions, &message);
        if (!receive(answers, task, &answer))
            fail("no answer came");
        int64_t after = system_now_ns();
        add_sample(result, after - now - answer.pause_ns);
        if (answer.number != message.number)
            result->torn++;
        now = after;
    }
    result->elapsed_ns = now - begin;
    message.number = 0;
    send(questions, &message);
    transport_close(answers);
    transport_close(questions);
}

void role_answer(const struct task *task, struct result *result) {
    char there[NAME_SIZE], back[NAME_SIZE];
    struct message message;
    name_of(there, task, "there");
    name_of(back, task, "back");
    transport *questions = transport_open(there);
    transport *answers = transport_create(back, sizeof message, task->slots);
    if (!questions || !answers)
        fail("cannot open and create the channels");
    wait_for_start();
    while (receive(questions, task, &message) && message.number != 0) {
        message.pause_ns = task->pause_ns ? pause_until(system_now_ns(), task->pause_ns) : 0;
        send(answers, &message);
        result->count++;
    }
    transport_close(answers);
    transport_close(questions);
}
