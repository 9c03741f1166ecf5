"""A shared camera in the place of cv2.VideoCapture."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

import cv2
import numpy

from pywinmmf import (
    FormatError,
    FrameChannel,
    InvalidArgumentError,
    Namespace,
    NotFoundError,
    NotSupportedError,
    PoisonedError,
    VideoCapture,
    frames,
)
from pywinmmf.camera.share import SharedCamera
from pywinmmf.camera.sharing import Sharing

WAIT_SECONDS = 60  # seconds
SECOND = 1_000_000_000  # in nanoseconds


def picture(value: int) -> numpy.typing.NDArray[numpy.uint8]:
    return numpy.full((12, 20, 3), value, numpy.uint8)


def next_picture(capture: VideoCapture) -> numpy.typing.NDArray[numpy.uint8]:
    done, frame = capture.read()
    assert done
    assert frame is not None
    return frame


@pytest.mark.parametrize("namespace", [Namespace.LOCAL, Namespace.GLOBAL])
def test_it_reads_as_opencv_does(name: str, namespace: Namespace) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3), namespace=namespace) as channel:
        channel.publish(picture(1), timestamp_ns=SECOND)
        capture = VideoCapture(name)
        assert capture.isOpened()
        assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (20, 12)
        assert capture.get(cv2.CAP_PROP_FOURCC) == cv2.VideoWriter.fourcc(*"BGR3")
        channel.publish(picture(2), timestamp_ns=2 * SECOND)
        frame = next_picture(capture)
        assert (frame == 2).all()
        frame[...] = 9  # a copy of its own
        channel.publish(picture(3), timestamp_ns=4 * SECOND)
        assert capture.grab()
        assert capture.get(cv2.CAP_PROP_POS_FRAMES) == 3
        assert capture.get(cv2.CAP_PROP_FPS) == 0.5
        done, same = capture.retrieve(frame)
        assert done
        assert same is frame
        assert (frame == 3).all()
        assert not capture.set(cv2.CAP_PROP_FRAME_WIDTH, 5)
        assert capture.getBackendName() == "PYWINMMF"
        capture.release()
        assert not capture.isOpened()
        assert capture.read() == (False, None)


def test_a_camera_that_is_not_there(name: str) -> None:
    capture = VideoCapture(name, timeout=0.02)
    assert not capture.isOpened()
    assert capture.read() == (False, None)
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 0
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(4))
        frame = next_picture(capture)
        assert (frame == 4).all()
        assert capture.read() == (False, None)  # there is no newer one
        assert capture.open(name)
        assert not capture.open(name + "-other")


def evenly(number: int) -> int:
    return number * SECOND // 50


def in_pairs(number: int) -> int:
    """50 pictures in a second, also if two each come within 2 ms."""
    return evenly(number) - number % 2 * 18_000_000


@pytest.fixture
def publishing(name: str) -> Iterator[Callable[[Callable[[int], int]], FrameChannel]]:
    """Starts a camera that publishes all the time, with the timestamps that a function has for its frames."""
    end, running = threading.Event(), ExitStack()

    def start(timestamp_ns: Callable[[int], int]) -> FrameChannel:
        channel = running.enter_context(FrameChannel.create(name, capacity=(12, 20, 3)))

        def publish() -> None:
            for number in itertools.count(1):
                channel.publish(picture(1), timestamp_ns=timestamp_ns(number))
                if end.wait(0.005):
                    return

        writer = threading.Thread(target=publish)
        writer.start()
        running.callback(writer.join)
        running.callback(end.set)
        return channel

    with running:
        yield start


@pytest.mark.parametrize("timestamp_ns", [evenly, in_pairs])
def test_the_rate_is_known_before_the_first_read(
    name: str,
    timestamp_ns: Callable[[int], int],
    publishing: Callable[[Callable[[int], int]], FrameChannel],
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    publishing(timestamp_ns)
    capture = VideoCapture(name)
    eventually(lambda: capture.get(cv2.CAP_PROP_FPS) == pytest.approx(50, rel=0.1))


@pytest.mark.parametrize("timestamp_ns", [evenly, in_pairs])
@pytest.mark.parametrize("missed", [0, 6])
def test_the_rate_of_what_was_read(name: str, timestamp_ns: Callable[[int], int], missed: int) -> None:
    """It is the rate of all pictures, missed ones included, after a second and from then on."""
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        capture = VideoCapture(name)
        for number in range(1, 200):
            channel.publish(picture(1), timestamp_ns=timestamp_ns(number))
            if number % (missed + 1) == 0:
                assert capture.read()[0]
            if number > 100:
                assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize("restart", [0, 2**62])
def test_the_rate_after_a_writers_clock_was_set(name: str, restart: int) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        capture = VideoCapture(name)
        for epoch in (100 * SECOND, restart):
            for number in range(1, 200):
                channel.publish(picture(1), timestamp_ns=epoch + evenly(number))
                assert capture.read()[0]
            assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(50)


def test_the_rate_of_a_new_channel(name: str) -> None:
    """Frames of the channel before it do not count."""
    capture = VideoCapture(name, timeout=0.1)
    for epoch, step in ((0, 1), (1000 * SECOND, 2)):
        with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
            for number in range(1, 200):
                channel.publish(picture(1), timestamp_ns=epoch + evenly(number * step))
                assert capture.read()[0]
                if number > 60:
                    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(50 / step)
            assert not capture.read()[0]  # which closes the channel


@pytest.mark.parametrize("timestamp_ns", [lambda _: 1, lambda number: 2**62 - number])
def test_a_clock_that_stands_still_or_goes_back_has_no_rate(
    name: str,
    timestamp_ns: Callable[[int], int],
    publishing: Callable[[Callable[[int], int]], FrameChannel],
) -> None:
    publishing(timestamp_ns)
    capture = VideoCapture(name)
    assert capture.read()[0]
    assert capture.read()[0]
    assert capture.get(cv2.CAP_PROP_FPS) == 0


@pytest.mark.parametrize("property", [cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FPS])
@pytest.mark.parametrize("fourcc", ["BGR3", "MJPG"])
def test_get_takes_no_picture(name: str, property: int, fourcc: str) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        only = picture(1) if fourcc == "BGR3" else cv2.imencode(".jpg", picture(1))[1]
        channel.publish(only, fourcc=fourcc)
        capture = VideoCapture(name, timeout=0.1)
        capture.get(property)
        assert (next_picture(capture) == 1).all()
        capture.get(property)
        channel.publish(picture(2))
        assert (next_picture(capture) == 2).all()


def test_what_can_be_no_camera(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="namespace 700"):
        VideoCapture(name, namespace=700)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="slash"):
        VideoCapture("a/b")


def test_it_is_called_as_opencvs(name: str) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)):
        capture = VideoCapture(name, cv2.CAP_DSHOW)
        assert capture.isOpened()
        assert capture.open(name, cv2.CAP_V4L2)
        assert capture.open(name, apiPreference=cv2.CAP_ANY)


def test_in_exception_mode_a_missing_camera_is_told_of(name: str) -> None:
    capture = VideoCapture(name)
    capture.setExceptionMode(True)
    with pytest.raises(NotFoundError, match=f"no camera '{name}'"):
        capture.open(name)
    assert not capture.isOpened()
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(1))
        assert capture.read()[0]


def test_what_is_asked_of_a_camera_it_has_or_is_not_opened(name: str) -> None:
    size = [cv2.CAP_PROP_FRAME_WIDTH, 20, cv2.CAP_PROP_FRAME_HEIGHT, 12]
    other = [cv2.CAP_PROP_FRAME_WIDTH, 20, cv2.CAP_PROP_FRAME_HEIGHT, 13]
    capture = VideoCapture()
    assert not capture.open(name, cv2.CAP_ANY, size)
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(1))
        assert capture.read() == (False, None)
        for params in (size, tuple(size), []):
            assert VideoCapture(name, cv2.CAP_ANY, params).read()[0]
        assert capture.open(name, cv2.CAP_ANY, params=size)
        assert not capture.open(name, cv2.CAP_ANY, other)
        assert not capture.isOpened()
        assert capture.read() == (False, None)
        capture.setExceptionMode(True)
        with pytest.raises(NotSupportedError, match=r"property 4 is 12\.0, expected 13"):
            capture.open(name, cv2.CAP_ANY, other)
        with pytest.raises(InvalidArgumentError, match=r"params \[3\]"):
            capture.open(name, cv2.CAP_ANY, [cv2.CAP_PROP_FRAME_WIDTH])


@pytest.mark.parametrize("before", [VideoCapture.read, VideoCapture.isOpened])
def test_the_size_of_compressed_pictures_is_known(name: str, before: Callable[[VideoCapture], object]) -> None:
    with FrameChannel.create(name, capacity=5000) as channel:
        channel.publish(cv2.imencode(".jpg", picture(1))[1], fourcc="MJPG")
        capture = VideoCapture(name)
        before(capture)
        assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (20, 12)


def test_a_compressed_picture_that_cannot_be_decoded_has_no_size(name: str) -> None:
    with FrameChannel.create(name, capacity=5000) as channel:
        channel.publish(b"not a picture", fourcc="MJPG")
        capture = VideoCapture(name)
        assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 0
        assert capture.get(cv2.CAP_PROP_FOURCC) == cv2.VideoWriter.fourcc(*"MJPG")


@pytest.mark.parametrize("epoch", [10, 2**62])
def test_after_a_stall_no_clock_of_the_writers_is_trusted(name: str, epoch: int) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        capture = VideoCapture(name, timeout=0.1)
        for value in range(1, 4):
            channel.publish(picture(value), timestamp_ns=epoch + value)
            assert (next_picture(capture) == value).all()
            assert [capture.read()[0] for _ in range(3)] == [False] * 3
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:  # a new one, whose frames have the same numbers
        for value in range(1, 4):
            channel.publish(picture(value), timestamp_ns=epoch - value)
        assert (next_picture(capture) == 3).all()


EXAMPLE = Path(__file__).parents[2] / "examples/opencv_reader.py"
WITHOUT_WINDOWS = re.search(r"GUI: +NONE", cv2.getBuildInformation()) is not None


@pytest.mark.skipif(not WITHOUT_WINDOWS, reason="this OpenCV shows windows")
def test_the_example_says_that_opencv_has_no_windows(name: str) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(1))
        done = subprocess.run(
            [sys.executable, EXAMPLE, name], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 2 and done.stderr.endswith("pip install opencv-python, or give --frames\n"), done.stderr


def test_the_example_shows_a_shared_camera(name: str) -> None:
    camera = SharedCamera(Sharing(source="test", name=name, size=(64, 48)))
    try:
        output = subprocess.check_output(
            [sys.executable, EXAMPLE, name, "--frames", "3"], stdin=subprocess.DEVNULL, text=True, timeout=60
        )
    finally:
        camera.close()
    assert re.fullmatch(r"(64 x 48, brightness \d+\.\d\n){3}", output)


def test_other_pixel_formats(name: str) -> None:
    red = numpy.zeros((12, 20, 3), numpy.uint8)
    red[:, :, 2] = 200
    with FrameChannel.create(name, capacity=5000) as channel:
        capture = VideoCapture(name)
        for fourcc, convert in (
            ("RGB3", cv2.COLOR_BGR2RGB),
            ("BGRA", cv2.COLOR_BGR2BGRA),
            ("RGBA", cv2.COLOR_BGR2RGBA),
            ("I420", cv2.COLOR_BGR2YUV_I420),
        ):
            channel.publish(numpy.ascontiguousarray(cv2.cvtColor(red, convert)), fourcc=fourcc)
            assert numpy.abs(next_picture(capture).astype(int) - red).max() < 8, fourcc
        channel.publish(cv2.imencode(".jpg", red)[1], fourcc="MJPG")
        assert numpy.abs(next_picture(capture).astype(int) - red).max() < 8
        for grey in (red[:, :, 2], red[:, :, 2:]):
            channel.publish(grey)
            assert (next_picture(capture) == 200).all()


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint16", "bool"])
def test_an_array_of_other_numbers_is_no_picture(name: str, dtype: str) -> None:
    with FrameChannel.create(name, capacity=10_000) as channel:
        capture = VideoCapture(name)
        channel.publish(numpy.ones((12, 20, 3), dtype))
        assert capture.read() == (False, None)
        capture.setExceptionMode(True)
        channel.publish(numpy.ones((12, 20, 3), dtype))
        with pytest.raises(FormatError, match=rf"an array of {dtype}, shape \(12, 20, 3\): expected a picture"):
            capture.read()


@pytest.mark.parametrize(
    ("fourcc", "width", "height", "stride", "used"),
    [
        ("MJPG", 0, 0, 0, 0),
        ("MJPG", 4, 4, 12, 100),
        ("BGR3", 0, 0, 0, 100),
        ("RGB3", 0, 0, 0, 100),
        ("WHAT", 4, 4, 4, 16),
        ("", 0, 0, 0, 100),
    ],
)
def test_what_is_no_picture(name: str, fourcc: str, width: int, height: int, stride: int, used: int) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        capture = VideoCapture(name)

        def publish() -> None:
            with channel.begin() as frame:
                frame.used = used
                frame.width, frame.height, frame.stride, frame.fourcc = width, height, stride, fourcc

        publish()
        assert capture.read() == (False, None)
        capture.setExceptionMode(True)
        assert capture.getExceptionMode()
        publish()
        with pytest.raises((FormatError, NotSupportedError), match=f"format '{fourcc}'"):
            capture.read()
        channel.publish(picture(5))
        assert (next_picture(capture) == 5).all()


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_a_damaged_channel_is_closed_at_once(
    name: str, damage: Callable[[str], None], raises: bool, held: bool
) -> None:
    """It gives no picture, whether or not somebody else keeps it; a new one does."""
    channel = FrameChannel.create(name, capacity=(12, 20, 3))
    channel.publish(picture(1))
    capture = VideoCapture(name, timeout=0.1)
    assert capture.read()[0]
    damage(name)
    if not held:
        channel.close()
    capture.setExceptionMode(raises)
    if raises:
        with pytest.raises(PoisonedError):
            capture.read()
        with pytest.raises(NotFoundError):
            capture.read()
    else:
        assert [capture.read() for _ in range(3)] == [(False, None)] * 3
        assert capture.retrieve() == (False, None)
    assert capture.isOpened()
    channel.close()
    with FrameChannel.create(name, capacity=(24, 40, 3)) as channel:  # the name is free
        channel.publish(numpy.full((24, 40, 3), 2, numpy.uint8))
        assert next_picture(capture).shape == (24, 40, 3)


def test_a_camera_whose_channel_was_damaged_before(name: str, damage: Callable[[str], None]) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)):
        damage(name)
        capture = VideoCapture(name, timeout=0.1)
        assert capture.isOpened()
        assert capture.read() == (False, None)
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(3))
        assert capture.read()[0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_opens_the_camera_anew(name: str) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(1))
        capture = VideoCapture(name, timeout=WAIT_SECONDS)
        assert capture.read()[0]
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            done = False
            try:
                os.write(writing, b"again" if capture.read()[0] else b"first")
                done = capture.read()[0]
            finally:
                os._exit(0 if done else 1)
        assert os.read(reading, 5) == b"first"
        channel.publish(picture(2))
        assert os.waitpid(child, 0)[1] == 0
        os.close(reading)
        os.close(writing)


def test_each_retrieved_picture_is_a_copy_of_its_own(name: str) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        capture = VideoCapture(name)
        channel.publish(picture(1))
        assert capture.grab()
        first = capture.retrieve()[1]
        assert first is not None
        first[...] = 9
        assert (capture.retrieve()[1] == 1).all()  # type: ignore[union-attr]


def test_nothing_is_left_after_release(name: str) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(1))
        capture = VideoCapture(name)
        assert capture.read()[0]
        capture.release()
        assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 0
        assert capture.retrieve() == (False, None)


def test_opened_later(name: str) -> None:
    capture = VideoCapture()
    assert not capture.isOpened()
    assert capture.read() == (False, None)
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 0
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(1))
        assert capture.open(name)
        assert capture.read()[0]


def test_a_camera_that_was_never_there_is_not_waited_for(name: str) -> None:
    capture = VideoCapture(name, timeout=10 * WAIT_SECONDS)
    reading = threading.Thread(target=capture.read, daemon=True)
    reading.start()
    reading.join(WAIT_SECONDS)
    assert not reading.is_alive()


def test_without_numpy_it_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        channel.publish(picture(1))
        monkeypatch.setitem(sys.modules, "numpy", None)
        monkeypatch.setattr(frames, "_as_array", frames._import_numpy)  # as before the first array
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'pywinmmf\[numpy\]'"):
            VideoCapture(name).read()
