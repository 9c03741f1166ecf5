"""``pywinmmf --include-dir`` and the like: the files for programs in other languages, and the compiler options to use
them."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence

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


def _printing(get: Callable[[], object]) -> Callable[[argparse.Namespace], int]:
    """A command that prints what the function returns."""

    def run(_arguments: argparse.Namespace) -> int:
        print(get())
        return 0

    return run


def _quoted(options: Sequence[str]) -> str:
    """For a shell."""
    return subprocess.list2cmdline(options) if sys.platform == "win32" else shlex.join(options)


print_include_dir = _printing(include_dir)
print_library = _printing(library_path)
print_import_library = _printing(import_library_path)
print_compile_options = _printing(lambda: _quoted(compile_options()))
print_link_options = _printing(lambda: _quoted(link_options()))
