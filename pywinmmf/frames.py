"""Frames of a channel: pinned in place, copied, or being filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._core.binding import ffi, hold, lib
from ._core.descriptions import set_user
from ._core.validation import whole
from .pixels import fourcc_code, fourcc_text

if TYPE_CHECKING:
    import numpy.typing

    from ._core.buffers import AnyBuffer


def _import_numpy(frame: Any) -> numpy.typing.NDArray[Any]:
    """The first call of `_as_array`, which becomes numpy.asarray."""
    global _as_array
    try:
        import numpy
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("an array needs NumPy: pip install 'pywinmmf[numpy]'", name=error.name) from None
    _as_array = numpy.asarray
    return numpy.asarray(frame)


_as_array: Any = _import_numpy


def native_frame(frame: hold.Frame | hold.NewFrame) -> Any:
    """The wmmf_frame inside, for as long as the frame lives."""
    return ffi.cast("wmmf_frame *", frame.address)


class Frame(hold.Frame):
    """A frame for reading; a context manager that releases it.

    The frame is pinned: the picture stays in its shared slot and does not change until the ``with`` block has ended and
    the last view of it (`data`, `array`, and objects made from them) is gone. A channel object that is not `in_place`
    gives a copy. Any thread may read it. It exports the buffer protocol: ``numpy.asarray(frame)`` and
    ``memoryview(frame)`` are the picture, in the shape of `array`, without a copy.
    """

    __slots__ = ()

    sequence: int
    """1 for the channel's first frame, then 2, 3 ..."""
    missed: int
    """How many frames were published between the last frame of this reader and this one."""
    timestamp_ns: int
    """When it was published, or the time that the writer set, on the clock of ``time.monotonic_ns()`` on Linux and of
    ``time.perf_counter_ns()`` on Windows. All processes share this clock."""
    used: int
    """Bytes of the picture."""
    width: int
    """Pixels of a row; 0 if the frame is not a picture."""
    height: int
    """Rows; 0 if the frame is not a picture."""
    stride: int
    """Bytes from one row to the next."""
    intact: bool
    """Whether the picture is unchanged, or was until the frame was released. Always true, unless the channel has a
    ``pin_limit`` or a hostile reader interferes."""

    @property
    def device_timestamp(self) -> int:
        """The device's own clock, in its own unit; 0: unknown."""
        return int(native_frame(self).device_timestamp)

    @property
    def device_frame(self) -> int:
        """The device's own number of the frame; 0: unknown."""
        return int(native_frame(self).device_frame)

    @property
    def fourcc(self) -> str:
        """The pixel format, see `pywinmmf.pixels`; empty if unknown."""
        return fourcc_text(native_frame(self).fourcc)

    @property
    def user(self) -> bytes:
        """Up to 64 bytes that the writer sent with the frame."""
        frame = native_frame(self)
        return bytes(frame.user[0 : min(frame.user_size, lib.WMMF_FRAME_USER_SIZE)])

    @property
    def array(self) -> numpy.typing.NDArray[Any]:
        """The picture as a read-only NumPy array, without a copy: rows x pixels (x bytes of a pixel); 4:2:0 formats
        have 1.5 times as many rows of bytes, as in OpenCV. Compressed pictures, and frames that are not pictures, are
        bytes. Any other array has the dtype and shape that it was published with."""
        return _as_array(self)  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> numpy.typing.NDArray[Any]:
        """NumPy calls this when the buffer was refused; otherwise it would make an array of one object."""
        return _array_of(self, dtype, copy)

    def __repr__(self) -> str:
        over = ", released" if self.over else ""
        return f"<Frame {self.sequence}: {self.width} x {self.height} {self.fourcc!r}, {self.used} bytes{over}>"


class NewFrame(hold.NewFrame):
    """A slot to fill: a context manager that publishes the frame, or drops it if the block ends with an exception.

    At first the slot contains the bytes of an older frame. Do not use views of it after the block. Other writers wait
    until the block ends. Set the description before the block ends; `fourcc`, `width`, `height` and `stride` follow
    from the shape with which it was begun.
    """

    __slots__ = ()

    sequence: int
    """The sequence of the published frame; 0 before."""
    used: int
    """Bytes of the picture."""
    capacity: int
    """Bytes of the slot."""

    @property
    def array(self) -> numpy.typing.NDArray[Any]:
        """The picture as a NumPy array to fill, in the shape with which it was begun."""
        return _as_array(self)  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> numpy.typing.NDArray[Any]:
        """NumPy calls this when the buffer was refused, as for `Frame`."""
        return _array_of(self, dtype, copy)

    def _set(self, name: str, value: int, most: int) -> None:
        setattr(native_frame(self), name, whole(name, value, most=most))

    @property
    def timestamp_ns(self) -> int:
        """When the picture was taken; 0 becomes the time of publication."""
        return int(native_frame(self).timestamp_ns)

    @timestamp_ns.setter
    def timestamp_ns(self, value: int) -> None:
        self._set("timestamp_ns", value, 2**64 - 1)

    @property
    def width(self) -> int:
        """Pixels of a row."""
        return int(native_frame(self).width)

    @width.setter
    def width(self, value: int) -> None:
        self._set("width", value, 2**32 - 1)

    @property
    def height(self) -> int:
        """Rows."""
        return int(native_frame(self).height)

    @height.setter
    def height(self, value: int) -> None:
        self._set("height", value, 2**32 - 1)

    @property
    def stride(self) -> int:
        """Bytes from one row to the next."""
        return int(native_frame(self).stride)

    @stride.setter
    def stride(self, value: int) -> None:
        self._set("stride", value, 2**32 - 1)

    @property
    def fourcc(self) -> str:
        """The pixel format."""
        return fourcc_text(native_frame(self).fourcc)

    @fourcc.setter
    def fourcc(self, value: str) -> None:
        native_frame(self).fourcc = fourcc_code(value)

    @property
    def device_timestamp(self) -> int:
        """The device's own clock, in its own unit; 0: unknown."""
        return int(native_frame(self).device_timestamp)

    @device_timestamp.setter
    def device_timestamp(self, value: int) -> None:
        self._set("device_timestamp", value, 2**64 - 1)

    @property
    def device_frame(self) -> int:
        """The device's own number of the frame; 0: unknown."""
        return int(native_frame(self).device_frame)

    @device_frame.setter
    def device_frame(self, value: int) -> None:
        self._set("device_frame", value, 2**64 - 1)

    @property
    def user(self) -> bytes:
        """Up to 64 bytes of user data for the readers."""
        frame = native_frame(self)
        return bytes(frame.user[0 : frame.user_size])

    @user.setter
    def user(self, value: AnyBuffer) -> None:
        set_user(native_frame(self), value)


def _array_of(frame: Any, dtype: Any, copy: bool | None) -> numpy.typing.NDArray[Any]:
    array: numpy.typing.NDArray[Any] = _as_array(memoryview(frame), dtype=dtype)
    return array.copy() if copy else array


hold.use({"Frame": Frame, "NewFrame": NewFrame})
