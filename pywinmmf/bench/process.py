"""A process that plays a role: a program in C or the worker in Python. Both use the same protocol."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Timer
from types import TracebackType
from typing import TYPE_CHECKING

from pywinmmf import Error

from .task import Result, Task

if TYPE_CHECKING:
    from typing import Self

WAIT_SECONDS = 60.0
"""Seconds that a process may need to start, and to end after its measurement."""


class ProcessFailed(Error):
    """A process failed. The message is the last line of its standard error."""


class Process:
    """A process that has started and opened everything; a context manager that ends it."""

    def __init__(self, command: Sequence[str], task: Task) -> None:
        self._seconds = task.seconds
        self._process = subprocess.Popen(
            [*command, *task.arguments()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONSAFEPATH": "1"},  # otherwise a source tree here would hide the installed package
        )
        try:
            ready = self._first_line() == "ready"
        except BaseException:  # the line never came, or a signal did
            self.end()
            raise
        if not ready:
            raise ProcessFailed(self.end())

    def _first_line(self) -> str:
        late = Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = Timer(WAIT_SECONDS, give_up)
        timer.start()
        try:
            assert self._process.stdout
            line = self._process.stdout.readline().strip()
        finally:
            timer.cancel()
        if late.is_set():
            raise ProcessFailed(f"no start in {WAIT_SECONDS:g} s")
        return line

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def begin(self) -> None:
        """Let the measurement begin."""
        assert self._process.stdin
        with suppress(OSError):  # the process has ended; `result` says why
            self._process.stdin.write("\n")
            self._process.stdin.flush()

    def result(self) -> Result:
        """End its input, and wait for its end."""
        try:
            output, errors = self._process.communicate(timeout=self._seconds + WAIT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ProcessFailed(f"no end after {error.timeout:.0f} s") from error
        if self._process.returncode != 0:
            raise ProcessFailed(_last_line(errors))
        return Result.from_json(output)

    def end(self) -> str:
        """Kill it if it still runs; returns the last line of its standard error."""
        self._process.kill()
        return _last_line(self._process.communicate()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.running:
            self.end()


def _last_line(errors: str) -> str:
    return errors.strip().rpartition("\n")[2] or "no result"
