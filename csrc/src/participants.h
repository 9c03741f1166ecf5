/* Joining, leaving, and what the dead leave behind. */
#ifndef WMMF_PARTICIPANTS_H
#define WMMF_PARTICIPANTS_H

#include "map.h"

/* How many records a scan must look at; never more than there are. */
uint32_t participants_in_use(const wmmf_map *map);

/* An owner that is no participant was never stored by this code. */
bool lock_owner_is_valid(const wmmf_map *map, uint64_t word);

/* If the kernel says that participant `index` is dead, clears its record, takes the lock from it if it held it, and
 * wakes whoever waits. False if it lives, or may live. */
bool bury_if_dead(wmmf_map *map, uint32_t index);

#endif
