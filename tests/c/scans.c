/* What participants that have left cost the remaining ones: counted in records and questions to the kernel, not in
 * time. The counted functions are linked with --wrap. */
#ifndef _WIN32
#include <sys/resource.h>
#endif

#include "harness.h"
#include "participants.h"
#include "tuning.h"

enum { OTHERS = WMMF_PARTICIPANTS_MAX - 1 };

static uint64_t scanned; /* records that all scans together had to look at */
static uint64_t asked;   /* questions to the kernel whether a participant lives */

uint32_t __real_participants_in_use(const wmmf_section *section);
uint32_t __wrap_participants_in_use(const wmmf_section *section);
uint32_t __wrap_participants_in_use(const wmmf_section *section) {
    uint32_t used = __real_participants_in_use(section);
    scanned += used;
    return used;
}

int32_t __real_platform_token_claim(struct platform_mapping *mapping, uint32_t index);
int32_t __wrap_platform_token_claim(struct platform_mapping *mapping, uint32_t index);
int32_t __wrap_platform_token_claim(struct platform_mapping *mapping, uint32_t index) {
    asked++;
    return __real_platform_token_claim(mapping, index);
}

int32_t __real_platform_token_seal(struct platform_mapping *mapping, uint32_t index);
int32_t __wrap_platform_token_seal(struct platform_mapping *mapping, uint32_t index);
int32_t __wrap_platform_token_seal(struct platform_mapping *mapping, uint32_t index) {
    asked++;
    return __real_platform_token_seal(mapping, index);
}

static void allow_descriptors(void) {
#ifndef _WIN32
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
#endif
}

static uint64_t scanned_by_one_write(wmmf_section *section) {
    scanned = 0;
    REQUIRE_OK(wmmf_lock_write(section, 0));
    REQUIRE_OK(wmmf_unlock_write(section));
    return scanned;
}

static void participants_that_left_cost_nothing(void) {
    static wmmf_section *others[OTHERS];
    const char *name = new_name();
    wmmf_options options = {.struct_size = sizeof options, .participants = WMMF_PARTICIPANTS_MAX};
    wmmf_section *section = NULL, *one_more = NULL;
    allow_descriptors();
    REQUIRE_OK(wmmf_create(name, 100, &options, &section));
    CHECK_EQUAL(1, scanned_by_one_write(section));
    for (int turn = 0; turn < 2; turn++) {
        asked = 0;
        for (int i = 0; i < OTHERS; i++)
            REQUIRE_OK(wmmf_open(name, 0, NULL, &others[i]));
        CHECK(asked >= OTHERS && asked <= OTHERS * (1 + JOIN_PROBES));
        CHECK_STATUS(WMMF_E_FULL, wmmf_open(name, 0, NULL, &one_more));
        CHECK_EQUAL(1 + OTHERS, scanned_by_one_write(section));
        for (int i = 0; i < OTHERS; i++)
            wmmf_close(others[turn == 0 ? i : OTHERS - 1 - i]);
        CHECK_EQUAL(1, scanned_by_one_write(section));
    }
    wmmf_close(section);
}

static const struct test tests[] = {
    TEST(participants_that_left_cost_nothing),
    {NULL, NULL},
};

int main(int argc, char **argv) {
    return harness_run(argc, argv, tests);
}
