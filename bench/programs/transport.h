/* A way to pass frames from one process to others: what is measured. The roles use it, and do not know which it is. */
#ifndef BENCH_TRANSPORT_H
#define BENCH_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct transport transport;

/* NULL: no. */
transport *transport_create(const char *name, uint64_t capacity, uint32_t slots);

/* NULL: no. */
transport *transport_open(const char *name);

void transport_close(transport *passing);

/* The memory of a slot to fill; NULL: all are being read. */
uint8_t *transport_begin(transport *passing);

void transport_publish(transport *passing);

/* The newest frame that this end has not had yet, in place; waits up to a second for one, asleep unless `spin`.
 * NULL: none came. */
const uint8_t *transport_acquire(transport *passing, bool spin);

void transport_release(transport *passing);

#endif
