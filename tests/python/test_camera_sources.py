"""Where pictures come from (devices, files, streams), and what of that is shown."""

from __future__ import annotations

import http.server
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

import cv2
import numpy
from cameras import SIZE, Stream, jpeg, make_video

from pywinmmf import (
    FrameChannel,
    InvalidArgumentError,
    Namespace,
    shared_cameras,
)
from pywinmmf.camera import devices
from pywinmmf.camera.devices import Device
from pywinmmf.camera.share import SharedCamera, fill
from pywinmmf.camera.share_command import shared
from pywinmmf.camera.sharing import Sharing
from pywinmmf.camera.source_names import channel_name, without_secrets
from pywinmmf.camera.sources import open_source, prepare_opencv
from pywinmmf.cli import main


def test_what_opencv_would_crash_at_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["camera", "share", "video-\udcff.avi"]) == 1
    assert r"source 'video-\udcff.avi': expected a name that is Unicode" in capsys.readouterr().err
    with pytest.raises(InvalidArgumentError):
        open_source("video-\udcff.avi")


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
    monkeypatch.setattr("pywinmmf.camera.sources.STREAM_TIMEOUT_MS", 600_000)
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
sources.STREAM_TIMEOUT_MS = 100
try:
    sources.open_source(f"rtsp://127.0.0.1:{sys.argv[1]}/")
except OSError:
    print("no stream")
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = child(code, silent.getsockname()[1], stderr=subprocess.STDOUT)
        assert said.result() == "no stream"


def test_devices_are_found_by_number_name_and_path(monkeypatch: pytest.MonkeyPatch) -> None:
    present = [Device(0, "Front", "/dev/video0"), Device(2, "Twin", "/dev/video2"), Device(4, "Twin", "/dev/video4")]
    monkeypatch.setattr(devices, "devices", lambda: present)
    for source, number in (("7", 7), ("front", 0), ("/dev/video4", 4)):
        assert devices.find(source, source) == (number, devices.BACKEND)
    with pytest.raises(OSError, match=r"'Twin': 2 cameras .* /dev/video2, /dev/video4"):
        devices.find("Twin", "Twin")
    with pytest.raises(OSError, match=r"'Back': no such video file, and no camera with this name"):
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
    assert channel_name("rtsp://user:secret@host") == "camera-host"


def test_nobody_sees_the_password_of_a_stream(
    name: str,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    eventually: Callable[..., None],
) -> None:
    caplog.set_level("INFO")
    with shared(Sharing(source="rtsp://user:secret@127.0.0.1:1/none?key=secret", name=name, size=SIZE)):
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
    with shared(Sharing(source=f"@{file}", name=name, size=SIZE)):
        eventually(lambda: re.search(r"front\.url['\"]: no stream there", caplog.text))
        assert shared_cameras()[name]["source"] == f"@{file}"
        file.write_text("test")  # what it says now
        with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
            channel.next(timeout=30).release()
    assert "secret" not in caplog.text
    assert channel_name(f"@{file}") == "camera-front"


def test_no_error_tells_what_a_file_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [Device(0, "Twin", ""), Device(1, "Twin", "")])
    (folder / "secret.avi").touch()
    file = folder / "front.url"
    for text in ("rtsp:/user:secret@host", "TWIN", "9797", str(folder / "secret.avi")):
        file.write_text(text)
        with pytest.raises(OSError, match=r"source ['\"]@.*front\.url['\"]: ") as caught:
            open_source(f"@{file}")
        assert text not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"\n", b"a\nb", b"@other", b"\xff"])
def test_a_file_that_holds_no_source(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "front.url"
    with pytest.raises(FileNotFoundError, match=r"front\.url"):
        open_source(f"@{file}")
    file.write_bytes(text)
    with pytest.raises(OSError, match=r"front\.url['\"]: expected one line, a source such as rtsp://"):
        open_source(f"@{file}")


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (b"this is text", "text/plain"),
        (b"this is text", "image/jpeg"),
        (jpeg(100)[:200], "image/jpeg"),
        (jpeg(100)[:-30], "image/jpeg"),
        (b"", "image/jpeg"),
    ],
)
def test_a_part_of_a_stream_that_is_no_picture_is_left_out(
    name: str, bad: bytes, kind: str, with_length: bool, share: Callable[..., SharedCamera]
) -> None:
    """The connection stays."""
    prepare_opencv()
    stream = Stream()
    with stream.of(bad, kind, with_length=with_length):
        camera = share(source=stream.url, name=name)
        with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
            channel.next(timeout=30).release()
            began, before = time.monotonic(), channel.sequence
            while channel.sequence < before + 45:  # and so five parts that were no pictures
                channel.next(timeout=30).release()
            assert time.monotonic() - began < 5  # 2.5 s on an idle machine
        assert stream.connections == 1
        assert camera.problem == ""
        camera.close()


def test_a_stream_that_ends_again_and_again_is_opened_anew_at_once(
    name: str, share: Callable[..., SharedCamera]
) -> None:
    prepare_opencv()
    stream = Stream()
    with stream.of(b"this is text", "text/plain", parts=10):
        camera = share(source=stream.url, name=name)
        with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
            channel.next(timeout=30).release()
            began = time.monotonic()
            while channel.sequence < 60:
                channel.next(timeout=30).release()
        assert time.monotonic() - began < 15  # with pauses of up to 5 s it would be 20
        assert stream.connections > 5
        camera.close()


def test_a_file_with_a_damaged_part_plays_on_after_it(tmp_path: Path) -> None:
    video = tmp_path / "video.avi"
    make_video(video, [number * 4 for number in range(60)])
    data = bytearray(video.read_bytes())
    middle, size = len(data) // 2, len(data) // 60
    data[middle : middle + 3 * size] = bytes(3 * size)
    video.write_bytes(data)
    source = open_source(str(video))
    levels = []
    for _ in range(50):
        source.grab()
        levels.append(round(int(source.retrieve().mean()) / 4))
    source.release()
    assert levels == sorted(levels)
    assert levels[-1] > 50
