"""Careless threads of a C# program beside a correct one."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence

from csharp import programs
from lab import dotnet

SOURCE = "../stress/Careless.cs"
WORKS = ("forget", "during", "twice")  # what a thread does: each alone, or several at once
GRACE = 660.0  # longer than the program itself waits for what hangs


def run(
    system: str, seconds: float, works: Sequence[str] = WORKS, seed: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Careless.cs, whose output says what it did."""
    words = [str(seconds), str(random.randrange(2**31) if seed is None else seed), *works]
    if system == "linux":
        return dotnet.run_linux(programs.for_linux(SOURCE), words, timeout=seconds + GRACE)
    return dotnet.run_wine(programs.for_windows(SOURCE), words, timeout=seconds + GRACE)
