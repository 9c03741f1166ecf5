"""Matching frames of several channels."""

from __future__ import annotations

import itertools
import random
import threading
import time

import pytest

from pywinmmf import FrameChannel, InvalidArgumentError, LockTimeoutError, next_set
from pywinmmf.frame_sets import Moment, newest_set

MS = 1_000_000


def oracle(moments: list[list[Moment]], tolerance: int) -> list[int] | None:
    """The timestamps of the newest set, by trying all sets."""
    best = None
    for one_of_each in itertools.product(*moments):
        times = [moment[0] for moment in one_of_each]
        if max(times) - min(times) <= tolerance and (best is None or sum(times) > sum(best)):
            best = times
    return best


def test_random_sets_against_all_sets() -> None:
    chance = random.Random(20)
    matched = 0
    for _ in range(20_000):
        moments = [
            [(chance.randrange(40), sequence) for sequence in range(chance.randrange(6))]
            for _ in range(chance.randrange(1, 5))
        ]
        tolerance = chance.randrange(12)
        found = newest_set(moments, tolerance)
        times = None if found is None else [moment[0] for moment in found]
        assert times == oracle(moments, tolerance), (moments, tolerance)
        matched += found is not None
    assert 2_000 < matched < 18_000  # both outcomes were tried


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


def test_arguments(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="0 channels"):
        next_set([], 1)
    with FrameChannel.create(name, capacity=10) as channel:
        with pytest.raises(InvalidArgumentError, match="tolerance -1"):
            next_set([channel], -1)
        with pytest.raises(LockTimeoutError):
            next_set([channel], 1, 0.01)
