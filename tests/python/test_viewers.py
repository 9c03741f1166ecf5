"""Looking at channels: follow, snapshot, record, top. The page has tests of its own."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from terminal import OWN_TERMINAL, press_ctrl_c

cv2 = pytest.importorskip("cv2", reason="the extra 'record' is not installed")
av = pytest.importorskip("av", reason="the extra 'record' is not installed")
pytest.importorskip("rich", reason="the extra 'record' is not installed")

from rich.console import Console  # noqa: E402

from pywinmmf import (  # noqa: E402 (after the skips)
    AccessDeniedError,
    Error,
    FormatError,
    FrameChannel,
    MemoryMappedFile,
    Namespace,
    NotFoundError,
    frames,
)
from pywinmmf.camera.share import SharedCamera, Sharing  # noqa: E402
from pywinmmf.cli import main  # noqa: E402
from pywinmmf.terminal import ended_politely  # noqa: E402
from pywinmmf.video_capture import bgr  # noqa: E402
from pywinmmf.viewers import follower, live_picture, meter, namespaces, record, top  # noqa: E402
from pywinmmf.viewers.follower import Follower  # noqa: E402
from pywinmmf.viewers.meter import Meter  # noqa: E402
from pywinmmf.viewers.observation import observe  # noqa: E402
from pywinmmf.viewers.state import State  # noqa: E402
from pywinmmf.viewers.video_file import VideoFile  # noqa: E402

LOCAL = (Namespace.LOCAL,)
SIZE = (64, 48)
PATIENCE = 60  # seconds
FOLDER = Path(__file__).parent  # from where no source tree hides the installed package


@pytest.fixture
def camera(name: str) -> Iterator[str]:
    """The name of a channel with a moving test picture, 30 a second."""
    shared = SharedCamera(Sharing("test", name, SIZE, most_fps=30, namespace=Namespace.LOCAL))
    yield name
    shared.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followers that soon lose patience."""
    monkeypatch.setattr("pywinmmf.viewers.state.PATIENCE", 0.3)
    monkeypatch.setattr(follower, "TICK", 0.05)


def picture(value: int, width: int = SIZE[0], height: int = SIZE[1]) -> numpy.typing.NDArray[numpy.uint8]:
    return numpy.full((height, width, 3), value, numpy.uint8)


# Following.


def until(news: Iterator[follower.News], wanted: State, *, sequence: int | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    for state, frame in news:
        if state is wanted and sequence == (frame and frame.sequence):
            return
        assert time.monotonic() < deadline, f"never {wanted}, frame {sequence}"


@pytest.mark.usefixtures("quick")
def test_a_channel_is_followed_whatever_becomes_of_it(name: str) -> None:
    news = iter(Follower(name, LOCAL))
    assert next(news) == (State.ABSENT, None)
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"old")
        until(news, State.STALLED, sequence=1)
        channel.publish(b"new")
        until(news, State.LIVE, sequence=2)
        until(news, State.STALLED)
        channel.publish(b"again")
        until(news, State.STALLED, sequence=3)
        channel.publish(b"and again")
        until(news, State.LIVE, sequence=4)
    until(news, State.ABSENT)
    with FrameChannel.create(name, capacity=100) as channel:
        until(news, State.STALLED)
        channel.publish(b"another channel")
        until(news, State.STALLED, sequence=1)
    news.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("quick")
def test_a_camera_that_is_slow_on_purpose_is_live(
    name: str, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    slow = [name]
    told = "pywinmmf.viewers.state.seconds_between_pictures"
    monkeypatch.setattr(told, lambda name, namespace: 1000 * (name in slow))
    monkeypatch.setattr(meter, "RATE_SECONDS", 0.01)
    with FrameChannel.create(name, capacity=10) as channel:
        news, measured = iter(Follower(name, LOCAL)), Meter(name, LOCAL)
        for sequence in (1, 2, 3):
            channel.publish(b"x")
            until(news, State.LIVE if sequence > 1 else State.STALLED, sequence=sequence)
            eventually(lambda wanted=sequence: measured.report()["frames"] == wanted)
        eventually(lambda: (channel.age or 0) > 0.5)  # over which there is news, too
        assert {next(news) for _ in range(10)} == {(State.LIVE, None)}
        assert observe(name, Namespace.LOCAL).state is State.LIVE
        assert measured.report()["state"] == "live"
        assert measured.report()["frames_per_second"] > 0
        slow.clear()
        until(news, State.STALLED)
        assert observe(name, Namespace.LOCAL).state is State.STALLED
        eventually(lambda: measured.report()["state"] == "stalled")
        assert measured.report()["frames_per_second"] == 0
        measured.close()
        news.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("quick")
def test_a_standing_picture_comes_once(name: str) -> None:
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"x")
        news = iter(Follower(name, LOCAL))
        until(news, State.STALLED, sequence=1)
        assert [next(news) for _ in range(5)] == [(State.STALLED, None)] * 5
        news.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("quick")
def test_a_damaged_channel_is_let_go_for_a_new_one(name: str, damage: Callable[[str], None]) -> None:
    news = iter(Follower(name, LOCAL))
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"x")
        until(news, State.STALLED, sequence=1)
        damage(name)
        until(news, State.POISONED)
        assert next(news) == (State.POISONED, None)  # as long as somebody else has it
    with FrameChannel.create(name, capacity=100) as channel:
        channel.publish(b"of the new one")
        until(news, State.STALLED, sequence=1)
    news.close()  # type: ignore[attr-defined]


def failing_while(broken: threading.Event, works: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if broken.is_set():
            raise ZeroDivisionError("by surprise")
        return works(*arguments)

    return call


@pytest.fixture
def broken() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_the_live_picture_survives_any_exception(
    name: str, broken: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_picture, "bgr", failing_while(broken, bgr))

    async def watch() -> None:
        live = live_picture.LivePicture(name, LOCAL)
        with live.watched():
            while not live.problem:
                await asyncio.sleep(0.01)
            assert live.problem == "ZeroDivisionError: by surprise"
            broken.clear()
            assert (await live.other_than(b"")).startswith(b"\xff\xd8")  # as JPEG does
            assert live.problem == ""
        live.close()

    with FrameChannel.create(name, capacity=48 * 64 * 3) as channel:
        channel.publish(picture(1))
        asyncio.run(asyncio.wait_for(watch(), PATIENCE))


def test_the_meter_survives_any_exception(
    name: str,
    broken: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    monkeypatch.setattr(Meter, "_count", failing_while(broken, Meter._count))
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"x")
        meter = Meter(name, LOCAL)
        try:
            eventually(lambda: meter.report()["problem"] == "ZeroDivisionError: by surprise")
            broken.clear()
            eventually(lambda: meter.report()["problem"] == "")
        finally:
            meter.close()


@pytest.mark.parametrize("problem", [AccessDeniedError, FormatError])
def test_a_name_that_is_taken_in_one_namespace_is_looked_for_in_the_other(problem: type[Error]) -> None:
    """By somebody else, or by what is no channel."""

    def look(namespace: Namespace) -> str:
        if namespace is Namespace.GLOBAL:
            raise problem("taken")
        if not there:
            raise NotFoundError("nothing")
        return "found"

    there = True
    assert namespaces.first_found(namespaces.USUAL, look) == "found"
    there = False
    with pytest.raises(problem):
        namespaces.first_found(namespaces.USUAL, look)
    with pytest.raises(NotFoundError):
        namespaces.first_found(LOCAL, look)


# snapshot

BLUE = (255, 0, 0)


def blue() -> Any:
    return numpy.full((48, 64, 3), BLUE, numpy.uint8)


def packed(conversion: int) -> Any:
    return cv2.cvtColor(blue(), conversion)


FORMATS: dict[str, Callable[[], Any]] = {
    "BGR3": blue,
    "RGB3": lambda: packed(cv2.COLOR_BGR2RGB),
    "BGRA": lambda: packed(cv2.COLOR_BGR2BGRA),
    "RGBA": lambda: packed(cv2.COLOR_BGR2RGBA),
    "I420": lambda: packed(cv2.COLOR_BGR2YUV_I420),
    "YUYV": lambda: packed(cv2.COLOR_BGR2YUV_YUY2),
    "MJPG": lambda: cv2.imencode(".jpg", blue())[1].reshape(-1),
}


@pytest.mark.parametrize("fourcc", FORMATS)
def test_snapshot_of_every_format(name: str, fourcc: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "snapshot-é.png"
    with FrameChannel.create(name, capacity=64 * 48 * 4) as channel:
        channel.publish(FORMATS[fourcc](), fourcc=fourcc)
        assert main(["snapshot", name, str(file)]) == 0
    assert "64 x 48, frame 1, " in capsys.readouterr().out
    saved = cv2.imdecode(numpy.fromfile(file, numpy.uint8), cv2.IMREAD_UNCHANGED)
    assert saved.shape == (48, 64, 3)
    assert numpy.abs(saved.astype(int) - BLUE).max() < 16


@pytest.mark.parametrize(("kind", "value"), [(numpy.uint8, 200), (numpy.uint16, 200 << 8)])
def test_snapshot_of_grey(name: str, kind: Any, value: int, tmp_path: Path) -> None:
    with FrameChannel.create(name, capacity=64 * 48 * 2) as channel:
        channel.publish(numpy.full((48, 64), value, kind))
        assert main(["snapshot", name, str(tmp_path / "grey.png")]) == 0
    assert (cv2.imread(str(tmp_path / "grey.png")) == 200).all()


def test_snapshot_of_no_picture(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "extent", lambda _: 0)  # writers in other languages may describe what they like
    file = tmp_path / "out.png"
    with FrameChannel.create(name, capacity=1000) as channel:
        assert main(["snapshot", name, str(file), "--timeout", "0.1"]) == 2
        assert "the time was up" in capsys.readouterr().err
        for fourcc, size, problem in (
            ("", 10, "pixel format ''"),
            ("YUYV", 9, "3 x 3 pixels, stride 3 and format 'YUYV'"),
        ):
            with channel.begin(timeout=0) as frame:
                frame.used = size
                if fourcc:
                    frame.width, frame.height, frame.stride, frame.fourcc = 3, 3, 3, fourcc
            assert main(["snapshot", name, str(file)]) == 2
            assert problem in capsys.readouterr().err
    assert not file.exists()


def test_snapshot_of_bytes_that_claim_a_format(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FrameChannel.create(name, capacity=100) as channel:
        channel.publish(bytes(100), fourcc="RGB3")
        assert main(["snapshot", name, str(tmp_path / "out.png")]) == 2
    assert capsys.readouterr().err == (
        "pywinmmf: pixel format 'RGB3', 100 bytes: expected a picture with width, height and stride\n"
    )


@pytest.mark.parametrize("kind", [".jpg", ".webp"])
def test_snapshot_of_a_picture_too_wide(
    name: str, kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"out{kind}"
    with FrameChannel.create(name, capacity=70000) as channel:
        channel.publish(numpy.zeros((1, 70000), numpy.uint8))
        assert main(["snapshot", name, str(file)]) == 2
    error = capfd.readouterr().err
    assert error.startswith(f"pywinmmf: a picture of 70000 x 1 pixels cannot be a {kind} file: ")
    assert error.count("\n") == 1
    assert not file.exists()


def test_snapshot_in_colour_of_a_kind_that_has_none(
    camera: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["snapshot", camera, str(tmp_path / "out.pgm")]) == 2
    assert capfd.readouterr().err == (
        "pywinmmf: a picture of 64 x 48 pixels cannot be a .pgm file: such files have no colours\n"
    )


def test_snapshot_of_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["snapshot", name, str(tmp_path / "out.png")]) == 2
    assert name in capsys.readouterr().err
    for file in ("out.nothing", "out"):
        assert main(["snapshot", name, str(tmp_path / file)]) == 2
        assert f"{file}': expected the name of a picture" in capsys.readouterr().err


def test_snapshot_into_no_folder(camera: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["snapshot", camera, str(tmp_path / "none" / "out.png")]) == 2
    assert "out.png" in capsys.readouterr().err


def limited(size: int) -> Callable[[], None]:
    """For a process whose files have at most so many bytes, as if the disk were full then."""
    import resource

    limit = (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of files")
def test_snapshot_on_a_full_disk_leaves_what_was_there(name: str, tmp_path: Path) -> None:
    file = tmp_path / "out.png"
    file.write_bytes(b"before")
    with FrameChannel.create(name, capacity=(48, 64, 3)) as channel:
        channel.publish(numpy.random.default_rng(0).integers(0, 256, (48, 64, 3), numpy.uint8))
        with command("snapshot", name, str(file), preexec_fn=limited(4096)) as process:
            output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 2, output
    assert str(file) in output
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few users make links")
def test_snapshot_through_a_link(camera: str, tmp_path: Path) -> None:
    link, file = tmp_path / "link.png", tmp_path / "out.png"
    link.symlink_to(file)
    assert main(["snapshot", camera, str(link)]) == 0
    assert link.is_symlink()
    assert file.stat().st_size > 0


# record


def played(file: Path) -> tuple[float, list[tuple[float, Any]]]:
    """How long it is, and from when which picture is shown, in seconds."""
    with av.open(str(file)) as container:
        pictures = [(frame.time or 0.0, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]
        return (container.duration or 0) / av.time_base, pictures


def pictures_in(file: Path) -> list[Any]:
    return [picture for _, picture in played(file)[1]]


@pytest.mark.parametrize("file_name", ["video.mp4", "video.avi", "http:..video.mp4"])
def test_record(
    camera: str,
    file_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if ":" in file_name and sys.platform == "win32":
        pytest.skip("Windows has no such file names")
    monkeypatch.chdir(tmp_path)
    file = Path(file_name)
    assert main(["record", camera, str(file), "--seconds", "2", "--fps", "10"]) == 0
    pictures = pictures_in(tmp_path / file)
    assert len(pictures) <= 20
    assert f"{len(pictures)} frames, 2.0 s" in capsys.readouterr().out
    assert played(tmp_path / file)[0] == 2
    assert pictures[0].shape == (48, 64, 3)
    assert pictures[0].std() > 5
    assert (pictures[0] != pictures[-1]).any()


@pytest.fixture(params=["mp4", "avi"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The name of each kind of video."""
    return tmp_path / f"video.{request.param}"


def digit(number: int) -> Any:
    """A picture that `digits` tells from nine others."""
    return picture(number % 10 * 25)


def digits(file: Path) -> list[int]:
    """Of the pictures of a video with 10 ticks a second, one for each tick."""
    seconds, pictures = played(file)
    shown_from = [(round(10 * second), round(picture.mean() / 25)) for second, picture in pictures]
    ends = [tick for tick, _ in shown_from[1:]] + [round(10 * seconds)]
    return [value for (tick, value), end in zip(shown_from, ends) for _ in range(tick, end)]


@pytest.mark.parametrize("jitter", [0, 0.04, -0.04])
@pytest.mark.parametrize("phase", [0, 0.3, 0.5, -0.5])
def test_each_picture_of_a_steady_camera_is_in_the_video_once(file: Path, jitter: float, phase: float) -> None:
    with record.Video(file, 10) as video:
        video.add(digit(0), 0)
        for number in range(1, 50):
            video.add(digit(number), (number + phase + jitter * (-1) ** number) / 10)
    assert digits(file) == [number % 10 for number in range(50)]


def test_a_fast_camera_is_thinned_out(file: Path) -> None:
    with record.Video(file, 10) as video:
        for number in range(100):
            video.add(digit(number // 10), number / 100)
    seen = digits(file)
    assert seen == sorted(seen)
    assert set(seen) == set(range(10))
    assert video.frames == len(seen) == pytest.approx(10, abs=1)
    assert video.missed == 0


def test_a_picture_stays_until_the_next_one(file: Path) -> None:
    with record.Video(file, 10) as video:
        video.add(digit(1), 0)
        video.add(digit(2), 0.5)
        video.hold(1)
    assert digits(file) == [1] * 5 + [2] * 5
    assert video.frames == len(pictures_in(file)) == 3
    assert video.missed == 0


@pytest.mark.parametrize(("fps", "seconds", "length"), [(1, 2, 2), (10, 0.01, 0.1), (10, 0.55, 0.6), (29.97, 1, 1.001)])
def test_a_video_is_as_long_as_was_asked_for(file: Path, fps: float, seconds: float, length: float) -> None:
    """To the nearest of its ticks, whenever the last pictures came."""
    with record.Video(file, fps, seconds) as video:
        for hundredth in range(300):
            video.add(digit(hundredth), hundredth / 100)
    assert video.seconds == pytest.approx(length, abs=1e-4)
    assert played(file)[0] == pytest.approx(length, abs=1e-4)


def test_pictures_that_come_while_one_is_written_are_missed_evenly(file: Path) -> None:
    """A camera of 10 pictures a second, each of which takes 1.7 of them to write."""
    with record.Video(file, 10) as video:
        came = -1
        for number in range(30):
            newest = int(number * 1.7)
            video.add(digit(newest), number * 0.17, missed=newest - came - 1)
            came = newest
    seen = digits(file)
    assert len(seen) == pytest.approx(51, abs=1)
    assert {len(list(same)) for _, same in itertools.groupby(seen)} <= {1, 2}
    assert video.frames == 30
    assert video.missed == pytest.approx(len(seen) - 30, abs=1)


def test_record_with_an_encoder_that_is_too_slow(
    camera: str, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It loses pictures, but no time, and says so. In time for the last of them, it may still be at the one before."""

    def slow(self: VideoFile, picture: Any, tick: int) -> None:
        time.sleep(0.1)
        write(self, picture, tick)

    write = VideoFile.write
    monkeypatch.setattr(VideoFile, "write", slow)
    assert main(["record", camera, str(file), "--seconds", "2"]) == 0
    seconds, pictures = played(file)
    said = capsys.readouterr()
    missed = re.search(r"pictures missed: (\d+), as writing them took too long", said.err)
    assert missed
    assert 0 < int(missed[1]) <= 60 - len(pictures)
    assert len(pictures) <= 21
    assert seconds == 2
    assert f"{len(pictures)} frames, 2.0 s" in said.out


def test_a_picture_of_another_size_is_scaled(file: Path) -> None:
    with record.Video(file, 10) as video:
        for number, (width, height) in enumerate([SIZE, (32, 20), (1, 1), (5, 5), (1, 1000), SIZE]):
            video.add(picture(number * 25, width, height), number / 10)
    assert digits(file) == list(range(6))
    assert {each.shape for each in pictures_in(file)} == {(SIZE[1], SIZE[0], 3)}


@pytest.mark.parametrize("size", [(3, 2), (5, 5), (33, 31), (641, 481)])
def test_a_video_of_any_size(file: Path, size: tuple[int, int]) -> None:
    width, height = size
    with record.Video(file, 10) as video:
        for number in range(3):
            video.add(picture(number * 25, width, height), number / 10)
    assert digits(file) == [0, 1, 2]
    assert {each.shape for each in pictures_in(file)} == {(height, width, 3)}


def test_record_leaves_out_what_is_no_picture(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "video.avi"
    ended = threading.Event()

    def film() -> None:
        while not ended.wait(0.02):
            channel.publish(bytes(100), fourcc="RGB3")
            time.sleep(0.02)
            channel.publish(picture(100))

    with FrameChannel.create(name, capacity=48 * 64 * 3) as channel:
        channel.publish(bytes(100), fourcc="RGB3")
        filming = threading.Thread(target=film)
        filming.start()
        try:
            assert main(["record", name, str(file), "--seconds", "1", "--fps", "10"]) == 0
        finally:
            ended.set()
            filming.join()
    assert re.search(r"frames left out: \d+, the last: pixel format 'RGB3', 100 bytes", capsys.readouterr().err)
    assert played(file)[0] == 1


def test_record_of_a_picture_too_large(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "video.mp4"
    file.write_bytes(b"before")
    with FrameChannel.create(name, capacity=(32, 9000, 3)) as channel:
        channel.publish(picture(1, 9000, 32))
        assert main(["record", name, str(file), "--seconds", "0.1"]) == 2
    assert capfd.readouterr().err == (
        "pywinmmf: a picture of 9000 x 32 pixels cannot be in a .mp4 file: it is too large\n"
    )
    assert file.read_bytes() == b"before"


def test_record_of_no_picture_at_all(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "video.mp4"
    with FrameChannel.create(name, capacity=100) as channel:
        channel.publish(bytes(100), fourcc="RGB3")
        assert main(["record", name, str(file), "--timeout", "0.1"]) == 2
    assert "pixel format 'RGB3', 100 bytes" in capsys.readouterr().err
    assert not file.exists()


def test_record_of_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "video.mp4"
    assert main(["record", name, str(file)]) == 2
    assert name in capsys.readouterr().err
    with FrameChannel.create(name, capacity=10):
        assert main(["record", name, str(file), "--timeout", "0.1"]) == 2
        assert "no frame" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("fps", ["0.5", "1001", "0", "nan", "x"])
def test_record_at_no_such_rate(name: str, fps: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        assert main(["record", name, str(tmp_path / "video.mp4"), "--fps", fps]) == 2
    except SystemExit as usage:
        assert usage.code == 2
    assert "expected" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of files")
@pytest.mark.parametrize("kind", ["mp4", "avi"])
def test_record_on_a_full_disk(camera: str, kind: str, tmp_path: Path) -> None:
    with command(
        *("record", camera, str(tmp_path / f"video.{kind}"), "--seconds", "2"),
        preexec_fn=limited(4096),
    ) as process:
        output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 2, output
    assert f"File too large: '{tmp_path}" in output
    assert "Traceback" not in output


@pytest.mark.usefixtures("quick")
def test_record_of_a_camera_that_changes_and_goes(name: str, tmp_path: Path) -> None:
    """Its first size stays the video's, and the last picture stays until the end."""
    file = tmp_path / "video.mp4"

    def film() -> None:
        with FrameChannel.create(name, capacity=48 * 64 * 3) as channel:
            ready.set()
            for number in range(20):
                channel.publish(picture(50) if number < 10 else picture(200, 32, 24))
                time.sleep(0.05)

    ready = threading.Event()
    filming = threading.Thread(target=film)
    filming.start()
    assert ready.wait(PATIENCE)
    assert main(["record", name, str(file), "--seconds", "3", "--fps", "10"]) == 0
    filming.join()
    seconds, shown = played(file)
    pictures = [picture for _, picture in shown]
    assert seconds == 3
    assert {each.shape for each in pictures} == {(48, 64, 3)}
    assert [round(each.mean() / 10) for each in (pictures[0], pictures[-1])] == [5, 20]


def test_record_goes_on_with_the_channel_that_replaces_a_damaged_one(
    camera: str, damage: Callable[[str], None], tmp_path: Path
) -> None:
    file = tmp_path / "video.avi"

    def damage_it() -> None:
        while not file.exists():
            time.sleep(0.01)
        damage(camera)

    damaging = threading.Thread(target=damage_it)
    damaging.start()
    assert main(["record", camera, str(file), "--seconds", "3", "--fps", "10"]) == 0
    damaging.join()
    seconds, pictures = played(file)
    assert seconds == 3
    assert (pictures[-1][1] != next(picture for second, picture in pictures if second >= 1)).any()
    with FrameChannel.open(camera) as channel:
        assert not channel.audit().poisoned


def test_record_of_a_damaged_channel(
    name: str, damage: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FrameChannel.create(name, capacity=10):
        damage(name)
        assert main(["record", name, str(tmp_path / "video.mp4")]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_record_into_nothing(camera: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["record", camera, str(tmp_path / "video.txt")]) == 2
    assert "expected a name that ends with .mp4 or .avi" in capfd.readouterr().err
    assert main(["record", camera, str(tmp_path / "none/video.mp4")]) == 2
    assert "No such file or directory: " in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_record_into_a_file_whose_name_is_not_unicode(camera: str, tmp_path: Path) -> None:
    file = tmp_path / "\udcff.mp4"
    assert main(["record", camera, str(file), "--seconds", "0.1"]) == 0
    assert file.stat().st_size > 0


def command(*arguments: str, terminal: bool = True, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "pywinmmf", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",  # FFmpeg and the progress bar write at the same time
        env={**os.environ, **({"FORCE_COLOR": "1", "COLUMNS": "200"} if terminal else {})},  # what is live is drawn
        cwd=FOLDER,
        **OWN_TERMINAL,
        **how,
    )


def output_until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    seen = ""
    while word not in seen:
        character = process.stdout.read(1)
        assert character, seen
        seen += character


POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGBREAK", "SIGHUP") if hasattr(signal, name)]


@pytest.mark.parametrize("number", POLITE)
def test_a_video_that_is_ended_politely_is_whole(
    camera: str, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, before = record.Video.add, signal.getsignal(number)

    def add_and_end(video: record.Video, *arguments: Any) -> None:
        add(video, *arguments)
        if video.frames >= 3:
            signal.raise_signal(number)

    monkeypatch.setattr(record.Video, "add", add_and_end)
    assert main(["record", camera, str(tmp_path / "video.mp4")]) == 0
    assert len(pictures_in(tmp_path / "video.mp4")) >= 3
    assert signal.getsignal(number) is before


def test_an_interrupted_video_is_whole(camera: str, tmp_path: Path) -> None:
    with command("record", camera, str(tmp_path / "video.mp4")) as process:
        output_until(process, "recording")
        press_ctrl_c(process)
        rest = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, rest
    assert "video.mp4: " in rest
    assert len(pictures_in(tmp_path / "video.mp4")) >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_a_signal_that_is_ignored_stays_so() -> None:
    """As `nohup` has it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_politely():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


# top

SHOW_CURSOR = "\x1b[?25h"


@pytest.fixture
def table(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs ``top --json``; its exit code and the rows by name."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main(["top", "--json", "--interval", "0.5", *arguments])
        return code, {row["name"]: row for row in json.loads(capsys.readouterr().out)}

    return run


def test_top(camera: str, table: Callable[..., Any]) -> None:
    with FrameChannel.open(camera), FrameChannel.open(camera, readonly=True):
        code, rows = table()
        row = rows[camera]
        assert code == 0
        assert (row["namespace"], row["state"], row["size"], row["format"]) == ("local", "live", "64 x 48", "BGR3")
        assert (row["slots"], row["readers"]) == (4, 1)
        assert 0 < row["fps"] <= 60
        assert row["MB/s"] == pytest.approx(row["fps"] * 64 * 48 * 3 / 1e6, abs=0.1)
        assert 0 <= row["age"] < PATIENCE
        assert camera not in table("--namespace", "global")[1]


def test_top_of_names(name: str, table: Callable[..., Any], damage: Callable[[str], None]) -> None:
    plain, poisoned, nobody = name + "s", name + "p", name + "n"
    with (
        FrameChannel.create(name, capacity=1000) as channel,
        FrameChannel.create(poisoned, capacity=1000) as damaged,
        MemoryMappedFile.create(plain, 10),
    ):
        channel.publish(b"not a picture")
        damaged.publish(b"x")
        damage(poisoned)
        code, rows = table(name, plain, poisoned, nobody)
        assert code == 2
        assert (rows[name]["size"], rows[name]["format"], rows[name]["fps"]) == ("13 bytes", "", 0)
        assert {each: row["state"] for each, row in rows.items()} == {
            name: "live",
            plain: "no channel",
            poisoned: "poisoned",
            nobody: "absent",
        }
        assert table(name)[0] == 0
        assert plain not in table()[1]


def test_top_once_is_a_plain_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with FrameChannel.create(name, capacity=(48, 64, 3)):
        assert main(["top", "--once", "--interval", "0.01", name]) == 0
        head, row = capsys.readouterr().out.splitlines()
        assert head.split() == [
            "name",
            "namespace",
            "state",
            "size",
            "format",
            "fps",
            "MB/s",
            "age",
            "slots",
            "readers",
        ]
        # Who made the channel counts as a reader until it writes.
        assert row.split() == [name, "local", "stalled", "0", "bytes", "0.0", "0.0", "none", "4", "1"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals from other processes")
@pytest.mark.parametrize("number", POLITE)
def test_top_that_is_ended_politely_leaves_the_terminal_as_it_was(camera: str, number: signal.Signals) -> None:
    with command("top", "--interval", "0.1") as process:
        output_until(process, camera)
        process.send_signal(number)
        rest = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, rest
    assert SHOW_CURSOR in rest


def test_top_lives(camera: str) -> None:
    with command("top", "--interval", "0.1") as process:
        for _ in range(3):
            output_until(process, camera)
        press_ctrl_c(process)
        rest = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


def column_names(width: int, rows: list[top.Row]) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(top._table(rows, console))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= width
    return re.findall("[a-zA-Z/]+", lines[1])


def test_a_narrow_terminal_gets_fewer_columns() -> None:
    numbers = {"fps": 30.0, "MB/s": 186.6, "age": 0.012, "slots": 4, "readers": 12}
    row = {"name": "front-door", "namespace": "global", "state": "stalled", "size": "1920 x 1080", "format": "BGR3"}
    rows: list[top.Row] = [{**row, **numbers}, {"name": "x", "state": "absent"}]
    assert column_names(120, rows) == top.COLUMNS
    assert column_names(80, rows) == ["name", "state", "size", "format", "fps", "MB/s", "age", "readers"]
    assert column_names(40, rows) == ["name", "state", "fps", "age"]
    rows[0]["name"] *= 9
    assert column_names(40, rows) == ["name", "state", "fps"]
    assert column_names(20, rows) == ["name", "fps"]
    assert column_names(12, rows) == ["name"]


@pytest.mark.parametrize(("width", "name"), [(80, "{}"), (40, "a-long-name-that-is-folded-{}"), (20, "camera-{}")])
def test_top_says_what_a_low_terminal_has_no_room_for(width: int, name: str) -> None:
    rows: list[top.Row] = [{"name": name.format(number), "state": "live", "fps": 30.0} for number in range(50)]
    for height in (10, 15, 23):
        console = Console(width=width, height=height, file=io.StringIO())
        console.print(top._screen(rows, console))
        text = console.file.getvalue()  # type: ignore[attr-defined]
        more = re.search(r"(\d+) more: pywinmmf", text)
        assert more
        assert text.count("30.0") == 50 - int(more[1]) > 0
        assert text.count("\n") <= height
    console = Console(width=width, height=200, file=io.StringIO())
    console.print(top._screen(rows, console))
    assert "more" not in console.file.getvalue()  # type: ignore[attr-defined]


def test_top_writes_plain_tables_into_a_pipe(camera: str) -> None:
    with command("top", "--interval", "0.1", camera, terminal=False) as process:
        for _ in range(3):
            output_until(process, "readers\n")
            output_until(process, "\n\n")
        press_ctrl_c(process)
        rest = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, rest
    assert "\x1b" not in rest


# The extras.


@pytest.mark.parametrize(
    ("arguments", "module", "extra"),
    [
        (["view", "x", "--port", "1"], "aiohttp", "view"),
        (["record", "x", "y.mp4"], "av", "record"),
        (["snapshot", "x", "y.png"], "cv2", "record"),
        (["top"], "rich", "top"),
    ],
)
def test_a_missing_extra_is_named(arguments: list[str], module: str, extra: str) -> None:
    hide = f"import sys; sys.modules[{module!r}] = None; from pywinmmf.cli import main; main({arguments!r})"
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, cwd=FOLDER, timeout=PATIENCE)
    assert done.returncode == 2
    assert f"pip install 'pywinmmf[{extra}]'" in done.stderr
