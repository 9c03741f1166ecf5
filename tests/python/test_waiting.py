"""Waiting for a change, in threads and in asyncio."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from pywinmmf import ClosedError, InvalidArgumentError, LockTimeoutError, MemoryMappedFile


def test_the_sequence_counts_writes(section: MemoryMappedFile) -> None:
    assert section.sequence == 0
    section.write(b"x")
    with section.write_lock():
        pass
    with section.read_lock():
        pass
    section.read()
    assert section.sequence == 2


def test_what_has_changed_already_is_not_waited_for(section: MemoryMappedFile) -> None:
    section.write(b"x")
    assert section.wait(0, timeout=0) == 1
    assert section.wait(12345) == 1


@pytest.mark.parametrize("readonly", [False, True])
def test_waiting_until_somebody_writes(section: MemoryMappedFile, readonly: bool) -> None:
    with MemoryMappedFile.open(section.name, readonly=readonly) as other, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other.wait, 0, 60)
        assert not waiting.done()
        section.write(b"x")
        assert waiting.result(60) == 1


def test_another_process_wakes_us(section: MemoryMappedFile, child: Callable[..., Any]) -> None:
    writer = child(
        """
section = MemoryMappedFile.open(sys.argv[1])
for sequence in range(0, 100, 2):
    section.write(b"ping")
    assert section.wait(sequence + 1, 60) == sequence + 2
""",
        section.name,
    )
    for sequence in range(0, 100, 2):
        assert section.wait(sequence, 60) == sequence + 1
        section.write(b"pong")
    writer.result()


@pytest.mark.parametrize("timeout", [0, 0.02, 0.25])
def test_nothing_comes(section: MemoryMappedFile, timeout: float) -> None:
    start = time.perf_counter()
    with pytest.raises(LockTimeoutError, match="sequence 0"):
        section.wait(0, timeout)
    assert time.perf_counter() - start >= timeout


def test_async_wait_lets_the_loop_run(section: MemoryMappedFile) -> None:
    async def scenario() -> int:
        waiting = asyncio.create_task(section.wait_async(0))
        for _ in range(10):
            await asyncio.sleep(0.02)
        assert not waiting.done()
        section.write(b"x")
        return await asyncio.wait_for(waiting, 60)

    assert asyncio.run(scenario()) == 1


def test_async_wait_times_out(section: MemoryMappedFile) -> None:
    with pytest.raises(LockTimeoutError):
        asyncio.run(section.wait_async(0, timeout=0.15))
    with pytest.raises(InvalidArgumentError):
        asyncio.run(section.wait_async(0, timeout=-1))


def test_async_wait_can_be_cancelled(section: MemoryMappedFile) -> None:
    """A cancelled wait leaves no thread behind: asyncio.run joins its worker threads."""

    async def scenario() -> None:
        waiting = asyncio.create_task(section.wait_async(0))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scenario())
    assert section.write(b"x", timeout=0) == 1


def test_async_wait_ends_when_closed(section: MemoryMappedFile) -> None:
    async def scenario() -> None:
        waiting = asyncio.create_task(section.wait_async(0))
        await asyncio.sleep(0.05)
        section.close()
        with pytest.raises(ClosedError):
            await waiting

    asyncio.run(scenario())


def test_a_thousand_waits_are_one_thread(section: MemoryMappedFile) -> None:
    """Half of them on another section; each timeout counts from its call."""

    async def wait_for_all(other: MemoryMappedFile) -> None:
        threads = threading.active_count()
        waits = [asyncio.create_task((section, other)[number % 2].wait_async(0, 60)) for number in range(1000)]
        start = time.perf_counter()
        with pytest.raises(LockTimeoutError):
            await section.wait_async(0, 0.1)
        assert 0.1 <= time.perf_counter() - start < 5
        assert threading.active_count() <= threads + 1
        section.write(b"x")
        assert await asyncio.gather(*waits[::2]) == [1] * 500
        assert not any(wait.done() for wait in waits[1::2])
        other.write(b"x")
        assert await asyncio.gather(*waits[1::2]) == [1] * 500

    with MemoryMappedFile.create(section.name + "-other", 10) as other:
        asyncio.run(wait_for_all(other))


def test_waits_for_more_sections_than_one_thread_takes(name: str) -> None:
    async def wait_for_each(sections: list[MemoryMappedFile]) -> list[int]:
        waits = [asyncio.create_task(one.wait_async(0, 60)) for one in sections]
        await asyncio.sleep(0)
        for one in sections:
            one.write(b"x")
        return await asyncio.gather(*waits)

    with ExitStack() as stack:
        sections = [stack.enter_context(MemoryMappedFile.create(f"{name}-{number}", 10)) for number in range(150)]
        assert asyncio.run(wait_for_each(sections)) == [1] * 150


def test_a_cancelled_wait_leaves_nothing(section: MemoryMappedFile, eventually: Callable[..., None]) -> None:
    async def cancel_some() -> None:
        waits = [asyncio.create_task(section.wait_async(0)) for _ in range(10)]
        await asyncio.sleep(0.01)
        for wait in waits:
            wait.cancel()
        assert all(
            isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*waits, return_exceptions=True)
        )

    with MemoryMappedFile.open(section.name) as other:
        asyncio.run(cancel_some())
        section.close()
        eventually(lambda: len(other.participants()) == 1)
