"""The C# programs, compiled with the sources of the bindings, each at most once in a test session."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import native
from lab import csc, dotnet

HERE = Path(__file__).parent
BINDINGS = HERE.parents[1] / "bindings/csharp"
LAYER = sorted((BINDINGS / "Wmmf").glob("*.cs"))


@functools.cache
def assembly(source: str) -> Path:
    """Compile a program, its path from this folder; the native libraries of both systems lie beside it."""
    folder = Path(tempfile.mkdtemp(prefix="wmmf-csharp-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    out = folder / Path(source).with_suffix(".dll").name
    csc.compile([*LAYER, HERE / source], out, unsafe=True)
    return out


def beside(source: str, library: Path) -> Path:
    """Return the program, with a native library beside it."""
    program = assembly(source)
    shutil.copy(library, program.parent)
    return program


def for_linux(source: str) -> Path:
    """Return the program, ready for Linux."""
    return beside(source, native.programs("gcc") / "libwmmf.so")


def for_windows(source: str) -> Path:
    """Return the program, ready for Windows."""
    return beside(source, native.programs("mingw64") / "wmmf.dll")


def popen_linux(source: str = "Agent.cs") -> subprocess.Popen[str]:
    """Start a program on Linux."""
    return dotnet.popen_linux(for_linux(source))


def popen_windows(source: str = "Agent.cs") -> subprocess.Popen[str]:
    """Start a program under Wine."""
    return dotnet.popen_wine(for_windows(source))
