"""Where the pictures come from: a camera, a video file, or a moving test picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


def pictures(source: str | None, width: int, height: int) -> Iterator[Picture]:
    """Pictures of the given size, without end. ``OSError`` says why a source cannot be had."""
    if source is None:
        return _test_pictures(width, height)
    return _captured(source, _open(source), width, height)


def _open(source: str) -> Any:
    if source.isdecimal():
        capture = cv2.VideoCapture(int(source))
        reason = "no camera with this number, or another program is using it"
    else:
        if not Path(source).is_file():
            raise FileNotFoundError(
                f"source {source!r}: no such video file (a camera is given by its number, such as 0)"
            )
        capture = cv2.VideoCapture(source)
        reason = "not a video that OpenCV can read"
    if not capture.isOpened():
        raise OSError(f"source {source!r}: {reason}")
    return capture


def _captured(source: str, capture: Any, width: int, height: int) -> Iterator[Picture]:
    try:
        while True:
            done, picture = capture.read()
            if not done and not source.isdecimal():
                capture.set(cv2.CAP_PROP_POS_FRAMES, 0)  # a file starts again
                done, picture = capture.read()
            if not done:
                raise OSError(f"source {source!r}: it gives no more pictures")
            yield cv2.resize(picture, (width, height))
    finally:
        capture.release()


def _test_pictures(width: int, height: int) -> Iterator[Picture]:
    """A colour field with a ball that goes round, so that a standing picture is seen at once."""
    rows, columns = np.mgrid[0:height, 0:width]
    field = np.stack([columns * 255 // width, rows * 255 // height, np.full_like(rows, 96)], axis=-1).astype(np.uint8)
    radius = max(2, min(width, height) // 10)
    number = 0
    while True:
        picture = field.copy()
        angle = number / 20
        centre = (int(width / 2 + width / 3 * np.cos(angle)), int(height / 2 + height / 3 * np.sin(angle)))
        cv2.circle(picture, centre, radius, (255, 255, 255), -1)
        cv2.putText(picture, str(number), (radius, 2 * radius), cv2.FONT_HERSHEY_SIMPLEX, radius / 20, (0, 0, 0), 2)
        yield picture
        number += 1
