"""Matching frames of several channels."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from pywinmmf import (
    ArgumentTypeError,
    ClosedError,
    Error,
    FrameChannel,
    InvalidArgumentError,
    LockTimeoutError,
    next_set,
    next_set_async,
)

MS = 1_000_000


def cameras(name: str, count: int, history: int) -> list[FrameChannel]:
    return [
        FrameChannel.create(f"{name}-{index}", capacity=64, slots=history + 4, history=history)
        for index in range(count)
    ]


def test_the_newest_set_that_was_not_given(name: str) -> None:
    writers = cameras(name, 3, 8)
    readers = [FrameChannel.open(writer.name) for writer in writers]
    for number in range(1, 6):
        for index, writer in enumerate(writers):
            if (number, index) != (5, 2):  # the third camera is behind
                writer.publish(bytes([number, index]), timestamp_ns=number * 33 * MS + index * MS)
    frames = next_set(readers, 0.005, 0)
    assert [bytes(frame.data) for frame in frames] == [bytes([4, index]) for index in range(3)]
    for frame in frames:
        frame.release()
    with pytest.raises(LockTimeoutError):
        next_set(readers, 0.005, 0)
    writers[2].publish(b"late", timestamp_ns=5 * 33 * MS + 2 * MS)
    frames = next_set(readers, 0.005, 0)
    assert [frame.sequence for frame in frames] == [5, 5, 5]
    for channel in [*writers, *readers]:
        channel.close()


def test_it_waits_for_the_last_of_a_set(name: str) -> None:
    writers = cameras(name, 2, 4)
    writers[0].publish(b"first", timestamp_ns=100 * MS)
    waited: list[float] = []

    def publish_later() -> None:
        time.sleep(0.2)
        waited.append(time.perf_counter())
        writers[1].publish(b"other", timestamp_ns=101 * MS)

    thread = threading.Thread(target=publish_later)
    thread.start()
    frames = next_set(writers, 0.002, 30)
    assert waited and time.perf_counter() >= waited[0]
    assert [bytes(frame.data) for frame in frames] == [b"first", b"other"]
    thread.join()


def pins(channel: FrameChannel) -> int:
    return sum(participant.pins for participant in channel.participants())


def test_a_channel_twice(name: str) -> None:
    with cameras(name, 1, 0)[0] as camera:
        camera.publish(b"same", timestamp_ns=MS)
        first, second = next_set([camera, camera], 0, 0)
        first.release()
        assert bytes(second.data) == b"same" and second.intact
        second.release()
        assert pins(camera) == 0


def test_after_an_error_nothing_is_held(name: str) -> None:
    one, other = cameras(name, 2, 10)
    for number in range(1, 10):
        for camera in (one, other):
            camera.publish(b"frame", timestamp_ns=number * MS)
    held = [other.at(number) for number in range(1, 9)]
    with pytest.raises(Error, match=f"get a frame of channel '{other.name}'") as caught:
        next_set([one, other], 0, 0)
    assert caught.value.status == -28  # WMMF_E_FULL
    assert pins(one) == 0
    for frame in held:
        frame.release()
    with next_set([one, other], 0, 0)[0] as frame:
        assert frame.sequence == 9
    one.close()
    with pytest.raises(ClosedError):
        next_set([other, one], 0)


def test_channels_that_give_copies(name: str) -> None:
    """Their buffers follow to larger pictures."""
    with FrameChannel.create(name, capacity=10, participants=2) as writer:
        readers = [FrameChannel.open(name, readonly=True) for _ in range(4)]
        copying = [reader for reader in readers if not reader.in_place]
        assert copying
        writer.publish(b"small", timestamp_ns=MS)
        one, other = next_set([copying[0], writer], 0, 0)
        assert bytes(one.data) == bytes(other.data) == b"small"
        other.release()
        writer.resize(1000)
        writer.publish(b"large" * 200, timestamp_ns=2 * MS)
        one, other = next_set([copying[0], writer], 0, 0)
        assert bytes(one.data) == bytes(other.data) == b"large" * 200
        other.release()
        with pytest.raises(LockTimeoutError):
            next_set([copying[0]], 0, 0.01)
        for reader in readers:
            reader.close()


def test_arguments(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="0 channels"):
        next_set([], 1)
    with FrameChannel.create(name, capacity=10) as channel:
        with pytest.raises(InvalidArgumentError, match="tolerance -1"):
            next_set([channel], -1)
        with pytest.raises(LockTimeoutError):
            next_set([channel], 1, 0.01)
        with pytest.raises(ArgumentTypeError, match="channel 'front': expected a FrameChannel, not str"):
            next_set([channel, "front"], 1)  # type: ignore[list-item]


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


def test_the_event_loop_runs_on_until_the_last_of_a_set(name: str) -> None:
    writers = cameras(name, 3, 4)

    async def scenario() -> None:
        taking = asyncio.create_task(next_set_async(writers, 0.002))
        for number, writer in enumerate(writers):
            await asyncio.sleep(0)
            writer.publish(bytes([number]), timestamp_ns=(100 + number) * MS)
        frames = await taking
        assert [bytes(frame.data) for frame in frames] == [b"\0", b"\1", b"\2"]
        for frame in frames:
            frame.release()
        with pytest.raises(LockTimeoutError, match="no set of frames within"):
            await next_set_async(writers, 0.002, 0.01)
        with pytest.raises(LockTimeoutError):
            await next_set_async(writers, 0.002, 0)

    run(scenario())


def test_a_cancelled_wait_for_a_set_holds_nothing(name: str) -> None:
    writers = cameras(name, 2, 4)

    async def scenario() -> None:
        before = asyncio.all_tasks()
        taking = asyncio.create_task(next_set_async(writers, 0))
        await asyncio.sleep(0)
        writers[0].publish(b"alone", timestamp_ns=MS)
        await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        assert asyncio.all_tasks() == before
        writers[1].publish(b"other", timestamp_ns=MS)
        assert [pins(writer) for writer in writers] == [0, 0]
        assert [bytes(frame.data) for frame in await next_set_async(writers, 0, 0)] == [b"alone", b"other"]

    run(scenario())


def test_a_wait_for_a_set_ends_with_its_channels(name: str) -> None:
    writers = cameras(name, 2, 4)

    async def scenario() -> None:
        taking = asyncio.create_task(next_set_async(writers, 0))
        await asyncio.sleep(0)
        writers[1].close()
        with pytest.raises(ClosedError, match=writers[1].name):
            await taking

    run(scenario())
