/* The library's frame channel. */
#include "system.h"
#include "transport.h"

#include <stdlib.h>
#include <wmmf.h>

struct transport {
    wmmf_channel *channel;
    wmmf_frame frame;
    uint64_t had;
};

static transport *transport_on(int32_t status, wmmf_channel *channel) {
    if (status != WMMF_OK)
        return NULL;
    transport *passing = calloc(1, sizeof *passing);
    passing->channel = channel;
    passing->frame.struct_size = sizeof passing->frame;
    return passing;
}

transport *transport_create(const char *name, uint64_t capacity, uint32_t slots) {
    wmmf_channel *channel = NULL;
    int32_t status = wmmf_channel_create(name, capacity, slots, NULL, &channel);
    return transport_on(status, channel);
}

transport *transport_open(const char *name) {
    wmmf_channel *channel = NULL;
    int32_t status = wmmf_channel_open(name, NULL, &channel);
    return transport_on(status, channel);
}

void transport_close(transport *passing) {
    wmmf_channel_close(passing->channel);
    free(passing);
}

uint8_t *transport_begin(transport *passing) {
    return wmmf_channel_begin(passing->channel, 0, &passing->frame) == WMMF_OK ? passing->frame.data : NULL;
}

void transport_publish(transport *passing) {
    wmmf_channel_publish(passing->channel, &passing->frame);
}

bool transport_write(transport *passing, const void *bytes, uint64_t size) {
    wmmf_frame frame = {.struct_size = sizeof frame, .used = size};
    return wmmf_channel_write(passing->channel, bytes, 0, &frame) == WMMF_OK;
}

const uint8_t *transport_acquire(transport *passing) {
    if (wmmf_channel_acquire(passing->channel, passing->had, WAIT_NS, &passing->frame) != WMMF_OK)
        return NULL;
    passing->had = passing->frame.sequence;
    return passing->frame.data;
}

void transport_release(transport *passing) {
    wmmf_channel_release(passing->channel, &passing->frame);
}

/* It always spins before it sleeps. */
bool transport_read(transport *passing, void *buffer, uint64_t size, bool spin) {
    (void)spin;
    if (wmmf_channel_read(passing->channel, passing->had, buffer, size, WAIT_NS, &passing->frame) != WMMF_OK)
        return false;
    passing->had = passing->frame.sequence;
    return true;
}
