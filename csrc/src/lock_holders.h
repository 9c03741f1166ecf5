/* Which threads of this process hold the lock through a handle. */
#ifndef WMMF_LOCK_HOLDERS_H
#define WMMF_LOCK_HOLDERS_H

#include "handle.h"

/* Every handle with a lock is registered here while it is open. */
void holders_add_handle(wmmf_section *section);
void holders_remove_handle(wmmf_section *section);

/* Whether the calling thread holds it for writing. */
bool holders_writing(const struct rwlock *lock);
/* Whether it holds it, for reading or writing. */
bool holders_holding(const struct rwlock *lock);
/* Whether it holds this lock through another handle, for reading or writing: waiting would never end. */
bool holders_elsewhere(const struct rwlock *lock);

/* WMMF_E_DEADLOCK: the calling thread already holds the lock. WMMF_E_FULL: there is no entry left. WMMF_E_NO_MEMORY:
 * the end of the thread could not be noticed. */
int32_t holders_enter_reader(struct rwlock *lock);
/* False: the thread does not read. */
bool holders_leave_reader(struct rwlock *lock);
/* The same checks for a writer, before it takes the lock; the second call notes that it has it. */
int32_t holders_check_writer(const struct rwlock *lock, uint64_t *thread);
void holders_enter_writer(struct rwlock *lock, uint64_t thread);
/* For the writer itself. False: it does not write. */
bool holders_leave_writer(struct rwlock *lock);
/* The same, for a thread that knows that it writes. */
void holders_forget_writer(struct rwlock *lock);
/* Any thread may end what the writer began, but only once. False: no thread has the lock through this handle any more.
 */
bool holders_claim_writer(struct rwlock *lock);

/* Holds of locks in the payload. A reader that enters takes one; a writer does so by itself, before it waits.
 * WMMF_E_FULL: all are in use. */
int32_t holders_take_hold(struct rwlock *lock);
/* Notes that the hold keeps its place in the queue, for its caller or another thread that comes with that place. */
void holders_keep_place(const struct rwlock *lock, uint64_t place);
/* Takes up the hold with that place in the queue of this lock, once. False: there is none. */
bool holders_find_place(struct rwlock *lock, uint64_t place);
/* Frees the hold, as the last step: another thread may take it. */
void holders_free(const struct rwlock *lock);

#endif
