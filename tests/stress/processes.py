"""Processes of a stress that report when they are ready."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
LONG_TIMEOUT = 60.0  # seconds until a process that does not report as it should counts as stuck

Process = subprocess.Popen[str]


def start(*arguments: str, module: str) -> Process:
    """A module in Python."""
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)


def expect(process: Process, word: str) -> None:
    assert process.stdout is not None
    alarm = threading.Timer(LONG_TIMEOUT, process.kill)
    alarm.start()
    said = process.stdout.readline()
    alarm.cancel()
    assert said == word + "\n", f"{process.args!r} said {said!r} instead of {word!r}"


@contextlib.contextmanager
def processes() -> Iterator[list[Process]]:
    """Those in the list are killed at the end, if they still run."""
    running: list[Process] = []
    try:
        yield running
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
