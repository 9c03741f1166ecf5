"""``pywinmmf record`` with the seconds before: ``--before``, ``--on-trigger``, and the same from Python."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")
pytest.importorskip("av", reason="the extra 'record' is not installed")

import av
from cameras import SIZE, picture
from commands import WAIT_SECONDS
from terminal import OWN_TERMINAL, press_ctrl_c

from pywinmmf import FrameChannel, InvalidArgumentError, Namespace, NotSupportedError
from pywinmmf.cli import main
from pywinmmf.viewers.record import record
from pywinmmf.viewers.video_file import VideoFile

LOCAL = Namespace.LOCAL
FPS = 50
LEVELS = 10  # grey levels that a film keeps apart


def level(number: int) -> int:
    return number % LEVELS * 25


def numbers(file: Path) -> list[tuple[float, int]]:
    """From when each picture of a film is shown, and which of LEVELS it is."""
    with av.open(str(file)) as container:
        shown = [(frame.time or 0.0, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    return [(second, round(mean / 25)) for second, mean in shown]


class Filming:
    """Publishes pictures, at most FPS a second, each with the level of its sequence, from a thread."""

    def __init__(self, channel: FrameChannel) -> None:
        self._channel = channel
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(1 / FPS):
            self._channel.publish(picture(level(self._channel.sequence + 1)), fourcc="BGR3")

    def end(self) -> None:
        self._ended.set()
        self._thread.join()


@pytest.fixture
def film(name: str) -> Iterator[Callable[..., FrameChannel]]:
    """A channel with a history in which somebody publishes."""
    ends: list[Callable[[], None]] = []

    def start(history: int) -> FrameChannel:
        channel = FrameChannel.create(name, capacity=SIZE[0] * SIZE[1] * 3, history=history)
        filming = Filming(channel)
        ends.extend([channel.close, filming.end])
        return channel

    yield start
    for end in reversed(ends):
        end()


def age_of_first(channel: FrameChannel) -> float:
    """Seconds since the first frame."""
    with channel.at(1, timeout=WAIT_SECONDS) as frame:
        return time.perf_counter() - frame.timestamp_ns / 1e9


def is_shown_of(channel: FrameChannel, number: int, since: float, until: float) -> bool:
    """Whether a film may begin with this level, if it began between these two times."""
    with channel.at(timestamp_ns=round(since * 1e9)) as first, channel.at(timestamp_ns=round(until * 1e9)) as last:
        sequences = range(first.sequence, last.sequence + 1)
    return any(level(sequence) == number * 25 for sequence in sequences)


def check_in_order(pictures: list[tuple[float, int]]) -> None:
    """None is missing between two of them, as each follows the one before. The last may be there twice: it stays until
    the end."""
    if pictures[-1][1] == pictures[-2][1]:
        pictures = pictures[:-1]
    assert [(number - pictures[0][1]) % LEVELS for _, number in pictures] == [
        place % LEVELS for place in range(len(pictures))
    ]


def test_a_film_begins_before_the_command(
    name: str,
    film: Callable[..., FrameChannel],
    tmp_path: Path,
    eventually: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first picture is one of the history, and none is lost."""
    channel = film(history=500)
    eventually(lambda: age_of_first(channel) > 1.5)
    file = tmp_path / "film.mp4"
    now = time.perf_counter()
    assert main(["record", name, str(file), "--before", "0.8", "--seconds", "0.5", "--fps", "1000"]) == 0
    begun = time.perf_counter() - 0.5
    said = capsys.readouterr()
    assert "missed" not in said.err
    pictures = numbers(file)
    check_in_order(pictures)
    assert is_shown_of(channel, pictures[0][1], now - 0.8, begun - 0.8)
    with av.open(str(file)) as container:
        seconds = (container.duration or 0) / av.time_base
    assert 1.299 <= seconds < 1.6
    assert f"{seconds:.1f} s" in said.out


def test_the_same_from_python(
    name: str, film: Callable[..., FrameChannel], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    channel = film(history=500)
    eventually(lambda: channel.sequence >= FPS)
    video = record(name, tmp_path / "film.avi", before=0.5, after=0.2, fps=1000)
    assert (video.frames, video.missed) == (len(numbers(tmp_path / "film.avi")), 0)
    assert 0.699 <= video.seconds < 1
    check_in_order(numbers(tmp_path / "film.avi"))


def test_an_encoder_that_is_too_slow_for_a_time_loses_nothing(
    name: str,
    film: Callable[..., FrameChannel],
    tmp_path: Path,
    eventually: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The history holds what it cannot write at once."""
    pauses = [1.0]

    def slow(self: VideoFile, picture: Any, tick: int) -> None:
        if pauses:
            time.sleep(pauses.pop())
        write(self, picture, tick)

    write = VideoFile.write
    monkeypatch.setattr(VideoFile, "write", slow)
    channel = film(history=500)
    eventually(lambda: channel.sequence >= FPS)
    video = record(name, tmp_path / "film.mp4", before=0.3, after=0.5, fps=1000)
    assert video.missed == 0
    check_in_order(numbers(tmp_path / "film.mp4"))


def test_what_was_lost_is_said(
    name: str,
    film: Callable[..., FrameChannel],
    tmp_path: Path,
    eventually: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A film writer that is stopped for longer than the history lasts."""
    pauses = [1.0]
    last: list[int] = []

    def slow(self: VideoFile, picture: Any, tick: int) -> None:
        if pauses:
            first = channel.sequence
            time.sleep(pauses.pop())
            last.append(channel.sequence - first)
        write(self, picture, tick)

    write = VideoFile.write
    monkeypatch.setattr(VideoFile, "write", slow)
    channel = film(history=20)
    eventually(lambda: channel.sequence >= FPS)
    file = tmp_path / "film.mp4"
    assert main(["record", name, str(file), "--before", "0.1", "--seconds", "1.5", "--fps", "1000"]) == 0
    said = re.search(r"pictures missed: (\d+)", capsys.readouterr().err)
    assert said
    pictures = numbers(file)
    gaps = [(later - sooner - 1) % LEVELS for (_, sooner), (_, later) in itertools.pairwise(pictures[:-1])]
    assert int(said[1]) % LEVELS == sum(gaps) % LEVELS
    assert last[0] - 30 < int(said[1]) < last[0] + 5


def test_a_channel_without_a_history(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "film.mp4"
    with FrameChannel.create(name, capacity=100) as channel:
        channel.publish(picture(1, 2, 2))
        with pytest.raises(NotSupportedError, match="has no history"):
            record(name, file, before=10, after=1)
        for options in ([], ["--on-trigger"]):  # which needs no wait
            assert main(["record", name, str(file), "--before", "10", *options]) == 2
            assert "has no history, so its frames of 10 s ago are gone" in capsys.readouterr().err
    assert not file.exists()


def test_a_history_that_is_too_short(
    name: str, film: Callable[..., FrameChannel], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    channel = film(history=20)
    eventually(lambda: channel.sequence >= FPS)
    with pytest.raises(InvalidArgumentError, match=r"20 frames, reaches back \d\.\d s: expected 10 s"):
        record(name, tmp_path / "film.mp4", before=10, after=1)


def test_a_channel_that_has_not_run_for_so_long(
    name: str,
    film: Callable[..., FrameChannel],
    tmp_path: Path,
    eventually: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The film has all frames of the channel."""
    channel = film(history=1000)
    eventually(lambda: channel.sequence >= 10)
    file = tmp_path / "film.mp4"
    assert main(["record", name, str(file), "--before", "15", "--seconds", "0.2", "--fps", "1000"]) == 0
    assert re.search(r"has only \d+\.\d s of the 15 s before", capsys.readouterr().err)
    pictures = numbers(file)
    assert pictures[0] == (0, 1)
    check_in_order(pictures)


AROUND = ["--after", "0.5", "--fps", "1000", "--on-trigger"]


class Waiting:
    """``pywinmmf record`` of another process, which waits for its trigger."""

    def __init__(self, name: str, file: Path, before: float = 1) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pywinmmf", "record", name, str(file), "--before", str(before), *AROUND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **OWN_TERMINAL,
        )
        assert self.process.stderr is not None
        assert "waiting for a line on standard input" in self.process.stderr.readline()

    def end(self, line: str | None) -> tuple[str, str]:
        """What it prints after this line; None: none comes, and standard input stays open."""
        try:
            return self.process.communicate(line, timeout=WAIT_SECONDS)
        finally:
            self.process.kill()


def test_a_film_around_a_trigger(
    name: str, film: Callable[..., FrameChannel], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    channel = film(history=500)
    file = tmp_path / "film.mp4"
    waiting = Waiting(name, file)
    assert not file.exists()
    eventually(lambda: age_of_first(channel) > 1.5)
    now = time.perf_counter()
    said = waiting.end("now\n")
    begun = time.perf_counter() - 0.5
    assert waiting.process.returncode == 0, said
    assert re.search(r"1\.[567] s", said[0])
    pictures = numbers(file)
    check_in_order(pictures)
    assert is_shown_of(channel, pictures[0][1], now - 1, begun - 1)


def test_a_trigger_before_the_first_frame(name: str, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    with FrameChannel.create(name, capacity=SIZE[0] * SIZE[1] * 3, history=500) as channel:
        waiting = Waiting(name, file)
        assert waiting.process.stdin is not None
        waiting.process.stdin.write("now\n")
        waiting.process.stdin.flush()
        filming = Filming(channel)
        said = waiting.end(None)
        filming.end()
    assert waiting.process.returncode == 0, said
    check_in_order(numbers(file))


def test_a_history_that_is_too_short_when_the_trigger_comes(
    name: str, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    """The trigger does not come again: the film keeps the frames that the channel has. The camera stops first, as each
    further frame would take one from the history."""
    file = tmp_path / "film.mp4"
    with FrameChannel.create(name, capacity=SIZE[0] * SIZE[1] * 3, history=20) as channel:
        waiting = Waiting(name, file, before=60)  # before it can be known
        filming = Filming(channel)
        eventually(lambda: channel.sequence > 30)
        filming.end()
        oldest = channel.oldest
        said = waiting.end("now\n")
    assert waiting.process.returncode == 0, said
    assert re.search(r"has only \d+\.\d s of the 60 s before", said[1])
    pictures = numbers(file)
    assert pictures[0][1] == oldest % LEVELS
    check_in_order(pictures)


WRITER = """
import time
import numpy
from pywinmmf import FrameChannel
channel = FrameChannel.create(sys.argv[1], capacity=48 * 64 * 3, history=500)
print("ready", flush=True)
while True:
    level = channel.sequence % 10 * 25
    channel.publish(numpy.full((48, 64, 3), level, numpy.uint8), fourcc="BGR3")
    time.sleep(0.02)
"""


def test_a_writer_that_dies_after_the_trigger(name: str, child: Callable[..., Any], tmp_path: Path) -> None:
    """Its last picture stays until the end; one more line does nothing."""
    file = tmp_path / "film.mp4"
    writer = child(WRITER, name)
    assert writer.line() == "ready"
    waiting = Waiting(name, file)
    with FrameChannel.open(name, readonly=True) as channel:
        channel.at(FPS, timeout=WAIT_SECONDS).release()
        assert waiting.process.stdin is not None
        waiting.process.stdin.write("now\n")
        waiting.process.stdin.flush()
        channel.next(timeout=WAIT_SECONDS).release()
        writer.kill()
        said = waiting.end("now\n")
    assert waiting.process.returncode == 0, said
    check_in_order(numbers(file)[:-1])
    assert re.search(r"\d frames, \d\.\d s", said[0])


def test_a_writer_that_dies_before_the_trigger(name: str, child: Callable[..., Any], tmp_path: Path) -> None:
    """Its death may be the event, so the film has its frames, although nobody else has the channel open."""
    file = tmp_path / "film.mp4"
    writer = child(WRITER, name)
    assert writer.line() == "ready"
    waiting = Waiting(name, file, before=60)
    with FrameChannel.open(name, readonly=True) as channel:
        channel.at(FPS, timeout=WAIT_SECONDS).release()
    writer.kill()
    said = waiting.end("now\n")
    assert waiting.process.returncode == 0, said
    pictures = numbers(file)
    assert len(pictures) >= FPS
    check_in_order(pictures)


def test_a_trigger_that_never_comes(name: str, film: Callable[..., FrameChannel], tmp_path: Path) -> None:
    film(history=500)
    file = tmp_path / "film.mp4"
    waiting = Waiting(name, file)
    said = waiting.end("")
    assert waiting.process.returncode == 2
    assert "standard input has ended: expected a line as the trigger" in said[1]
    waiting = Waiting(name, file)
    press_ctrl_c(waiting.process)
    assert waiting.process.wait(WAIT_SECONDS) == 1
    assert waiting.process.stderr is not None
    assert "ended before the line came: nothing was written" in waiting.process.stderr.read()
    waiting.end(None)
    assert not file.exists()
