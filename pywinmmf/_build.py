"""Makes the CFFI binding: the declarations of wmmf.h, as they are, and calls of our own for what Python alone needs."""

import re
from pathlib import Path

from cffi import FFI

HEADER = Path("csrc/include/wmmf.h")


def declarations() -> str:
    """What stands between the header's two markers, without the export macro."""
    text = HEADER.read_text(encoding="utf-8")
    body = text.partition("/* -- begin declarations -- */")[2].partition("/* -- end declarations -- */")[0]
    return re.sub(r"\bWMMF_API\b", "", body)


PUBLISH = """
int64_t publish_copy(wmmf_channel *channel, const void *data, uint64_t used, int64_t timeout_ns,
                     const wmmf_frame *description)"""

PUBLISH_BEGUN = """
int32_t publish_begun(wmmf_channel *channel, wmmf_frame *frame)"""

LET_GO = """
int32_t let_go(wmmf_channel *channel, wmmf_frame *frame)"""

DROP = """
int32_t drop(wmmf_channel *channel, wmmf_frame *frame)"""

CLOSE_SECTION = """
int32_t close_section(wmmf_map **cell)"""

CLOSE_CHANNEL = """
int32_t close_channel(wmmf_channel **cell)"""

SOURCE = f"""
#include "wmmf.h"

/* wmmf_channel_write, with no struct to make before nor to look into after it: the sequence, or a negative status. */
static {PUBLISH.strip()} {{
    wmmf_frame frame = *description;
    frame.used = used;
    int32_t status = wmmf_channel_write(channel, data, timeout_ns, &frame);
    return status == WMMF_OK ? (int64_t)frame.sequence : status;
}}

/* What ends something and may be repeated, by any thread: whom a signal keeps from knowing calls it again. */

static wmmf_frame taken_out(wmmf_frame *frame) {{
    wmmf_frame taken = {{.struct_size = sizeof taken}};
    taken.slot = __atomic_exchange_n(&frame->slot, UINT32_MAX, __ATOMIC_ACQ_REL);
    return taken;
}}

static {LET_GO.strip()} {{
    wmmf_frame pinned = taken_out(frame);
    return wmmf_channel_release(channel, &pinned);
}}

static {PUBLISH_BEGUN.strip()} {{
    int32_t status = wmmf_channel_publish(channel, frame);
    if (status == WMMF_OK)
        frame->slot = UINT32_MAX;
    return status;
}}

static {DROP.strip()} {{
    wmmf_frame begun = taken_out(frame);
    return wmmf_channel_cancel(channel, &begun);
}}

static {CLOSE_SECTION.strip()} {{
    return wmmf_close(__atomic_exchange_n(cell, NULL, __ATOMIC_ACQ_REL));
}}

static {CLOSE_CHANNEL.strip()} {{
    return wmmf_channel_close(__atomic_exchange_n(cell, NULL, __ATOMIC_ACQ_REL));
}}
"""

ffibuilder = FFI()
ffibuilder.cdef(
    declarations()
    + "".join(f"{call};" for call in (PUBLISH, PUBLISH_BEGUN, LET_GO, DROP, CLOSE_SECTION, CLOSE_CHANNEL))
)
ffibuilder.set_source("pywinmmf._native", SOURCE)
