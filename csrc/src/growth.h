/* Sections that grow while others have them open. */
#ifndef WMMF_GROWTH_H
#define WMMF_GROWTH_H

#include "handle.h"

/* How many bytes of the payload the header says can be used: those of the beginning, or more since. A claim. */
uint64_t growth_claimed(const struct header *header);
/* Follows what others have made of the section, as far as the system says that it is there. */
int32_t growth_look(wmmf_section *section);
/* Makes it larger, for everybody; WMMF_E_NOT_SUPPORTED with the reason, if it cannot grow. */
int32_t growth_resize(wmmf_section *section, uint64_t size);
/* Hands changes to the system, of bytes that are mapped once more. */
int32_t growth_flush(wmmf_section *section, uint64_t offset, uint64_t length);
/* Unmaps the larger views. */
void growth_end(wmmf_section *section);

#endif
