"""A signal may come at any moment: no wait outlasts it, no lock is lost to it, and no exception replaced.

In most tests it comes before a given bytecode of the package, one after the other.
"""

from __future__ import annotations

import _thread
import asyncio
import linecache
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from terminal import OWN_TERMINAL, press_ctrl_c

import pywinmmf
from pywinmmf import Error, FrameChannel, Layout, LockTimeoutError, MemoryMappedFile
from pywinmmf._core import handle

PACKAGE = str(Path(pywinmmf.__file__).parent)
LOCKS = pytest.mark.parametrize("lock", [MemoryMappedFile.read_lock, MemoryMappedFile.write_lock])


# Here it looks for no signals, but a trace can raise: around its call of a lock's __exit__.
QUIET = "with _opening:"


@pytest.fixture(autouse=True)
def waiting_thread(name: str) -> None:
    """A task has waited, so closing has a thread to notify."""
    with FrameChannel.create(f"{name}-waited", capacity=1) as channel, pytest.raises(LockTimeoutError):
        asyncio.run(channel.wait_async(0, timeout=0.01))


def line_of(frame: FrameType) -> str:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno or 0).strip()


@contextmanager
def interruption(before: int) -> Iterator[None]:
    """Raises KeyboardInterrupt before the package runs its bytecode of this number."""
    left = before

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and line_of(frame) != QUIET:
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
    """Does the work again and again, each time interrupted one bytecode later, until it is done without an
    interruption."""
    number = 0
    while True:
        with suppress(KeyboardInterrupt), interruption(number):
            work()
            break
        yield number
        number += 1
    assert number > 5


def hold(section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]) -> None:
    with lock(section):
        pass


class Variable:
    """The variable after ``as``, which outlives the block."""

    value: Any = None


@LOCKS
def test_leaving_the_section_gives_the_lock_back(name: str, lock: Callable[[MemoryMappedFile], Any]) -> None:
    def work() -> None:
        with MemoryMappedFile.open(name) as own:
            hold(own, lock)

    with MemoryMappedFile.create(name, 100, participants=2) as section:
        for number in moments(work):
            assert section.write(b"free", timeout=0) == 4, number


def test_what_was_opened_is_closed(name: str) -> None:
    def open_channel() -> None:
        FrameChannel.open(name).close()

    with FrameChannel.create(name, capacity=100, participants=2):
        for _ in moments(open_channel):
            open_channel()

    def create_section() -> None:
        MemoryMappedFile.create(name, 100).close()

    for _ in moments(create_section):
        create_section()


@LOCKS
def test_a_forgotten_guard_gives_the_lock_back(
    section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]
) -> None:
    other = MemoryMappedFile.open(section.name)
    for number in moments(lambda: hold(other, lock)):
        assert section.write(b"free", timeout=0) == 4, number
        assert other.write(b"free", timeout=0) == 4, number
    other.close()


@pytest.mark.parametrize("kind", ["read_lock", "write_lock"])
def test_a_lock_in_the_payload_is_released(name: str, kind: str) -> None:
    """It is released when its guard is forgotten, and when the section's block ends."""
    with MemoryMappedFile.create(name, 128, participants=3, locks=1) as table, MemoryMappedFile.open(name) as other:

        def work() -> None:
            with (
                MemoryMappedFile.open(name) as own,
                getattr(own.lock_at(64), kind)(),
                getattr(other.lock_at(0), kind)(),
            ):
                pass

        for number in moments(work):
            for offset in (0, 64):
                for one in (table, other):
                    with one.lock_at(offset).write_lock(0) as guard:
                        assert not guard.owner_died, number


@LOCKS
def test_a_guard_that_somebody_has_gives_the_lock_back(
    section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]
) -> None:
    other, kept = MemoryMappedFile.open(section.name), Variable()

    def work() -> None:
        with lock(other) as kept.value:
            pass

    for number in moments(work):
        assert section.write(b"free", timeout=0) == 4, number
        assert other.write(b"free", timeout=0) == 4, number
    other.close()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that send signals")
@pytest.mark.parametrize("same_guard", [False, True])
def test_a_signal_handler_leaves_the_lock_that_is_being_waited_for(section: MemoryMappedFile, same_guard: bool) -> None:
    guard = section.write_lock()
    refused: list[type[BaseException]] = []

    def handler(_number: int, _frame: FrameType | None) -> None:
        inner = guard if same_guard and not refused else section.write_lock(timeout=0)
        with pytest.raises((Error, RuntimeError)) as caught, section.write_lock(timeout=0), inner:
            pass
        refused.append(caught.type)
        leave.set()

    entered, leave = threading.Event(), threading.Event()

    def hold_it(other: MemoryMappedFile) -> None:
        with other.write_lock():
            entered.set()
            leave.wait()

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with MemoryMappedFile.open(section.name) as other, ThreadPoolExecutor(1) as pool:
            holding = pool.submit(hold_it, other)
            entered.wait()
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with guard, pytest.raises(Error, match="already holds"):
                other.read(timeout=0)
            holding.result(60)
            assert refused == [LockTimeoutError]
            assert other.read(1, timeout=0) == bytes(1)
    finally:
        signal.signal(signal.SIGALRM, before)


@LOCKS
def test_an_inner_lock_leaves_the_outer_one(section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]) -> None:
    def inner() -> None:
        with pytest.raises(Error, match="already"):
            hold(section, lock)

    with MemoryMappedFile.open(section.name) as other, section.write_lock():
        for _ in moments(inner):
            with pytest.raises(Error, match="already holds"):
                other.read(timeout=0)
        with pytest.raises(TypeError, match="timeout '1'"), section.write_lock(timeout="1"):  # type: ignore[arg-type]
            pass
        with pytest.raises(Error, match="already holds"):
            other.read(timeout=0)


def test_what_was_begun_is_dropped(name: str) -> None:
    kept = Variable()
    with FrameChannel.create(name, capacity=100) as channel, FrameChannel.open(name) as other:

        def work() -> None:
            with channel.begin() as kept.value:
                pass

        for number in moments(work):
            assert kept.value is None or kept.value.over
            assert other.publish(b"free") > 0, number
            assert channel.publish(b"free") > 0, number


def test_a_look_at_exit_changes_nothing(name: str) -> None:
    """As those of debuggers, at all attributes of an object."""
    with FrameChannel.create(name, capacity=100) as channel, FrameChannel.open(name) as other:
        new = channel.begin()
        assert callable(new.__exit__)
        with new:
            assert callable(new.__exit__)
            with pytest.raises(Error, match="already holds"):
                other.publish(b"busy")
        assert channel.sequence == 1
        new = channel.begin()
        new.__enter__()
        new.__exit__(None, None, None)
        assert channel.sequence == 2
    with MemoryMappedFile.create(name, 100) as section, MemoryMappedFile.open(name) as outsider:
        guard = section.write_lock()
        assert callable(guard.__exit__)
        with guard:
            assert callable(guard.__exit__)
            with pytest.raises(Error, match="already holds"):
                outsider.read(timeout=0)
        guard.__enter__()
        assert callable(guard.__exit__)
        with pytest.raises(Error, match="already holds"):
            outsider.read(timeout=0)
        guard.__exit__(None, None, None)
        assert section.sequence == 2


def test_what_was_read_is_released(name: str) -> None:
    with FrameChannel.create(name, capacity=100) as channel, FrameChannel.open(name) as reader:
        channel.publish(b"frame")
        looker = MemoryMappedFile.open(name, readonly=True)

        def work() -> None:
            with reader.latest(0) as frame:
                assert bytes(frame.data) == b"frame"

        for number in moments(work):
            assert not any(one.pins for one in looker.participants()), number
        looker.close()


def test_letting_go_of_a_frame_runs_no_python(name: str) -> None:
    """There a signal would be dropped."""
    called: list[CodeType] = []
    with FrameChannel.create(name, capacity=100) as channel, FrameChannel.open(name) as reader:
        channel.publish(b"frame")
        frame = reader.latest(0)
        view: memoryview | None = frame.data
        frame.release()
        with MemoryMappedFile.open(name, readonly=True) as looker:
            assert any(one.pins for one in looker.participants())
            sys.setprofile(lambda frame, _event, _argument: called.append(frame.f_code))
            view = None
            sys.setprofile(None)
            assert not any(one.pins for one in looker.participants())
    assert view is None
    assert set(called) <= {test_letting_go_of_a_frame_runs_no_python.__code__}


def test_closing_does_not_wait_for_a_thread_that_opens(name: str) -> None:
    """It may be in a garbage collection, whose thread has locks that the other needs."""
    opening, opened = threading.Event(), threading.Event()

    def open_slowly() -> None:
        with handle._opening:
            opening.set()
            opened.wait()

    with MemoryMappedFile.create(name, 100) as section, ThreadPoolExecutor(2) as pool:
        other = MemoryMappedFile.open(name)
        slow = pool.submit(open_slowly)
        opening.wait()
        try:
            pool.submit(other.close).result(60)
            assert len(section.participants()) == 1
        finally:
            opened.set()
        slow.result()


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


# One thread tells when another is in the package, or has it wait in a third.
WAITER = """
import asyncio, threading, time, pywinmmf
def in_package(frame):
    return frame is not None and (frame.f_code.co_filename.startswith(pywinmmf.__path__[0]) or in_package(frame.f_back))
def tell():
    while (
        threading.active_count() < 3
        and not in_package(sys._current_frames()[threading.main_thread().ident])
        and not any(one.waiting_writer or one.waiting_readers for one in section.participants())
        and not any(one.waiting for one in section.holds())
    ):
        time.sleep(0.01)
    print("waiting", flush=True)
section, channel = MemoryMappedFile.open(sys.argv[1]), FrameChannel.open(sys.argv[2])
telling = threading.Thread(target=tell, daemon=True)
telling.start()
try:
    {wait}
except KeyboardInterrupt:
    telling.join()
    print("interrupted")
section.close()
channel.close()
"""


@pytest.mark.parametrize(
    "wait",
    [
        "section.write_lock().__enter__()",
        "section.read_lock().__enter__()",
        "section.write(b'x')",
        "section.read()",
        "section.wait(section.sequence)",
        "asyncio.run(section.wait_async(section.sequence))",
        "channel.next()",
        "for frame in channel: pass",
        "channel.publish(b'x', timeout=None)",
        "section.lock_at(0).read_lock().__enter__()",
        "section.lock_at(0).write_lock().__enter__()",
        "section.lock_at(0).wait(0)",
    ],
)
def test_ctrl_c_ends_a_wait(name: str, wait: str, child: Callable[..., Any]) -> None:
    with (
        MemoryMappedFile.create(name, 128, locks=1) as section,
        FrameChannel.create(section.name + "-channel", capacity=10, slots=3) as channel,
    ):
        with section.write_lock(), section.lock_at(0).write_lock(), channel.begin():
            waiter = child(WAITER.format(wait=wait), section.name, channel.name, **OWN_TERMINAL)
            assert waiter.line() == "waiting"
            press_ctrl_c(waiter.process)
            assert waiter.result() == "interrupted"
        with section.lock_at(0).write_lock(0):
            assert section.write(b"free", 64, timeout=0) == 4
        assert channel.publish(b"free", timeout=0) > 0
        assert section.holds() == []


def test_an_interrupted_wait_leaves_the_queue(section: MemoryMappedFile) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold_it() -> None:
        with section.write_lock():
            entered.set()
            leave.wait()

    with MemoryMappedFile.open(section.name) as other, ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold_it)
        entered.wait()
        alarm = threading.Timer(0.2, _thread.interrupt_main)
        alarm.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                other.write(b"x")
            alarm.join()
            assert not any(one.waiting_writer for one in section.participants())
        finally:
            leave.set()
        holding.result(60)


@pytest.mark.parametrize("kind", ["write_lock", "write"])
def test_a_wait_keeps_its_place_in_the_queue(
    section: MemoryMappedFile, kind: str, eventually: Callable[..., None]
) -> None:
    def write_in_slices(own: MemoryMappedFile) -> None:
        if kind == "write":
            own.write(b"done")
        else:
            with own.write_lock():
                own.view()[:4] = b"done"

    def ticket(raw: MemoryMappedFile) -> bytes:
        return raw.read(8, 512 + 64 + 8)  # of the second participant

    with (
        MemoryMappedFile.open(section.name) as own,
        MemoryMappedFile.open(section.name, layout=Layout.RAW) as raw,
        ThreadPoolExecutor(1) as pool,
    ):
        with section.write_lock():
            waiting = pool.submit(write_in_slices, own)
            eventually(lambda: ticket(raw) != bytes(8))
            place, deadline = ticket(raw), time.perf_counter() + 0.35  # three slices
            while time.perf_counter() < deadline:
                assert ticket(raw) == place
        waiting.result(60)
        assert ticket(raw) == bytes(8)
    assert section.read(4) == b"done"
