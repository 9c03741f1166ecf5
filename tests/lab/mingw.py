"""The compiler for Windows programs in C."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab import cache


def compile(sources: Iterable[Path], out: Path, *flags: str | Path, arch: str = "x86_64") -> None:
    """Compile C (or, if a source ends in .cpp, C++) into a Windows program or, with ``-shared``, a DLL.

    ``arch`` is "x86_64" or "i686". Warnings are errors. Raises LabError with the compiler's messages.
    """
    files = list(sources)
    language = "g++" if any(file.suffix == ".cpp" for file in files) else "gcc"
    package = f"{language}-mingw-w64-{arch.replace('_', '-')}"
    compiler = cache.tool(f"{arch}-w64-mingw32-{language}", package)
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", *files, "-o", out, *flags]
    cache.checked(command, f"cannot compile {out.name}")
