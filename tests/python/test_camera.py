"""The shared camera: published whatever happens to its source."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

import cv2
import numpy
from cameras import SIZE, Unreliable, make_video

from pywinmmf import (
    AccessDeniedError,
    AlreadyExistsError,
    Error,
    FrameChannel,
    MemoryMappedFile,
    Namespace,
)
from pywinmmf.camera import devices
from pywinmmf.camera.devices import Device
from pywinmmf.camera.mjpeg_stream import BadPicture
from pywinmmf.camera.share import Pace, SharedCamera, fitting
from pywinmmf.camera.sharing import Sharing


def test_test_picture_is_global_and_for_all_users(name: str, share: Callable[..., SharedCamera]) -> None:
    camera = share(source="test", name=name)
    assert camera.namespace is Namespace.GLOBAL
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as channel:
        with channel.next(timeout=30) as first:
            before = first.array.copy()
            assert first.array.shape == (48, 64, 3)
        with channel.next(timeout=30) as second:
            assert (second.array != before).any()
    if sys.platform != "win32":
        assert os.stat(f"/dev/shm/wmmf-g-{name}").st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("pixel_format", "shape"), [("GREY", (48, 64)), ("BGRA", (48, 64, 4)), ("RGB3", (48, 64, 3))])
def test_pixel_formats(
    name: str, share: Callable[..., SharedCamera], pixel_format: str, shape: tuple[int, ...]
) -> None:
    share(source="test", name=name, pixel_format=pixel_format)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel, channel.next(timeout=30) as frame:
        assert (frame.fourcc, frame.array.shape) == (pixel_format, shape)
        assert frame.array.any()


def test_a_camera_that_is_unplugged_and_plugged_in_again(
    name: str, share: Callable[..., SharedCamera], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    plugged = threading.Event()
    plugged.set()
    opened: list[Unreliable] = []

    def open_camera(source: str, size: object) -> Unreliable:
        if not plugged.is_set():
            raise OSError("no such camera")
        plugged.clear()
        opened.append(Unreliable(5))
        return opened[-1]

    monkeypatch.setattr("pywinmmf.camera.share.open_source", open_camera)
    camera = share(source="0", name=name)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as channel:
        channel.wait(4, timeout=30)
        eventually(lambda: camera.problem == "no such camera")
        stood_still = channel.sequence
        assert stood_still == 5
        eventually(lambda: (channel.age or 0) > 0.5)
        plugged.set()
        assert channel.wait(stood_still, timeout=30) > stood_still
    eventually(lambda: camera.problem == "no such camera")
    assert [source.released for source in opened] == [True, True]


def test_a_camera_that_comes_later(
    name: str, share: Callable[..., SharedCamera], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    video = tmp_path / "late.avi"
    camera = share(source=str(video), name=name)
    eventually(lambda: "no such video file" in camera.problem)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
        assert channel.age is None
        make_video(video, [200] * 5)
        with channel.next(timeout=30) as frame:
            assert abs(int(frame.array[20, 20, 1]) - 200) < 10
        assert camera.problem == ""


def test_pictures_as_they_come(name: str, share: Callable[..., SharedCamera], tmp_path: Path) -> None:
    """A file plays again and again; without a requested size it keeps its own."""
    video = tmp_path / "video.avi"
    make_video(video, [50, 100, 150], (32, 16))
    share(source=str(video), name=name, size=None)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
        while channel.sequence < 8:
            with channel.next(timeout=30) as frame:
                assert frame.array.shape == (16, 32, 3)
                assert min(abs(int(frame.array[8, 8, 1]) - level) for level in (50, 100, 150)) < 10


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps open files from being deleted")
@pytest.mark.parametrize("kind", ["avi", "mkv"])
def test_a_video_that_is_deleted_plays_on(
    name: str, kind: str, share: Callable[..., SharedCamera], tmp_path: Path
) -> None:
    video = tmp_path / f"video.{kind}"
    make_video(video, [50, 100, 150])
    camera = share(source=str(video), name=name)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
        channel.next(timeout=30).release()
        video.unlink()
        while channel.sequence < 20:
            channel.next(timeout=30).release()
    assert camera.problem == ""


def test_a_video_of_one_picture_repeats_it(name: str, share: Callable[..., SharedCamera], tmp_path: Path) -> None:
    video = tmp_path / "video.avi"
    make_video(video, [200])
    camera = share(source=str(video), name=name)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
        channel.wait(4, timeout=30)
    assert camera.problem == ""


class Waits:
    """Replaces the event that ends a camera: notes the requested timeouts, and does not wait."""

    def __init__(self, camera: SharedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pauses: list[float] = []
        monkeypatch.setattr(camera._stop, "wait", self._wait)

    def _wait(self, pause: float) -> None:
        self.pauses.append(pause)
        time.sleep(0.001)  # or nothing else would run


def test_a_camera_that_is_missing_is_tried_less_and_less(
    name: str,
    share: Callable[..., SharedCamera],
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise OSError("unplugged")

    monkeypatch.setattr("pywinmmf.camera.share.open_source", fail)
    waits = Waits(share(source="0", name=name), monkeypatch)
    eventually(lambda: waits.pauses.count(5.0) > 1)
    assert waits.pauses[: waits.pauses.index(5.0)][-4:] == [0.5, 1.0, 2.0, 4.0]
    assert caplog.text.count("unplugged") == 1


def test_after_pictures_the_next_try_comes_soon(
    name: str,
    share: Callable[..., SharedCamera],
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log still reports the problem once."""
    caplog.set_level("INFO")
    tries = 0

    def sometimes(*_: object) -> Unreliable:
        nonlocal tries
        tries += 1
        if tries % 4:
            raise OSError("unplugged")
        return Unreliable(1)

    monkeypatch.setattr("pywinmmf.camera.share.open_source", sometimes)
    camera = share(source="0", name=name)
    monkeypatch.setattr("pywinmmf.camera.share.STEADY_SECONDS", 600)
    waits = Waits(camera, monkeypatch)
    eventually(lambda: tries > 12)
    pauses = [pause for pause in waits.pauses if pause >= 0.25]  # not those between two pictures
    assert " 0.25 0.5 1.0 2.0 0.25 0.5 1.0 2.0 " in " ".join(map(str, pauses))
    assert caplog.text.count("unplugged") == 1
    assert "pictures again" not in caplog.text


class Spoiled(Unreliable):
    """A camera whose every other picture cannot be decoded."""

    def retrieve(self, target: Any = None) -> Any:
        if self._left % 2:
            raise BadPicture("its picture cannot be decoded")
        return super().retrieve(target)


def test_a_picture_that_cannot_be_decoded_is_left_out(
    name: str, share: Callable[..., SharedCamera], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    opened: list[Spoiled] = []

    def open_camera(*_: object) -> Spoiled:
        opened.append(Spoiled(10**6))
        return opened[-1]

    monkeypatch.setattr("pywinmmf.camera.share.open_source", open_camera)
    camera = share(source="0", name=name)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
        eventually(lambda: channel.sequence >= 10)
        assert (len(opened), camera.problem) == (1, "")


def test_a_camera_of_which_nothing_can_be_decoded_is_opened_anew(
    name: str, share: Callable[..., SharedCamera], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    monkeypatch.setattr("pywinmmf.camera.share.BAD_SECONDS", 0.05)

    def none(*_: object) -> None:
        raise BadPicture("its picture cannot be decoded")

    monkeypatch.setattr(Unreliable, "retrieve", none)
    monkeypatch.setattr("pywinmmf.camera.share.open_source", lambda *_: Unreliable(10**6))
    camera = share(source="0", name=name)
    eventually(lambda: camera.problem == "its picture cannot be decoded")


def test_the_test_picture_shows_its_sequence(
    name: str, share: Callable[..., SharedCamera], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    """Pictures that are left out are not counted."""
    written: list[str] = []
    put_text = cv2.putText

    def spy(picture: Any, text: str, *rest: Any) -> Any:
        written.append(text)
        return put_text(picture, text, *rest)

    monkeypatch.setattr("pywinmmf.camera.sources.cv2.putText", spy)
    share(source="test", name=name, every=3)
    eventually(lambda: len(written) >= 3)
    assert written[:3] == ["1", "2", "3"]


def test_larger_pictures_are_made_to_fit() -> None:
    assert fitting((640, 480), (1920, 1080)) == (640, 480)
    assert fitting((3840, 2160), (1920, 1080)) == (1920, 1080)
    assert fitting((2160, 3840), (1920, 1080)) == (607, 1080)


class Numbered:
    """A camera that gives 13 pictures and then none; it knows which were asked for."""

    fps = None
    size = SIZE

    def __init__(self) -> None:
        self.wanted: list[int] = []
        self._number = 0

    def grab(self) -> None:
        if self._number == 13:
            raise OSError("the end")
        self._number += 1

    def retrieve(self, target: Any = None) -> Any:
        self.wanted.append(self._number)
        return numpy.full((48, 64, 3), self._number, numpy.uint8)

    def release(self) -> None:
        pass


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({}, list(range(1, 14))),
        ({"every": 3}, [1, 4, 7, 10, 13]),
        ({"drop_every": 3}, [1, 2, 4, 5, 7, 8, 10, 11, 13]),
        ({"most_fps": 0.001}, [1]),
    ],
)
def test_pictures_that_are_not_wanted(
    name: str,
    share: Callable[..., SharedCamera],
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    how: dict[str, Any],
    wanted: list[int],
) -> None:
    numbered = Numbered()
    monkeypatch.setattr("pywinmmf.camera.share.open_source", lambda *_: numbered)
    camera = share(source="0", name=name, **how)
    eventually(lambda: camera.problem == "the end")
    assert numbered.wanted == wanted
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel, channel.latest() as frame:
        assert frame.sequence == len(wanted)
        assert (frame.array == wanted[-1]).all()


class Busy:
    """OpenCV's camera, twice in use by another program."""

    opened: ClassVar[list[tuple[int, ...]]] = []
    wishes: ClassVar[dict[int, float]] = {}

    def __init__(self, *arguments: int) -> None:
        self.opened.append(arguments)

    def isOpened(self) -> bool:
        return len(self.opened) > 2

    def set(self, number: int, value: float) -> bool:
        self.wishes[number] = value
        return True

    def grab(self) -> bool:
        return True

    def retrieve(self, target: Any = None) -> tuple[bool, Any]:
        return True, numpy.full((96, 128, 3), 7, numpy.uint8)

    def release(self) -> None:
        pass


def test_a_camera_that_is_busy(
    name: str, share: Callable[..., SharedCamera], monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Busy)
    monkeypatch.setattr(devices, "devices", lambda: [Device(3, "Front", "/dev/video3")])
    camera = share(source="Front", name=name, most_fps=50)
    eventually(lambda: "another program is using it" in camera.problem)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel, channel.next(timeout=30) as frame:
        assert frame.array.shape == (48, 64, 3)  # made as large as wanted
        assert (frame.array == 7).all()
    assert Busy.opened == [(3, devices.BACKEND)] * 3
    assert Busy.wishes == {cv2.CAP_PROP_FRAME_WIDTH: 64, cv2.CAP_PROP_FRAME_HEIGHT: 48}


def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    pace = Pace(10)
    had = []
    for step in range(31):  # a camera of 30 pictures a second, of which 10 are wanted
        now = step / 30
        if pace.is_due():
            pace.step()
            had.append(step)
    assert had == list(range(0, 31, 3))
    now = 100.0  # after a pause one is made up for, not all
    pace.step()
    pace.step()
    assert pace.ahead() > 0
    unlimited = Pace(None)
    unlimited.step()
    assert unlimited.is_due()
    assert unlimited.ahead() == 0


def test_a_reader_of_every_slot_costs_pictures_only(name: str, share: Callable[..., SharedCamera]) -> None:
    camera = share(source="test", name=name, slots=3)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
        held = [channel.next(timeout=30) for _ in range(3)]
        newest = channel.sequence
        time.sleep(0.2)
        assert channel.sequence == newest
        assert camera.problem == ""
        for frame in held:
            frame.release()
        assert channel.wait(newest, timeout=30) > newest


def test_only_one_program_shares_under_a_name(name: str, share: Callable[..., SharedCamera]) -> None:
    first = share(source="test", name=name)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as reader:
        with pytest.raises(AlreadyExistsError, match="already shared by another program"):
            share(source="test", name=name)
        first.close()
        share(source="test", name=name)  # the reader that stayed gets the new one's pictures
        reader.wait(reader.sequence, timeout=30)


def test_without_the_right_to_be_global(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create = MemoryMappedFile.create

    def refuse_global(name: str, size: int, **options: Any) -> MemoryMappedFile:
        if options["namespace"] is Namespace.GLOBAL:
            raise AccessDeniedError("no")
        return create(name, size, **options)

    monkeypatch.setattr(MemoryMappedFile, "create", refuse_global)
    camera = SharedCamera(Sharing(source="test", name=name, size=SIZE))
    camera.close()
    assert camera.namespace is Namespace.LOCAL
    with pytest.raises(AccessDeniedError):
        SharedCamera(Sharing(source="test", name=name, size=SIZE, namespace=Namespace.GLOBAL))


def test_a_reader_that_holds_every_slot_stops_the_camera_for_a_time_only(
    name: str,
    share: Callable[..., SharedCamera],
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
) -> None:
    """Like one that is stopped in a debugger; usually for five seconds."""
    monkeypatch.setattr("pywinmmf.camera.share.PIN_LIMIT_SECONDS", 0.5)
    share(source="test", name=name, slots=3)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
        held = [channel.next(timeout=30) for _ in range(3)]
        newest = held[-1].sequence
        eventually(lambda: channel.sequence > newest + 3)
        assert not all(frame.intact for frame in held)
        for frame in held:
            with suppress(Error):
                frame.release()
