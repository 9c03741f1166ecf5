/* Which threads of this process hold the lock through a handle. */
#ifndef WMMF_LOCK_HOLDERS_H
#define WMMF_LOCK_HOLDERS_H

#include "handle.h"

/* Every handle with a lock is known here from its opening to its closing. */
void holders_add_handle(wmmf_section *section);
void holders_remove_handle(wmmf_section *section);

/* The calling thread. */
bool holders_writing(const struct rwlock *lock);
/* Either way. */
bool holders_holding(const struct rwlock *lock);
/* Whether it holds this lock, either way, through another handle: to wait for it would never end. */
bool holders_elsewhere(const struct rwlock *lock);

/* WMMF_E_DEADLOCK if the calling thread holds the lock, either way; WMMF_E_FULL if there is no place for it;
 * WMMF_E_NO_MEMORY if its end could not be noticed. */
int32_t holders_enter_reader(struct rwlock *lock);
/* False: it does not read. */
bool holders_leave_reader(struct rwlock *lock);
/* The same answers for a writer, before it takes the lock; then that it has it. */
int32_t holders_check_writer(const struct rwlock *lock, uint64_t *thread);
void holders_enter_writer(struct rwlock *lock, uint64_t thread);
/* The writer itself. False: it does not write. */
bool holders_leave_writer(struct rwlock *lock);
/* The same, of a thread that knows it. */
void holders_forget_writer(struct rwlock *lock);
/* Any thread may end what the writer began, but only once. False: nobody has the lock through this handle any more. */
bool holders_claim_writer(struct rwlock *lock);

/* Holds of locks in the payload. A reader that enters takes one; a writer does so by itself, before it waits.
 * WMMF_E_FULL: all are in use. */
int32_t holders_take_hold(struct rwlock *lock);
/* Notes that the hold keeps its place in the queue, for whoever comes with that: its caller, or another thread. */
void holders_keep_place(const struct rwlock *lock, uint64_t place);
/* Takes up the hold with that place in the queue of this lock, once. False: there is none. */
bool holders_find_place(struct rwlock *lock, uint64_t place);
/* The last: another thread may take it. */
void holders_free(const struct rwlock *lock);

#endif
