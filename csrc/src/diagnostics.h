/* Looking at a section from outside. */
#ifndef WMMF_DIAGNOSTICS_H
#define WMMF_DIAGNOSTICS_H

#include "handle.h"

/* All but what only a channel knows. */
int32_t diagnostics_participant(wmmf_section *section, uint32_t index, wmmf_participant *out);
int32_t diagnostics_hold(const wmmf_section *section, uint32_t index, wmmf_hold *out);
/* Of a native section: its own lock, or one in its payload. Fills all but struct_size. */
void diagnostics_lock_state(const struct rwlock *lock, wmmf_lock_state *state);
/* Poisons what is not intact: what the caller has seen, header, lock or records. */
int32_t diagnostics_audit(wmmf_section *section, bool intact, wmmf_audit_report *report);

#endif
