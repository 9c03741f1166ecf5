"""Makes the CFFI binding: the declarations of wmmf.h, as they are, and what only Python needs."""

import re
from pathlib import Path

from cffi import FFI

HEADER = Path("csrc/include/wmmf.h")

# A destructor for CFFI, which calls it with the memory that nobody views any more; bound to what the pin is.
UNPIN = "int32_t unpin(wmmf_channel *channel, const wmmf_frame *frame, void *memory)"
SOURCE = f"""
#include "wmmf.h"

static {UNPIN} {{
    (void)memory;
    return wmmf_channel_release(channel, frame);
}}
"""


def declarations() -> str:
    """What stands between the header's two markers, without the export macro."""
    text = HEADER.read_text(encoding="utf-8")
    body = text.partition("/* -- begin declarations -- */")[2].partition("/* -- end declarations -- */")[0]
    return re.sub(r"\bWMMF_API\b", "", body)


ffibuilder = FFI()
ffibuilder.cdef(f"{declarations()} {UNPIN};")
ffibuilder.set_source("pywinmmf._native", SOURCE)
