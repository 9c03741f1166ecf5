"""The content of the demo's section: one frame, and the fields to verify it.

Little endian, at offset 0: frame number (from 1), time of capture in nanoseconds, width, height, CRC-32 of the
pixels. At PIXELS: height x width x 3 bytes, blue green red. Producer and consumers use ``time.perf_counter_ns``, which
all processes of a machine share.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

HEADER = struct.Struct("<QQIII")
PIXELS = 64
CHANNELS = 3


class Header(NamedTuple):
    """The fields before the pixels."""

    number: int
    captured_ns: int
    width: int
    height: int
    checksum: int


def pixel_bytes(width: int, height: int) -> int:
    """Bytes of the pixels of one frame."""
    return width * height * CHANNELS
