"""``pywinmmf record``: what a channel shows, as a video file."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import cv2
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pywinmmf import (
    Error,
    FormatError,
    InvalidArgumentError,
    LockTimeoutError,
    NotFoundError,
    NotSupportedError,
    PoisonedError,
)
from pywinmmf._arguments import for_opencv
from pywinmmf.terminal import ended_politely, positive, shown
from pywinmmf.video_capture import bgr

from . import namespaces
from .follower import TICK, Follower
from .pictures import silence
from .state import State

if TYPE_CHECKING:
    from typing_extensions import Self

    from pywinmmf.video_capture import Picture

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
# Pictures by which a file may be ahead of the time or behind it. More than a half, or a camera of the file's own rate
# that is just between two pictures would now and then lose one and get it twice the next time.
SLACK = 0.75
DESCRIPTIONS = {
    State.LIVE: "recording",
    State.STALLED: "stalled",
    State.POISONED: "damaged channel",
    State.ABSENT: "no channel",
}
FPS = range(1, 1001)  # that both kinds of file can hold
SMALLEST = 32  # pixels of a row or column: for much smaller pictures FFmpeg in OpenCV writes past the end of its memory


def add_parser(subcommands: Any) -> None:
    """Add ``record`` to the command line."""
    parser = subcommands.add_parser(
        "record",
        help="record a channel as a video",
        description="Until Ctrl-C, or for some seconds. While the camera is away the last picture stands still.",
    )
    namespaces.add_channel(parser)
    parser.add_argument("file", type=Path, help="such as file.mp4; one that exists is replaced")
    parser.add_argument("--seconds", type=positive, help="how long; default: until Ctrl-C")
    parser.add_argument(
        "--fps", type=positive, default=30.0, help="pictures a second of the file, 1 to 1000 (default: 30)"
    )
    parser.add_argument("--timeout", type=positive, default=10.0, metavar="SECONDS", help="for the first picture")
    parser.set_defaults(run=_record)


class Video:
    """A video file that is as long as the time that passed: pictures that come too fast are left out, gaps are filled
    with the picture before. A picture of another size is scaled to that of the first."""

    def __init__(self, file: Path, fps: float) -> None:
        codec = CODECS.get(file.suffix.lower())
        if codec is None:
            raise InvalidArgumentError(f"file {str(file)!r}: expected a name that ends with {' or '.join(CODECS)}")
        if not FPS.start <= fps < FPS.stop:
            raise InvalidArgumentError(f"{fps:g} pictures a second: expected {FPS.start} to {FPS.stop - 1}")
        self.frames = 0
        """Written so far."""
        self.skipped = 0
        """Frames that were no pictures."""
        self.problem: Error | None = None
        """Why the last of those was none."""
        self._file = file
        # Absolute, or the codec library takes some names for addresses in the network.
        self._path = for_opencv("file", str(file.absolute()))
        self._codec = cv2.VideoWriter.fourcc(*codec)
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._last: Picture | None = None

    def add(self, picture: Picture, second: float) -> None:
        """A picture that came so many seconds after the first. `FormatError` if the first is too small for a video."""
        if self._writer is None:
            height, width = picture.shape[:2]
            if min(width, height) < SMALLEST:
                raise FormatError(
                    f"a picture of {width} x {height} pixels: expected at least {SMALLEST} x {SMALLEST} for a video"
                )
            self._size = (width, height)
            self._writer = cv2.VideoWriter(self._path, self._codec, self._fps, self._size)
            if not self._writer.isOpened():
                raise OSError(f"cannot write {str(self._file)!r} with {width} x {height} pixels at {self._fps:g} fps")
        if self._behind(second) < -SLACK:
            return
        self.hold(second)
        if picture.shape[1::-1] != self._size:
            picture = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        self._last = picture
        self._write(picture)

    def skip(self, problem: Error) -> None:
        """A frame that is no picture came."""
        self.skipped += 1
        self.problem = problem

    def hold(self, second: float) -> None:
        """The last picture stays until then."""
        while self._last is not None and self._behind(second) > SLACK:
            self._write(self._last)

    def _behind(self, second: float) -> float:
        return second * self._fps - self.frames

    def _write(self, picture: Picture) -> None:
        assert self._writer is not None
        self._writer.write(picture)
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()

    def check(self) -> None:
        """`OSError` if the finished file lacks frames: its writer does not say."""
        finished = cv2.VideoCapture(self._path)
        frames = int(finished.get(cv2.CAP_PROP_FRAME_COUNT)) if finished.isOpened() else 0
        finished.release()
        if frames < self.frames:
            raise OSError(f"{str(self._file)!r} holds {frames} of {self.frames} frames: is the disk full?")


def _record(arguments: argparse.Namespace) -> int:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[frames]} frames, {task.fields[missed]} missed"),
        TimeElapsedColumn(),
    )
    # An unfinished video cannot be played.
    with ended_politely(), silence(), Video(arguments.file, arguments.fps) as video:
        try:
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
                task = progress.add_task("waiting", total=arguments.seconds, frames=0, missed=0)
                _follow(arguments, video, lambda **news: progress.update(task, **news))
        except KeyboardInterrupt:
            pass
    if video.problem:
        print(f"pywinmmf: frames left out: {video.skipped}, the last: {shown(video.problem)}", file=sys.stderr)
    if not video.frames:
        print(f"pywinmmf: {shown(arguments.file)}: no picture came, nothing is written", file=sys.stderr)
        return 1
    video.check()
    print(f"{shown(arguments.file)}: {video.frames} frames, {video.frames / arguments.fps:.1f} s")
    return 0


def _follow(arguments: argparse.Namespace, video: Video, show: Any) -> None:
    """Until the time is over."""
    began = time.perf_counter()
    start: float | None = None
    missed = 0
    for state, frame in Follower(arguments.name, namespaces.chosen(arguments)):
        now = time.perf_counter()
        if frame is not None:
            missed += frame.missed
            try:
                picture = bgr(frame)
            except (FormatError, NotSupportedError) as error:
                video.skip(error)
            else:
                start = start or now
                if arguments.seconds is None or now - start < arguments.seconds:
                    video.add(picture, now - start)
        if start is None:
            if state is State.ABSENT:
                raise NotFoundError(f"no channel {arguments.name!r}")
            if state is State.POISONED:
                raise PoisonedError(f"channel {arguments.name!r} is damaged: expected a new one")
            if now - began > arguments.timeout:
                raise video.problem or LockTimeoutError(
                    f"no frame in channel {arguments.name!r} for {arguments.timeout:g} s"
                )
            continue
        seconds = now - start
        video.hold(seconds - TICK)
        show(completed=seconds, description=DESCRIPTIONS[state], frames=video.frames, missed=missed)
        if arguments.seconds is not None and seconds >= arguments.seconds:
            video.hold(arguments.seconds)
            return
