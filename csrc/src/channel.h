/* What other parts of the library must ask a channel. */
#ifndef WMMF_CHANNEL_H
#define WMMF_CHANNEL_H

#include "handle.h"

/* Where those wait who wait for the channel's next frame. It stays open as long as the channel. */
void channel_place(const wmmf_channel *channel, wmmf_section **section, enum event *event);
/* wmmf_channel_get_participant, for somebody who only looks at the channel's section. */
int32_t channel_participant(wmmf_section *section, uint32_t index, wmmf_participant *participant);

#endif
