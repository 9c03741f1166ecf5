"""What the tests of the Python package share: unique names, and other processes."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import FrameChannel, Layout, MemoryMappedFile, Namespace

PATIENCE = 60  # seconds until a process that says nothing counts as stuck

_numbers = itertools.count()


@pytest.fixture
def name() -> str:
    """A name that nobody else uses."""
    return f"pywinmmf-test-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def section(name: str) -> Iterator[MemoryMappedFile]:
    """A native section of 1000 bytes."""
    with MemoryMappedFile.create(name, 1000) as made:
        yield made


class Child:
    """Another Python process, which runs ``code`` and talks to us through its standard output."""

    def __init__(self, code: str, *arguments: object, **how: Any) -> None:
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-u", "-c", "import sys; from pywinmmf import *\n" + code, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            cwd=Path(__file__).parent,  # from where no source tree hides the installed package
            **how,
        )
        self._alarm = threading.Timer(PATIENCE, self.process.kill)
        self._alarm.start()

    def line(self) -> str:
        """What it prints next; empty at its end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def result(self) -> str:
        """What else it prints, and that it ended well."""
        assert self.process.stdout is not None
        output = self.process.stdout.read().strip()
        assert self.process.wait() == 0
        return output

    def kill(self) -> None:
        """SIGKILL, or TerminateProcess."""
        self.process.kill()
        self.process.wait()

    def dismiss(self) -> None:
        self._alarm.cancel()
        self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Starts child processes and ends them after the test."""
    children: list[Child] = []

    def start(code: str, *arguments: object, **how: Any) -> Child:
        children.append(Child(code, *arguments, **how))
        return children[-1]

    yield start
    for each in children:
        each.dismiss()


@pytest.fixture
def damage() -> Callable[..., None]:
    """Damages a channel and has that found."""

    def do(name: str, namespace: Namespace = Namespace.LOCAL) -> None:
        with FrameChannel.open(name, namespace=namespace) as channel:
            with MemoryMappedFile.open(name, namespace=namespace, layout=Layout.RAW) as raw:
                raw.write(b"\x07", 512 + 2)  # a tally: the read locks that its creator holds
            assert channel.audit().poisoned

    return do


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until a condition is true."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.01)

    return wait
