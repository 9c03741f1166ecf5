"""Makes the CFFI binding from the declarations of wmmf.h, as they are. setup.py adds the types of hold.c to it."""

import re
from pathlib import Path

from cffi import FFI

HEADER = Path("csrc/include/wmmf.h")


def declarations() -> str:
    """What stands between the header's two markers, without the export macro."""
    text = HEADER.read_text(encoding="utf-8")
    body = text.partition("/* -- begin declarations -- */")[2].partition("/* -- end declarations -- */")[0]
    return re.sub(r"\bWMMF_API\b", "", body)


ffibuilder = FFI()
ffibuilder.cdef(declarations())
ffibuilder.set_source("pywinmmf._native", '#include "wmmf.h"')
