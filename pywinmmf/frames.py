"""Frames of a channel: pinned in place, copied, or being filled."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._core.binding import ffi, lib
from ._core.blocks import Block, BlockEnd, no_block
from ._core.slots import NO_SLOT, Slots
from ._core.validation import contiguous, whole
from .errors import ClosedError, InvalidArgumentError, native_error
from .pixels import Geometry, as_array, extent, fourcc_code, fourcc_text

if TYPE_CHECKING:
    from typing import Self

    import numpy.typing

    from ._core.buffers import AnyBuffer

_NO_PICTURE = Geometry()


class Frame:
    """A frame to look at; a context manager that lets go of it.

    Of a writable channel object it is pinned: the picture is in place in the shared slot and does not change
    until the with block is left and the last view of it (`data`, `array`, what was made from them) is gone.
    Of a read-only one it is a copy. Reading it is safe in any thread.
    """

    __slots__ = ("_frame", "_memory", "_view")

    def __init__(self, frame: Any, memory: Any) -> None:
        self._frame = frame
        self._memory = memory  # who has it, has the pin
        self._view: memoryview | None = None

    @property
    def sequence(self) -> int:
        """1 for the channel's first frame, then 2, 3 ..."""
        return int(self._frame.sequence)

    @property
    def missed(self) -> int:
        """Frames published since the one this reader had before."""
        return int(self._frame.missed)

    @property
    def timestamp_ns(self) -> int:
        """When it was published, or what the writer said: the clock of ``time.monotonic_ns()`` on Linux and of
        ``time.perf_counter_ns()`` on Windows, the same for all processes."""
        return int(self._frame.timestamp_ns)

    @property
    def used(self) -> int:
        """Bytes of the picture."""
        return int(self._frame.used)

    @property
    def width(self) -> int:
        """Pixels of a row; 0 if it is no picture."""
        return int(self._frame.width)

    @property
    def height(self) -> int:
        """Rows; 0 if it is no picture."""
        return int(self._frame.height)

    @property
    def stride(self) -> int:
        """Bytes from one row to the next."""
        return int(self._frame.stride)

    @property
    def fourcc(self) -> str:
        """The pixel format, see `pywinmmf.pixels`; empty if the writer did not say."""
        return fourcc_text(self._frame.fourcc)

    @property
    def user(self) -> bytes:
        """The up to 64 bytes that the writer sent along."""
        return bytes(self._frame.user[0 : min(self._frame.user_size, lib.WMMF_FRAME_USER_SIZE)])

    @property
    def data(self) -> memoryview:
        """The picture's bytes, read-only, no copy."""
        view = self._view
        if view is None:
            memory = self._memory
            if memory is None:
                raise ClosedError("the frame was let go: take its data inside the with block", lib.WMMF_E_CLOSED)
            view = self._view = memoryview(ffi.buffer(memory, self._frame.used)).toreadonly()
        return view

    @property
    def array(self) -> numpy.typing.NDArray[Any]:
        """The picture as a NumPy array, read-only, no copy: rows x pixels (x bytes of a pixel)."""
        frame = self._frame
        return as_array(self.data, Geometry(frame.width, frame.height, frame.stride, frame.fourcc))

    def release(self) -> None:
        """Let go; again: nothing. Views that were taken keep the picture as it is until they are gone."""
        self._view = None
        self._memory = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<Frame {self.sequence}: {self.width} x {self.height} {self.fourcc!r}, {self._frame.used} bytes>"


class CopiedFrame(Frame):
    """A frame that was copied into a buffer."""

    __slots__ = ()

    def __init__(self, frame: Any, buffer: memoryview) -> None:
        self._frame = frame
        self._memory = None
        self._view = buffer

    @property
    def data(self) -> memoryview:
        """The picture's bytes in the buffer, read-only."""
        view = super().data
        return view.cast("B")[: self.used].toreadonly() if view.nbytes else memoryview(b"")


class NewFrame:
    """A slot to fill: a context manager that publishes it, or drops it if its block ends with an exception.

    The bytes are those of some older frame. Views of it must not be used after the block. Other writers wait
    meanwhile. Set what describes it before the block ends; `fourcc`, `width`, `height` and `stride` follow from
    the shape that it was begun with.
    """

    __slots__ = ("_block", "_frame", "_geometry", "_hold", "_slots", "timestamp_ns", "used")

    def __init__(self, frame: Any, slots: Slots, geometry: Geometry, used: int) -> None:
        self._frame = frame
        self._geometry = geometry
        self.used = used
        """Bytes of the picture."""
        self.timestamp_ns = 0
        """When it was taken; 0: the time of publication."""
        self._slots: Slots | None = slots  # None: it was published or dropped
        self._hold = ffi.gc(frame, slots.drop)  # with which it is dropped; a with block takes it over
        self._block: Callable[[], Block | None] = no_block

    @property
    def data(self) -> memoryview:
        """The slot's bytes, writable: as many as the channel's capacity."""
        return self._begun().writable(self._frame)

    @property
    def array(self) -> numpy.typing.NDArray[Any]:
        """The picture as a NumPy array to fill, in the shape that it was begun with."""
        return as_array(self.data[: self.used], self._geometry)

    @property
    def sequence(self) -> int:
        """Of the published frame; 0 before."""
        return int(self._frame.sequence)

    @property
    def width(self) -> int:
        """Pixels of a row."""
        return self._geometry.width

    @width.setter
    def width(self, value: int) -> None:
        self._geometry = self._geometry._replace(width=whole("width", value, most=2**32 - 1))

    @property
    def height(self) -> int:
        """Rows."""
        return self._geometry.height

    @height.setter
    def height(self, value: int) -> None:
        self._geometry = self._geometry._replace(height=whole("height", value, most=2**32 - 1))

    @property
    def stride(self) -> int:
        """Bytes from one row to the next."""
        return self._geometry.stride

    @stride.setter
    def stride(self, value: int) -> None:
        self._geometry = self._geometry._replace(stride=whole("stride", value, most=2**32 - 1))

    @property
    def fourcc(self) -> str:
        """The pixel format."""
        return fourcc_text(self._geometry.fourcc)

    @fourcc.setter
    def fourcc(self, value: str) -> None:
        self._geometry = self._geometry._replace(fourcc=fourcc_code(value))

    @property
    def user(self) -> bytes:
        """Up to 64 bytes of your own, for the readers."""
        return bytes(self._frame.user[0 : self._frame.user_size])

    @user.setter
    def user(self, value: AnyBuffer) -> None:
        set_user(self._frame, value)

    def publish(self) -> int:
        """Make it the newest frame, before the block ends; its sequence."""
        frame = self._frame
        # Begun with all bytes of the slot, and the rest 0: only what differs is worth a store.
        if self.used != frame.capacity:
            frame.used = whole("used", self.used, most=frame.capacity, status=lib.WMMF_E_RANGE)
        if self.timestamp_ns != 0:
            frame.timestamp_ns = whole("timestamp_ns", self.timestamp_ns)
        if self._geometry != _NO_PICTURE:
            frame.width, frame.height, frame.stride, frame.fourcc = self._geometry
            if (size := extent(self._geometry)) > self.used:
                raise InvalidArgumentError(
                    f"stride {self.stride}, height {self.height}: "
                    f"expected rows in the {self.used} bytes of the frame, not of {size}",
                    lib.WMMF_E_RANGE,
                )
        self._end(lib.publish_begun)
        return int(frame.sequence)

    def cancel(self) -> None:
        """Drop it."""
        self._end(lib.drop)

    def _begun(self) -> Slots:
        slots = self._slots
        if slots is None or self._frame.slot == NO_SLOT:  # dropped by the end of the block alone
            raise ClosedError("the frame was published or dropped: fill it inside the with block", lib.WMMF_E_CLOSED)
        return slots

    def _end(self, call: Callable[[Any, Any], int]) -> None:
        slots = self._begun()
        status = call(slots.native, self._frame)
        if status:
            raise native_error(status, f"publish a frame of {self.used} bytes, {self._geometry} in {slots.what}")
        self._slots = self._hold = None

    def _about_to_enter(self, block: Callable[[], Block | None]) -> None:
        self._block = block

    def __enter__(self) -> Self:
        block = self._block()
        if block is not None:
            block.hold, self._hold = self._hold, None
        return self

    def _leave(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        frame = self._frame
        try:
            if kind is None and frame.slot != NO_SLOT:
                self.publish()
        finally:
            slots, self._slots = self._slots, None
            if slots is not None:
                slots.drop(frame)

    if TYPE_CHECKING:
        __exit__ = _leave
    else:
        __exit__ = BlockEnd()


def set_user(frame: Any, user: AnyBuffer) -> None:
    """Copy the writer's own bytes into a native frame."""
    view = contiguous("user", user)
    most = lib.WMMF_FRAME_USER_SIZE
    if view.nbytes > most:
        raise InvalidArgumentError(f"user has {view.nbytes} bytes: expected at most {most}", lib.WMMF_E_RANGE)
    ffi.memmove(frame.user, view, view.nbytes)
    frame.user_size = view.nbytes
