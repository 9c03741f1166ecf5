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
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from pywinmmf import FrameChannel, Layout, MemoryMappedFile, Namespace, registry

if TYPE_CHECKING:
    from pywinmmf.camera.share import SharedCamera

WAIT_SECONDS = 60  # seconds until a silent process counts as stuck

CAMERA_SIZE = (64, 48)

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
            **how,
        )
        self._alarm = threading.Timer(WAIT_SECONDS, self.process.kill)
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
    """Damages a channel, and lets an audit find that."""

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
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.01)

    return wait


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Restored after each test: otherwise the settings of `camera share` for OpenCV would reach programs of later
    tests."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder for the registry."""
    monkeypatch.setattr(registry, "folders", lambda: [tmp_path])
    return tmp_path


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SharedCamera]]:
    """Shares cameras and ends them after the test."""
    from pywinmmf.camera.share import SharedCamera
    from pywinmmf.camera.sharing import Sharing

    monkeypatch.setattr("pywinmmf.camera.share.STEADY_SECONDS", 0.1)
    cameras: list[SharedCamera] = []

    def start(**how: Any) -> SharedCamera:
        cameras.append(SharedCamera(Sharing(**{"size": CAMERA_SIZE, **how})))
        return cameras[-1]

    yield start
    for camera in cameras:
        camera.close()


@pytest.fixture
def camera(name: str) -> Iterator[str]:
    """The name of a channel with a moving test picture, 30 a second."""
    from pywinmmf.camera.share import SharedCamera
    from pywinmmf.camera.sharing import Sharing

    shared = SharedCamera(Sharing("test", name, CAMERA_SIZE, most_fps=30, namespace=Namespace.LOCAL))
    yield name
    shared.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followers that soon give up."""
    monkeypatch.setattr("pywinmmf.viewers.state.STALLED_SECONDS", 0.3)
    monkeypatch.setattr("pywinmmf.viewers.follower.TICK", 0.05)
