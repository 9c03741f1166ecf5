"""Locks: who excludes whom, timeouts, dead owners, poison, interruption."""

from __future__ import annotations

import _thread
import concurrent.futures
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from pywinmmf import (
    Error,
    Layout,
    LockTimeoutError,
    MemoryMappedFile,
    OwnerDiedError,
    ReadLock,
    WriteLock,
)

lockable = pytest.mark.parametrize("layout", [Layout.NATIVE, Layout.WINMMF])
Child = Callable[..., Any]


@contextmanager
def held_elsewhere(lock: ReadLock | WriteLock) -> Iterator[None]:
    """Another thread holds the lock."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lock.__enter__).result()
        try:
            yield
        finally:
            pool.submit(lock.__exit__, None, None, None).result()


HOLD = """
section = MemoryMappedFile.open(sys.argv[1], layout=Layout(int(sys.argv[2])), size=1000)
lock = getattr(section, sys.argv[3])()
lock.__enter__()
if sys.argv[3] == "write_lock":
    section.write(b"half written")
print("held")
import time
time.sleep(600)
"""


@lockable
def test_readers_share_and_writers_do_not(name: str, layout: Layout) -> None:
    with (
        MemoryMappedFile.create(name, 1000, layout=layout) as one,
        MemoryMappedFile.open(name, layout=layout, size=1000) as two,
    ):
        with one.read_lock(), two.read_lock(timeout=0):
            assert two.read(1, timeout=0) == b"\0"
        with held_elsewhere(one.read_lock()):
            for timeout in (0, 0.01):
                with pytest.raises(LockTimeoutError), two.write_lock(timeout):
                    pass
                with pytest.raises(LockTimeoutError) as caught:
                    two.write(b"x", timeout=timeout)
                assert isinstance(caught.value, TimeoutError)
        with held_elsewhere(one.write_lock()):
            for lock in (two.read_lock, two.write_lock):
                with pytest.raises(LockTimeoutError, match=name), lock(timeout=0):
                    pass
            with pytest.raises(LockTimeoutError):
                two.read(timeout=0)
        with two.write_lock(timeout=0) as guard:
            assert not guard.owner_died


@pytest.mark.parametrize("timeout", [0.05, 0.25])
def test_a_timeout_takes_its_time_and_no_longer(section: MemoryMappedFile, timeout: float) -> None:
    with MemoryMappedFile.open(section.name) as other, held_elsewhere(section.write_lock()):
        start = time.perf_counter()
        with pytest.raises(LockTimeoutError), other.read_lock(timeout):
            pass
        assert timeout <= time.perf_counter() - start < timeout + 10


def test_copies_inside_ones_own_lock(section: MemoryMappedFile) -> None:
    with section.write_lock():
        assert section.write(b"abc") == 3
        assert section.read(3) == b"abc"
        assert section.sequence == 0
    assert section.sequence == 1
    with section.read_lock():
        assert section.read(3) == b"abc"
        with pytest.raises(Error, match="already"):
            section.write(b"x")


def test_a_thread_cannot_take_it_twice(section: MemoryMappedFile) -> None:
    locks: list[Callable[[], ReadLock | WriteLock]] = [section.read_lock, section.write_lock]
    for outer in locks:
        for inner in locks:
            with outer():
                with pytest.raises(Error, match="already"), inner():
                    pass
                with (
                    MemoryMappedFile.open(section.name) as other,
                    ThreadPoolExecutor(1) as pool,
                    pytest.raises(LockTimeoutError),
                ):
                    pool.submit(other.write, b"x", timeout=0).result()  # the outer one is still held


@lockable
@pytest.mark.parametrize("timeout", [0, 0.001, 0.05, None])
def test_two_objects_of_a_thread_are_told_at_once(name: str, layout: Layout, timeout: float | None) -> None:
    with (
        MemoryMappedFile.create(name, 1000, layout=layout) as one,
        MemoryMappedFile.open(name, layout=layout, size=1000) as two,
    ):
        with one.write_lock():
            for lock in (two.read_lock, two.write_lock):
                with pytest.raises(Error, match="this thread already holds the lock"), lock(timeout):
                    pass
            with pytest.raises(Error, match="this thread already holds the lock"):
                two.read(timeout=timeout)
        with one.read_lock(), pytest.raises(Error, match="this thread already holds the lock"):
            two.write(b"x", timeout=timeout)
        two.write(b"x", timeout=0)


def test_close_is_refused_while_locked(section: MemoryMappedFile) -> None:
    with section.write_lock():
        with pytest.raises(Error, match="locked"):
            section.close()
        section.write(b"still open")
    section.close()


def test_an_exception_gives_the_lock_back(section: MemoryMappedFile) -> None:
    for lock in (section.read_lock, section.write_lock):
        with pytest.raises(ZeroDivisionError), lock():
            raise ZeroDivisionError
    assert section.write(b"free", timeout=0) == 4


def test_a_guard_may_be_used_again(section: MemoryMappedFile) -> None:
    guard = section.write_lock()
    for _ in range(3):
        with guard:
            pass
    assert section.sequence == 3


def test_readers_may_share_a_guard(section: MemoryMappedFile) -> None:
    guard = section.read_lock()
    with MemoryMappedFile.open(section.name) as other, ThreadPoolExecutor(1) as pool:
        with guard:
            pool.submit(guard.__enter__).result(60)
        with pytest.raises(LockTimeoutError):
            other.write(b"x", timeout=0)
        pool.submit(guard.__exit__, None, None, None).result(60)
        assert other.write(b"free", timeout=0) == 4


def test_writers_may_share_a_guard(section: MemoryMappedFile, eventually: Callable[..., None]) -> None:
    guard = section.write_lock()
    with MemoryMappedFile.open(section.name) as other, ThreadPoolExecutor(1) as pool:
        with guard:
            entering = pool.submit(guard.__enter__)
            eventually(lambda: any(one.waiting_writer for one in other.participants()))
        entering.result(60)
        with pytest.raises(LockTimeoutError):
            other.read(timeout=0)
        pool.submit(guard.__exit__, None, None, None).result(60)
        assert other.write(b"free", timeout=0) == 4


@pytest.mark.parametrize("lock", [MemoryMappedFile.read_lock, MemoryMappedFile.write_lock])
def test_leaving_what_was_not_entered(section: MemoryMappedFile, lock: Callable[[MemoryMappedFile], Any]) -> None:
    guard = lock(section)
    for _ in range(2):
        with pytest.raises(Error, match="does not hold"):
            guard.__exit__(None, None, None)
        with guard, pytest.raises(Error, match="does not hold"):
            lock(section).__exit__(None, None, None)


def test_a_waiting_thread_gets_the_lock(section: MemoryMappedFile) -> None:
    with ThreadPoolExecutor(1) as pool:
        with section.write_lock():
            section.write(b"first")
            waiting = pool.submit(section.read, 5)
            with pytest.raises(concurrent.futures.TimeoutError):
                waiting.result(timeout=0.3)  # longer than one slice
            section.write(b"final")
        assert waiting.result(timeout=60) == b"final"


@lockable
def test_threads_lose_no_increment(name: str, layout: Layout) -> None:
    with MemoryMappedFile.create(name, 8, layout=layout) as section:

        def count() -> None:
            for _ in range(300):
                with section.write_lock():
                    value = int.from_bytes(section.read(8), "little") + 1
                    section.write(value.to_bytes(8, "little"))

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert int.from_bytes(section.read(8), "little") == 1200


@lockable
def test_processes_lose_no_increment(name: str, layout: Layout, child: Child) -> None:
    code = """
section = MemoryMappedFile.open(sys.argv[1], layout=Layout(int(sys.argv[2])), size=8)
for _ in range(300):
    with section.write_lock():
        value = int.from_bytes(section.read(8), "little") + 1
        section.write(value.to_bytes(8, "little"))
"""
    with MemoryMappedFile.create(name, 8, layout=layout) as section:
        for each in [child(code, name, int(layout)) for _ in range(3)]:
            each.result()
        assert int.from_bytes(section.read(8), "little") == 900


def test_nobody_sees_half_a_write(name: str, child: Child) -> None:
    code = """
section = MemoryMappedFile.open(sys.argv[1])
print("ready")
for value in range(1000):
    section.write(bytes([value % 256]) * section.size)
"""
    with MemoryMappedFile.create(name, 100_000) as section:
        reader = MemoryMappedFile.open(name, readonly=True)
        writer = child(code, name)
        assert writer.line() == "ready"
        while section.sequence < 1000:
            for each in (section, reader):
                seen = each.read()
                assert seen == seen[:1] * len(seen)
        writer.result()
        reader.close()


@lockable
@pytest.mark.parametrize("lock", ["read_lock", "write_lock"])
def test_another_process_holds_it(name: str, layout: Layout, lock: str, child: Child) -> None:
    with MemoryMappedFile.create(name, 1000, layout=layout) as section:
        holder = child(HOLD, name, int(layout), lock)
        assert holder.line() == "held"
        with pytest.raises(LockTimeoutError):
            section.write(b"x", timeout=0.05)


def test_a_dead_reader_is_cleared_away(section: MemoryMappedFile, child: Child) -> None:
    holder = child(HOLD, section.name, 0, "read_lock")
    assert holder.line() == "held"
    assert section.audit().readers == 1
    holder.kill()
    assert section.write(b"free", timeout=30) == 4
    assert not section.audit().damaged


@pytest.fixture
def bereft(section: MemoryMappedFile, child: Child) -> MemoryMappedFile:
    """A section whose writer was killed while it held the lock."""
    holder = child(HOLD, section.name, 0, "write_lock")
    assert holder.line() == "held"
    assert section.audit().writer_pid != 0
    holder.kill()
    return section


def test_plain_calls_say_that_the_owner_died(bereft: MemoryMappedFile) -> None:
    with pytest.raises(OwnerDiedError):
        bereft.read(timeout=30)
    sequence = bereft.sequence
    for _ in range(2):
        with pytest.raises(OwnerDiedError):
            bereft.write(b"x", timeout=30)
        with pytest.raises(OwnerDiedError):
            bereft.read(timeout=30)
        with pytest.raises(OwnerDiedError), bereft.read_lock(30):
            pass
        with pytest.raises(OwnerDiedError), bereft.write_lock(30):
            pass
    assert bereft.sequence == sequence
    assert bytes(bereft.view(0, 12)) == b"half written"
    assert bereft.audit().owner_died


def test_the_next_writer_repairs(bereft: MemoryMappedFile) -> None:
    with bereft.write_lock(30, repair=True) as guard:
        assert guard.owner_died
        bereft.write(b"repaired    ")
        bereft.mark_consistent()
    assert bereft.read(8, timeout=0) == b"repaired"
    with bereft.write_lock(0) as guard:
        assert not guard.owner_died
    report = bereft.audit()
    assert not report.owner_died
    assert not report.poisoned
    assert not report.damaged


def test_a_timeout_does_not_hide_that_the_owner_died(bereft: MemoryMappedFile) -> None:
    guard = bereft.write_lock(0.1, repair=True)
    with guard, ThreadPoolExecutor(1) as pool:
        with pytest.raises(LockTimeoutError):
            pool.submit(guard.__enter__).result(60)
        assert guard.owner_died
        bereft.mark_consistent()


def test_leaving_it_unrepaired_leaves_that_to_the_next(bereft: MemoryMappedFile) -> None:
    other = MemoryMappedFile.open(bereft.name)
    with bereft.write_lock(30, repair=True) as guard:
        assert guard.owner_died
    uses: list[Callable[[], Any]] = [
        lambda: bereft.read(),
        lambda: other.write(b"x"),
        other.read_lock().__enter__,
        lambda: bereft.wait(bereft.sequence),
        lambda: MemoryMappedFile.open(bereft.name, readonly=True).read(),
    ]
    for use in uses:
        with pytest.raises(OwnerDiedError):
            use()
    assert other.audit().owner_died and not other.audit().poisoned
    with other.write_lock(repair=True) as guard:
        assert guard.owner_died
        other.mark_consistent()
    assert bereft.write(b"x") == 1
    other.close()


def test_an_exception_while_repairing_leaves_that_to_the_next(bereft: MemoryMappedFile) -> None:
    with pytest.raises(ZeroDivisionError), bereft.write_lock(30, repair=True):
        raise ZeroDivisionError
    with pytest.raises(OwnerDiedError):
        bereft.read()


def test_mark_consistent_needs_the_lock(section: MemoryMappedFile) -> None:
    with pytest.raises(Error, match="does not hold"):
        section.mark_consistent()


def test_the_wrong_thread_cannot_unlock(section: MemoryMappedFile) -> None:
    guard = section.write_lock()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(guard.__enter__).result()
        with pytest.raises(Error, match="does not hold"):
            guard.__exit__(None, None, None)
        pool.submit(guard.__exit__, None, None, None).result()
    assert section.sequence == 1


WAITS: dict[str, Callable[[MemoryMappedFile], Any]] = {
    "write": lambda m: m.write(b"x"),
    "read": lambda m: m.read(),
    "read_lock": lambda m: m.read_lock().__enter__(),
    "write_lock": lambda m: m.write_lock(timeout=500).__enter__(),
    "wait": lambda m: m.wait(m.sequence),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=list(WAITS))
def test_ctrl_c_ends_a_wait(section: MemoryMappedFile, wait: Callable[[Any], Any]) -> None:
    with MemoryMappedFile.open(section.name) as other, held_elsewhere(section.write_lock()):
        alarm = threading.Timer(0.2, _thread.interrupt_main)
        alarm.start()
        with pytest.raises(KeyboardInterrupt):
            wait(other)
        alarm.join()
    assert section.write(b"free", timeout=0) == 4


@pytest.mark.parametrize("wait", WAITS.values(), ids=list(WAITS))
def test_closing_ends_the_waits_of_other_threads(section: MemoryMappedFile, wait: Callable[[Any], Any]) -> None:
    other = MemoryMappedFile.open(section.name)
    with section.write_lock(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait, other)
        other.close()
        with pytest.raises(Error, match="closed"):
            waiting.result(timeout=60)


def test_a_lock_forgotten_in_another_thread_ends_with_its_own(section: MemoryMappedFile) -> None:
    """It stays taken until the thread that took it ends, and that counts as a death, as the docstring says."""
    guards: list[Any] = []
    taken, end = threading.Event(), threading.Event()

    def take() -> None:
        guards.append(section.write_lock().__enter__())
        taken.set()
        end.wait()

    thread = threading.Thread(target=take)
    thread.start()
    taken.wait()
    guards.clear()
    with MemoryMappedFile.open(section.name) as other:
        with pytest.raises(LockTimeoutError):
            other.write(b"x", timeout=0)
        end.set()
        thread.join()
        with pytest.raises(OwnerDiedError), other.write_lock(30):
            pass
        with other.write_lock(30, repair=True) as guard:
            assert guard.owner_died
            other.mark_consistent()
        assert section.write(b"free", timeout=0) == 4


def test_two_objects_in_one_thread_are_told(section: MemoryMappedFile) -> None:
    with MemoryMappedFile.open(section.name) as other:
        for outer, inner in (
            (section.write_lock, other.write_lock),
            (section.write_lock, other.read_lock),
            (section.read_lock, other.write_lock),
        ):
            with outer(), pytest.raises(Error) as caught, inner():
                pass
            assert caught.value.status == -24
        with section.write_lock():
            for use in (lambda: other.read(), lambda: other.write(b"x")):
                with pytest.raises(Error, match="already holds"):
                    use()
