/* A way to pass frames from one process to others: what is measured. The roles use it without knowing which one it
 * is. */
#ifndef BENCH_TRANSPORT_H
#define BENCH_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#define WAIT_NS INT64_C(10000000000) /* for a frame, on a machine that is busy with something else */

typedef struct transport transport;

/* NULL: no. */
transport *transport_create(const char *name, uint64_t capacity, uint32_t slots);

/* NULL: no. */
transport *transport_open(const char *name);

void transport_close(transport *passing);

/* The memory of a slot to fill; NULL: all are being read. */
uint8_t *transport_begin(transport *passing);

void transport_publish(transport *passing);

/* Both at once, with a copy of these bytes; false: all slots are being read. */
bool transport_write(transport *passing, const void *bytes, uint64_t size);

/* The newest frame that this end has not had yet, in place; waits up to WAIT_NS for one. NULL: none came. */
const uint8_t *transport_acquire(transport *passing);

void transport_release(transport *passing);

/* Both at once, with a copy in between; asleep while it waits, unless `spin`. False: none came. */
bool transport_read(transport *passing, void *buffer, uint64_t size, bool spin);

#endif
