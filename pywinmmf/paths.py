"""The files for programs in other languages, and the compiler options to use them."""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def include_dir() -> Path:
    """The folder with ``wmmf.h`` and ``wmmf.hpp``."""
    installed = _PACKAGE / "include"
    return installed if installed.is_dir() else _PACKAGE.parent / "csrc/include"  # the latter: pip install -e


def library_path() -> Path:
    """The shared library: ``wmmf.dll`` or ``libwmmf.so``."""
    return _PACKAGE / ("wmmf.dll" if sys.platform == "win32" else "libwmmf.so")


def import_library_path() -> Path:
    """The file to link programs with: on Windows ``wmmf.lib``, for the linkers of Microsoft, LLVM and mingw; elsewhere
    the shared library."""
    return _PACKAGE / "wmmf.lib" if sys.platform == "win32" else library_path()


def compile_options() -> list[str]:
    """The options with which gcc, clang and mingw compile a program that uses ``wmmf.h``."""
    return [f"-I{include_dir().as_posix()}"]


def link_options() -> list[str]:
    """The options with which gcc, clang and mingw link such a program.

    On Linux the program finds the library where it is now; on Windows the DLL must be beside it or in ``PATH``."""
    if sys.platform == "win32":
        return [import_library_path().as_posix()]
    return [str(library_path()), f"-Wl,-rpath,{_PACKAGE}"]
