/* What other parts of the library need from a channel. */
#ifndef WMMF_CHANNEL_H
#define WMMF_CHANNEL_H

#include "handle.h"

/* The section at whose EVENT_CHANGE to wait for the channel's next frame. It stays open as long as the channel. */
wmmf_section *channel_place(const wmmf_channel *channel);
/* wmmf_channel_begin, without reserving memory for the slot. That can take milliseconds, so a caller that holds a lock
 * of its own, such as Python's GIL, first releases that lock. It calls channel_reserve before it touches the frame,
 * unless channel_has_memory. Dying in between is like dying while the slot is filled. */
int32_t channel_begin_without_memory(wmmf_channel *channel, int64_t timeout_ns, wmmf_frame *frame);
bool channel_has_memory(const wmmf_channel *channel, const wmmf_frame *frame);
int32_t channel_reserve(wmmf_channel *channel, const wmmf_frame *frame);
/* wmmf_channel_get_participant, for a handle on the channel's section that only inspects it. */
int32_t channel_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant);

#endif
