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


SOURCE = """
#include "wmmf.h"

/* wmmf_channel_write, with no struct to make before nor to look into after it: the sequence, or a negative status. */
static int64_t publish_copy(wmmf_channel *channel, const void *data, uint64_t used, int64_t timeout_ns,
                            const wmmf_frame *description) {
    wmmf_frame frame = *description;
    frame.used = used;
    int32_t status = wmmf_channel_write(channel, data, timeout_ns, &frame);
    return status == WMMF_OK ? (int64_t)frame.sequence : status;
}

/* wmmf_channel_publish, after which the frame is in no slot: nobody drops it then. */
static int32_t publish_begun(wmmf_channel *channel, wmmf_frame *frame) {
    int32_t status = wmmf_channel_publish(channel, frame);
    if (status == WMMF_OK)
        frame->slot = UINT32_MAX;
    return status;
}

/* What ends something and may be repeated, by any thread: whom a signal keeps from knowing calls it again. */

static wmmf_frame taken_out(wmmf_frame *frame) {
    wmmf_frame taken = {.struct_size = sizeof taken};
    taken.slot = __atomic_exchange_n(&frame->slot, UINT32_MAX, __ATOMIC_ACQ_REL);
    return taken;
}

static int32_t let_go(wmmf_channel *channel, wmmf_frame *frame) {
    wmmf_frame pinned = taken_out(frame);
    return wmmf_channel_release(channel, &pinned);
}

static int32_t drop(wmmf_channel *channel, wmmf_frame *frame) {
    wmmf_frame begun = taken_out(frame);
    return wmmf_channel_cancel(channel, &begun);
}

static int32_t close_section(wmmf_section **cell) {
    return wmmf_close(__atomic_exchange_n(cell, NULL, __ATOMIC_ACQ_REL));
}

static int32_t close_channel(wmmf_channel **cell) {
    return wmmf_channel_close(__atomic_exchange_n(cell, NULL, __ATOMIC_ACQ_REL));
}
"""
# Of the calls above: those that give a number.
PROTOTYPES = re.findall(r"^static (int\d+_t .*?) {$", SOURCE, re.DOTALL | re.MULTILINE)

ffibuilder = FFI()
ffibuilder.cdef(declarations() + "".join(f"{prototype};" for prototype in PROTOTYPES))
ffibuilder.set_source("pywinmmf._native", SOURCE)
