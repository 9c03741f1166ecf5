"""Trials between this process and another: names, lock, death, wake-up, frames."""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from pywinmmf import (
    AccessDeniedError,
    Error,
    FrameChannel,
    LockTimeoutError,
    MemoryMappedFile,
    Namespace,
    OwnerDiedError,
)
from pywinmmf.cli.ending import APART

from .finding import REPORT, Finding
from .partner import ECHOES, FRAMES

SECONDS = 10.0  # for steps that should be immediate
SLOW_WAKE = 0.001  # seconds


class Partner:
    """The other process."""

    def __init__(self, name: str) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.partner", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
                env={**os.environ, "PYTHONSAFEPATH": "1"},
                **APART,
            )
        except OSError as error:
            raise ChildProcessError(error.errno, f"{sys.executable} cannot be started: {error.strerror}") from error

    def ask(self, word: str) -> None:
        """Send it a request, and wait for its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        answer = self._process.stdout.readline().strip()
        if answer != word:
            raise ChildProcessError(f"the other process answered {answer!r} instead of {word!r}")

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def findings() -> Iterator[Finding]:
    """Run all trials, each with its own partner and section. A failure does not stop the other trials."""
    yield _tried("names, local", lambda: _name(Namespace.LOCAL))
    yield _tried("names, global", lambda: _name(Namespace.GLOBAL))
    for subject, trial in (("lock", _exclusion), ("death", _death), ("wake-up", _wake_up), ("frames", _frames)):
        yield _tried(subject, lambda trial=trial: _with_partner(trial))  # type: ignore[misc]


def _tried(subject: str, trial: Callable[[], Finding]) -> Finding:
    try:
        return trial()
    except (Error, OSError) as error:
        return Finding(subject, "problem", str(error), _advice(error))


def _advice(error: Error | OSError) -> str:
    """The advice: a cause that the operating system gives need not be reported."""
    if error.os_error if isinstance(error, Error) else error.errno:
        return "the system refuses it for the reason in the message: change that, then run pywinmmf doctor again"
    return REPORT


def _new_name() -> str:
    return f"doctor-{os.getpid()}-{secrets.token_hex(4)}"


def _name(namespace: Namespace) -> Finding:
    subject = f"names, {namespace.name.lower()}"
    name = _new_name()
    try:
        with (
            MemoryMappedFile.create(name, 100, namespace=namespace) as one,
            MemoryMappedFile.open(name, namespace=namespace) as other,
        ):
            one.write(b"doctor")
            if other.read(6) != b"doctor":
                return Finding(subject, "problem", "one handle does not read what another wrote", REPORT)
    except AccessDeniedError as error:
        if sys.platform != "win32" or namespace is not Namespace.GLOBAL:
            raise
        advice = "creating needs SeCreateGlobalPrivilege, which services and administrators have; opening does not"
        return Finding(subject, "note", str(error), advice)
    return Finding(subject, "fine", "create, open, write, read")


def _with_partner(trial: Callable[[MemoryMappedFile, Partner, str], Finding]) -> Finding:
    name = _new_name()
    with MemoryMappedFile.create(name, 4096) as section:
        partner = Partner(name)
        try:
            return trial(section, partner, name)
        finally:
            partner.kill()


def _exclusion(section: MemoryMappedFile, partner: Partner, _name: str) -> Finding:
    partner.ask("lock")
    try:
        with section.write_lock(timeout=0.05):
            return Finding("lock", "problem", "two processes held the write lock at the same time", REPORT)
    except LockTimeoutError:
        return Finding("lock", "fine", "the write lock of another process excludes this one")


def _death(section: MemoryMappedFile, partner: Partner, _name: str) -> Finding:
    partner.ask("lock")
    partner.kill()
    begin = time.monotonic()
    try:
        section.read(1, timeout=SECONDS)
    except OwnerDiedError:
        return Finding("death", "fine", f"a killed writer was noticed after {(time.monotonic() - begin) * 1e3:.1f} ms")
    except LockTimeoutError:
        return Finding("death", "problem", f"a killed writer was not noticed in {SECONDS:g} s", REPORT)
    return Finding("death", "problem", "a killed writer was overlooked", REPORT)


def _wake_up(section: MemoryMappedFile, partner: Partner, _name: str) -> Finding:
    partner.ask("echo")
    lengths = []
    for _ in range(ECHOES):
        begin = time.perf_counter()
        sequence = section.sequence
        section.write(b"call")
        section.wait(sequence + 1, timeout=SECONDS)  # our own write
        lengths.append((time.perf_counter() - begin) / 2)
    median, worst = statistics.median(lengths), sorted(lengths)[int(len(lengths) * 0.99)]
    found = f"{median * 1e6:.0f} us from a write to the other process (median), {worst * 1e6:.0f} us (slowest of 100)"
    if median < SLOW_WAKE:
        return Finding("wake-up", "fine", found)
    return Finding("wake-up", "note", found, "the machine is busy, or a guest on a busy one: measure on the target")


def _frames(_section: MemoryMappedFile, partner: Partner, name: str) -> Finding:
    with FrameChannel.create(f"{name}-frames", capacity=1000) as channel:
        partner.ask("frames")
        with channel.latest(timeout=SECONDS) as frame:
            whole = bytes(frame.data) == bytes([FRAMES - 1]) * 1000
            if not whole or frame.sequence != FRAMES:
                found = f"frame {frame.sequence} of {FRAMES} is not the published one"
                return Finding("frames", "problem", found, REPORT)
    return Finding("frames", "fine", f"{FRAMES} frames of another process, the newest one read in place")
