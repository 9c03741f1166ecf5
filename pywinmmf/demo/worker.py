"""Shared by the demo's processes: they stop when their standard input ends, and report in lines of JSON."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path

from pywinmmf import Error
from pywinmmf.cli.terminal import flush

REPORT_SECONDS = 0.25


def plain_errors(main: Callable[[], None]) -> Callable[[], None]:
    """Run ``main``. An error is one line on standard error and the exit code 1."""

    @wraps(main)
    def run() -> None:
        try:
            main()
        except (Error, OSError) as error:
            sys.exit(f"{Path(main.__code__.co_filename).stem}: {error}")

    return run


def stop_event() -> threading.Event:
    """Set when the parent process closes our standard input, or has ended."""
    stop = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    return stop


class Report:
    """Counts of one process, printed from time to time."""

    def __init__(self) -> None:
        self.frames = self.bytes = self.torn = self.missed = 0
        self.latencies_ms: list[float] = []
        self._started = self._printed = time.perf_counter()

    def tick(self) -> None:
        """Print when it is time."""
        if time.perf_counter() - self._printed >= REPORT_SECONDS:
            self.print()

    def print(self) -> None:
        """One line: totals since the start."""
        self._printed = time.perf_counter()
        seconds = self._printed - self._started
        latencies = sorted(self.latencies_ms)
        values = {
            "frames": self.frames,
            "fps": self.frames / seconds,
            "mb_per_s": self.bytes / seconds / 1e6,
            "p50_ms": latencies[len(latencies) // 2] if latencies else None,
            "p99_ms": latencies[len(latencies) * 99 // 100] if latencies else None,
            "torn": self.torn,
            "missed": self.missed,
        }
        with suppress(BrokenPipeError):  # the command has ended; our input will end as well
            print(json.dumps(values))
            flush()
