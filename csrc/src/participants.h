/* Joining, leaving, and what the dead leave behind. */
#ifndef WMMF_PARTICIPANTS_H
#define WMMF_PARTICIPANTS_H

#include "handle.h"

/* Joins the participants of a native section, or WMMF_E_FULL. */
int32_t participants_join(wmmf_section *section);
/* Leaves. Survivors find locks that are still held, as after a crash. */
void participants_leave(wmmf_section *section);

/* How many records a scan must look at; never more than there are. */
uint32_t participants_in_use(const wmmf_section *section);

/* Whether the owner in `word` can be a participant. This library never stores another. */
bool lock_owner_is_valid(const wmmf_section *section, uint64_t word);

/* Takes the lock from the owner in `word`, as from a dead one. False: the word has changed. */
bool participants_free_word(const struct rwlock *lock, uint64_t word);
void participants_wake_all(const struct rwlock *lock);
/* Takes the lock from our own thread, which has ended, and wakes all waiters. */
void participants_abandon_lock(const struct rwlock *lock);

/* If the kernel says that participant `index` is dead, clears its record and its holds, frees the locks that it held,
 * including this one in any case, and wakes all waiters. False: it lives, or may live. */
bool reap_if_dead(const struct rwlock *lock, uint32_t index);

#endif
