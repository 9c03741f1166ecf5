"""Encodes pictures as image files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pywinmmf import FormatError
from pywinmmf.opencv import cv2

if TYPE_CHECKING:
    from pywinmmf.video_capture import Picture


COLOURLESS = {".pbm", ".pgm"}


@contextmanager
def silence() -> Iterator[None]:
    """Keep OpenCV from writing to standard error."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def encoded(picture: Picture, kind: str, options: Sequence[int] = ()) -> bytes:
    """The bytes of a file of this kind, such as ``.jpg``. `FormatError` if such a file cannot contain the picture."""
    # OpenCV 5 gives the reason only in its log; older versions raise an error.
    reason = "such files have no colours" if kind.lower() in COLOURLESS else "the picture is too large"
    with silence():
        try:
            done, buffer = cv2.imencode(kind, picture, options)
        except cv2.error as error:
            done, reason = False, error.err
    if not done:
        height, width = picture.shape[:2]
        raise FormatError(f"a picture of {width} x {height} pixels cannot be a {kind} file: {reason}")
    return buffer.tobytes()
