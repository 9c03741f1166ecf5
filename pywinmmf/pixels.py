"""Pixel formats: FourCC codes, and the shape of a picture in memory.

The codes are those of Video4Linux and libyuv: BGR3 and RGB3 (3 bytes per pixel in this order), BGRA and RGBA,
GREY, Y16 (16 bits), YUYV and UYVY, NV12, NV21, I420 and YV12, MJPG (compressed).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .errors import ArgumentTypeError, InvalidArgumentError

_BYTES_PER_PIXEL = {"GREY": 1, "BGR3": 3, "RGB3": 3, "BGRA": 4, "RGBA": 4, "YUYV": 2, "UYVY": 2, "Y16 ": 2}
_PLANAR_420 = {"NV12", "NV21", "I420", "YV12"}
SUBSAMPLED = {"YUYV", "UYVY", *_PLANAR_420}
"""Formats in which 2 pixels of a row, or 2 x 2 pixels, share a colour."""
COMPRESSED = {"MJPG"}
FORMATS = (*_BYTES_PER_PIXEL, *sorted(_PLANAR_420), *COMPRESSED)
_UNSIGNED = {order + kind for order in ("", "@", "=", "<") for kind in "BcHILQ"}
"""The codes of bytes and little-endian unsigned integers in the buffer protocol."""
_USUAL = {((), 1): "GREY", ((3,), 1): "BGR3", ((4,), 1): "BGRA", ((), 2): "Y16 "}  # channels, bytes of each


def fourcc_code(fourcc: str) -> int:
    """The code as a number, first character in the lowest byte; shorter codes are filled with spaces."""
    if not isinstance(fourcc, str):
        raise ArgumentTypeError(f"fourcc {fourcc!r}: expected a str of up to 4 characters, not {type(fourcc).__name__}")
    if len(fourcc) > 4 or not fourcc.isascii() or "\0" in fourcc:
        raise InvalidArgumentError(f"fourcc {fourcc!r}: expected up to 4 ASCII characters")
    return int.from_bytes(fourcc.ljust(4).encode(), "little") if fourcc else 0


def fourcc_text(code: int) -> str:
    """The number as text; empty for 0."""
    return code.to_bytes(4, "little").decode("latin-1") if code else ""


class Geometry(NamedTuple):
    """How the rows of a picture lie in memory."""

    width: int = 0
    height: int = 0
    stride: int = 0
    fourcc: int = 0


def geometry_of(picture: memoryview, fourcc: str | None) -> Geometry:
    """The geometry of a buffer: rows x pixels, or rows x pixels x channels. Anything else is not a picture.

    `InvalidArgumentError` if the fourcc needs another shape or other numbers.
    """
    unsigned = picture.format in _UNSIGNED
    geometry = geometry_of_shape(picture.shape or (), picture.itemsize, usual=unsigned)
    if fourcc is None:
        return geometry
    described = in_format(geometry, fourcc)
    if fourcc in COMPRESSED and picture.nbytes not in (picture.shape or (1,)):
        raise InvalidArgumentError(f"fourcc {fourcc!r}, shape {picture.shape}: expected a row of bytes")
    if described.width and not unsigned and fourcc_text(described.fourcc) in FORMATS:
        raise InvalidArgumentError(
            f"fourcc {fourcc!r}, numbers of format {picture.format!r}: expected unsigned integers, lowest byte first"
        )
    return described


def geometry_of_shape(shape: Sequence[int], itemsize: int = 1, *, usual: bool = True) -> Geometry:
    """The geometry of an array's shape, with the usual pixel format for its channels."""
    if len(shape) not in (2, 3) or 0 in shape:
        return Geometry()
    fourcc = _USUAL.get((tuple(shape[2:]), itemsize), "") if usual else ""
    return Geometry(shape[1], shape[0], math.prod(shape[1:]) * itemsize, fourcc_code(fourcc))


def in_format(rows: Geometry, fourcc: str) -> Geometry:
    """The geometry of these rows, without gaps, in a pixel format. `InvalidArgumentError` if they do not fit it."""
    picture = rows._replace(fourcc=fourcc_code(fourcc))
    code = fourcc_text(picture.fourcc)
    if rows.width == 0 or code in COMPRESSED:
        return Geometry(fourcc=picture.fourcc)
    planar = code in _PLANAR_420
    pixel = 1 if planar else _BYTES_PER_PIXEL.get(code, rows.stride // rows.width)
    expected = ""
    if pixel * rows.width != rows.stride:
        expected = f"pixels of {pixel} bytes"
    elif code in SUBSAMPLED and rows.width % 2:
        expected = "an even number of pixels"
    elif planar and rows.height % 3:
        expected = "a multiple of 3 rows, a third of them for the colours"
    if expected:
        raise InvalidArgumentError(
            f"fourcc {fourcc!r}, {rows.height} rows of {rows.width} pixels of {rows.stride // rows.width} bytes: "
            f"expected {expected}"
        )
    return picture._replace(height=rows.height // 3 * 2) if planar else picture
