/* The contract of wmmf.h, checked on whatever system this runs on. An argument picks the tests with that in their name.
 */
#include "harness.h"

extern const struct suite suite_names, suite_sections, suite_locks, suite_winmmf, suite_recovery, suite_hostile,
    suite_inspect, suite_audit, suite_channel, suite_platform, suite_fork;

int main(int argc, char **argv) {
    static const struct suite *const suites[] = {
        &suite_names,   &suite_sections, &suite_locks, &suite_winmmf,  &suite_recovery,
        &suite_hostile, &suite_inspect,  &suite_audit, &suite_channel, &suite_platform,
#ifndef _WIN32
        &suite_fork,
#endif
        NULL,
    };
    return harness_main(argc, argv, suites);
}
