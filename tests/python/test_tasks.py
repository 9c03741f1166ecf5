"""A lock belongs to one task or greenlet: another one of the same thread never uses it unknowingly."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pywinmmf import Error, FrameChannel, MemoryMappedFile

DEADLOCK = -24
Use = Callable[[MemoryMappedFile], object]
INSIDE_A_WRITE_LOCK = {
    "read": lambda section: section.read(timeout=1),
    "write": lambda section: section.write(b"B", timeout=1),
    "write_lock": lambda section: section.write_lock(1).__enter__(),
    "read_lock": lambda section: section.read_lock(1).__enter__(),
    "slice": lambda section: section[0:4],
    "mark_consistent": lambda section: section.mark_consistent(),
}


def run_thread(code: Callable[[], None]) -> None:
    thread = threading.Thread(target=code)
    thread.start()
    thread.join()


async def in_two_tasks(
    first: Callable[[asyncio.Event, asyncio.Event], Coroutine[Any, Any, None]], second: Callable[[], object]
) -> None:
    """The second while the first is inside its lock."""
    inside, leave = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(first(inside, leave), name="first task")
    await inside.wait()
    try:
        second()
    finally:
        leave.set()
        await task


@pytest.mark.parametrize("use", INSIDE_A_WRITE_LOCK.values(), ids=INSIDE_A_WRITE_LOCK.keys())
def test_a_task_is_told_who_has_the_lock(section: MemoryMappedFile, use: Use) -> None:
    async def first(inside: asyncio.Event, leave: asyncio.Event) -> None:
        with section.write_lock():
            section.write(b"half")
            inside.set()
            await leave.wait()
            section.write(b"done")

    def second() -> None:
        start = time.perf_counter()
        with pytest.raises(Error, match="task 'first task' has its lock") as caught:
            use(section)
        assert caught.value.status == DEADLOCK
        assert time.perf_counter() - start < 1  # an error at once, not after the timeout

    asyncio.run(in_two_tasks(first, second))
    assert section.read(4) == b"done"
    assert section.sequence == 1


def test_tasks_that_read_do_not_disturb_each_other(section: MemoryMappedFile) -> None:
    async def first(inside: asyncio.Event, leave: asyncio.Event) -> None:
        with section.read_lock():
            inside.set()
            await leave.wait()

    def second() -> None:
        assert section.read(4) == bytes(4)
        with pytest.raises(Error, match="first task"):
            section.write(b"x", timeout=0)

    asyncio.run(in_two_tasks(first, second))


def test_code_outside_all_tasks_is_told_too(section: MemoryMappedFile) -> None:
    async def read() -> None:
        with pytest.raises(Error, match="this thread's own code has its lock"):
            section.read()

    with section.write_lock():
        asyncio.run(read())
        assert section.write(b"own") == 3


def test_a_task_goes_on_with_its_own_lock(section: MemoryMappedFile) -> None:
    async def work() -> None:
        with section.write_lock():
            await asyncio.sleep(0)
            section.write(b"own")
            await asyncio.sleep(0)
            assert section.read(3) == b"own"

    asyncio.run(work())


def test_a_thread_that_ended_is_not_taken_for_a_later_one(section: MemoryMappedFile) -> None:
    """The system gives the number of a thread again."""
    guard = section.read_lock()
    numbers = []

    def end_with_the_lock() -> None:
        guard.__enter__()
        numbers.append(threading.get_ident())

    async def write() -> None:
        section.write(b"x", timeout=30)

    def write_if_it_has_the_number() -> None:
        if threading.get_ident() == numbers[0]:
            numbers.append(numbers[0])
            asyncio.run(write())

    run_thread(end_with_the_lock)
    for _ in range(1000):
        run_thread(write_if_it_has_the_number)
        if len(numbers) == 2:
            break
    else:
        pytest.skip("no later thread had the number of the first")
    assert section.sequence == 1


def test_another_threads_task_waits(section: MemoryMappedFile) -> None:
    async def locked(entered: threading.Event) -> None:
        with section.write_lock():
            entered.set()
            await asyncio.sleep(0.2)
            section.write(b"done")

    entered = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(locked(entered)))
    thread.start()
    entered.wait()
    assert section.read(4) == b"done"
    thread.join()


def test_a_greenlet_is_told(section: MemoryMappedFile) -> None:
    greenlet: Any = pytest.importorskip("greenlet", reason="the package greenlet is not installed")
    told: list[Any] = []

    def first() -> None:
        with section.write_lock():
            section.write(b"half")
            greenlet.getcurrent().parent.switch()
            section.write(b"done")

    def second() -> None:
        for use in INSIDE_A_WRITE_LOCK.values():
            with pytest.raises(Error, match="greenlet") as caught:
                use(section)  # type: ignore[no-untyped-call]
            told.append(caught.value.status)

    one, two = greenlet.greenlet(first), greenlet.greenlet(second)
    one.switch()
    two.switch()
    with pytest.raises(Error, match="greenlet"):
        section.read()  # the thread's first greenlet
    one.switch()
    assert told == [DEADLOCK] * len(INSIDE_A_WRITE_LOCK)
    assert section.read(4) == b"done"


def test_a_task_of_trio_is_told(section: MemoryMappedFile) -> None:
    trio: Any = pytest.importorskip("trio", reason="the package trio is not installed")

    async def first(inside: Any, leave: Any) -> None:
        with section.write_lock():
            section.write(b"half")
            inside.set()
            await leave.wait()
            section.write(b"done")

    async def main() -> None:
        inside, leave = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first, inside, leave)
            await inside.wait()
            for use in INSIDE_A_WRITE_LOCK.values():
                with pytest.raises(Error, match=r"first.* has its lock") as caught:
                    use(section)  # type: ignore[no-untyped-call]
                assert caught.value.status == DEADLOCK
            leave.set()

    trio.run(main)
    assert section.read(4) == b"done"


def test_tasks_wait_for_each_other_through_two_objects(section: MemoryMappedFile) -> None:
    """The lock of this thread may belong to another task, which releases it."""
    order = []

    async def hold(inside: asyncio.Event) -> None:
        async with section.write_lock_async():
            inside.set()
            await asyncio.sleep(0.05)
            order.append("first")

    async def main() -> None:
        inside = asyncio.Event()
        holding = asyncio.ensure_future(hold(inside))
        await inside.wait()
        with MemoryMappedFile.open(section.name) as other:
            async with other.write_lock_async(timeout=60):
                order.append("second")
        await holding

    asyncio.run(main())
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("write_lock_async", "write_lock_async"),
        ("write_lock_async", "read_lock_async"),
        ("read_lock_async", "write_lock_async"),
    ],
)
def test_a_task_that_waits_for_itself_through_two_objects_is_told(
    section: MemoryMappedFile, first: str, second: str
) -> None:
    async def main() -> None:
        unrelated = MemoryMappedFile.create(f"{section.name}-unrelated", 64)
        done = asyncio.Event()

        async def hold_another() -> None:
            async with unrelated.write_lock_async():
                await done.wait()

        holding = asyncio.ensure_future(hold_another())
        with MemoryMappedFile.open(section.name) as other:
            async with getattr(section, first)():
                with pytest.raises(Error) as told:
                    async with getattr(other, second)():
                        pass
                assert told.value.status == DEADLOCK
                with pytest.raises(Error) as told:
                    await other.write_async(b"x")
                assert told.value.status == DEADLOCK
        done.set()
        await holding
        unrelated.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_cancellation_at_any_await_leaves_nothing_held(section: MemoryMappedFile) -> None:
    """A group of tasks that lock, read frames and publish is cancelled after 1, 2, 3 ... turns of the event loop."""

    async def write(letter: bytes) -> None:
        while True:
            async with section.write_lock_async():
                section.write(letter * 64)
                await asyncio.sleep(0)
                assert bytes(section.view(0, 64)) == letter * 64
            async with section.read_lock_async():
                await asyncio.sleep(0)

    async def read(channel: FrameChannel) -> None:
        while True:
            with await channel.next_async(30):
                await asyncio.sleep(0)

    async def publish(channel: FrameChannel) -> None:
        while True:
            channel.publish(b"x")
            await asyncio.sleep(0)

    async def cancelled_after(turns: int, channel: FrameChannel) -> None:
        tasks = [asyncio.create_task(one) for one in (write(b"a"), write(b"b"), read(channel), publish(channel))]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError), repr(result)

    with FrameChannel.create(f"{section.name}-frames", capacity=8, slots=3) as channel:
        for turns in range(1, 60):
            asyncio.run(cancelled_after(turns, channel))
            with section.write_lock(0):
                pass
            for _ in range(4):  # each slot is free
                assert channel.publish(b"y")
