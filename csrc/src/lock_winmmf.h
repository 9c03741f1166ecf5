/* The lock of the winmmf layout. */
#ifndef WMMF_LOCK_WINMMF_H
#define WMMF_LOCK_WINMMF_H

#include "handle.h"

/* Whether the crate's programs could open such a section: it must not truncate the name, and they need all rights. */
int32_t winmmf_check(const char *name, uint32_t access);
void winmmf_initialise(wmmf_section *section);
/* Whether its creator has finished. */
bool winmmf_is_ready(const uint8_t *base);
/* Frees the lock, whichever process has it. */
void winmmf_break_lock(wmmf_section *section);
int32_t winmmf_lock_read(wmmf_section *section, int64_t timeout_ns);
int32_t winmmf_unlock_read(wmmf_section *section);
int32_t winmmf_lock_write(wmmf_section *section, int64_t timeout_ns);
int32_t winmmf_unlock_write(wmmf_section *section);

/* Fills in what the word says. */
void winmmf_lock_state(wmmf_section *section, wmmf_lock_state *state);

/* For lock_holders.c. */
extern const struct lock_abandon winmmf_abandon;

#endif
