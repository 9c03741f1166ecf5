/* A consumer of `pywinmmf demo --consumer`, in C: reads every frame that comes, checks it, and reports in JSON lines.
 *
 *   demo_consumer NAME NAMESPACE
 *
 * It stops when its standard input ends. pywinmmf/demo/frames.py says what the section holds. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wmmf.h>

#ifdef _WIN32
#include <windows.h>

static DWORD WINAPI watch_input(LPVOID stop) {
    while (getchar() != EOF)
        continue;
    InterlockedExchange((volatile LONG *)stop, 1);
    return 0;
}

static bool watch_in_background(volatile LONG *stop) {
    HANDLE thread = CreateThread(NULL, 0, watch_input, (LPVOID)stop, 0, NULL);
    if (!thread)
        return false;
    CloseHandle(thread);
    return true;
}

static double now_ns(void) {
    LARGE_INTEGER frequency, now;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&now);
    return (double)now.QuadPart * 1e9 / (double)frequency.QuadPart;
}
#else
#include <pthread.h>
#include <time.h>

typedef long LONG;

static void *watch_input(void *stop) {
    while (getchar() != EOF)
        continue;
    __atomic_store_n((LONG *)stop, 1, __ATOMIC_RELAXED);
    return NULL;
}

static bool watch_in_background(volatile LONG *stop) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, watch_input, (void *)stop) != 0)
        return false;
    pthread_detach(thread);
    return true;
}

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}
#endif

enum { PIXELS = 64, CHANNELS = 3, LATENCIES = 1 << 16 };
static const int64_t TENTH_OF_A_SECOND_NS = 100000000;

struct report {
    double started_ns, printed_ns;
    uint64_t frames, bytes, torn, missed;
    double latencies_ms[LATENCIES]; /* the newest ones */
};

static uint32_t crc32(const uint8_t *bytes, size_t length) {
    static uint32_t table[256];
    if (table[1] == 0)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; bit++)
                value = value & 1 ? (value >> 1) ^ UINT32_C(0xEDB88320) : value >> 1;
            table[i] = value;
        }
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < length; i++)
        sum = table[(sum ^ bytes[i]) & 0xFF] ^ (sum >> 8);
    return ~sum;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_report(struct report *report) {
    static double sorted[LATENCIES];
    size_t count = report->frames < LATENCIES ? (size_t)report->frames : LATENCIES;
    double now = now_ns(), seconds = (now - report->started_ns) / 1e9;
    memcpy(sorted, report->latencies_ms, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_value);
    printf("{\"frames\": %llu, \"fps\": %.3f, \"mb_per_s\": %.3f, \"torn\": %llu, \"missed\": %llu",
           (unsigned long long)report->frames, (double)report->frames / seconds, (double)report->bytes / seconds / 1e6,
           (unsigned long long)report->torn, (unsigned long long)report->missed);
    if (count > 0)
        printf(", \"p50_ms\": %.4f, \"p99_ms\": %.4f", sorted[count / 2], sorted[count * 99 / 100]);
    printf("}\n");
    fflush(stdout);
    report->printed_ns = now;
}

static void judge(struct report *report, const uint8_t *frame, uint64_t size, uint64_t *last) {
    uint64_t number, captured_ns;
    uint32_t width, height, checksum;
    memcpy(&number, frame, 8);
    memcpy(&captured_ns, frame + 8, 8);
    memcpy(&width, frame + 16, 4);
    memcpy(&height, frame + 20, 4);
    memcpy(&checksum, frame + 24, 4);
    if (number == *last)
        return;
    report->latencies_ms[report->frames % LATENCIES] = (now_ns() - (double)captured_ns) / 1e6;
    uint64_t length = (uint64_t)width * height * CHANNELS;
    bool fits = length <= size - PIXELS;
    report->torn += !fits || crc32(frame + PIXELS, (size_t)length) != checksum;
    report->frames++;
    report->bytes += length;
    report->missed += *last ? number - *last - 1 : 0;
    *last = number;
}

static int32_t consume(wmmf_section *section, uint8_t *frame, uint64_t size, const volatile LONG *stop) {
    static struct report report;
    uint64_t sequence = 0, last = 0;
    report.started_ns = report.printed_ns = now_ns();
    while (!*stop) {
        int32_t status = wmmf_wait(section, sequence, TENTH_OF_A_SECOND_NS, &sequence);
        if (status == WMMF_OK)
            status = wmmf_read(section, 0, frame, size, -1);
        if (status == WMMF_OK)
            judge(&report, frame, size, &last);
        else if (status != WMMF_E_TIMEOUT)
            return status;
        if (now_ns() - report.printed_ns > 0.25e9)
            print_report(&report);
    }
    print_report(&report);
    return WMMF_OK;
}

int main(int count, char **arguments) {
    static volatile LONG stop;
    wmmf_options options = {.struct_size = sizeof options};
    wmmf_section *section;
    uint64_t size;
    if (count != 3 || !watch_in_background(&stop))
        return 2;
    options.name_space = (uint32_t)atoi(arguments[2]);
    int32_t status = wmmf_open(arguments[1], 0, &options, &section);
    if (status == WMMF_OK) {
        wmmf_size(section, &size);
        uint8_t *frame = malloc((size_t)size);
        status = frame ? consume(section, frame, size, &stop) : WMMF_E_NO_MEMORY;
        free(frame);
        wmmf_close(section);
    }
    if (status != WMMF_OK)
        fprintf(stderr, "%s: %s\n", arguments[1], wmmf_strerror(status));
    return status == WMMF_OK ? 0 : 1;
}
