"""``pywinmmf record``: what a channel shows, as a video file."""

from __future__ import annotations

import argparse
import sys
import time
from math import ceil, inf
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pywinmmf import (
    Error,
    FormatError,
    LockTimeoutError,
    NotFoundError,
    NotSupportedError,
    PoisonedError,
)
from pywinmmf.cli.ending import Ending
from pywinmmf.cli.terminal import FAILED, shown
from pywinmmf.opencv import cv2
from pywinmmf.video_capture import bgr

from .follower import Follower
from .state import State
from .video_file import VideoFile, checked

if TYPE_CHECKING:
    from typing import Self

    from pywinmmf.video_capture import Picture

# By how many pictures a file may be ahead of the time or behind it. It must be more than a half: otherwise a camera
# with the rate of the file, and a phase between two of its pictures, would lose a picture now and then and repeat the
# next.
SLACK = 0.75
DESCRIPTIONS = {
    State.LIVE: "recording",
    State.STALLED: "stalled",
    State.POISONED: "damaged channel",
    State.ABSENT: "no channel",
}


class Video:
    """A video that lasts as long as the time that passed, however slowly it is written.

    Pictures that come too fast, or while the one before is being written, are left out. A picture of another size is
    scaled to the size of the first. A context manager: its end completes the file, which then replaces an older file of
    the name, except after an exception."""

    def __init__(self, file: Path, fps: float, seconds: float | None = None) -> None:
        self._rate = checked(file, fps)
        self._most = None if seconds is None else max(1, round(seconds * self._rate))
        self.frames = 0
        """Written so far."""
        self.missed = 0
        """Pictures that had a place in the video, but came while the one before was being written."""
        self.skipped = 0
        """Frames that were no pictures."""
        self.problem: Error | None = None
        """Why the last of those was no picture."""
        self._path = file
        self._file: VideoFile | None = None
        self._last: Picture | None = None
        self._ticks = 0  # of the video's rate that have begun
        self._end = 0  # the same, including ticks for which the last picture stays
        self._passed = 0  # pictures that we did not get, but whose time in the video may still be filled

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self._ticks / self._rate)

    def add(self, picture: Picture, second: float, missed: int = 0) -> None:
        """Add a picture that came ``seconds`` after the first, after ``missed`` pictures that we did not get.
        `FormatError` if the first is too large for a video."""
        ahead = self._ticks - second * self._rate
        tick = self._ticks + max(0, ceil(-ahead - SLACK))
        if ahead > SLACK or (self._most is not None and tick >= self._most):
            return
        passed = self._passed + missed
        lost = min(tick - self._ticks, passed)
        self.missed += lost
        self._passed = min(passed - lost, 1)
        self._file = self._file or VideoFile(self._path, self._rate, picture.shape[1::-1])
        if picture.shape[1::-1] != self._file.size:
            picture = cv2.resize(picture, self._file.size, interpolation=cv2.INTER_AREA)
        self._last = picture
        self._write(picture, tick)

    def skip(self, problem: Error) -> None:
        """A frame that is no picture came."""
        self.skipped += 1
        self.problem = problem

    def hold(self, second: float) -> None:
        """Show the last picture until then. It is written again each second, so that a recording that is killed can be
        played up to its last second."""
        self._end = round(second * self._rate)
        if self._last is not None and self._end - self._ticks >= self._rate:
            self._write(self._last, self._end - 1)

    def _write(self, picture: Picture, tick: int) -> None:
        assert self._file
        self._ticks = tick + 1  # first, because a signal may interrupt writing it, and its time is over then
        self._file.write(picture, tick)
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        with self._file:
            if self._last is not None and self._end > self._ticks:
                self._write(self._last, self._end - 1)  # once more, because a file ends when its last picture does


def run(arguments: argparse.Namespace) -> int:
    """Record until the time is over or the user says to end."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[frames]} frames, {task.fields[missed]} missed"),
        TimeElapsedColumn(),
    )
    with (
        Ending() as ending,
        Video(arguments.file, arguments.fps, arguments.seconds) as video,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("waiting", total=arguments.seconds, frames=0, missed=0)
        _follow(arguments, video, ending, lambda **news: progress.update(task, **news))
    if video.problem:
        print(f"pywinmmf: frames left out: {video.skipped}, the last: {shown(video.problem)}", file=sys.stderr)
    if not video.frames:
        print(f"pywinmmf: {shown(arguments.file)}: no picture came, nothing is written", file=sys.stderr)
        return FAILED
    if video.missed:
        print(
            f"pywinmmf: pictures missed: {video.missed}, because writing took too long: "
            "smaller ones or a lower --fps would help",
            file=sys.stderr,
        )
    print(f"{shown(arguments.file)}: {video.frames} frames, {video.seconds:.1f} s")
    return 0


def _follow(arguments: argparse.Namespace, video: Video, ending: Ending, show: Any) -> None:
    """The steps of the follower, until the time is over or the command is to end."""
    began = time.perf_counter()
    start: float | None = None
    for state, frame in Follower(arguments.name, arguments.namespace):
        if ending.asked:
            return
        now = time.perf_counter()
        if frame is not None:
            try:
                picture = bgr(frame)
            except (FormatError, NotSupportedError) as error:
                video.skip(error)
            else:
                start = start or now
                video.add(picture, now - start, frame.missed)
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
        seconds = min(now - start, arguments.seconds or inf)
        video.hold(seconds)
        show(completed=seconds, description=DESCRIPTIONS[state], frames=video.frames, missed=video.missed)
        if seconds == arguments.seconds:
            return
