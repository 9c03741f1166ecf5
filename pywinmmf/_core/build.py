"""Makes the CFFI binding from the unchanged declarations of wmmf.h. setup.py adds the types of hold.c to it."""

import re
from pathlib import Path

from cffi import FFI

HEADER = Path("csrc/include/wmmf.h")


def declarations() -> str:
    """The text between the header's two markers, without the export macro."""
    text = HEADER.read_text(encoding="utf-8")
    body = text.partition("/* -- begin declarations -- */")[2].partition("/* -- end declarations -- */")[0]
    return re.sub(r"\bWMMF_API\b", "", body)


ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source("pywinmmf._native", '#include "wmmf.h"')
