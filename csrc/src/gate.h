/* Sleeping and waking across processes. */
#ifndef WMMF_GATE_H
#define WMMF_GATE_H

#include "map.h"

/* The protocol: enter; look whether there still is something to wait for; then sleep or leave.
 * The count goes up before the look and the waker changes the state before it reads the count, all of it seq_cst: so
 * either the sleeper sees the change, or the waker sees the sleeper. */

/* Returns what to give to gate_sleep. */
uint32_t gate_enter(wmmf_map *map, enum gate_index index);
void gate_leave(wmmf_map *map, enum gate_index index, uint32_t seen);
/* False if nobody woke us in time; the count is taken back then. */
bool gate_sleep(wmmf_map *map, enum gate_index index, uint32_t seen, int64_t timeout_ns);
/* Sleeps without having been counted, as a read-only handle must: nobody needs to wake us. */
void gate_peek(wmmf_map *map, enum gate_index index, int64_t timeout_ns);
void gate_wake(wmmf_map *map, enum gate_index index);

#endif
