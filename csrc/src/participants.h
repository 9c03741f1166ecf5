/* Joining, leaving, and what the dead leave behind. */
#ifndef WMMF_PARTICIPANTS_H
#define WMMF_PARTICIPANTS_H

#include "handle.h"

/* Joins the participants of a native section, or WMMF_E_FULL. */
int32_t participants_join(wmmf_section *section);
/* Leaves. Locks still held are left for the survivors to find, as after a crash. */
void participants_leave(wmmf_section *section);

/* How many records a scan must look at; never more than there are. */
uint32_t participants_in_use(const wmmf_section *section);

/* An owner that is no participant was never stored by this code. */
bool lock_owner_is_valid(const wmmf_section *section, uint64_t word);

/* Takes the lock from participant `index` if it owns it: it is dead, or the caller. */
void participants_free_lock(wmmf_section *section, uint32_t index);
/* The same for our own record, whose thread has ended, and wakes all waiters. */
void participants_abandon_lock(wmmf_section *section);

/* If the kernel says that participant `index` is dead, clears its record, takes the lock from it if it held it, and
 * wakes all waiters. False if it lives, or may live. */
bool reap_if_dead(wmmf_section *section, uint32_t index);

#endif
