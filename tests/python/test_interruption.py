"""A signal may come at any moment: no lock is lost to it, and no exception replaced.

In most tests it comes before a given bytecode of the package, one after the other.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Callable

import pytest

import pywinmmf
from pywinmmf import Error, FrameChannel, LockTimeoutError, MemoryMappedFile, _handle
from pywinmmf._binding import lib

PACKAGE = str(Path(pywinmmf.__file__).parent)
LOCKS = pytest.mark.parametrize("lock", [MemoryMappedFile.read_lock, MemoryMappedFile.write_lock])


def names(frame: FrameType | None) -> Iterator[str]:
    """Of the functions that are running."""
    while frame is not None:
        yield frame.f_code.co_name
        frame = frame.f_back


@contextmanager
def interruption(before: int) -> Iterator[None]:
    """Raises KeyboardInterrupt before the package runs its bytecode of this number."""
    left = before

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(PACKAGE) or "__del__" in names(frame):
            return None  # Python itself drops what is raised in a __del__
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


def moments(work: Callable[[], object]) -> Iterator[int]:
    """Does the work again and again, each time interrupted a bytecode later, until it is done in peace."""
    number = 0
    while True:
        with suppress(KeyboardInterrupt), interruption(number):
            work()
            break
        yield number
        number += 1
    assert number > 20


def hold(section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]) -> None:
    with lock(section):
        pass


@LOCKS
def test_leaving_the_section_gives_the_lock_back(
    section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]
) -> None:
    def work() -> None:
        with MemoryMappedFile.open(section.name) as own:
            hold(own, lock)

    for number in moments(work):
        assert section.write(b"free", timeout=0) == 4, number


@LOCKS
def test_a_forgotten_guard_gives_the_lock_back(
    section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]
) -> None:
    other = MemoryMappedFile.open(section.name)
    for number in moments(lambda: hold(other, lock)):
        assert section.write(b"free", timeout=0) == 4, number
        assert other.write(b"free", timeout=0) == 4, number
    other.close()


@LOCKS
def test_an_inner_lock_leaves_the_outer_one(section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]) -> None:
    def inner() -> None:
        with pytest.raises(Error, match="already"):
            hold(section, lock)

    with MemoryMappedFile.open(section.name) as other, section.write_lock():
        for _ in moments(inner):
            with pytest.raises(LockTimeoutError):
                other.read(timeout=0)
        with pytest.raises(TypeError, match="timeout '1'"), section.write_lock(timeout="1"):  # type: ignore[arg-type]
            pass
        with pytest.raises(LockTimeoutError):
            other.read(timeout=0)


def test_what_was_begun_is_dropped(name: str) -> None:
    with FrameChannel.create(name, capacity=100) as channel, FrameChannel.open(name) as other:

        def work() -> None:
            with channel.begin():
                pass

        for number in moments(work):
            assert other.publish(b"free") > 0, number


def test_an_exception_is_not_replaced(section: MemoryMappedFile) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold_it(own: MemoryMappedFile) -> None:
        with own.write_lock():
            entered.set()
            leave.wait()

    own = MemoryMappedFile.open(section.name)
    with ThreadPoolExecutor(1) as pool:
        try:
            with pytest.raises(ZeroDivisionError), own:
                pool.submit(hold_it, own)
                entered.wait()
                raise ZeroDivisionError
            with pytest.raises(Error, match="locked"), own:
                pass
        finally:
            leave.set()
    own.close()
    assert section.sequence == 1


def test_leaving_the_section_inside_its_lock(section: MemoryMappedFile) -> None:
    with MemoryMappedFile.open(section.name) as own:
        guard = own.write_lock().__enter__()
    assert own.closed
    assert section.write(b"free", timeout=0) == 4
    with pytest.raises(Error, match="does not hold"):
        guard.__exit__(None, None, None)


def test_an_interrupted_wait_leaves_the_queue(section: MemoryMappedFile) -> None:
    with MemoryMappedFile.open(section.name) as other, section.write_lock():
        alarm = threading.Timer(0.2, _thread.interrupt_main)
        alarm.start()
        with pytest.raises(KeyboardInterrupt):
            other.write(b"x")
        alarm.join()
        assert not any(one.waiting_writer for one in section.participants())


@pytest.mark.parametrize("kind", ["write_lock", "write"])
def test_a_wait_keeps_its_place_in_the_queue(
    section: MemoryMappedFile, kind: str, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    """First comes who asked first, and a patient native writer second, whatever became of the first one's slices."""
    slices = 0

    def counted(_timeout: float | None) -> Iterator[int]:
        nonlocal slices
        while True:
            slices += 1
            yield 1_000_000

    def write_in_slices(own: MemoryMappedFile) -> None:
        if kind == "write":
            own.write(b"first")
        else:
            with own.write_lock():
                own.view()[:5] = b"first"

    def found_at_a_stretch(own: MemoryMappedFile) -> bytes:
        native = own._handle.native()
        assert lib.wmmf_lock_write(native, 60 * 10**9) == 0
        found = bytes(own.view(0, 5))
        assert lib.wmmf_unlock_write(native) == 0
        return found

    def waiting() -> int:
        return sum(one.waiting_writer for one in section.participants())

    monkeypatch.setattr(_handle, "slices", counted)
    one, two = MemoryMappedFile.open(section.name), MemoryMappedFile.open(section.name)
    with one, two, ThreadPoolExecutor(2) as pool:
        with section.write_lock():
            first = pool.submit(write_in_slices, one)
            eventually(lambda: waiting() == 1)
            second = pool.submit(found_at_a_stretch, two)
            eventually(lambda: waiting() == 2)
            seen = slices
            eventually(lambda: slices > seen + 2)
        first.result(60)
        assert second.result(60) == b"first"
