/* The part of system.h that plain C can do. */
#include "system.h"

#include <stdio.h>
#include <string.h>

void say(const char *line) {
    printf("%s\n", line);
    fflush(stdout);
}

bool heard(const char *line) {
    char got[64];
    if (!fgets(got, sizeof got, stdin))
        return false;
    got[strcspn(got, "\r\n")] = '\0';
    return strcmp(got, line) == 0;
}

struct attempt {
    int32_t (*lock)(wmmf_section *, int64_t);
    wmmf_section *section;
    int64_t timeout_ns;
    int32_t status;
};

static void make_attempt(void *argument) {
    struct attempt *attempt = argument;
    attempt->status = attempt->lock(attempt->section, attempt->timeout_ns);
}

int32_t of_another_thread(int32_t (*lock)(wmmf_section *, int64_t), wmmf_section *section, int64_t timeout_ns) {
    struct attempt attempt = {lock, section, timeout_ns, 0};
    thread_join(thread_start(make_attempt, &attempt));
    return attempt.status;
}
