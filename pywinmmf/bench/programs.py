"""The C programs: bare slots without any safety, and the library's channel, both with the same roles."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from pywinmmf import Error, include_dir, library_path

SOURCES = Path(__file__).with_name("programs")
COMMON = ["main.c", "stream.c", "roundtrip.c", "opening.c"]
NAMES = ["bare", "wmmf"]


def find_compiler() -> str | None:
    """$CC, or the installed compiler."""
    return next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)


def program(folder: Path, name: str) -> Path:
    """The path at which `build` puts the program."""
    windows = folder / f"{name}.exe"
    return windows if windows.exists() else folder / name


def build(folder: Path, compiler: str, library: Path | None = None) -> None:
    """Compile for the system of the library (by default this package's), and put the library beside the programs.

    `Error` with the compiler's message if it fails.
    """
    library = Path(shutil.copy(library or library_path(), folder))
    windows = library.suffix == ".dll"
    system = ["system_windows.c"] if windows else ["system_linux.c"]
    options = ["-std=c11", "-O2", f"-I{include_dir()}", "-D__USE_MINGW_ANSI_STDIO=1"]
    # A killed compiler leaves its own temporary files.
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder))}
    for name in NAMES:
        sources = [SOURCES / source for source in [*COMMON, *system, f"transport_{name}.c"]]
        needs = [] if name == "bare" else [library] if windows else [library, "-Wl,-rpath,$ORIGIN"]
        output = folder / (f"{name}.exe" if windows else name)
        done = subprocess.run(
            [compiler, *options, *sources, *needs, "-o", output],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        if done.returncode != 0:
            raise Error(f"{compiler} cannot compile the program {name}: {_first_error(done)}")


def _first_error(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.splitlines()
    return next((line for line in lines if "error" in line), lines[0] if lines else f"exit code {done.returncode}")
