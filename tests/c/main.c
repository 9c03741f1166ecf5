/* The contract of wmmf.h, checked on whatever system this runs on. An argument picks the tests with that in their name.
 */
#include "harness.h"

extern const struct suite suite_names, suite_sections, suite_locks, suite_winmmf, suite_recovery, suite_hostile,
    suite_inspect, suite_audit, suite_channel, suite_channel_parts, suite_frame_set, suite_platform, suite_wait_many,
    suite_files, suite_growth, suite_pages, suite_payload_locks, suite_unnamed, suite_threads, suite_lock_owners,
    suite_copies, suite_realtime, suite_mistakes, suite_fork, suite_sandbox, suite_file_limits, suite_descriptors;

int main(int argc, char **argv) {
    static const struct suite *const suites[] = {
        &suite_names,
        &suite_sections,
        &suite_locks,
        &suite_winmmf,
        &suite_recovery,
        &suite_hostile,
        &suite_inspect,
        &suite_audit,
        &suite_channel,
        &suite_channel_parts,
        &suite_frame_set,
        &suite_platform,
        &suite_wait_many,
        &suite_files,
        &suite_growth,
        &suite_pages,
        &suite_payload_locks,
        &suite_unnamed,
        &suite_threads,
        &suite_lock_owners,
        &suite_copies,
        &suite_realtime,
        &suite_mistakes,
#ifndef _WIN32
        &suite_fork,
        &suite_sandbox,
        &suite_file_limits,
        &suite_descriptors,
#endif
        NULL,
    };
    return harness_main(argc, argv, suites);
}
