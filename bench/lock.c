/* Nanoseconds of one uncontended lock and unlock, beside one pair of compare-and-swaps, in the same run. */
#include <stdio.h>
#include <time.h>
#include <wmmf.h>

enum { PAIRS = 500000, ROUNDS = 15 };

static double now_ns(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void exchange(int from, int to) {
    static int word;
    __atomic_compare_exchange_n(&word, &from, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void cas_pairs(wmmf_section *section) {
    (void)section;
    for (int i = 0; i < PAIRS; i++) {
        exchange(0, 1);
        exchange(1, 0);
    }
}

/* A write lock on x86 also has this, to keep the stores of a large copy behind it. */
static void fence(void) {
#if defined(__x86_64__)
    __asm__ volatile("sfence" : : : "memory");
#endif
}

static void fenced_cas_pairs(wmmf_section *section) {
    (void)section;
    for (int i = 0; i < PAIRS; i++) {
        exchange(0, 1);
        fence();
        exchange(1, 0);
    }
}

static void read_pairs(wmmf_section *section) {
    for (int i = 0; i < PAIRS; i++) {
        wmmf_lock_read(section, -1);
        wmmf_unlock_read(section);
    }
}

static void write_pairs(wmmf_section *section) {
    for (int i = 0; i < PAIRS; i++) {
        wmmf_lock_write(section, -1);
        wmmf_unlock_write(section);
    }
}

static void measure(const char *what, void (*pairs)(wmmf_section *), wmmf_section *section) {
    double start = now_ns();
    pairs(section);
    printf("%s %.2f\n", what, (now_ns() - start) / PAIRS);
}

int main(int count, char **arguments) {
    wmmf_section *section;
    if (count != 2 || wmmf_create(arguments[1], 64, NULL, &section) != WMMF_OK)
        return 1;
    for (int round = 0; round < ROUNDS; round++) {
        measure("cas", cas_pairs, section);
        measure("cas-and-sfence", fenced_cas_pairs, section);
        measure("read", read_pairs, section);
        measure("write", write_pairs, section);
    }
    return wmmf_close(section);
}
