"""Careless threads of a C# program beside an innocent one, on Linux."""

from __future__ import annotations

import random
import subprocess

from csharp import programs
from lab import dotnet

GRACE = 660.0  # longer than the program itself waits for what hangs


def run(seconds: float, seed: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run Careless.cs, whose output says what it did."""
    words = [str(seconds), str(random.randrange(2**31) if seed is None else seed)]
    return dotnet.run_linux(programs.for_linux("../stress/Careless.cs"), words, timeout=seconds + GRACE)
