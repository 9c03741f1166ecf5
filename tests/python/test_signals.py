"""Real signals at random moments: whatever they interrupt, nothing stays locked, pinned or begun."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from pywinmmf import FrameChannel, MemoryMappedFile

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that send signals")

SECONDS = 1.0  # of each kind: some ten thousand signals


class Interruption(Exception):
    """What the signal handler raises."""


@pytest.fixture
def interrupted() -> Iterator[Callable[[Callable[[], None]], int]]:
    """Does work again and again, each time interrupted after some microseconds; how often it was."""

    def handler(_number: int, _frame: FrameType | None) -> None:
        raise Interruption

    def run(work: Callable[[], None]) -> int:
        count, deadline = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < deadline:
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 60e-6))
                    while True:
                        work()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Interruption:
                count += 1
        return count

    before = signal.signal(signal.SIGALRM, handler)
    yield run
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("kind", ["write_lock", "read_lock", "kept"])
def test_locks(name: str, kind: str, interrupted: Callable[[Callable[[], None]], int]) -> None:
    with MemoryMappedFile.create(name, 100) as section, MemoryMappedFile.open(name) as other:
        kept = section.write_lock()

        def work() -> None:
            with kept if kind == "kept" else getattr(section, kind)():
                pass

        assert interrupted(work) > 100
        assert other.write(b"free", timeout=0) == 4
        assert section.write(b"free", timeout=0) == 4


@pytest.mark.parametrize("kind", ["begin", "publish"])
def test_writing(name: str, kind: str, interrupted: Callable[[Callable[[], None]], int]) -> None:
    with FrameChannel.create(name, capacity=100) as channel, FrameChannel.open(name) as other:

        def work() -> None:
            if kind == "begin":
                with channel.begin() as frame:
                    frame.data[:1] = b"x"
            else:
                channel.publish(b"x")

        assert interrupted(work) > 100
        assert other.publish(b"free", timeout=0) > 0
        assert channel.publish(b"free", timeout=0) > 0


@pytest.mark.parametrize("kind", ["latest", "kept", "next", "view"])
def test_reading(name: str, kind: str, interrupted: Callable[[Callable[[], None]], int]) -> None:
    with FrameChannel.create(name, capacity=100) as channel, FrameChannel.open(name) as reader:
        channel.publish(b"frame")
        views: list[memoryview] = []

        def work() -> None:
            if kind == "next":
                channel.publish(b"frame")
            frame = reader.next() if kind == "next" else reader.latest()
            if kind == "kept":
                assert bytes(frame.data) == b"frame"
                return  # forgotten
            with frame:
                if kind == "view":
                    views[:] = [frame.data]

        assert interrupted(work) > 100
        views.clear()
        assert not any(one.pins for one in reader.participants())


def test_opening(name: str, interrupted: Callable[[Callable[[], None]], int]) -> None:
    with MemoryMappedFile.create(name, 100) as section:

        def work() -> None:
            MemoryMappedFile.open(name).close()

        assert interrupted(work) > 100
        assert len(section.participants()) == 1
