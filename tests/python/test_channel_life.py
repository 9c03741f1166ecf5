"""A channel over time: every frame, history, frames taken back, new pictures, states, standing by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pywinmmf import ChannelState, FrameChannel, FrameLostError, InvalidArgumentError, LockTimeoutError, NotIntactError

reading = pytest.mark.parametrize("readonly", [False, True])


def numbers(channel: FrameChannel, count: int, start: int = 1) -> None:
    for number in range(start, start + count):
        assert channel.publish(bytes([number]), timestamp_ns=1000 * number) == number


@reading
def test_every_frame_in_order(name: str, readonly: bool) -> None:
    with (
        FrameChannel.create(name, capacity=10, history=20) as channel,
        FrameChannel.open(name, readonly=readonly) as reader,
    ):
        assert channel.history == 20
        numbers(channel, 10)
        for number in range(1, 11):
            with reader.next(0, every=True) as frame:
                assert (frame.sequence, frame.data[0], frame.missed) == (number, number, 0)
        with pytest.raises(LockTimeoutError):
            reader.next(0, every=True)
        numbers(channel, 60, 11)
        with reader.next(0, every=True) as frame:
            assert frame.sequence == channel.oldest
            assert frame.missed == frame.sequence - 11
            assert frame.data[0] == frame.sequence


@reading
def test_what_was_given_does_not_go_back_where_two_calls_overlap(name: str, readonly: bool) -> None:
    """As those of two threads do. Here the second runs while the first looks at its timeout."""

    class Meanwhile:
        def __float__(self) -> float:
            with reader.latest() as newest:
                assert newest.sequence == 3
            return 0.0

    with (
        FrameChannel.create(name, capacity=10, history=20) as channel,
        FrameChannel.open(name, readonly=readonly) as reader,
    ):
        numbers(channel, 3)
        with reader.next(Meanwhile(), every=True) as frame:  # type: ignore[arg-type]
            assert frame.sequence == 1
        with pytest.raises(LockTimeoutError):
            reader.next(0, every=True)


@reading
def test_every_frame_for_asyncio(name: str, readonly: bool) -> None:
    async def read(reader: FrameChannel) -> list[int]:
        seen = []
        for _ in range(5):
            with await reader.next_async(60, every=True) as frame:
                seen.append(frame.sequence)
        return seen

    with (
        FrameChannel.create(name, capacity=10, history=20) as channel,
        FrameChannel.open(name, readonly=readonly) as reader,
        ThreadPoolExecutor(1) as pool,
    ):
        publishing = pool.submit(numbers, channel, 5)
        assert asyncio.run(read(reader)) == [1, 2, 3, 4, 5]
        publishing.result(60)


@reading
def test_one_frame_of_the_history(name: str, readonly: bool) -> None:
    with (
        FrameChannel.create(name, capacity=10, history=5) as channel,
        FrameChannel.open(name, readonly=readonly) as reader,
    ):
        numbers(channel, 50)
        with reader.at(48) as frame:
            assert (frame.sequence, frame.data[0]) == (48, 48)
        with reader.at(timestamp_ns=47_500) as frame:
            assert frame.sequence == 47
        with pytest.raises(FrameLostError, match=r"frame 1: expected 4[45] to 50") as caught:
            reader.at(1)
        assert isinstance(caught.value, LookupError)
        with pytest.raises(FrameLostError, match=r"4[45] to 50, which the channel has, are all later than 999 ns"):
            reader.at(timestamp_ns=999)
        with pytest.raises(LockTimeoutError, match=r"frame 51: expected 4[45] to 50"):
            reader.at(51, timeout=0.01)
        with pytest.raises(InvalidArgumentError, match="a sequence, or timestamp_ns"):
            reader.at()
        with reader.latest() as frame:  # at() does not change which frames count as returned
            assert frame.missed == 0


@pytest.mark.parametrize("readonly", [False, True])
def test_before_the_first_frame_that_is_said(name: str, readonly: bool) -> None:
    with FrameChannel.create(name, capacity=10, history=5), FrameChannel.open(name, readonly=readonly) as reader:
        asks: list[Callable[[], object]] = [
            lambda: reader.at(1),
            lambda: reader.at(timestamp_ns=1),
            lambda: reader.latest(0),
            lambda: reader.next(0),
            reader.peek,
        ]
        for ask in asks:
            with pytest.raises(LockTimeoutError, match="no frame has been published yet"):
                ask()
        assert reader.oldest == 0


def test_a_frame_that_is_gone_is_not_waited_for(name: str) -> None:
    """The same in new pictures that have no frame yet."""
    with FrameChannel.create(name, capacity=10) as channel:
        for _ in range(5):
            channel.publish(bytes(10))
        channel.resize(capacity=9)  # too small for the newest frame
        with pytest.raises(FrameLostError, match="no frame has been published since the pictures were replaced"):
            channel.at(3)
        with pytest.raises(LockTimeoutError, match="since the pictures were replaced"):
            channel.at(6)


def test_a_frame_that_was_taken_back_is_told(name: str) -> None:
    with (
        FrameChannel.create(name, capacity=10, slots=3, pin_limit=0.05) as channel,
        FrameChannel.open(name) as one,
        FrameChannel.open(name) as two,
    ):
        channel.publish(b"first")
        with pytest.raises(NotIntactError, match="frame 1 was overwritten"), one.latest() as frame:
            assert frame.intact
            channel.publish(b"second")
            with two.latest() as other:
                deadline = time.perf_counter() + 30
                while frame.intact and other.intact and time.perf_counter() < deadline:
                    channel.publish(b"x", timeout=0.01)
                assert not frame.intact
                other.release()
        assert not frame.intact
        with pytest.raises(ZeroDivisionError), one.latest() as kept:  # its own exception is not replaced
            assert kept.intact
            raise ZeroDivisionError


@pytest.mark.parametrize("never", [None, float("inf"), 1e300])
def test_a_limit_that_no_clock_reaches_takes_no_frame_back(name: str, never: float | None) -> None:
    with (
        FrameChannel.create(name, capacity=10, slots=3, pin_limit=never) as channel,
        FrameChannel.open(name, readonly=True) as reader,
    ):
        held = []
        for _ in range(2):
            channel.publish(b"held")
            held.append(reader.next())
        channel.publish(b"newest")
        assert channel.publish(b"skipped", timeout=0.05) == 0
        assert all(frame.intact for frame in held)


def test_impossible_times_and_sizes_are_named(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="pin_limit -1: expected None or at least 0 seconds"):
        FrameChannel.create(name, capacity=10, pin_limit=-1)
    with FrameChannel.create(name, capacity=10) as channel:
        with pytest.raises(InvalidArgumentError, match="stalled -1: expected None or at least 0 seconds"):
            channel.state(-1)
        with pytest.raises(InvalidArgumentError, match=r"cannot resize channel .*: slots 2: expected 3 to 64"):
            channel.resize(slots=2)
        with pytest.raises(InvalidArgumentError, match=r"cannot resize channel .*: capacity 9223372036854775808: "):
            channel.resize(2**63)


@reading
def test_new_pictures_are_followed(name: str, readonly: bool) -> None:
    with (
        FrameChannel.create(name, capacity=10) as channel,
        FrameChannel.open(name, readonly=readonly) as reader,
    ):
        channel.publish(b"small")
        held = reader.latest()
        channel.resize(1000, slots=6)
        assert (channel.capacity, channel.slots) == (1000, 6)
        assert channel.publish(bytes([7]) * 1000) == 2
        with reader.next(0) as frame:
            assert bytes(frame.data) == bytes([7]) * 1000
        assert bytes(held.data) == b"small"
        held.release()
        assert reader.capacity == 1000


@reading
def test_no_frame_is_lost_to_new_pictures(name: str, readonly: bool) -> None:
    """A reader of every frame loses none. A reader that opens the channel later finds the newest one."""
    with (
        FrameChannel.create(name, capacity=10, history=20) as channel,
        FrameChannel.open(name, readonly=readonly) as reader,
    ):
        numbers(channel, 5)
        channel.resize(1000, history=20)
        numbers(channel, 5, 6)
        for number in range(1, 11):
            with reader.next(0, every=True) as frame:
                assert (frame.sequence, frame.data[0], frame.missed) == (number, number, 0)
        assert reader.oldest == 5
        assert channel.publish(bytes(1000)) == 11


def test_a_channel_whose_newest_frame_did_not_fit_is_not_stalled(name: str) -> None:
    with FrameChannel.create(name, capacity=1000) as channel:
        channel.publish(bytes(1000))
        channel.resize(10)
        assert (channel.sequence, channel.age, channel.state(stalled=30)) == (1, None, ChannelState.LIVE)
        channel.publish(b"small")
        assert channel.age is not None


def test_another_writer_follows_too(name: str) -> None:
    with FrameChannel.create(name, capacity=10) as channel, FrameChannel.open(name) as other:
        channel.resize((5, 6, 3))
        assert other.publish(bytes(90)) > 0
        with channel.begin() as frame:
            assert frame.array.shape == (5, 6, 3)
        with pytest.raises(InvalidArgumentError, match="91 bytes: expected at most 90"):
            other.publish(bytes(91))


def test_states(name: str, child: Callable[..., Any], eventually: Callable[..., None]) -> None:
    publisher = child(
        "import time\n"
        "channel = FrameChannel.create(sys.argv[1], capacity=10)\n"
        "channel.publish(b'x')\n"
        "print('published', flush=True)\n"
        "time.sleep(600)\n",
        name,
    )
    assert publisher.line() == "published"
    with FrameChannel.open(name, readonly=True) as reader, FrameChannel.open(name) as standby:
        assert reader.state(stalled=None) is ChannelState.LIVE
        time.sleep(0.01)
        assert reader.state(stalled=0.001) is ChannelState.STALLED
        with pytest.raises(LockTimeoutError):
            standby.stand_by(0.01)
        publisher.kill()
        eventually(lambda: reader.state() is ChannelState.HUNG_UP)
        standby.stand_by(60)
        standby.publish(b"y")
        assert reader.state() is ChannelState.LIVE
        standby.close()
        assert reader.state() is ChannelState.GONE


def test_reading_in_place_takes_no_rights_to_write(name: str) -> None:
    with FrameChannel.create(name, capacity=10) as channel, FrameChannel.open(name, readonly=True) as reader:
        channel.publish(b"frame")
        assert reader.in_place
        with reader.latest() as frame:
            assert bytes(frame.data) == b"frame"
            assert sorted(one.pins for one in channel.participants()) == [0, 1]
            assert [one.read_only for one in channel.participants()] == [False, True]
