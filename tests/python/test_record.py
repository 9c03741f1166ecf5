"""``pywinmmf record``."""

from __future__ import annotations

import itertools
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")
pytest.importorskip("av", reason="the extra 'record' is not installed")

import av
import numpy
from cameras import SIZE, picture
from commands import POLITE, WAIT_SECONDS, command, limited, output_until
from terminal import press_ctrl_c

from pywinmmf import (
    Frame,
    FrameChannel,
    Namespace,
)
from pywinmmf.cli import main
from pywinmmf.video_capture import bgr
from pywinmmf.viewers import record
from pywinmmf.viewers.video_file import VideoFile

LOCAL = Namespace.LOCAL


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
    """It loses pictures, but no time, and reports them. In time for the last one, it may still be at the one before."""

    def slow(self: VideoFile, picture: Any, tick: int) -> None:
        time.sleep(0.1)
        write(self, picture, tick)

    write = VideoFile.write
    monkeypatch.setattr(VideoFile, "write", slow)
    assert main(["record", camera, str(file), "--seconds", "2"]) == 0
    seconds, pictures = played(file)
    said = capsys.readouterr()
    missed = re.search(r"pictures missed: (\d+), because writing took too long", said.err)
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


def test_record_of_an_array_of_other_numbers(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "video.mp4"
    with FrameChannel.create(name, capacity=1 << 16) as channel:
        channel.publish(numpy.ones((48, 64, 3), numpy.float32))
        assert main(["record", name, str(file), "--seconds", "0.2", "--timeout", "0.1"]) == 2
    assert "an array of float32, shape (48, 64, 3): expected a picture" in capsys.readouterr().err
    assert not file.exists()


def test_record_of_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "video.mp4"
    assert main(["record", name, str(file)]) == 2
    assert name in capsys.readouterr().err
    with FrameChannel.create(name, capacity=10):
        assert main(["record", name, str(file), "--timeout", "0.1"]) == 2
        assert "no frame" in capsys.readouterr().err
    assert not file.exists()


def test_a_picture_that_was_overwritten_meanwhile_is_missed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer took its slot back, as from a reader that was stopped."""

    def stopped(frame: Frame) -> Any:
        copied = bgr(frame)
        if frame.sequence == 2:
            channel.publish(picture(200))
            with other.latest() as held:
                deadline = time.monotonic() + WAIT_SECONDS
                while frame.intact and held.intact and time.monotonic() < deadline:
                    channel.publish(picture(200), timeout=0.01)
                held.release()
        elif frame.sequence == 1:
            channel.publish(picture(100))
        return copied

    file = tmp_path / "video.avi"
    monkeypatch.setattr(record, "bgr", stopped)
    with (
        FrameChannel.create(name, capacity=48 * 64 * 3, slots=3, pin_limit=0.01) as channel,
        FrameChannel.open(name) as other,
    ):
        channel.publish(picture(0))
        video = record.record(name, file, after=0.5, fps=1000)
    assert {round(shown.mean() / 100) for shown in pictures_in(file)} == {0, 2}
    assert video.missed >= 1


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
        output = process.communicate(timeout=WAIT_SECONDS)[0]
    assert process.returncode == 2, output
    assert f"File too large: '{tmp_path}" in output
    assert "Traceback" not in output


@pytest.mark.usefixtures("quick")
def test_record_of_a_camera_that_changes_and_goes(name: str, tmp_path: Path) -> None:
    """The video keeps the first size, and shows the last picture until the end."""
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
    assert ready.wait(WAIT_SECONDS)
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_record_into_a_file_whose_name_is_not_unicode(camera: str, tmp_path: Path) -> None:
    file = tmp_path / "\udcff.mp4"
    assert main(["record", camera, str(file), "--seconds", "0.1"]) == 0
    assert file.stat().st_size > 0


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
        rest = process.communicate(timeout=WAIT_SECONDS)[0]
    assert process.returncode == 0, rest
    assert "video.mp4: " in rest
    assert len(pictures_in(tmp_path / "video.mp4")) >= 1


Eventually = Callable[[Callable[[], object]], None]


def test_a_recording_that_is_killed_can_be_played_up_to_its_last_second(
    camera: str, file: Path, eventually: Eventually
) -> None:
    with command("record", camera, str(file)) as process:
        output_until(process, "recording")
        recorded = Recorded(file)
        eventually(lambda: recorded.lasts(3) and recorded.lacks_less_than(1))
        process.kill()
    assert list(file.parent.iterdir()) == [file]
    assert shown_until(file) > 2


def test_a_picture_that_stands_still_is_in_a_recording_that_is_killed(
    name: str, file: Path, eventually: Eventually
) -> None:
    with FrameChannel.create(name, capacity=(48, 64, 3)) as channel:
        channel.publish(picture(100))
        with command("record", name, str(file)) as process:
            output_until(process, "stalled")
            recorded = Recorded(file)
            eventually(lambda: recorded.lasts(4) and recorded.lacks_less_than(2))
            process.kill()
    assert shown_until(file) > 2


class Recorded:
    """A film that is being recorded from now on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._began = time.monotonic()

    def lasts(self, seconds: float) -> bool:
        """Whether it was begun that long ago."""
        return time.monotonic() - self._began >= seconds

    def lacks_less_than(self, seconds: float) -> bool:
        """Whether all but its last seconds can already be played."""
        try:
            return shown_until(self._file) > time.monotonic() - self._began - seconds
        except av.FFmpegError:  # it has no picture yet, or its last one is being written
            return False


def test_a_good_file_is_kept_until_the_new_one_is_whole(camera: str, file: Path) -> None:
    file.write_bytes(b"a good film")
    unfinished = [file.with_name(f"video.unfinished{number}{file.suffix}") for number in ("", "2")]
    for ended in range(2):
        with command("record", camera, str(file)) as process:
            output_until(process, "recording")
            time.sleep(1.5)
            process.kill()
        assert file.read_bytes() == b"a good film"
        assert sorted(file.parent.iterdir()) == sorted([file, *unfinished[: ended + 1]])
        assert shown_until(unfinished[ended]) > 0.2
    assert main(["record", camera, str(file), "--seconds", "0.5"]) == 0
    assert played(file)[0] > 0.4
    assert sorted(file.parent.iterdir()) == sorted([file, *unfinished])


def shown_until(file: Path) -> float:
    """The second from which the last picture that can be played is shown."""
    with av.open(str(file)) as container:
        return max(frame.time or 0.0 for frame in container.decode(video=0))
