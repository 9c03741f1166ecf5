/* The reader/writer lock of the native layout: the section's own (&section->lock), or one in the payload. */
#ifndef WMMF_RWLOCK_H
#define WMMF_RWLOCK_H

#include "handle.h"

int32_t rwlock_lock_read(struct rwlock *lock, int64_t timeout_ns);
int32_t rwlock_unlock_read(struct rwlock *lock);
/* An inconsistent section is also locked; the status is then WMMF_E_OWNER_DIED. *place is 0 at first. After
 * WMMF_E_TIMEOUT it is the caller's place in the queue, until it tries again or leaves; after any other status it is 0.
 */
int32_t rwlock_lock_write(struct rwlock *lock, int64_t timeout_ns, uint64_t *place);
void rwlock_leave_queue(struct rwlock *lock, uint64_t place);
int32_t rwlock_unlock_write(struct rwlock *lock);
int32_t rwlock_mark_consistent(struct rwlock *lock);
/* Locks, copies and unlocks, unless the section is inconsistent. *place is as for rwlock_lock_write. */
int32_t rwlock_write(wmmf_section *section, uint64_t offset, const void *buffer, size_t length, int64_t timeout_ns,
                     uint64_t *place);
/* How much a writer, and a reader beside it, copies at a time. */
size_t rwlock_chunk_size(size_t length);
/* *current, which may be NULL, is set only by WMMF_OK. */
int32_t rwlock_wait(struct rwlock *lock, uint64_t sequence, int64_t timeout_ns, uint64_t *current);
/* The number of changes: writes and notifications. */
uint64_t rwlock_changes(const struct rwlock *lock);
int32_t rwlock_notify(struct rwlock *lock);
/* Whether the calling thread would wait for a change in vain, because it has the lock itself. */
bool rwlock_wait_would_deadlock(const struct rwlock *lock);

/* Ownership alone, for the frame channel: excludes other writers; readers ignore it. Another thread may release it, and
 * the end of the owning thread does, but only the one whose claim returns true. */
int32_t rwlock_own(struct rwlock *lock, int64_t timeout_ns);
bool rwlock_claim(struct rwlock *lock);
/* `counts`: in the number of writes that our record shows. */
void rwlock_disown(struct rwlock *lock, bool counts);

/* For lock_holders.c. */
extern const struct lock_abandon rwlock_abandon;

/* Ends poison: repairs the header from what this handle knows, and takes the lock from its holder, which finds that out
 * when it releases it. The caller then owns it, as after rwlock_own. For a channel whose payload is then replaced. */
void rwlock_renew(wmmf_section *section);

/* Poisons the lock for all; only rwlock_renew ends that. */
void rwlock_poison(struct rwlock *lock);
bool rwlock_is_poisoned(const struct rwlock *lock);

/* How many read locks threads hold or try to take. */
uint32_t rwlock_readers(const struct rwlock *lock);

/* What a lock word says about the section: WMMF_OK, WMMF_E_OWNER_DIED or WMMF_E_POISONED. */
int32_t rwlock_word_status(uint64_t word);
/* Whether the owner in `word` is dead. For a read-only handle; others reap it. */
bool rwlock_owner_seems_dead(const struct rwlock *lock, uint64_t word);

#endif
