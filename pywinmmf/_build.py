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

RELEASE = """
int32_t let_go(wmmf_channel *channel, wmmf_frame *frame)"""

SOURCE = f"""
#include "wmmf.h"

/* wmmf_channel_write, with no struct to make before nor to look into after it: the sequence, or a negative status. */
static {PUBLISH.strip()} {{
    wmmf_frame frame = *description;
    frame.used = used;
    int32_t status = wmmf_channel_write(channel, data, timeout_ns, &frame);
    return status == WMMF_OK ? (int64_t)frame.sequence : status;
}}

/* wmmf_channel_release that may be repeated, by any thread: whom a signal keeps from knowing calls it again. */
static {RELEASE.strip()} {{
    wmmf_frame pinned = {{.struct_size = sizeof pinned}};
    pinned.slot = __atomic_exchange_n(&frame->slot, UINT32_MAX, __ATOMIC_ACQ_REL);
    return wmmf_channel_release(channel, &pinned);
}}
"""

ffibuilder = FFI()
ffibuilder.cdef(f"{declarations()}{PUBLISH};{RELEASE};")
ffibuilder.set_source("pywinmmf._native", SOURCE)
