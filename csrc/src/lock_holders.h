/* Which threads of this process hold the lock through a handle. */
#ifndef WMMF_LOCK_HOLDERS_H
#define WMMF_LOCK_HOLDERS_H

#include "handle.h"

/* The calling thread. */
bool holders_reading(const wmmf_section *section);
bool holders_writing(const wmmf_section *section);
/* WMMF_E_DEADLOCK if the calling thread holds the lock, either way; WMMF_E_FULL if there is no place for it. */
int32_t holders_enter_reader(wmmf_section *section);
void holders_leave_reader(wmmf_section *section);
void holders_set_writer(wmmf_section *section, bool writing);

#endif
