"""The shared camera: published whatever becomes of its source, and found by name."""

from __future__ import annotations

import argparse
import http.server
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import cv2
import numpy
import pytest

from pywinmmf import (
    Access,
    AccessDeniedError,
    AlreadyExistsError,
    FrameChannel,
    InvalidArgumentError,
    MemoryMappedFile,
    Namespace,
    PoisonedError,
    VideoCapture,
    shared_cameras,
)
from pywinmmf.camera import devices, registry
from pywinmmf.camera.command import _channel_name, _share_until, _shared
from pywinmmf.camera.devices import Device
from pywinmmf.camera.rotating_log import RotatingLog
from pywinmmf.camera.share import Pace, SharedCamera, Sharing, fill, fitting
from pywinmmf.camera.sources import open_source, prepare_opencv, without_secrets
from pywinmmf.cli import main
from pywinmmf.inspection import program_of
from pywinmmf.viewers.state import is_stalled

SIZE = (64, 48)


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """As it was, after each test: what `camera share` tells OpenCV there would reach what later tests start."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder for the registry."""
    monkeypatch.setattr(registry, "folders", lambda: [tmp_path])
    return tmp_path


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SharedCamera]]:
    """Shares cameras and ends them after the test."""
    monkeypatch.setattr("pywinmmf.camera.share.STEADY_SECONDS", 0.1)
    cameras: list[SharedCamera] = []

    def start(**how: Any) -> SharedCamera:
        cameras.append(SharedCamera(Sharing(**{"size": SIZE, **how})))
        return cameras[-1]

    yield start
    for camera in cameras:
        camera.close()


def make_video(path: Path, levels: list[int], size: tuple[int, int] = SIZE) -> None:
    """A video of grey pictures, which is there as a whole or not at all."""
    unfinished = path.with_name("unfinished-" + path.name)
    writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter.fourcc(*"MJPG"), 25, size)
    for level in levels:
        writer.write(numpy.full((size[1], size[0], 3), level, numpy.uint8))
    writer.release()
    os.replace(unfinished, path)


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


class Unreliable:
    """A camera that is unplugged after some pictures."""

    fps = 200.0
    size = SIZE

    def __init__(self, pictures: int) -> None:
        self._left = pictures
        self.released = False

    def grab(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError("unplugged")

    def retrieve(self, target: Any = None) -> Any:
        return numpy.full((48, 64, 3), 7, numpy.uint8)

    def release(self) -> None:
        self.released = True


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
    """A file plays again and again; without a size wanted it keeps its own."""
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


def test_a_camera_that_fails_after_each_picture_is_tried_less_and_less(
    name: str,
    share: Callable[..., SharedCamera],
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    pauses: list[float] = []

    def waited(pause: float) -> None:
        pauses.append(pause)
        time.sleep(0.001)  # or nothing else would run

    monkeypatch.setattr("pywinmmf.camera.share.open_source", lambda *_: Unreliable(1))
    camera = share(source="0", name=name)
    monkeypatch.setattr("pywinmmf.camera.share.STEADY_SECONDS", 600)
    monkeypatch.setattr(camera._stop, "wait", waited)
    eventually(lambda: 5.0 in pauses)
    assert [pause for pause in pauses if pause >= 0.5][:5] == [0.5, 1.0, 2.0, 4.0, 5.0]
    assert caplog.text.count("unplugged") == 1
    assert "pictures again" not in caplog.text


def test_what_opencv_would_crash_at_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["camera", "share", "video-\udcff.avi"]) == 1
    assert r"source 'video-\udcff.avi': expected a name that is Unicode" in capsys.readouterr().err
    with pytest.raises(InvalidArgumentError):
        open_source("video-\udcff.avi")


def test_larger_pictures_are_made_to_fit() -> None:
    assert fitting((640, 480), (1920, 1080)) == (640, 480)
    assert fitting((3840, 2160), (1920, 1080)) == (1920, 1080)
    assert fitting((2160, 3840), (1920, 1080)) == (607, 1080)


def test_a_picture_is_decoded_straight_into_its_place(tmp_path: Path) -> None:
    video = tmp_path / "video.avi"
    make_video(video, [200])
    source = open_source(str(video))
    source.grab()
    for shape, conversion in [((48, 64, 3), None), ((24, 32, 3), None), ((48, 64), cv2.COLOR_BGR2GRAY)]:
        target = numpy.zeros(shape, numpy.uint8)
        fill(target, source, conversion)
        assert abs(int(target.mean()) - 200) < 10
    target = numpy.zeros((48, 64, 3), numpy.uint8)
    assert source.retrieve(target) is target
    source.release()


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def test_a_stream(name: str, share: Callable[..., SharedCamera], tmp_path: Path) -> None:
    make_video(tmp_path / "video.avi", [200] * 5)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        share(source=f"http://127.0.0.1:{server.server_port}/video.avi", name=name)
        with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel, channel.next(timeout=30) as frame:
            assert abs(int(frame.array[20, 20, 1]) - 200) < 10
        server.shutdown()


def test_a_silent_stream_holds_up_no_other_source(
    name: str, share: Callable[..., SharedCamera], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_opencv()
    monkeypatch.setattr("pywinmmf.camera.sources.STREAM_PATIENCE_MS", 600_000)
    make_video(tmp_path / "video.avi", [200] * 5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        share(source=f"rtsp://127.0.0.1:{server.getsockname()[1]}/", name=f"{name}-silent")
        with server.accept()[0]:  # it is being opened
            share(source=str(tmp_path / "video.avi"), name=name)
            with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
                channel.next(timeout=30).release()


def test_opencv_says_nothing(child: Callable[..., Any]) -> None:
    code = """
from pywinmmf.camera import sources
sources.prepare_opencv()
sources.STREAM_PATIENCE_MS = 100
try:
    sources.open_source(f"rtsp://127.0.0.1:{sys.argv[1]}/")
except OSError:
    print("no stream")
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = child(code, silent.getsockname()[1], stderr=subprocess.STDOUT)
        assert said.result() == "no stream"


class Numbered:
    """A camera that gives 13 pictures and then none; it knows which were wanted."""

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
        with pytest.raises(AlreadyExistsError, match="shared by another program already"):
            share(source="test", name=name)
        first.close()
        share(source="test", name=name)  # the reader that stayed gets the new one's pictures
        reader.wait(reader.sequence, timeout=30)


def test_readers_survive_a_new_start_with_larger_pictures(
    name: str, share: Callable[..., SharedCamera], eventually: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first = share(source="test", name=name)
    capture = VideoCapture(name, timeout=0.3)
    assert capture.read()[0]
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as reader:
        first.close()
        second = share(source="test", name=name, size=(640, 480))
        program = f"{program_of(os.getpid())} (pid {os.getpid()})"
        eventually(lambda: f"is too small for 4 frames of 921600 bytes and still open in {program}" in second.problem)
        eventually(lambda: not capture.read()[0])  # it has let go of the channel
        assert capture.isOpened()
        reader.latest(timeout=0).release()
    eventually(lambda: capture.read()[0])
    done, picture = capture.retrieve()
    assert done
    assert picture is not None
    assert picture.shape == (480, 640, 3)
    capture.release()
    eventually(lambda: f"{name}: pictures again" in caplog.text)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_damaged_channel_is_replaced_when_its_readers_let_go(
    name: str,
    restarted: bool,
    share: Callable[..., SharedCamera],
    damage: Callable[..., None],
    eventually: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    camera = share(source="test", name=name)
    capture = VideoCapture(name, timeout=0.1)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as reader:
        reader.next(timeout=30).release()
        assert capture.read()[0]
        damage(name, Namespace.GLOBAL)
        if restarted:
            camera.close()
            camera = share(source="test", name=name)
        eventually(lambda: f"damaged and still open in {program_of(os.getpid())} (pid {os.getpid()})" in camera.problem)
        assert capture.read() == (False, None)
        with pytest.raises(PoisonedError):
            reader.next(timeout=30)
    eventually(lambda: capture.read()[0])
    eventually(lambda: f"{name}: pictures again" in caplog.text)


def test_a_damaged_channel_that_somebody_only_reads(
    name: str, share: Callable[..., SharedCamera], damage: Callable[..., None], eventually: Callable[..., None]
) -> None:
    camera = share(source="test", name=name)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True):
        damage(name, Namespace.GLOBAL)
        eventually(lambda: "still open in programs that only read it" in camera.problem)
    eventually(lambda: camera.problem == "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_a_channel_with_other_access_is_replaced_when_its_readers_let_go(
    name: str, share: Callable[..., SharedCamera], eventually: Callable[..., None]
) -> None:
    share(source="test", name=name, access=Access.USERS_READ).close()
    share(source="test", name=name, access=Access.OWNER).close()
    with FrameChannel.create(name, capacity=10**5, namespace=Namespace.GLOBAL, access=Access.USERS_READ) as kept:
        camera = share(source="test", name=name, access=Access.OWNER)
        eventually(lambda: "made with other access (mode 0644)" in camera.problem)
        assert kept.sequence == 0
    eventually(lambda: camera.problem == "")
    assert os.stat(f"/dev/shm/wmmf-g-{name}").st_mode & 0o777 == 0o600


def test_devices_are_found_by_number_name_and_path(monkeypatch: pytest.MonkeyPatch) -> None:
    present = [Device(0, "Front", "/dev/video0"), Device(2, "Twin", "/dev/video2"), Device(4, "Twin", "/dev/video4")]
    monkeypatch.setattr(devices, "devices", lambda: present)
    for source, number in (("7", 7), ("front", 0), ("/dev/video4", 4)):
        assert devices.find(source, source) == (number, devices.BACKEND)
    with pytest.raises(OSError, match=r"'Twin': 2 cameras .* /dev/video2, /dev/video4"):
        devices.find("Twin", "Twin")
    with pytest.raises(OSError, match=r"'Back': no such video file, and no camera of this name"):
        devices.find("Back", "Back")


def test_a_url_of_a_file_is_that_file(tmp_path: Path) -> None:
    video = tmp_path / "a video.avi"
    make_video(video, [200])
    source = open_source(video.as_uri())
    assert source.fps == 25  # at its own pace, not that of a stream
    source.release()
    with pytest.raises(OSError, match="not a video"):
        open_source(f"{video.as_uri()}.none")


def test_missing_things_are_named() -> None:
    with pytest.raises(OSError, match="'97': no such camera"):
        open_source("97")
    with pytest.raises(OSError, match="no stream there"):
        open_source("rtsp://127.0.0.1:1/none")
    with pytest.raises(OSError, match="not a video"):
        open_source(__file__)


@pytest.mark.parametrize(
    ("source", "public"),
    [
        ("rtsp://host/a", "rtsp://host/a"),
        ("rtsp://user@host/a", "rtsp://host/a"),
        ("rtsp://user:secret@host/a", "rtsp://host/a"),
        ("rtsp://user:sec/r@e?t#@host/a", "rtsp://host/a"),
        ("rtsp://host/a?password=secret", "rtsp://host/a"),
        ("rtsp://user:secret@host/a#secret", "rtsp://host/a"),
        ("rtsp://host#secret", "rtsp://host"),
        ("a?b#c.avi", "a?b#c.avi"),
        ("a@b.avi", "a@b.avi"),
    ],
)
def test_a_source_as_others_may_see_it(source: str, public: str) -> None:
    assert without_secrets(source) == public
    assert _channel_name("rtsp://user:secret@host") == "camera-host"


def test_nobody_sees_the_password_of_a_stream(
    name: str,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    eventually: Callable[..., None],
) -> None:
    caplog.set_level("INFO")
    with _shared(Sharing(source="rtsp://user:secret@127.0.0.1:1/none?key=secret", name=name, size=SIZE)):
        eventually(lambda: "no stream there" in caplog.text)
        assert main(["camera", "list"]) == 0
        registered = (folder / "pywinmmf/cameras.json").read_text()
    for text in (caplog.text, capsys.readouterr().out, registered):
        assert "rtsp://127.0.0.1:1/none" in text
        assert "secret" not in text


def test_a_source_that_no_command_line_shows(
    name: str, folder: Path, caplog: pytest.LogCaptureFixture, eventually: Callable[..., None]
) -> None:
    file = folder / "front.url"
    file.write_text("rtsp://127.0.0.1:1/user=a&password=secret\n")
    with _shared(Sharing(source=f"@{file}", name=name, size=SIZE)):
        eventually(lambda: "front.url': no stream there" in caplog.text)
        assert shared_cameras()[name]["source"] == f"@{file}"
        file.write_text("test")  # what it says now
        with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
            channel.next(timeout=30).release()
    assert "secret" not in caplog.text
    assert _channel_name(f"@{file}") == "camera-front"


def test_no_error_tells_what_a_file_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [Device(0, "Twin", ""), Device(1, "Twin", "")])
    (folder / "secret.avi").touch()
    file = folder / "front.url"
    for text in ("rtsp:/user:secret@host", "TWIN", "9797", str(folder / "secret.avi")):
        file.write_text(text)
        with pytest.raises(OSError, match=r"source '@.*front\.url': ") as caught:
            open_source(f"@{file}")
        assert text not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"\n", b"a\nb", b"@other", b"\xff"])
def test_a_file_that_holds_no_source(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "front.url"
    with pytest.raises(FileNotFoundError, match=r"front\.url"):
        open_source(f"@{file}")
    file.write_bytes(text)
    with pytest.raises(OSError, match=r"front\.url': expected one line, a source such as rtsp://"):
        open_source(f"@{file}")


def test_the_registry_has_what_is_shared(name: str, folder: Path) -> None:
    with MemoryMappedFile.create(registry.claim_name(name), 1), FrameChannel.create(name, capacity=10) as kept:
        file = registry.announce(name, Namespace.LOCAL, "0")
        assert file == folder / "pywinmmf/cameras.json"
        place = {"name": name, "namespace": "local"}
        assert shared_cameras() == {name: {**place, "source": "0", "pid": os.getpid(), "seconds_between_pictures": 0}}
        reader = FrameChannel.open(kept.name)
    with reader:  # a reader that stays does not keep the entry
        assert shared_cameras() == {}
    with MemoryMappedFile.create(registry.claim_name(name + "2"), 1):
        registry.announce(name + "2", Namespace.LOCAL, "1")
        assert [entry["name"] for entry in json.loads(file.read_text())] == [name + "2"]
    registry.withdraw(name + "2", Namespace.LOCAL, file)
    assert not file.exists()


def test_nobody_withdraws_the_entry_of_another(name: str, folder: Path) -> None:
    file = registry.announce(name, Namespace.LOCAL, "0")
    assert file is not None
    for other in ({"namespace": "global"}, {"name": "other"}, {"pid": -1}):
        entries = [{"name": name, "namespace": "local", "source": "0", "pid": os.getpid(), **other}]
        file.write_text(json.dumps(entries))
        registry.withdraw(name, Namespace.LOCAL, file)
        assert json.loads(file.read_text()) == entries


def test_one_name_in_both_namespaces_is_two_cameras(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [])
    with _shared(Sharing(source="test", name=name, size=SIZE, namespace=Namespace.GLOBAL)):
        with _shared(Sharing(source="test", name=name, size=SIZE, namespace=Namespace.LOCAL)):
            assert main(["camera", "list"]) == 0
            lines = capsys.readouterr().out.splitlines()
            assert [line.split()[:3] for line in lines] == [["shared", name, each] for each in ("global", "local")]
            assert shared_cameras()[name]["namespace"] == "global"
        assert [entry["namespace"] for entry in registry.entries()] == ["global"]
    assert registry.entries() == []


def test_many_programs_announce_at_once(name: str, folder: Path, child: Callable[..., Any]) -> None:
    code = """
from pathlib import Path
from pywinmmf import registry
folder, name = sys.argv[1:]
registry.folders = lambda: [Path(folder)]
claim = MemoryMappedFile.create(registry.claim_name(name), 1)
print("ready")
for _ in range(20):
    file = registry.announce(name, Namespace.LOCAL, "0")
    assert name in registry.shared_cameras()
print("announced")
sys.stdin.read()
import time
time.sleep(60)
"""
    names = [f"{name}-{number}" for number in range(3)]
    programs = [child(code, folder, each) for each in names]
    for program in programs:
        assert program.line() == "ready"
    for program in programs:
        assert program.line() == "announced"
    assert set(shared_cameras()) == set(names)
    programs[0].kill()
    assert set(shared_cameras()) == set(names[1:])


@pytest.mark.skipif(sys.platform == "win32", reason="about POSIX permissions")
@pytest.mark.parametrize("umask", [0, 0o077])
def test_others_can_read_the_registry_and_not_change_it(name: str, folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        file = registry.announce(name, Namespace.LOCAL, "0")
    finally:
        os.umask(before)
    assert file is not None
    assert [path.stat().st_mode & 0o777 for path in (file.parent, file)] == [0o755, 0o644]


@pytest.mark.skipif(sys.platform == "win32", reason="there the users share one list")
def test_no_other_user_has_a_hand_on_the_lock_of_the_registry(folder: Path) -> None:
    with registry._one_at_a_time():
        assert os.stat(f"/dev/shm/wmmf-{os.geteuid()}-pywinmmf-cameras").st_mode & 0o777 == 0o600


def test_a_camera_that_cannot_be_announced_is_shared_all_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(registry, "folders", lambda: [tmp_path / "file"])
    with _shared(Sharing(source="test", name=name, size=SIZE)):
        assert f"{name} is in no list" in caplog.text
        with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as channel:
            channel.next(timeout=30).release()


def test_a_damaged_registry_is_an_empty_one(folder: Path) -> None:
    file = folder / "pywinmmf/cameras.json"
    file.parent.mkdir()
    for text in ("", "{", "[]", "{}", "[" * 200_000, "[1]", '[{"name": "a", "namespace": "nowhere"}]', '[{"name": 1}]'):
        file.write_text(text)
        assert shared_cameras() == {}


# A signal comes when a section is written. (On Windows, a pipe that is being read would stop FFmpeg from being loaded.)
RUN = """
import signal, sys, threading
from pathlib import Path
from pywinmmf import MemoryMappedFile, cli
from pywinmmf import registry
registry.folders = lambda: [Path(sys.argv[1])]
def interrupt():
    MemoryMappedFile.open(sys.argv[2]).wait(0)
    signal.raise_signal(getattr(signal, sys.argv[3]))
threading.Thread(target=interrupt, daemon=True).start()
sys.exit(cli.main(["camera", "share", *sys.argv[4:]]))
"""


@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGBREAK" if sys.platform == "win32" else "SIGHUP"])
def test_the_command_ends_well(name: str, folder: Path, ending: str, eventually: Callable[..., None]) -> None:
    log = folder / "logs/camera.log"
    video = folder / "video.avi"
    make_video(video, [200] * 5)
    names = [name, f"{name}-video"]
    options = ["--name", names[0], "--name", names[1], "--size", "64x48", "--log", str(log)]
    end = MemoryMappedFile.create(f"{name}-end", 1)
    service = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), end.name, ending, "test", str(video), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parent,
    )
    try:
        eventually(lambda: set(names) == set(shared_cameras()))
        for each in names:
            assert shared_cameras()[each]["pid"] == service.pid
            with FrameChannel.open(each, namespace=Namespace.GLOBAL, readonly=True) as channel:
                channel.next(timeout=30).release()
        end.write(b"x")
        output, _ = service.communicate(timeout=60)
        assert service.returncode == 0, output
    finally:
        service.kill()
        service.wait()
        end.close()
    assert f"sharing test as {name} (global)" in output
    assert f"sharing {names[1]} no more" in log.read_text()
    assert list((folder / "pywinmmf").iterdir()) == []


def test_silent_cameras_are_waited_for_together(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speak = threading.Event()

    class Silent(Unreliable):
        def grab(self) -> None:
            speak.wait(60)

    waits: list[float] = []
    join = threading.Thread.join

    def recorded(thread: threading.Thread, timeout: float) -> None:
        waits.append(timeout)
        join(thread, timeout)

    monkeypatch.setattr("pywinmmf.camera.share.STOP_SECONDS", 0.5)
    monkeypatch.setattr("pywinmmf.camera.share.open_source", lambda *_: Silent(1))
    monkeypatch.setattr(threading.Thread, "join", recorded)
    sharings = [Sharing(source="0", name=f"{name}-{number}", size=SIZE) for number in range(3)]
    monkeypatch.setattr("pywinmmf.camera.command._sharings", lambda _: sharings)
    end = threading.Event()
    _share_until(end, end.set, argparse.Namespace())
    assert len(waits) == 3
    assert sum(waits) < 1
    speak.set()


def test_a_name_that_is_taken_costs_no_other_camera(
    name: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = [f"{name}-taken", name]
    sharings = [Sharing(source="test", name=each, size=SIZE) for each in names]
    monkeypatch.setattr("pywinmmf.camera.command._sharings", lambda _: sharings)
    monkeypatch.setattr("pywinmmf.camera.command.RETRY_SECONDS", 0.1)
    end, ready = threading.Event(), threading.Event()
    service = threading.Thread(target=_share_until, args=(end, ready.set, argparse.Namespace()))
    try:
        with MemoryMappedFile.create(registry.claim_name(names[0]), 1, namespace=Namespace.GLOBAL):
            service.start()
            assert ready.wait(60)
            assert set(shared_cameras()) == {name}
            taken = f"camera '{names[0]}' is shared by another program already: expected another --name"
            assert f"{taken}; it is tried again" in caplog.text
            sharings.reverse()
            with pytest.raises(AlreadyExistsError, match=re.escape(taken.replace(names[0], name))):
                _share_until(end, end.set, argparse.Namespace())  # where none can be had
        eventually(lambda: set(shared_cameras()) == set(names))
    finally:
        end.set()
        service.join()
    assert shared_cameras() == {}


KILLED = """
import os, signal, sys
from pywinmmf import AlreadyExistsError
from pywinmmf.registry import is_stale
from pywinmmf.camera.share import SharedCamera, Sharing

sharing = Sharing(source="test", name="front", size=(64, 48))
hear, say = os.pipe()

def forked(action):
    pid = os.fork()
    if pid == 0:
        action()
        sys.stdout.flush()
        os._exit(0)
    return pid

def share():
    camera = SharedCamera(sharing)
    os.write(say, b".")
    signal.pause()

def look():
    os.setuid(54400)
    try:
        SharedCamera(sharing)
    except AlreadyExistsError as error:
        print(is_stale({"name": "front", "namespace": "global"}), error, flush=True)

def kill_service():
    os.kill(service, signal.SIGKILL)
    os.waitpid(service, 0)

service = forked(share)
os.read(hear, 1)
os.waitpid(forked(look), 0)
kill_service()
os.waitpid(forked(look), 0)
service = forked(share)
os.read(hear, 1)
kill_service()
print("shared again")
"""


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="a root of Linux becomes another user, who may remove nothing"
)
def test_what_another_user_sees_of_a_killed_program() -> None:
    """Where no third one removes what is left: in a shared memory of their own."""
    own_memory = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && exec "$@"', "sh"]
    if not shutil.which("unshare") or subprocess.run([*own_memory, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this user may not mount, not even in a namespace of its own")
    done = subprocess.run(
        [*own_memory, sys.executable, "-c", KILLED],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parent,
        timeout=60,
    )
    alive, dead, again = done.stdout.splitlines()
    assert alive.startswith("False camera 'front' is shared by another program already")
    assert dead.startswith("True camera 'front' has the name of what a killed program of another user left behind")
    assert again == "shared again"


def test_list(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [Device(0, "Front", "/dev/video0")])
    claim = MemoryMappedFile.create(registry.claim_name(name), 1)
    with claim, FrameChannel.create(name, capacity=10) as channel:
        registry.announce(name, Namespace.LOCAL, "0")
        for timestamp, state in ((None, "no picture yet"), (0, "live"), (1, "stalled since [-0-9]+ [:0-9]+")):
            if timestamp is not None:
                channel.publish(b"picture", timestamp_ns=timestamp)
            assert main(["camera", "list"]) == 0
            device, shared = capsys.readouterr().out.splitlines()
            assert device == "device  0  Front  /dev/video0"
            assert re.fullmatch(f"shared  {name}  local  0  pid {os.getpid()}  {state}", shared)
        assert main(["camera", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["devices"] == [{"number": 0, "name": "Front", "path": "/dev/video0"}]
    assert [entry["name"] for entry in listed["shared"]] == [name]


@pytest.mark.parametrize(("wish", "seconds"), [({"most_fps": 0.2}, 5), ({"every": 300}, 10), ({"most_fps": 10}, 0.1)])
def test_a_camera_is_stalled_when_pictures_are_missing(
    name: str,
    wish: dict[str, Any],
    seconds: float,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [])
    most = max(2, 3 * seconds)
    with _shared(Sharing(source="test", name=name, size=SIZE, namespace=Namespace.LOCAL, **wish)):
        assert shared_cameras()[name]["seconds_between_pictures"] == seconds
        assert not is_stalled(name, Namespace.LOCAL, most - 0.1)
        for age, word in ((most - 0.1, "live"), (most, "stalled since")):
            monkeypatch.setattr(FrameChannel, "age", age)
            assert main(["camera", "list"]) == 0
            assert f"  {word}" in capsys.readouterr().out
        assert is_stalled(name, Namespace.GLOBAL, 2)
    assert is_stalled(name, Namespace.LOCAL, 2)


def test_a_list_that_no_terminal_obeys(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [Device(0, "\x1b[2J", "\ud800")])
    with MemoryMappedFile.create(registry.claim_name(name), 1):
        registry.announce(name, Namespace.LOCAL, "\ud800\n")
        assert main(["camera", "list"]) == 0
    device, shared = capsys.readouterr().out.splitlines()
    assert device == r"device  0  \x1b[2J  \ud800"
    assert shared.startswith(rf"shared  {name}  local  \ud800\n  pid")


def test_list_asks_the_system(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["camera", "list", "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out)["devices"], list)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["test", "--size", "0x5"], "WIDTHxHEIGHT"),
        (["test", "--fps", "0"], "above 0"),
        (["test", "--format", "NO"], "invalid choice"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["camera", "share", *arguments])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["test", "test"], "expected different ones"),
        (["test", "test", "--name", "a", "--name", "a.shared"], "expected different ones"),
        (["test", "--name", "a", "--name", "b"], "2 names for 1 sources"),
        (["test", "--every", "0"], "expected at least 1"),
        (["test", "--drop-every", "1"], "expected at least 2"),
        (["test", "--slots", "2"], "slots 2: expected at least 3"),
        (["test", "--name", "a\nb"], r"camera name 'a\nb': expected no control characters"),
    ],
)
def test_impossible_wishes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert main(["camera", "share", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


@contextmanager
def being_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Windows renames no file that is open; elsewhere that is made believe."""
    replace = os.replace

    def as_windows(old: str, new: str) -> None:
        if str(file) in (old, new):
            raise PermissionError(f"{file} is open")
        replace(old, new)

    with file.open(), monkeypatch.context() as patched:
        if sys.platform != "win32":
            patched.setattr(os, "replace", as_windows)
        yield


@pytest.mark.parametrize("read", ["log", "log.1", "log.2"])
def test_a_log_that_is_being_read_loses_nothing(read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / name for name in ("log.2", "log.1", "log.0", "log")]

    def lines() -> list[int]:
        return [int(line) for file in files if file.exists() for line in file.read_text().split()]

    log = RotatingLog(tmp_path / "log", maxBytes=30, backupCount=2)  # of 6 or 7 lines

    def write(numbers: range) -> None:
        for number in numbers:
            log.emit(logging.makeLogRecord({"msg": str(number)}))

    write(range(100, 115))
    assert [file.name for file in files if file.exists()] == ["log.2", "log.1", "log"]
    with being_read(tmp_path / read, monkeypatch):
        write(range(115, 133))
        assert lines() == list(range(100, 133))
    write(range(133, 200))
    assert lines() == list(range(lines()[0], 200))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert all(file.stat().st_size <= 30 for file in tmp_path.iterdir())
    log.close()


def test_a_log_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["camera", "share", "test", "--log", str(tmp_path / "file/log")]) == 1
    assert capsys.readouterr().err.startswith("pywinmmf: ")


def test_without_the_right_to_be_global(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create = FrameChannel.create

    def refuse_global(name: str, **options: Any) -> FrameChannel:
        if options["namespace"] is Namespace.GLOBAL:
            raise AccessDeniedError("no")
        return create(name, **options)

    monkeypatch.setattr(FrameChannel, "create", refuse_global)
    camera = SharedCamera(Sharing(source="test", name=name, size=SIZE))
    camera.close()
    assert camera.namespace is Namespace.LOCAL
    with pytest.raises(AccessDeniedError):
        SharedCamera(Sharing(source="test", name=name, size=SIZE, namespace=Namespace.GLOBAL))
