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

/* Takes the lock from the owner in `word`, as from a dead one. False: the word is another by now. */
bool participants_free_word(const struct rwlock *lock, uint64_t word);
void participants_wake_all(const struct rwlock *lock);
/* Takes the lock from our own thread, which has ended, and wakes all waiters. */
void participants_abandon_lock(const struct rwlock *lock);

/* If the kernel says that participant `index` is dead, clears its record and its holds, takes from it the locks that it
 * held, this one in any case, and wakes all waiters. False if it lives, or may live. */
bool reap_if_dead(const struct rwlock *lock, uint32_t index);

#endif
