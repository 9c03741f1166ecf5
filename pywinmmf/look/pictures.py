"""From pictures to files of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2

from pywinmmf import FormatError

if TYPE_CHECKING:
    from pywinmmf.video_capture import Picture


def encoded(picture: Picture, kind: str, options: Sequence[int] = ()) -> bytes:
    """The bytes of a file of this kind, such as ``.jpg``. `FormatError` if no such file can hold the picture."""
    reason = "it is too large"  # OpenCV 5 says why in its log alone, older ones raise
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        done, buffer = cv2.imencode(kind, picture, options)
    except cv2.error as error:
        done, reason = False, error.err
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not done:
        height, width = picture.shape[:2]
        raise FormatError(f"a picture of {width} x {height} pixels cannot be a {kind} file: {reason}")
    return buffer.tobytes()
