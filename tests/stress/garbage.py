"""A reader that writes garbage where readers write, for as long as it is asked to: the test of test_channel_parts.c."""

from __future__ import annotations

import os
import subprocess

import native
from lab import wine

TEST = "garbage_of_a_reader_stops_nobody"
MORE_SECONDS = 120  # than the garbage itself lasts


def run(system: str, seconds: int) -> subprocess.CompletedProcess[str]:
    """On Linux or under Wine; its output says how many frames there were."""
    asked = {"WMMF_TEST_GARBAGE_SECONDS": str(seconds)}
    if system == "wine":
        program = native.programs("mingw64") / "unit.exe"
        return wine.run([program, TEST], timeout=seconds + MORE_SECONDS, env=asked)
    return subprocess.run(
        [native.programs("gcc") / "unit", TEST],
        capture_output=True,
        text=True,
        timeout=seconds + MORE_SECONDS,
        env={**os.environ, **asked},
    )
