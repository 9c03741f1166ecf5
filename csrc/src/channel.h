/* What other parts of the library must ask a channel. */
#ifndef WMMF_CHANNEL_H
#define WMMF_CHANNEL_H

#include "handle.h"

/* Where those wait who wait for the channel's next frame. */
void channel_place(const wmmf_channel *channel, wmmf_section **section, enum event *event);
/* The sequence of the oldest frame that a participant of a channel has pinned; 0: none. */
uint64_t channel_oldest_pinned(const wmmf_section *section, uint32_t index);

#endif
