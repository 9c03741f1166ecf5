"""``pywinmmf record``: records a channel as a video file."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from math import ceil, inf
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pywinmmf import (
    Error,
    FormatError,
    Frame,
    FrameChannel,
    LockTimeoutError,
    Namespace,
    NotFoundError,
    NotSupportedError,
    PoisonedError,
)
from pywinmmf.cli.ending import Ending
from pywinmmf.cli.terminal import FAILED, shown
from pywinmmf.opencv import cv2
from pywinmmf.video_capture import bgr

from .beginning import Beginning, beginning
from .follower import Follower
from .state import State
from .trigger import Trigger
from .video_file import VideoFile, checked

if TYPE_CHECKING:
    from typing import Self

    from pywinmmf.video_capture import Picture

# How many pictures a file may be ahead of the time or behind it. It must be more than a half. Otherwise a camera with
# the rate of the file, but a phase between two of its pictures, would sometimes lose a picture and repeat the next one.
SLACK = 0.75
TRIGGER_SECONDS = 0.05  # between checks whether the line has come; the line has its own time
DESCRIPTIONS = {
    State.LIVE: "recording",
    State.STALLED: "stalled",
    State.HUNG_UP: "hung up",
    State.GONE: "gone",
    State.POISONED: "damaged channel",
    State.ABSENT: "no channel",
}


class Video:
    """A video that lasts as long as the recording, however slowly it is written.

    It skips pictures that come too fast, or while the previous one is being written. It scales pictures to the size of
    the first. It is a context manager: its end completes the file, which then replaces an older file of the same name,
    except after an exception."""

    def __init__(self, file: Path, fps: float, seconds: float | None = None) -> None:
        self._rate = checked(file, fps)
        self._most = None if seconds is None else max(1, round(seconds * self._rate))
        self.frames = 0
        """How many pictures were written so far."""
        self.missed = 0
        """Pictures that had a place in the video, but came while the previous one was being written."""
        self.skipped = 0
        """Frames that were not pictures."""
        self.problem: Error | None = None
        """Why the last of those was not a picture."""
        self._path = file
        self._file: VideoFile | None = None
        self._last: Picture | None = None
        self._ticks = 0  # ticks of the video's rate that have begun
        self._end = 0  # the same, including ticks that repeat the last picture
        self._passed = 0  # pictures that we did not get, but whose time may still be filled

    @property
    def seconds(self) -> float:
        """Its length."""
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
        """Count a frame that is not a picture."""
        self.skipped += 1
        self.problem = problem

    def hold(self, second: float) -> None:
        """Show the last picture until then. It is written again each second, so that after a kill the recording can be
        played up to its last second."""
        self._end = round(second * self._rate)
        if self._last is not None and self._end - self._ticks >= self._rate:
            self._write(self._last, self._end - 1)

    def _write(self, picture: Picture, tick: int) -> None:
        assert self._file
        self._ticks = tick + 1  # first: if a signal interrupts the write, the time has passed anyway
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
                self._write(self._last, self._end - 1)  # again, because a file ends with its last picture


class Recording:
    """A recording of a channel into a video. It may begin before now, with frames of the channel's history."""

    def __init__(
        self,
        name: str,
        file: Path,
        *,
        before: float = 0.0,
        after: float | None = None,
        fps: float = 30.0,
        timeout: float = 10.0,
        namespace: Namespace = Namespace.ANY,
        trigger_ns: int | None = None,
        kept: FrameChannel | None = None,
    ) -> None:
        """It begins ``before`` seconds ago and ends in ``after`` seconds (None: never by itself), both counted from
        now, or from a trigger. A trigger does not come again, so it then accepts a history that is too short. ``kept``
        is a handle of the channel, which it closes. Other arguments are those of `record`."""
        now_ns = time.perf_counter_ns() if trigger_ns is None else trigger_ns
        self._name = name
        self._namespace = namespace
        self._timeout = timeout
        self._kept = kept
        partly = trigger_ns is not None
        self._begin = beginning(name, namespace, before, now_ns, partly=partly) if before else None
        had = (now_ns - self._begin.at_ns) / 1e9 if self._begin else 0.0
        self._sequence = 0
        self.seconds = None if after is None else had + after
        """Its intended length."""
        self.video = Video(file, fps, self.seconds)
        self.lacks = max(0.0, before - had)
        """How many seconds of ``before`` the channel does not have."""

    def run(self, is_over: Callable[[], bool], show: Callable[..., None]) -> Video:
        """Record until the time has passed or ``is_over()``. Calls ``show`` with the values for a progress bar."""
        with self.video:
            self._follow(is_over, show)
        return self.video

    def _follow(self, is_over: Callable[[], bool], show: Callable[..., None]) -> None:
        began = time.perf_counter()
        since_ns = self._begin.first_ns if self._begin else None
        news = Follower(self._name, self._namespace, every=True, since_ns=since_ns, channel=self._kept)
        for state, frame in news:
            if is_over():
                return
            if frame is not None:
                self._add(frame)
            if self.video.frames == 0:
                self._check_whether_one_comes(state, time.perf_counter() - began)
                continue
            second = min(self._second(frame), self.seconds or inf)
            self.video.hold(second)
            show(completed=second, description=DESCRIPTIONS[state], frames=self.video.frames, missed=self.video.missed)
            if second == self.seconds:
                return

    def _add(self, frame: Frame) -> None:
        try:
            picture = bgr(frame)
        except (FormatError, NotSupportedError) as error:
            self.video.skip(error)
            self._sequence = frame.sequence
            return
        if not frame.intact:  # its slot was taken back while we were stopped; the next frame counts it as missed
            return
        missed = frame.sequence - self._sequence - 1 if 0 < self._sequence < frame.sequence else 0
        self._sequence = frame.sequence
        if self._begin is None:
            now_ns = time.perf_counter_ns()
            self._begin = Beginning(now_ns, now_ns)
        self.video.add(picture, self._second(frame), missed)

    def _second(self, frame: Frame | None) -> float:
        """The time of a frame in the video, or of now without a frame. Replaces an impossible publisher's time by the
        time of arrival."""
        assert self._begin is not None
        now_ns = time.perf_counter_ns()
        stamp_ns = now_ns if frame is None else frame.timestamp_ns
        if not self._begin.first_ns <= stamp_ns <= now_ns:
            stamp_ns = now_ns
        return max(0.0, (stamp_ns - self._begin.at_ns) / 1e9)

    def _check_whether_one_comes(self, state: State, seconds: float) -> None:
        if state is State.ABSENT:
            raise NotFoundError(f"no channel {self._name!r}")
        if state is State.POISONED:
            raise PoisonedError(f"channel {self._name!r} is damaged: expected a sound one")
        if seconds > self._timeout:
            raise self.video.problem or LockTimeoutError(f"no frame in channel {self._name!r} for {self._timeout:g} s")


def record(
    name: str,
    file: str | Path,
    *,
    before: float = 0.0,
    after: float,
    fps: float = 30.0,
    timeout: float = 10.0,
    namespace: Namespace = Namespace.ANY,
) -> Video:
    """Record what has just happened in a channel: from ``before`` seconds ago until ``after`` seconds from now.

    It returns when the video is complete; ``frames``, ``seconds`` and ``missed`` describe it. It reads every frame in
    order, as long as writing does not fall behind by more than the channel's history, and writes at most ``fps``
    pictures per second. ``timeout`` is how long to wait for the first picture.

    `NotSupportedError` if the channel has no history, `InvalidArgumentError` if the history is shorter than ``before``.
    """
    recording = Recording(name, Path(file), before=before, after=after, fps=fps, timeout=timeout, namespace=namespace)
    return recording.run(lambda: False, lambda **_: None)


def run(arguments: argparse.Namespace) -> int:
    """Record until the time has passed or the user ends the command."""
    with Ending() as ending:
        recording = _begun(arguments, ending)
        if recording is None:
            print("pywinmmf: ended before the line came: nothing was written", file=sys.stderr)
            return FAILED
        if recording.lacks:
            print(
                f"pywinmmf: channel {shown(arguments.name)} has only {arguments.before - recording.lacks:.1f} s "
                f"of the {arguments.before:g} s before",
                file=sys.stderr,
            )
        video = _shown(recording, ending)
    return _told(arguments, video)


def _begun(arguments: argparse.Namespace, ending: Ending) -> Recording | None:
    """The requested recording, from now or from the trigger on; None: the user ended the command before that."""

    def begin(trigger_ns: int | None = None, kept: FrameChannel | None = None) -> Recording:
        return Recording(
            arguments.name,
            arguments.file,
            before=arguments.before,
            after=arguments.seconds,
            fps=arguments.fps,
            timeout=arguments.timeout,
            namespace=arguments.namespace,
            trigger_ns=trigger_ns,
            kept=kept,
        )

    recording = begin()  # reports impossible arguments at once
    if not arguments.on_trigger:
        return recording
    kept = None  # the history, even if the writer dies and nobody else has the channel open
    if arguments.before:
        kept = FrameChannel.open(arguments.name, namespace=arguments.namespace, readonly=True)
    trigger = Trigger()
    print(f"pywinmmf: {shown(arguments.name)}: waiting for a line on standard input", file=sys.stderr, flush=True)
    while trigger.came_ns is None:
        if ending.asked:
            return None
        time.sleep(TRIGGER_SECONDS)
    return begin(trigger.came_ns, kept)


def _shown(recording: Recording, ending: Ending) -> Video:
    """Record, with a progress bar on a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[frames]} frames, {task.fields[missed]} missed"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("waiting", total=recording.seconds, frames=0, missed=0)
        return recording.run(ending.is_asked, lambda **news: progress.update(task, **news))


def _told(arguments: argparse.Namespace, video: Video) -> int:
    if video.problem:
        print(f"pywinmmf: frames left out: {video.skipped}, the last: {shown(video.problem)}", file=sys.stderr)
    if not video.frames:
        print(f"pywinmmf: {shown(arguments.file)}: no picture came, nothing was written", file=sys.stderr)
        return FAILED
    if video.missed:
        print(
            f"pywinmmf: pictures missed: {video.missed}, because writing took too long: "
            "use smaller ones, a lower --fps or a longer history",
            file=sys.stderr,
        )
    print(f"{shown(arguments.file)}: {video.frames} frames, {video.seconds:.1f} s")
    return 0
