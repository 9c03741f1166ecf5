"""Where the files for programs in other languages are: the header and the shared library."""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def include_dir() -> Path:
    """The folder with ``wmmf.h`` and ``wmmf.hpp``."""
    return _PACKAGE / "include"


def library_path() -> Path:
    """The shared library: ``wmmf.dll`` or ``libwmmf.so``."""
    return _PACKAGE / ("wmmf.dll" if sys.platform == "win32" else "libwmmf.so")
