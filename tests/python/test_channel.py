"""Frame channels: what the writer publishes, the readers see, in place."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy
import pytest

from pywinmmf import (
    AccessDeniedError,
    AlreadyExistsError,
    ClosedError,
    Error,
    FormatError,
    Frame,
    FrameChannel,
    InvalidArgumentError,
    LockTimeoutError,
    MemoryMappedFile,
    Namespace,
    NotFoundError,
)

SHAPE = (12, 20, 3)


def picture(value: int, shape: tuple[int, ...] = SHAPE) -> numpy.typing.NDArray[Any]:
    return numpy.full(shape, value, numpy.uint8)


@pytest.fixture
def channel(name: str) -> Iterator[FrameChannel]:
    """A channel for small pictures."""
    with FrameChannel.create(name, capacity=SHAPE) as made:
        yield made


@pytest.fixture
def reader(channel: FrameChannel) -> Iterator[FrameChannel]:
    """Another object on it."""
    with FrameChannel.open(channel.name) as opened:
        yield opened


@pytest.fixture
def others() -> Iterator[Callable[[], int]]:
    """Counts how often another thread runs. It gets the GIL only from a thread that releases it."""
    interval, runs, ended = sys.getswitchinterval(), 0, threading.Event()

    def run() -> None:
        nonlocal runs
        while not ended.is_set():
            runs += 1
            time.sleep(0)

    sys.setswitchinterval(1000)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lambda: runs
    finally:
        ended.set()
        thread.join()
        sys.setswitchinterval(interval)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reserves the memory of a slot at once")
def test_other_threads_run_while_the_memory_of_a_slot_is_reserved(name: str, others: Callable[[], int]) -> None:
    with FrameChannel.create(name, capacity=128 << 20) as channel:
        before = others()
        for _ in range(2):  # the second frame does not go to the slot of the first
            with channel.begin():
                pass
        assert others() > before


def test_the_first_use_of_a_slot_counts_as_one_write(channel: FrameChannel) -> None:
    for _ in range(2):
        channel.begin().publish()
    (writer,) = channel.participants()
    assert writer.writes == channel.sequence == 2


def test_only_published_frames_count_as_written(channel: FrameChannel) -> None:
    channel.begin().cancel()
    channel.publish(picture(1))
    channel.begin().cancel()
    (writer,) = channel.participants()
    assert writer.writes == channel.sequence == 1


def test_what_is_published_is_seen(channel: FrameChannel, reader: FrameChannel) -> None:
    assert channel.publish(picture(7), user=b"hello") == 1
    with reader.latest() as frame:
        assert (frame.array == picture(7)).all()
        assert frame.array.shape == SHAPE
        assert bytes(frame.data) == bytes(picture(7))
        assert (frame.width, frame.height, frame.stride, frame.fourcc) == (20, 12, 60, "BGR3")
        assert (frame.sequence, frame.missed, frame.user) == (1, 0, b"hello")
        assert frame.timestamp_ns > 0


@pytest.mark.parametrize("namespace", [n for n in Namespace if n != Namespace.ANY])
def test_every_namespace(name: str, namespace: Namespace) -> None:
    with FrameChannel.create(name, capacity=10, namespace=namespace) as writer:
        writer.publish(b"0123456789")
        with FrameChannel.open(name, namespace=namespace) as reader, reader.next() as frame:
            assert bytes(frame.data) == b"0123456789"
    with pytest.raises(NotFoundError):
        FrameChannel.open(name, namespace=namespace)


@pytest.mark.parametrize("namespace", [Namespace.LOCAL, Namespace.GLOBAL])
def test_it_knows_where_its_name_was_found(name: str, namespace: Namespace) -> None:
    with (
        FrameChannel.create(name, capacity=10, namespace=namespace) as writer,
        FrameChannel.open(name, namespace=Namespace.ANY) as reader,
    ):
        assert writer.namespace is reader.namespace is namespace


def test_next_gives_each_frame_once_and_counts_the_missed(channel: FrameChannel, reader: FrameChannel) -> None:
    channel.publish(picture(1))
    with reader.next() as frame:
        assert (frame.sequence, frame.missed) == (1, 0)
    with pytest.raises(LockTimeoutError, match=repr(channel.name)):
        reader.next(timeout=0)
    with pytest.raises(LockTimeoutError):
        reader.next(timeout=0.02)
    for value in range(2, 6):
        channel.publish(picture(value))
    with reader.next(timeout=0) as frame:
        assert (frame.sequence, frame.missed, frame.array[0, 0, 0]) == (5, 3, 5)
    with reader.latest() as frame:
        assert (frame.sequence, frame.missed) == (5, 0)


def python_calls(action: Callable[[], object]) -> list[str]:
    """The Python functions that run during the action, itself included."""
    called: list[str] = []
    sys.setprofile(lambda frame, event, _argument: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        action()
    finally:
        sys.setprofile(None)
    return called


BUFFERS = [bytearray(64), memoryview(bytearray(64)), numpy.zeros(64, numpy.uint8)]


@pytest.mark.parametrize("data", [bytes(64), *BUFFERS], ids=lambda data: type(data).__name__)
def test_publishing_bytes_runs_no_more_python(channel: FrameChannel, data: Any) -> None:
    assert python_calls(partial(channel.publish, data)) == ["publish"]


@pytest.mark.parametrize("buffer", BUFFERS, ids=lambda data: type(data).__name__)
def test_reading_into_bytes_runs_no_more_python(channel: FrameChannel, reader: FrameChannel, buffer: Any) -> None:
    channel.publish(bytes(64))
    assert python_calls(partial(reader.read_into, buffer, timeout=0)) == ["read_into"]


def test_a_slot_is_filled_in_place(channel: FrameChannel, reader: FrameChannel) -> None:
    with channel.begin() as new:
        assert new.array.shape == SHAPE
        new.array[...] = 9
        new.user = b"mine"
        with pytest.raises(LockTimeoutError):
            reader.latest(timeout=0)
    assert new.sequence == 1
    with reader.latest() as frame:
        assert (frame.array == 9).all()
        assert frame.user == b"mine"
        assert frame.fourcc == "BGR3"


def test_an_exception_drops_the_frame(channel: FrameChannel) -> None:
    with pytest.raises(ZeroDivisionError), channel.begin() as new:
        new.array[...] = 1 // 0
    assert channel.sequence == 0
    with pytest.raises(ClosedError):
        new.data  # noqa: B018 (looking is what is refused)
    assert channel.publish(picture(1)) == 1


def test_a_smaller_picture_fits_too(channel: FrameChannel, reader: FrameChannel) -> None:
    with channel.begin((6, 10), fourcc="GREY") as new:
        new.array[...] = 3
    with reader.next() as frame:
        assert frame.array.shape == (6, 10)
        assert frame.fourcc == "GREY"
        assert frame.data.nbytes == 60
    channel.publish(picture(1, (4, 5, 4)))
    with reader.next() as frame:
        assert (frame.array.shape, frame.fourcc) == ((4, 5, 4), "BGRA")


def test_pictures_of_other_kinds(channel: FrameChannel, reader: FrameChannel) -> None:
    deep = numpy.arange(60, dtype=numpy.uint16).reshape(6, 10)
    channel.publish(deep)
    with reader.next() as frame:
        assert (frame.array == deep).all()
        assert frame.fourcc == "Y16 "
    floats = numpy.linspace(0, 1, 60, dtype=numpy.float32).reshape(6, 10)
    channel.publish(floats)
    with reader.next() as frame:
        assert (frame.array.reshape(6, -1).view(numpy.float32) == floats).all()
        assert frame.fourcc == ""
    nv12 = picture(5, (12, 8))
    channel.publish(nv12, fourcc="NV12")
    with reader.next() as frame:
        assert (frame.array.shape, frame.height, frame.width) == ((12, 8), 8, 8)
    channel.publish(b"compressed", fourcc="MJPG")
    with reader.next() as frame:
        assert bytes(frame.array) == b"compressed"


@pytest.mark.parametrize(
    ("shape", "fourcc", "expected"),
    [
        ((12, 20), "BGR3", "12 rows of 20 pixels of 1 bytes: expected pixels of 3 bytes"),
        ((6, 10, 4), "BGR3", "expected pixels of 3 bytes"),
        ((6, 10, 3), "GREY", "expected pixels of 1 bytes"),
        ((6, 10), "Y16", "expected pixels of 2 bytes"),
        ((6, 10, 3), "NV12", "expected pixels of 1 bytes"),
        ((7, 8), "I420", "7 rows of 8 pixels of 1 bytes: expected a multiple of 3 rows"),
        ((7, 8), "NV12", "expected a multiple of 3 rows"),
        ((6, 9), "I420", "expected an even number of pixels"),
        ((6, 9, 2), "YUYV", "expected an even number of pixels"),
    ],
)
def test_a_format_that_is_not_the_shapes_is_refused(
    channel: FrameChannel, shape: tuple[int, ...], fourcc: str, expected: str
) -> None:
    uses: list[Callable[[], object]] = [
        lambda: channel.publish(numpy.zeros(shape, numpy.uint8), fourcc=fourcc),
        lambda: channel.publish(numpy.zeros((50, *shape[1:]), numpy.uint8)[: shape[0] * 2 : 2], fourcc=fourcc),
        lambda: channel.begin(shape, fourcc=fourcc),
    ]
    for use in uses:
        with pytest.raises(InvalidArgumentError, match=f"fourcc '{fourcc}', .*{expected}"):
            use()
    with pytest.raises(InvalidArgumentError, match=r"fourcc 'MJPG', shape \(12, 20, 3\): expected a row of bytes"):
        channel.publish(picture(1), fourcc="MJPG")
    assert channel.publish(picture(1)) == 1


@pytest.mark.parametrize(
    ("kind", "fourcc"), [(">u2", "Y16"), ("f2", "Y16 "), ("i2", "Y16 "), ("f4", "BGRA"), ("?", "GREY"), ("i1", "NV12")]
)
@pytest.mark.parametrize("gaps", [1, 2])
def test_numbers_that_are_not_the_formats_are_refused(channel: FrameChannel, kind: str, fourcc: str, gaps: int) -> None:
    expected = f"fourcc '{fourcc}', numbers of format '.*': expected unsigned integers, lowest byte first"
    with pytest.raises(InvalidArgumentError, match=expected):
        channel.publish(numpy.ones((6, 8 * gaps), kind)[:, ::gaps], fourcc=fourcc)
    if not kind.startswith(">"):
        assert channel.publish(numpy.ones((6, 8), kind)) == 1  # an array, and no picture


@pytest.mark.parametrize(
    ("number", "fourcc", "told"),
    [
        (ctypes.c_uint8, None, "GREY"),
        (ctypes.c_char, "GREY", "GREY"),
        (ctypes.c_uint16, None, "Y16 "),
        (ctypes.c_uint16, "YUYV", "YUYV"),
        (ctypes.c_uint32, "BGRA", "BGRA"),
        (ctypes.c_float, "F32 ", "F32 "),
    ],
)
def test_numbers_of_other_libraries(
    channel: FrameChannel, reader: FrameChannel, number: Any, fourcc: str | None, told: str
) -> None:
    rows = (number * 8 * 6)()
    channel.publish(rows, fourcc=fourcc)
    with reader.next() as frame:
        assert (frame.width, frame.height, frame.used, frame.fourcc) == (8, 6, ctypes.sizeof(rows), told)


def test_a_slot_described_as_what_it_cannot_hold_is_dropped(channel: FrameChannel) -> None:
    wide = "format 'BGR3', width 64, height 1, stride 64: expected"
    with pytest.raises(InvalidArgumentError, match=wide), channel.begin((1, 64)) as frame:
        frame.fourcc = "BGR3"
    rows = "frame of 64 bytes, format 'NV12', width 8, height 8, stride 8: expected"
    with pytest.raises(InvalidArgumentError, match=rows), channel.begin((8, 8)) as frame:
        frame.fourcc = "NV12"
    assert channel.sequence == 0


def test_a_slot_is_filled_in_another_format_of_the_same_shape(channel: FrameChannel, reader: FrameChannel) -> None:
    with channel.begin((12, 8), fourcc="I420") as frame:
        assert frame.array.shape == (12, 8)
        frame.array[...] = 4
    with reader.next() as frame:
        assert (frame.height, frame.width, frame.used) == (8, 8, 96)
        assert (frame.array == 4).all()
    with channel.begin(fourcc="MJPG") as new:
        new.used = 5
        new.data[:5] = b"12345"
    with reader.next() as frame:
        assert bytes(frame.array) == b"12345"


def test_what_is_begun_is_as_large_as_its_shape(channel: FrameChannel, reader: FrameChannel) -> None:
    with channel.begin((12, 8), fourcc="NV12") as new:
        assert (new.array.shape, new.height, new.used) == ((12, 8), 8, 96)
        new.array[...] = 5
    with reader.next() as frame:
        assert (frame.array == picture(5, (12, 8))).all()
        assert (frame.height, frame.used) == (8, 96)
    with channel.begin((100,)) as new:
        new.array[...] = 6
    with reader.next() as frame:
        assert (frame.array == picture(6, (100,))).all()
    with channel.begin() as new:
        assert new.used == 100


def test_a_picture_with_gaps_between_its_rows(channel: FrameChannel, reader: FrameChannel) -> None:
    whole = numpy.arange(24 * 40 * 3, dtype=numpy.uint64).astype(numpy.uint8).reshape(24, 40, 3)
    part = whole[3:15, 5:25]
    assert channel.publish(part, user=b"u") == 1
    with reader.next() as frame:
        assert (frame.array == part).all()
        assert (frame.stride, frame.fourcc, frame.user) == (60, "BGR3", b"u")


def test_rows_may_be_padded(channel: FrameChannel, reader: FrameChannel) -> None:
    with channel.begin((4, 5, 3)) as new:
        new.stride, new.used = 32, 4 * 32
        new.data[: 4 * 32] = bytes(range(128))
    with reader.next() as frame:
        assert frame.array.shape == (4, 5, 3)
        assert frame.array[1, 0].tolist() == [32, 33, 34]


def test_a_view_keeps_its_frame_as_it_is(channel: FrameChannel, reader: FrameChannel) -> None:
    channel.publish(picture(1))
    with reader.latest() as frame:
        kept = frame.array[2:4]
    for value in range(2, 20):
        channel.publish(picture(value))
    assert (kept == 1).all()
    reader.close()
    channel.publish(picture(20))
    assert (kept == 1).all()


def test_without_a_free_slot_the_writer_skips_or_waits(name: str) -> None:
    with FrameChannel.create(name, capacity=8, slots=3) as writer, FrameChannel.open(name) as reader:
        held = []
        for _ in range(2):
            writer.publish(b"12345678")
            held.append(reader.next())
        writer.publish(b"abcdefgh")
        assert writer.publish(b"skipped!") == 0
        with pytest.raises(LockTimeoutError, match="readers hold all of the 2 slots that could be filled"):
            writer.begin(timeout=0.02)
        held[0].release()
        assert writer.publish(b"ijklmnop", timeout=5) == 4
        assert bytes(held[1].data) == b"12345678"


def test_a_writer_whose_turn_did_not_come_is_told_why(channel: FrameChannel) -> None:
    with ThreadPoolExecutor(1) as other, channel.begin():
        begun = other.submit(channel.begin, timeout=0.02)
        with pytest.raises(LockTimeoutError, match="another writer has begun a frame"):
            begun.result()


def test_a_forgotten_frame_is_released(name: str) -> None:
    with FrameChannel.create(name, capacity=8, slots=3) as writer, FrameChannel.open(name) as reader:
        for number in range(1, 20):
            assert writer.publish(b"12345678") == number
            frame = reader.next()
            assert frame.data.nbytes == 8
        del frame
        gc.collect()


def test_frames_and_data_after_release(channel: FrameChannel) -> None:
    channel.publish(picture(1))
    frame = channel.latest()
    frame.release()
    frame.release()
    with pytest.raises(ClosedError, match="inside the with block"):
        frame.data  # noqa: B018 (looking is what is refused)


def test_data_cannot_be_written(channel: FrameChannel) -> None:
    channel.publish(picture(1))
    with channel.latest() as frame:
        assert frame.data.readonly
        with pytest.raises(ValueError, match="read-only"):
            frame.array[0, 0, 0] = 1
        with pytest.raises(ValueError, match=r"cannot set WRITEABLE|set WRITEABLE"):
            frame.array.flags.writeable = True


def test_read_only_readers_get_copies(channel: FrameChannel) -> None:
    with FrameChannel.open(channel.name, readonly=True) as reader:
        assert reader.readonly
        channel.publish(picture(1), user=b"u")
        with reader.next() as frame:
            assert (frame.array == 1).all()
            assert (frame.user, frame.fourcc) == (b"u", "BGR3")
            kept = frame.array
        channel.publish(picture(2))
        with reader.next() as frame:
            assert (frame.array == 2).all()
            assert (kept == 1).all()
        for refused in (lambda: reader.publish(picture(3)), reader.begin):
            with pytest.raises(AccessDeniedError):
                refused()


def test_read_into_a_buffer_of_ones_own(channel: FrameChannel, reader: FrameChannel) -> None:
    mine = numpy.zeros(SHAPE, numpy.uint8)
    channel.publish(picture(4))
    frame = reader.read_into(mine, timeout=0)
    assert (mine == 4).all()
    assert (frame.sequence, frame.array.shape) == (1, SHAPE)
    assert numpy.shares_memory(frame.array, mine)
    with pytest.raises(LockTimeoutError):
        reader.read_into(mine, timeout=0)
    channel.publish(picture(5))
    with pytest.raises(InvalidArgumentError, match="10 bytes: expected at least 720"):
        reader.read_into(bytearray(10), timeout=0)


@pytest.mark.parametrize(("shape", "kind"), [((0, 3), "u1"), ((0,), "f4"), ((5, 2), ">u2")])
def test_read_into_any_kind_of_buffer(
    channel: FrameChannel, reader: FrameChannel, shape: tuple[int, ...], kind: str
) -> None:
    mine = numpy.zeros(shape, kind)
    channel.publish(bytes(range(mine.nbytes)))
    frame = reader.read_into(mine, timeout=0)
    assert bytes(frame.data) == mine.tobytes() == bytes(range(mine.nbytes))
    assert frame.array.shape == (mine.nbytes,)


def test_a_loop_over_the_channel(channel: FrameChannel, reader: FrameChannel) -> None:
    seen = []

    def read() -> None:
        for frame in reader:
            seen.append(frame.sequence)
            if len(seen) == 3:
                break

    thread = threading.Thread(target=read)
    thread.start()
    while thread.is_alive():
        channel.publish(picture(1))
    assert len(seen) == 3
    assert seen == sorted(set(seen))


def test_a_loop_ends_when_the_channel_is_closed(channel: FrameChannel, reader: FrameChannel) -> None:
    thread = threading.Thread(target=lambda: [None for _ in reader])
    thread.start()
    reader.close()
    thread.join(60)
    assert not thread.is_alive()


def test_async_loop(channel: FrameChannel, reader: FrameChannel) -> None:
    async def read() -> list[int]:
        seen = []
        async for frame in reader:
            seen.append(frame.sequence)
            if len(seen) == 3:
                break
            channel.publish(picture(len(seen)))
        return seen

    channel.publish(picture(0))
    assert asyncio.run(read()) == [1, 2, 3]


def test_async_loop_copies_what_a_quick_writer_overwrites(name: str) -> None:
    """A copy that the writer spoils is tried again, as in a loop that is not async: it is no timeout."""
    stop = threading.Event()

    def publish(large: FrameChannel) -> None:
        while not stop.is_set():
            large.publish(bytes(large.capacity))

    async def read(large: FrameChannel) -> None:
        seen = 0
        async for _ in large:
            seen += 1
            if seen == 100:
                return

    with (
        FrameChannel.create(name, capacity=1_000_000) as channel,
        FrameChannel.open(name, readonly=True) as guest,
        ThreadPoolExecutor(1) as pool,
    ):
        publishing = pool.submit(publish, channel)
        try:
            asyncio.run(asyncio.wait_for(read(guest), 60))
        finally:
            stop.set()
        publishing.result(60)


def test_async_timeout(reader: FrameChannel) -> None:
    with pytest.raises(LockTimeoutError):
        asyncio.run(reader.next_async(timeout=0.02))


def test_a_writer_comes_back(name: str) -> None:
    writer = FrameChannel.create(name, capacity=SHAPE, exist_ok=True)
    writer.publish(picture(1))
    with FrameChannel.open(name) as reader:
        writer.close()
        with FrameChannel.create(name, capacity=SHAPE, exist_ok=True) as again:
            assert again.publish(picture(2)) == 2
            with reader.next() as frame:
                assert frame.array[0, 0, 0] == 2
        with FrameChannel.create(name, capacity=1000, slots=6, exist_ok=True) as larger:
            assert larger.publish(bytes(1000)) == 3
            with reader.next() as frame:
                assert (frame.used, frame.missed) == (1000, 0)
        assert reader.age is not None


@pytest.mark.parametrize("readonly", [False, True])
def test_peek_describes_without_a_copy(channel: FrameChannel, readonly: bool) -> None:
    with FrameChannel.open(channel.name, readonly=readonly) as reader:
        with pytest.raises(LockTimeoutError):
            reader.peek()
        channel.publish(picture(7), user=b"hello")
        seen = reader.peek()
        assert (seen.sequence, seen.used, seen.width, seen.height, seen.fourcc) == (1, 720, 20, 12, "BGR3")
        assert (seen.user, bytes(seen.data)) == (b"hello", b"")
        with reader.next(timeout=0) as frame:  # nobody had it
            assert (frame.sequence, frame.used) == (1, 720)


def test_age_tells_how_long_nothing_came(channel: FrameChannel, eventually: Callable[..., None]) -> None:
    assert channel.age is None
    channel.publish(picture(1))
    eventually(lambda: (channel.age or 0) > 0.02)
    channel.publish(picture(1))
    assert channel.age is not None
    assert channel.age < 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"capacity": 0}, "expected at least 1"),
        ({"capacity": (10, 0)}, "expected at least 1"),
        ({"capacity": 10, "slots": 2}, "slots 2: expected at least 3"),
        ({"capacity": 10, "slots": 65}, "slots 65: expected at most 64"),
        ({"capacity": 2**70}, "expected at most"),
        ({"capacity": 2**62}, "expected at most [0-9]+ for each of"),
        ({"capacity": 10, "participants": 5000}, "expected at most 4096"),
    ],
)
def test_impossible_channels(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        FrameChannel.create(name, **arguments)
    with pytest.raises(NotFoundError):
        FrameChannel.open(name)


def test_frames_that_are_over_keep_no_channel_open(name: str) -> None:
    with FrameChannel.create(name, capacity=10) as channel:
        with channel.begin() as in_block:
            in_block.data[:] = bytes(10)
        alone = channel.begin()
        alone.publish()
        with channel.latest() as seen:
            assert len(seen.data) == 10
    with pytest.raises(NotFoundError):
        FrameChannel.open(name)
    assert [in_block.sequence, alone.sequence, seen.sequence] == [1, 2, 2]


def test_wrong_types(name: str) -> None:
    for capacity in (1.5, "10", None, True):
        with pytest.raises(TypeError, match="capacity"):
            FrameChannel.create(name, capacity=capacity)  # type: ignore[arg-type]
    with FrameChannel.create(name, capacity=10) as channel:
        with pytest.raises(TypeError):
            channel.publish("text")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="fourcc"):
            channel.publish(b"x", fourcc=5)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError, match="up to 4 ASCII"):
            channel.publish(b"x", fourcc="LONGER")
        with pytest.raises(InvalidArgumentError, match="65 bytes: expected at most 64"):
            channel.publish(b"x", user=bytes(65))
        with pytest.raises(InvalidArgumentError, match="11 bytes: expected at most 10"):
            channel.publish(bytes(11))
        with pytest.raises(InvalidArgumentError, match="12 bytes: expected at most 10"):
            channel.begin((2, 6))
        with pytest.raises(InvalidArgumentError), channel.begin() as new:
            new.used = 11
        assert channel.publish(b"x") == 1


def test_names_and_kinds(name: str) -> None:
    with MemoryMappedFile.create(name, 1000), pytest.raises(FormatError):
        FrameChannel.open(name)
    with FrameChannel.create(name, capacity=10):
        with pytest.raises(AlreadyExistsError):
            FrameChannel.create(name, capacity=10)
        with pytest.raises(FormatError):
            MemoryMappedFile.open(name)
        assert not MemoryMappedFile.open(name, readonly=True).audit().damaged


def test_there_are_only_so_many_participants(name: str) -> None:
    with FrameChannel.create(name, capacity=10, participants=2), FrameChannel.open(name):
        with pytest.raises(Error, match="participant"):
            FrameChannel.open(name)
        FrameChannel.open(name, readonly=True).close()


def test_a_closed_channel(channel: FrameChannel) -> None:
    channel.close()
    channel.close()
    assert channel.closed
    assert "closed" in repr(channel)
    for call in (lambda: channel.publish(b"x"), channel.latest, channel.begin, lambda: channel.sequence):
        with pytest.raises(ClosedError, match=repr(channel.name)):
            call()


def test_it_says_what_it_is(channel: FrameChannel) -> None:
    assert repr(channel) == f"<FrameChannel {channel.name!r}: 4 slots of 720 bytes, open>"
    channel.publish(picture(1))
    with channel.latest() as frame:
        assert repr(frame) == "<Frame 1: 20 x 12 'BGR3', 720 bytes>"
    assert repr(frame) == "<Frame 1: 20 x 12 'BGR3', 720 bytes, released>"


WRITER = """
with FrameChannel.open(sys.argv[1]) as channel:
    with channel.begin() as frame:
        frame.data[:] = b"#" * channel.capacity
        print("begun", flush=True)
        sys.stdin.read() if len(sys.argv) > 2 else __import__("time").sleep(600)
"""
HOLDER = """
with FrameChannel.open(sys.argv[1]) as channel, channel.latest() as frame:
    kept = frame.data
    print("held", flush=True)
    __import__("time").sleep(600)
"""


def test_a_killed_writer_leaves_nothing(channel: FrameChannel, child: Callable[..., Any]) -> None:
    channel.publish(picture(1))
    other = child(WRITER, channel.name)
    assert other.line() == "begun"
    assert channel.publish(picture(2)) == 0
    other.kill()
    with channel.latest() as frame:
        assert (frame.array == 1).all()
    assert channel.publish(picture(3), timeout=30) == 2


def test_killed_readers_leave_no_pins(name: str, child: Callable[..., Any]) -> None:
    with FrameChannel.create(name, capacity=10, slots=3) as writer:
        for _ in range(2):
            writer.publish(bytes(10))
            other = child(HOLDER, name)
            assert other.line() == "held"
            other.kill()
        for number in range(3, 8):
            assert writer.publish(bytes(10), timeout=30) == number


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_fork(channel: FrameChannel) -> None:
    channel.publish(picture(1))
    with channel.latest() as frame:
        pid = os.fork()
        if pid == 0:
            try:
                with pytest.raises(ClosedError, match="forked"):
                    channel.latest()
                assert (frame.array == 1).all()
                with FrameChannel.open(channel.name) as own:
                    own.publish(picture(2))
            except BaseException:
                os._exit(1)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert (frame.array == 1).all()
    with channel.next() as frame:
        assert (frame.array == 2).all()


WAITER = """
threading.Thread(target=channel.next, args=(None,), daemon=True).start()
with MemoryMappedFile.open(sys.argv[1], layout=Layout.RAW) as raw:
    payload = int.from_bytes(raw.read(8, 16), "little")
    readers = int.from_bytes(raw.read(8, payload + 8), "little")
with MemoryMappedFile.open(f"wmmf-i-{readers:016x}", namespace=Namespace.CUSTOM, layout=Layout.RAW) as raw:
    while not any(raw.read(4, 192 + 16 + 4)):  # how many sleep until a change
        pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize(
    "holding",
    ["frame = channel.begin()", "frame = channel.latest()", "data = channel.latest().data; channel.close()", WAITER],
    ids=["a begun frame", "a taken frame", "a view of a closed channel", "a waiting thread"],
)
def test_a_child_does_not_keep_its_dead_parent_alive(
    channel: FrameChannel, child: Callable[..., Any], eventually: Callable[[Callable[[], object]], None], holding: str
) -> None:
    """The parent is killed while its child, a copy, lives on."""
    if holding != WAITER:
        channel.publish(picture(1))
    parent = child(
        f"""
import os, threading, time
channel = FrameChannel.open(sys.argv[1])
{holding}
if os.fork() == 0:
    print(os.getpid())
time.sleep(600)
""",
        channel.name,
    )
    grandchild = int(parent.line())
    try:
        assert channel.audit().participants == 2
        parent.kill()
        eventually(lambda: channel.audit().participants == 1)
        for _ in range(8):
            channel.publish(picture(2), timeout=30)
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_no_frame_is_torn(name: str) -> None:
    """Two readers, one of them without pins, and a writer that never pauses."""
    torn: list[Frame] = []
    counts = [0, 0]
    done = threading.Event()

    def read(index: int, channel: FrameChannel) -> None:
        while not done.is_set():
            try:
                with channel.next(timeout=0.05) as frame:
                    data = bytes(frame.data)
                    counts[index] += 1
                    if data != bytes([frame.sequence % 256]) * 4096:
                        torn.append(frame)
            except LockTimeoutError:
                continue

    with (
        FrameChannel.create(name, capacity=4096) as writer,
        FrameChannel.open(name) as one,
        FrameChannel.open(name, readonly=True) as two,
    ):
        threads = [threading.Thread(target=read, args=item) for item in enumerate((one, two))]
        for thread in threads:
            thread.start()
        for number in range(1, 5000):
            writer.publish(bytes([number % 256]) * 4096, timeout=30)
        done.set()
        for thread in threads:
            thread.join()
    assert not torn
    assert all(counts)


class Holder:
    """Garbage that only the collector finds, and that looks at what it holds at its end."""

    def __init__(self, **held: Any) -> None:
        self.held = held
        self.itself = self

    def __del__(self) -> None:
        for one in self.held.values():
            if isinstance(one, memoryview):
                bytes(one)


@pytest.mark.parametrize("what", ["frame", "view", "new frame", "view of a new frame", "array"])
def test_garbage_is_collected_in_any_order(name: str, what: str) -> None:
    """A channel is not closed under what is still in use, whichever end of a cycle comes first."""
    for _ in range(20):
        channel = FrameChannel.create(name, capacity=10)
        channel.publish(b"x" * 10)
        if what == "frame":
            Holder(channel=channel, frame=channel.latest())
        elif what == "view":
            Holder(view=channel.latest().data, channel=channel)
        elif what == "new frame":
            Holder(channel=channel, frame=channel.begin())
        elif what == "view of a new frame":
            Holder(view=channel.begin().data, channel=channel)
        else:
            Holder(array=channel.latest().array, channel=channel)
        del channel
        gc.collect()
    with FrameChannel.create(name, capacity=10) as again:  # it was closed, then
        assert again.publish(b"y") == 1


def test_garbage_of_a_section_is_collected_in_any_order(name: str) -> None:
    for _ in range(20):
        section = MemoryMappedFile.create(name, 10)
        guard = section.write_lock()
        guard.__enter__()
        Holder(view=section.view(), section=section, guard=guard)
        del section, guard
        gc.collect()
    MemoryMappedFile.create(name, 10).close()


def test_tasks_that_wait_for_the_same_frame_all_get_it(name: str) -> None:
    async def all_of_them() -> list[int]:
        with FrameChannel.create(name, capacity=10) as channel, FrameChannel.open(name) as reader:
            tasks = [asyncio.create_task(reader.next_async(60)) for _ in range(3)]
            await asyncio.sleep(0)
            channel.publish(b"x")
            return [frame.sequence for frame in await asyncio.gather(*tasks)]

    assert asyncio.run(all_of_them()) == [1, 1, 1]


def test_many_tasks_that_wait_leave_the_event_loops_threads_alone(name: str) -> None:
    async def wait_and_work() -> None:
        with FrameChannel.create(name, capacity=10) as channel:
            tasks = [asyncio.create_task(channel.next_async()) for _ in range(100)]
            for _ in range(10):
                await asyncio.sleep(0)
            assert sum(thread.name.startswith("pywinmmf-wait") for thread in threading.enumerate()) == 1
            assert not (await asyncio.to_thread(threading.current_thread)).name.startswith("pywinmmf-wait")
            channel.publish(b"x")
            assert [frame.sequence for frame in await asyncio.gather(*tasks)] == [1] * 100

    asyncio.run(asyncio.wait_for(wait_and_work(), 60))
