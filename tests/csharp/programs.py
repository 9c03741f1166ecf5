"""The C# programs, compiled with the sources of the bindings, each at most once in a test session."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import native
from lab import csc

HERE = Path(__file__).parent
BINDINGS = HERE.parents[1] / "bindings/csharp"
LAYER = sorted((BINDINGS / "Wmmf").glob("*.cs"))
PROGRAM = "selftest/Program.cs"
SELF_TEST = (PROGRAM, *sorted({f"selftest/{path.name}" for path in HERE.glob("selftest/*.cs")} - {PROGRAM}))
DEFINES = ("NETCOREAPP", "NET7_0_OR_GREATER", "NET8_0_OR_GREATER")  # what the SDK defines for .NET 8


@functools.cache
def assembly(*sources: str) -> Path:
    """Compile a program, paths from this folder; the native libraries of both systems lie beside it."""
    out = native.temporary_folder() / Path(sources[0]).with_suffix(".dll").name
    csc.compile([*LAYER, *(HERE / source for source in sources)], out, unsafe=True, optimize=True, defines=DEFINES)
    return out


@functools.cache  # a copy over the library would crash those that run
def beside(library: Path, *sources: str) -> Path:
    """Return the program, with a native library beside it."""
    program = assembly(*sources)
    shutil.copy(library, program.parent)
    return program


def for_linux(*sources: str) -> Path:
    """Return the program, ready for Linux."""
    return beside(native.programs("gcc") / "libwmmf.so", *sources)


def for_windows(*sources: str) -> Path:
    """Return the program, ready for Windows."""
    return beside(native.programs("mingw64") / "wmmf.dll", *sources)
