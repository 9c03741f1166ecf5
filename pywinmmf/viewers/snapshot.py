"""``pywinmmf snapshot``: the newest picture of a channel as a file."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from pywinmmf import (
    FormatError,
    Frame,
    FrameChannel,
    InvalidArgumentError,
    LockTimeoutError,
    NotSupportedError,
)
from pywinmmf.cli.terminal import shown
from pywinmmf.opencv import cv2
from pywinmmf.video_capture import bgr
from pywinmmf.whole_file import replace_file

from .pictures import encoded

if TYPE_CHECKING:
    from pywinmmf.video_capture import Picture


def run(arguments: argparse.Namespace) -> int:
    """Save the newest picture."""
    kind, file = arguments.file.suffix, arguments.file
    if not kind or not cv2.haveImageWriter(f"picture{kind}"):
        raise InvalidArgumentError(f"file {str(file)!r}: expected the name of a picture, such as out.png or out.jpg")

    with FrameChannel.open(arguments.name, namespace=arguments.namespace, readonly=True) as channel:
        frame, picture = _newest_picture(channel, arguments.timeout)
        age = channel.age or 0.0
    # Not cv2.imwrite, which cannot open every file name on Windows.
    replace_file(file, encoded(picture, kind))
    height, width = picture.shape[:2]
    print(f"{shown(file)}: {width} x {height}, frame {frame.sequence}, {age:.3f} s old")
    return 0


def _newest_picture(channel: FrameChannel, timeout: float) -> tuple[Frame, Picture]:
    """The newest frame if it is a picture, else the first picture that comes in time."""
    deadline = time.monotonic() + timeout
    frame = channel.latest(timeout)
    while True:
        try:
            return frame, bgr(frame)
        except (FormatError, NotSupportedError) as error:
            try:
                frame = channel.next(max(0.0, deadline - time.monotonic()))
            except LockTimeoutError:
                raise error from None
