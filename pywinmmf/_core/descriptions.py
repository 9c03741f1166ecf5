"""Descriptions of frames: the bytes of a wmmf_frame, made from shapes and arrays."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..enums import Element
from ..errors import ArgumentTypeError, InvalidArgumentError
from ..pixels import Geometry, geometry_of, geometry_of_shape, in_format
from .binding import ffi, lib, new_struct
from .validation import buffer, contiguous, whole

if TYPE_CHECKING:
    import numpy.typing

    from .buffers import AnyBuffer

Shape: TypeAlias = Sequence[int]

_INTEGERS = {1: Element.INT8, 2: Element.INT16, 4: Element.INT32, 8: Element.INT64}
_NATURALS = {1: Element.UINT8, 2: Element.UINT16, 4: Element.UINT32, 8: Element.UINT64}
_ELEMENTS = {
    "?": {1: Element.BOOL},
    **dict.fromkeys("bhilqn", _INTEGERS),
    **dict.fromkeys("cBHILQN", _NATURALS),
    "e": {2: Element.FLOAT16},
    "f": {4: Element.FLOAT32},
    "d": {8: Element.FLOAT64},
    "Zf": {8: Element.COMPLEX64},
    "Zd": {16: Element.COMPLEX128},
}
"""Element types by the letters of the buffer protocol and the bytes of an element."""


def frame_of(description: bytes | None) -> Any:
    """The wmmf_frame of a description."""
    frame = new_struct("wmmf_frame")
    if description is not None:
        ffi.memmove(frame, description, len(description))
    return frame


def described_shape(what: str, given: int | Shape, dtype: numpy.typing.DTypeLike | None = None) -> bytes:
    """Bytes, or an array of this shape."""
    if hasattr(given, "__index__") and dtype is None:
        return bytes(ffi.buffer(new_struct("wmmf_frame", used=whole(what, given, least=1, status=lib.WMMF_E_SIZE))))
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise ArgumentTypeError(f"{what} {given!r}: expected bytes or a shape, not {type(given).__name__}")
    lengths = [whole(what, length, least=1, status=lib.WMMF_E_SIZE) for length in given]
    element, itemsize, usual = _element_of_dtype(dtype)
    size = whole(what, math.prod(lengths) * itemsize, least=1, status=lib.WMMF_E_SIZE)
    frame = new_struct("wmmf_frame", used=size)
    _set(frame, what, lengths, element, geometry_of_shape(lengths, itemsize, usual=usual))
    return bytes(ffi.buffer(frame))


def described_capacity(what: str, given: int | Shape) -> tuple[int, bytes | None]:
    """The bytes of the largest frame and, if the capacity is given as a shape, the description of such an array."""
    if hasattr(given, "__index__"):
        return whole(what, given, least=1, status=lib.WMMF_E_SIZE), None
    usual = described_shape(what, given)
    return int(frame_of(usual).used), usual


def set_format(frame: Any, fourcc: str) -> None:
    """Set the pixel format. `InvalidArgumentError` if the shape does not fit it."""
    if frame.element:
        shape = list(frame.shape[0 : frame.dimensions])
        geometry = geometry_of_shape(shape, frame.used // math.prod(shape), usual=False)
        frame.element = frame.dimensions = 0
    else:
        geometry = Geometry(frame.width, frame.height, frame.stride, frame.fourcc)
    frame.width, frame.height, frame.stride, frame.fourcc = in_format(geometry, fourcc)


def described_picture(picture: memoryview, fourcc: str | None, user: AnyBuffer, timestamp_ns: int) -> bytes:
    """The description of a picture or another array, from the arguments of ``publish``."""
    frame = new_struct("wmmf_frame", timestamp_ns=whole("timestamp_ns", timestamp_ns))
    geometry = geometry_of(picture, fourcc)
    if fourcc is not None:
        frame.width, frame.height, frame.stride, frame.fourcc = geometry
    elif picture.ndim != 1 or picture.itemsize != 1 or picture.format not in ("B", "c", "<B", "@B"):
        _set(frame, "picture", picture.shape or (), _element(picture), geometry)
    set_user(frame, user)
    return bytes(ffi.buffer(frame))


def set_user(frame: Any, user: AnyBuffer) -> None:
    """Copy the writer's user data into a native frame."""
    view = contiguous("user", user)
    most = lib.WMMF_FRAME_USER_SIZE
    if view.nbytes > most:
        raise InvalidArgumentError(f"user has {view.nbytes} bytes: expected at most {most}", lib.WMMF_E_RANGE)
    ffi.memmove(frame.user, view, view.nbytes)
    frame.user_size = view.nbytes


def _set(frame: Any, what: str, shape: Sequence[int], element: Element, geometry: Geometry) -> None:
    """Describe a picture in its usual format, or else an array."""
    if geometry.fourcc:
        frame.width, frame.height, frame.stride, frame.fourcc = geometry
        return
    if len(shape) == 1 and element == Element.UINT8:
        return  # bytes
    if len(shape) > lib.WMMF_FRAME_DIMENSIONS_MAX:
        raise InvalidArgumentError(
            f"{what} has {len(shape)} dimensions: expected at most {lib.WMMF_FRAME_DIMENSIONS_MAX}"
        )
    frame.element = element
    frame.dimensions = len(shape)
    frame.shape[0 : len(shape)] = list(shape)


def _element(picture: memoryview) -> Element:
    found = re.fullmatch(r"[@=<|]?(\?|Z?[a-zA-Z])", picture.format)
    element = _ELEMENTS.get(found[1], {}).get(picture.itemsize) if found else None
    if element is None:
        raise InvalidArgumentError(
            f"picture of elements {picture.format!r} of {picture.itemsize} bytes: expected booleans, integers, floats "
            "or complex numbers of 1 to 16 bytes, lowest byte first"
        )
    return element


def _element_of_dtype(dtype: numpy.typing.DTypeLike | None) -> tuple[Element, int, bool]:
    """The element type, its bytes, and whether it is an unsigned integer."""
    if dtype is None:
        return Element.UINT8, 1, True
    import numpy

    try:
        empty = buffer("dtype", numpy.empty(0, dtype))
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"dtype {dtype!r}: expected one of numbers, but {error}") from None
    element = _element(empty)
    return element, empty.itemsize, element in _NATURALS.values()
