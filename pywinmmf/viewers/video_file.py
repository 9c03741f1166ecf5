"""A video file that is being written."""

from __future__ import annotations

import itertools
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import av

from pywinmmf import FormatError, InvalidArgumentError

if TYPE_CHECKING:
    from typing import Self

    from pywinmmf.video_capture import Picture

CODECS = {".mp4": ("mpeg4", "yuv420p"), ".avi": ("mjpeg", "yuvj420p")}
# The same quality for all pictures, however long each is shown: 3, of 1 (best) to 31, in FFmpeg's unit.
QUALITY = {"flags": "+qscale", "global_quality": str(3 * 118)}
FPS = range(1, 1001)
TICKS_MAX = 65535  # per second: the limit of MPEG-4


def checked(file: Path, fps: float) -> Fraction:
    """The rate for such a file; `InvalidArgumentError` for an impossible file or rate."""
    if file.suffix.lower() not in CODECS:
        raise InvalidArgumentError(f"file {str(file)!r}: expected a name that ends with {' or '.join(CODECS)}")
    if not FPS.start <= fps < FPS.stop:
        raise InvalidArgumentError(f"{fps:g} pictures a second: expected {FPS.start} to {FPS.stop - 1}")
    return Fraction(fps).limit_denominator(int(TICKS_MAX / fps))


# After a kill the recording can be played up to its last second: an MP4 consists of fragments of half a second, and
# becomes an ordinary one at its end; an AVI only lacks its index, which players do not need.
OPTIONS = {
    ".mp4": {"movflags": "hybrid_fragmented", "frag_duration": "500000", "flush_packets": "1"},
    ".avi": {"flush_packets": "1"},
}


class VideoFile:
    """A video file. Each picture has its time in ticks of 1 / ``rate`` seconds and is shown until the next one, so no
    picture needs to be repeated. It is a context manager: its end completes the file.

    `FormatError` if such a file cannot have pictures of that size; the file is then unchanged. `OSError` if it cannot
    be written, now or at any later step.

    An existing file stays until the new one is complete. Until then the new one is called NAME.unfinished.mp4.
    """

    def __init__(self, file: Path, rate: Fraction, size: tuple[int, int]) -> None:
        self.size = size
        """Width and height in pixels, of every picture."""
        width, height = size
        codec, pixels = CODECS[file.suffix.lower()]
        self._target = Path(os.path.realpath(file))  # absolute, because FFmpeg takes some names for network addresses
        self._path = _unfinished(self._target) if self._target.is_file() else self._target
        self._container = av.open(str(self._path), "w", options=OPTIONS[file.suffix.lower()])
        stream = self._container.add_stream(codec, rate, QUALITY)
        assert isinstance(stream, av.VideoStream)
        self._stream = stream
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        try:
            stream.codec_context.open()
        except av.FFmpegError as error:
            raise FormatError(
                f"a picture of {width} x {height} pixels cannot be in a {file.suffix} file: it is too large"
            ) from error
        try:
            self._container.start_encoding()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(file)) from error

    def write(self, picture: Picture, tick: int) -> None:
        """Add a BGR picture with a later time than the previous one."""
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts = tick
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._container:
            self._container.mux(self._stream.encode(None))
        if kind is None and self._path != self._target:
            os.replace(self._path, self._target)


def _unfinished(target: Path) -> Path:
    """The first free name of this kind: killed recordings may have left others."""
    for number in itertools.count(1):
        path = target.with_name(f"{target.stem}.unfinished{number if number > 1 else ''}{target.suffix}")
        if not path.exists():
            return path
    raise AssertionError
