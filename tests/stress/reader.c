/* Reads the frames of the channel of this name through one handle, until standard input ends.
 *
 * It prints how long each long gap between two frames was, in seconds, and at its end: frames, torn ones, failures. */
#include <stdio.h>
#include <string.h>

#include "atomic.h"
#include "harness.h"
#include "system.h"

#define LONG_GAP (SECOND / 200)

static shared_u32 over;

static void wait_for_the_end(void *argument) {
    (void)argument;
    while (getchar() != EOF)
        continue;
    store_relaxed_u32(&over, 1);
}

/* Whether all bytes are the same, as they were published. */
static bool is_whole(const wmmf_frame *frame) {
    const uint8_t *bytes = frame->data;
    return frame->used < 2 || memcmp(bytes, bytes + 1, (size_t)frame->used - 1) == 0;
}

static bool failed(const char *call, int32_t status) {
    if (status != WMMF_OK)
        fprintf(stderr, "%s: %s\n", call, wmmf_status_name(status));
    return status != WMMF_OK;
}

int main(int argc, char **argv) {
    wmmf_channel *channel = NULL;
    if (argc != 2 || failed("open", wmmf_channel_open(argv[1], NULL, &channel)))
        return 1;
    struct thread *thread = thread_start(wait_for_the_end, NULL);
    puts("ready");
    fflush(stdout);
    unsigned frames = 0, torn = 0, failures = 0;
    uint64_t had = 0;
    int64_t last = system_now_ns();
    while (!load_relaxed_u32(&over)) {
        wmmf_frame frame = {.struct_size = sizeof frame};
        int32_t status = wmmf_channel_acquire(channel, had, SECOND, &frame);
        if (status == WMMF_E_TIMEOUT)
            continue;
        if (failed("acquire", status)) {
            failures++;
            continue;
        }
        torn += !is_whole(&frame);
        failures += failed("release", wmmf_channel_release(channel, &frame));
        int64_t now = system_now_ns();
        if (now - last > LONG_GAP) {
            printf("%.6f\n", (double)(now - last) / SECOND);
            fflush(stdout);
        }
        last = now;
        frames++;
        failures += frame.missed != (had ? frame.sequence - had - 1 : 0);
        had = frame.sequence;
    }
    thread_join(thread);
    failures += failed("close", wmmf_channel_close(channel));
    printf("%u %u %u\n", frames, torn, failures);
    return 0;
}
