/* Locks in the payload of a native section. */
#ifndef WMMF_PAYLOAD_LOCKS_H
#define WMMF_PAYLOAD_LOCKS_H

#include "handle.h"

/* Puts together the lock in the payload at `offset`, which counts from the beginning of the section. It has no hold. */
void payload_lock(wmmf_section *section, uint64_t offset, struct rwlock *lock);
/* The same for an offset from shared memory. False: there cannot be a lock. */
bool payload_lock_of_hold(wmmf_section *section, uint64_t offset, struct rwlock *lock);

#endif
