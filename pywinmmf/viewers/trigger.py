"""A line on standard input as the trigger of a recording."""

from __future__ import annotations

import os
import sys
import threading
import time

from pywinmmf import InvalidArgumentError


class Trigger:
    """Waits for a line in its own thread, which may wait for ever without keeping the process alive."""

    def __init__(self) -> None:
        self._input = -1 if sys.stdin is None else sys.stdin.fileno()
        self._came_ns: int | None = None
        self._ended = False
        threading.Thread(target=self._read, name="trigger", daemon=True).start()

    @property
    def came_ns(self) -> int | None:
        """When the line came, as ``time.perf_counter_ns()``; None: not yet. `InvalidArgumentError` if the input has
        ended."""
        if self._ended:
            raise InvalidArgumentError("standard input has ended: expected a line as the trigger")
        return self._came_ns

    def _read(self) -> None:
        """Not with sys.stdin, whose lock would keep the interpreter from ending."""
        try:
            while line := os.read(self._input, 4096):
                if b"\n" in line:
                    self._came_ns = time.perf_counter_ns()
                    return
        except OSError:  # there is none
            pass
        self._ended = True
