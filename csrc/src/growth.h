/* Sections that grow while others have them open. */
#ifndef WMMF_GROWTH_H
#define WMMF_GROWTH_H

#include "handle.h"

/* How many bytes of the payload are usable according to the header: the initial size, or the size after growing. Only a
 * claim. */
uint64_t growth_claimed(const struct header *header);
/* Follows growth by others, as far as the system confirms it. */
int32_t growth_look(wmmf_section *section);
/* Makes the section larger for all. WMMF_E_NOT_SUPPORTED, with the reason: it cannot grow. */
int32_t growth_resize(wmmf_section *section, uint64_t size);
/* Hands changes in the larger views to the system. */
int32_t growth_flush(wmmf_section *section, uint64_t offset, uint64_t length);
/* Unmaps the larger views. */
void growth_end(wmmf_section *section);

#endif
