/* Inspecting a section. */
#ifndef WMMF_DIAGNOSTICS_H
#define WMMF_DIAGNOSTICS_H

#include "handle.h"

/* Fills everything except what only a channel knows. */
int32_t diagnostics_participant(wmmf_section *section, uint32_t index, wmmf_participant *out);
int32_t diagnostics_hold(const wmmf_section *section, uint32_t index, wmmf_hold *out);
/* For the own lock of a native section, or one in its payload. Fills everything except struct_size. */
void diagnostics_lock_state(const struct rwlock *lock, wmmf_lock_state *state);
/* Poisons the section if the caller says that it is not intact, or if header, lock or records are not. */
int32_t diagnostics_audit(wmmf_section *section, bool intact, wmmf_audit_report *report);

#endif
