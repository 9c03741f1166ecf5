/* Locks in the payload of a native section. */
#ifndef WMMF_PAYLOAD_LOCKS_H
#define WMMF_PAYLOAD_LOCKS_H

#include "handle.h"

/* Puts together the lock at `offset`, from the beginning of the section, where the payload has one. It has no hold. */
void payload_lock(wmmf_section *section, uint64_t offset, struct rwlock *lock);
/* The same, of an offset from shared memory. False: no lock can be there. */
bool payload_lock_of_hold(wmmf_section *section, uint64_t offset, struct rwlock *lock);

#endif
