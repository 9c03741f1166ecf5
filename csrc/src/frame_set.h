/* Finds frames of several channels that were taken at the same time. */
#ifndef WMMF_FRAME_SET_H
#define WMMF_FRAME_SET_H

#include <stdbool.h>
#include <stdint.h>

/* A frame of a channel. */
struct moment {
    uint64_t timestamp_ns;
    uint64_t sequence;
};

/* The frames of one channel, from the earliest to the latest. */
struct moments {
    struct moment *of;
    uint64_t count;
    uint64_t room;
};

/* Drops latest frames until the latest frames of all channels are within the tolerance of each other: the newest set.
 * False: there is no set. */
bool moments_match(struct moments *lists, uint32_t count, uint64_t tolerance_ns);

#endif
