/* What other parts of the library need from a channel. */
#ifndef WMMF_CHANNEL_H
#define WMMF_CHANNEL_H

#include "handle.h"

/* The section at whose EVENT_CHANGE to wait for the channel's next frame. It stays open as long as the channel. */
wmmf_section *channel_place(const wmmf_channel *channel);
/* wmmf_channel_get_participant, for a handle on the channel's section that only inspects it. */
int32_t channel_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant);

#endif
