"""From frames to pictures that OpenCV can write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from pywinmmf import FormatError, Frame
from pywinmmf.video_capture import bgr

if TYPE_CHECKING:
    from pywinmmf.video_capture import Picture


def picture_of(frame: Frame) -> Picture:
    """A copy in blue, green, red, whatever the frame's format. `Error` if the frame is no picture that is known."""
    try:
        return bgr(frame)
    except cv2.error as error:  # of a peer's frame that is not what it says
        raise FormatError(
            f"frame {frame.sequence} of {frame.width} x {frame.height} pixels, format {frame.fourcc!r}: {error.err}"
        ) from None
