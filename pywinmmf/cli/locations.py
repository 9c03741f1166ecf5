"""``pywinmmf --include-dir`` and the like: the files for programs in other languages, and the compiler options to use
them."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence

from pywinmmf import include_dir, library_path
from pywinmmf.paths import compile_options, import_library_path, link_options

OPTIONS = {
    "--include-dir": (f"{__name__}:print_include_dir", "print the folder of wmmf.h"),
    "--library": (f"{__name__}:print_library", "print the path of the shared library"),
    "--import-library": (f"{__name__}:print_import_library", "print the path of the file to link programs with"),
    "--cflags": (f"{__name__}:print_compile_options", "print the options to compile a program (gcc, clang, mingw)"),
    "--ldflags": (f"{__name__}:print_link_options", "print the options to link it"),
}
"""The option, the function that prints, and the help."""


def print_include_dir(_arguments: argparse.Namespace) -> int:
    """Print the folder with ``wmmf.h`` and ``wmmf.hpp``."""
    print(include_dir())
    return 0


def print_library(_arguments: argparse.Namespace) -> int:
    """Print the path of the shared library."""
    print(library_path())
    return 0


def print_import_library(_arguments: argparse.Namespace) -> int:
    """Print the path of the file to link programs with."""
    print(import_library_path())
    return 0


def print_compile_options(_arguments: argparse.Namespace) -> int:
    """Print the options for the compiler, quoted for a shell."""
    print(_quoted(compile_options()))
    return 0


def print_link_options(_arguments: argparse.Namespace) -> int:
    """Print the options for the linker, quoted for a shell."""
    print(_quoted(link_options()))
    return 0


def _quoted(options: Sequence[str]) -> str:
    return subprocess.list2cmdline(options) if sys.platform == "win32" else shlex.join(options)
