/* What other parts of the library need from a channel. */
#ifndef WMMF_CHANNEL_H
#define WMMF_CHANNEL_H

#include "handle.h"

/* The section at whose EVENT_CHANGE to wait for the channel's next frame. It stays open as long as the channel. */
wmmf_section *channel_place(const wmmf_channel *channel);
/* wmmf_channel_begin for a caller that must not block, such as one with Python's GIL: it tries once, and takes only a
 * slot whose memory this handle has already reserved, which can take milliseconds. WMMF_E_TIMEOUT: call
 * wmmf_channel_begin. */
int32_t channel_begin_reserved(wmmf_channel *channel, wmmf_frame *frame);
/* wmmf_channel_get_participant, for a handle on the channel's section that only inspects it. */
int32_t channel_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant);

#endif
