"""Sources of pictures: a camera, a video file, a stream, or a moving test picture."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from pywinmmf.opencv import cv2

from . import devices
from .mjpeg_stream import BadPicture, MjpegStream
from .sharing import USUAL_FPS, Size
from .source_names import IN_FILE, TEST_PICTURE, for_opencv, source_in, video_file, without_secrets

Picture = npt.NDArray[np.uint8]

TEST_SIZE = (640, 480)
STREAM_TIMEOUT_MS = 5000
BAD_PARTS, BAD_SECONDS = 5, 2.0  # failures in a row, until a source counts as ended
BAD_PICTURES_MAX = 10_000  # of a file


def prepare_opencv() -> None:
    """Make OpenCV open several sources at a time, and print nothing: our log reports a problem once, not at each
    try."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    _set_for_ffmpeg("OPENCV_LOG_LEVEL", "SILENT")  # on Windows the FFmpeg backend contains its own OpenCV
    _set_for_ffmpeg("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # Otherwise a silent server would block all other streams and files. FFmpeg is thread-safe since version 4.
    _set_for_ffmpeg("OPENCV_FFMPEG_IS_THREAD_SAFE", "1")


def _set_for_ffmpeg(variable: str, value: str) -> None:
    """Set an environment variable, unless the user has set it."""
    if variable in os.environ:
        return
    os.environ[variable] = value
    if sys.platform == "win32":  # FFmpeg has its own C runtime there, with its own copy of the environment
        ctypes.CDLL("msvcrt")._putenv(f"{variable}={value}".encode())


class Source(Protocol):
    """Gives one picture after another: rows x pixels x 3 bytes, blue first."""

    fps: float | None
    """Pictures per second at which to play a source that gives them on demand. None: the source has its own pace."""

    def grab(self) -> None:
        """Wait for the next picture. `OSError` if there are no more."""

    def retrieve(self, target: Picture | None = None) -> Picture:
        """The picture of the last `grab`: in ``target`` if it has the same size, else a new one. `BadPicture` if it
        cannot be decoded."""

    @property
    def size(self) -> Size:
        """The size of the next picture, if known."""

    def release(self) -> None:
        """Close the camera."""


def open_source(source: str, size: Size | None = None) -> Source:
    """Open a camera (its number, name or path), a video file, a stream (``rtsp://`` and the like), ``test``, or
    ``@FILE``, a file with one of these, which is read each time.

    ``size`` is only a request: cameras support few sizes. `OSError` says why a source cannot be opened; it hides
    secrets like `without_secrets`, and the content of a file.
    """
    if source.startswith(IN_FILE):
        return _open(source_in(Path(source[len(IN_FILE) :])), source, size)
    return _open(for_opencv("source", source), without_secrets(source), size)


def _open(source: str, shown_as: str, size: Size | None) -> Source:
    if source == TEST_PICTURE:
        return TestPicture(size or TEST_SIZE)
    file = video_file(source)
    if file is not None:
        return VideoFile(shown_as, file)
    if "://" in source:
        return _open_stream(source, shown_as)
    index, backend = devices.find(source, shown_as)
    camera = Captured(shown_as, cv2.VideoCapture(index, backend), "no such camera, or another program is using it")
    camera.ask_for(size)
    return camera


def _open_stream(url: str, shown_as: str) -> Source:
    if url.lower().startswith(("http://", "https://")):
        parts = MjpegStream.open(shown_as, url, STREAM_TIMEOUT_MS / 1000)
        if parts is not None:
            return parts
    timeouts = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        STREAM_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        STREAM_TIMEOUT_MS,
    ]
    return Captured(shown_as, cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts), "no stream there")


def pictures(source: str, size: Size) -> Iterator[Picture]:
    """Endless pictures of the given size, as fast as the source gives them. `OSError` as in `open_source`."""
    opened = open_source(source, size)
    try:
        while True:
            opened.grab()
            try:
                picture = opened.retrieve()
            except BadPicture:
                continue
            yield cast(Picture, cv2.resize(picture, size))
    finally:
        opened.release()


class Captured:
    """A camera or a stream."""

    fps: float | None = None

    def __init__(self, name: str, capture: cv2.VideoCapture, reason: str) -> None:
        self._name = name
        self._capture = capture
        if not capture.isOpened():
            raise OSError(f"source {name!r}: {reason}")

    @property
    def size(self) -> Size:
        """The size that OpenCV reports."""
        return int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))

    def ask_for(self, size: Size | None) -> None:
        """Set a camera to a size, if it supports that."""
        if size is not None:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])

    def grab(self) -> None:
        """Wait for the next picture. Skips pictures that cannot be decoded, which OpenCV does not distinguish from the
        end."""
        began = time.monotonic()
        for _ in range(BAD_PARTS):
            if self._capture.grab():
                return
            if time.monotonic() - began > BAD_SECONDS:
                break
        raise OSError(f"source {self._name!r}: it gives no more pictures")

    def retrieve(self, target: Picture | None = None) -> Picture:
        """Decode it."""
        done, picture = self._capture.retrieve(target)
        if not done:
            raise BadPicture(f"source {self._name!r}: its picture cannot be decoded")
        return cast(Picture, picture)

    def release(self) -> None:
        """Close the source."""
        self._capture.release()


class VideoFile(Captured):
    """A file that starts again at its end. It stays open, so a file that is moved, replaced or deleted plays on
    unchanged until the next start. (Windows permits none of that while it plays.) A file with a single picture, which
    OpenCV cannot rewind, is opened again."""

    def __init__(self, name: str, path: str) -> None:
        self._path = path
        super().__init__(name, cv2.VideoCapture(path), "not a video that OpenCV can read")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 1000 else USUAL_FPS

    def grab(self) -> None:
        """The next picture, or the first one again."""
        if not self._grab_next():
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            if not self._capture.grab():
                self._capture.open(self._path)
                super().grab()

    def _grab_next(self) -> bool:
        """Whether there is a picture before the end of the file; skips pictures that cannot be decoded."""
        if self._capture.grab():
            return True
        left = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) - self._capture.get(cv2.CAP_PROP_POS_FRAMES)
        return any(self._capture.grab() for _ in range(min(int(left), BAD_PICTURES_MAX)))


class TestPicture:
    """A colour field with a moving ball, which shows at once if the picture stands still."""

    __test__ = False  # for pytest
    fps: float | None = USUAL_FPS

    def __init__(self, size: Size) -> None:
        self.size = size
        self.number = 0
        """The number in the picture, which also gives the position of the ball."""
        width, height = size
        rows, columns = np.mgrid[0:height, 0:width]
        field = [columns * 255 // width, rows * 255 // height, np.full_like(rows, 96)]
        self._field: Picture = np.stack(field, axis=-1).astype(np.uint8)

    def grab(self) -> None:
        """One step of the ball."""
        self.number += 1

    def retrieve(self, target: Picture | None = None) -> Picture:
        """Draw it."""
        if target is None or target.shape != self._field.shape:
            target = np.empty_like(self._field)
        np.copyto(target, self._field)
        width, height = self.size
        radius = max(2, min(self.size) // 10)
        angle = self.number / 20
        centre = (int(width / 2 + width / 3 * np.cos(angle)), int(height / 2 + height / 3 * np.sin(angle)))
        cv2.circle(target, centre, radius, (255, 255, 255), -1)
        place, scale = (radius, 2 * radius), radius / 20
        cv2.putText(target, str(self.number), place, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 2)
        return target

    def release(self) -> None:
        """Does nothing."""
