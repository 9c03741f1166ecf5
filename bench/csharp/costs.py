"""Runs Costs.cs on the .NET of the tests' lab: ``PYTHONPATH=tests python bench/csharp/costs.py``."""

from __future__ import annotations

from pathlib import Path

import native
from csharp import programs
from lab import csc, dotnet


def main() -> None:
    """Compile it as programs are shipped, and print what it prints."""
    folder = native.temporary_folder()
    program = folder / "Costs.dll"
    source = Path(__file__).with_name("Costs.cs")
    csc.compile([*programs.LAYER, source], program, unsafe=True, optimize=True, defines=programs.DEFINES)
    library = native.installed("gcc") / "lib"
    done = dotnet.run_linux(program, env={"LD_LIBRARY_PATH": str(library)}, timeout=300)
    print(done.stdout + done.stderr, end="")


if __name__ == "__main__":
    main()
