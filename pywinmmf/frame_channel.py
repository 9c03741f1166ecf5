"""Channels of frames: the newest one for everybody, without copies, and nobody waits for anybody."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ._core.binding import ffi, lib, new_struct
from ._core.handle import ChannelHandle
from ._core.opened import Opened
from ._core.slots import NO_FRAME, new_native_frame
from ._core.timeouts import first_slice
from ._core.validation import access_options, buffer, choice, contiguous, creation_error, section_name, whole
from .enums import Access, Namespace
from .errors import ArgumentTypeError, ClosedError, Error, InvalidArgumentError, native_error
from .frames import CopiedFrame, Frame, NewFrame, set_user
from .inspection import audit_of
from .pixels import Geometry, geometry_of, geometry_of_shape, in_format
from .records import AuditReport

if TYPE_CHECKING:
    from typing import Self

    from ._core.buffers import AnyBuffer, AnyWritableBuffer

Shape = Sequence[int]

_TIMEOUT: int = lib.WMMF_E_TIMEOUT
_EMPTY_INFO = new_struct("wmmf_channel_info")
_new_info = partial(ffi.new, ffi.typeof(_EMPTY_INFO), _EMPTY_INFO[0])


class FrameChannel(Opened):
    """N slots in shared memory, of which one is the newest frame.

    A writer fills a slot that nobody reads and publishes it; readers get the newest frame, in place, and keep it
    for as long as they like. A slow reader misses frames and is told how many. If every other slot is being read,
    the writer skips the frame, or waits up to a time. Writers, in whatever process, take turns.

    Made with `create` or `open`; a context manager that closes itself. Timeouts are seconds: None waits for ever,
    0 tries once. All methods may be called by several threads at once, but what `next` counts as had is one
    count per object: give each reader its own. Errors are those of `MemoryMappedFile`.

    When damage was found in a channel it is poisoned: every use of its frames, and each wait and iteration under way,
    ends with `PoisonedError`. Close the object then, for as long as anybody has the channel open there can be no new
    one of its name, and open that.

    A forked child cannot use its parent's objects (`ClosedError`): open the channel again there.
    """

    _handle: ChannelHandle

    def __init__(self, handle: ChannelHandle) -> None:
        """For `create` and `open`."""
        self._handle = handle
        self._had = new_native_frame()  # the frame that was given last
        self._usual = (0, Geometry())  # of frames that are begun: bytes, 0 for all of the slot, and how they lie
        self._copy: bytearray | None = None
        info = self._info()
        self._capacity = int(info.capacity)
        self._slots = int(info.slots)
        self._readonly = bool(info.read_only)

    @classmethod
    def create(
        cls,
        name: str,
        *,
        capacity: int | Shape,
        slots: int = 4,
        namespace: Namespace = Namespace.LOCAL,
        access: Access | str | int = Access.OWNER,
        exist_ok: bool = False,
        participants: int = 0,
    ) -> Self:
        """Create a channel and open it for writing and reading.

        ``capacity`` is the bytes of the largest frame, or the shape of an array of bytes, such as (1080, 1920, 3).
        ``slots``: 3 to 64. With the newest frame and the one being written, two less is how many different frames
        can be held by readers before the writer has to skip one. There must be room for all of them; on Linux only
        those that are used cost memory, and one for which there is none any more is an `Error` of the writer (or, if
        it is a container's limit that is reached, its end: the kernel kills it).
        ``participants`` is how many writable objects can have it open at the same time (0: as many as usual, 52).

        A name that is taken is an `AlreadyExistsError`, or, with ``exist_ok``, opened if it is a channel with at
        least this capacity and as many slots.
        """
        action = f"create channel {name!r}"
        encoded = section_name(action, name, namespace)
        size, geometry = _capacity(f"cannot {action}: capacity", capacity)
        slots = whole(
            f"cannot {action}: slots", slots, least=lib.WMMF_CHANNEL_SLOTS_MIN, most=lib.WMMF_CHANNEL_SLOTS_MAX
        )
        access_fields = access_options(access)
        options = new_struct(
            "wmmf_options",
            name_space=choice(Namespace, namespace),
            participants=whole("participants", participants, most=lib.WMMF_PARTICIPANTS_MAX),
            **access_fields,
        )

        def create(cell: Any) -> Any:
            if exist_ok:
                return lib.wmmf_channel_create_or_open(encoded, size, slots, options, cell, ffi.NULL)
            return lib.wmmf_channel_create(encoded, size, slots, options, cell)

        handle = ChannelHandle(name, create)
        action += f" of {slots} slots of {size} bytes"
        if handle.status == lib.WMMF_E_SIZE:
            raise InvalidArgumentError(f"cannot {action}: expected {_room(name, namespace)}", handle.status)
        if handle.status:
            raise creation_error(handle.status, action, access)
        channel = cls(handle)
        channel._usual = (0 if hasattr(capacity, "__index__") else size, geometry)
        return channel

    @classmethod
    def open(cls, name: str, *, namespace: Namespace = Namespace.LOCAL, readonly: bool = False) -> Self:
        """Open a channel that exists.

        ``readonly`` asks for read rights only: such an object gets copies of frames, never delays a writer and
        is no participant.
        """
        action = f"open channel {name!r}"
        encoded = section_name(action, name, namespace)
        options = new_struct("wmmf_options", name_space=choice(Namespace, namespace), read_only=bool(readonly))
        handle = ChannelHandle(name, partial(lib.wmmf_channel_open, encoded, options))
        if handle.status:
            raise native_error(handle.status, action)
        return cls(handle)

    @property
    def capacity(self) -> int:
        """Bytes of the largest frame."""
        return self._capacity

    @property
    def slots(self) -> int:
        """How many frames there is room for."""
        return self._slots

    @property
    def sequence(self) -> int:
        """Of the newest frame; 0: none yet."""
        return int(self._info().sequence)

    @property
    def age(self) -> float | None:
        """Seconds since the newest frame's timestamp; None: no frame yet. A writer that has stopped shows here."""
        info = self._info()
        return (info.now_ns - info.timestamp_ns) / 1e9 if info.sequence else None

    def _info(self) -> Any:
        info = _new_info()
        status = lib.wmmf_channel_get_info(self._handle.native(), info)
        if status:
            raise native_error(status, f"look at {self._handle.what}")
        return info

    # Writing.

    def publish(
        self,
        picture: AnyBuffer,
        *,
        fourcc: str | None = None,
        user: AnyBuffer = b"",
        timestamp_ns: int = 0,
        timeout: float | None = 0,
    ) -> int:
        """Copy a picture into a slot and make it the newest frame; its sequence, or 0 if it was skipped.

        ``picture`` is any buffer of up to the capacity; a NumPy array of rows x pixels (x channels), also one
        with gaps between its rows, tells its size to the readers. ``fourcc`` None takes what is usual for its
        channels: GREY, BGR3, BGRA; 16-bit Y16. An array that is no picture of the format is refused, also one of
        other numbers than unsigned integers, lowest byte first. ``user`` are up to 64 bytes of your own.
        ``timestamp_ns`` 0 is now.

        It is skipped if for ``timeout`` seconds all slots are read by others, or another writer is at work.
        """
        first_ns = first_slice(timeout) if timeout != 0 else 0
        view = buffer("picture", picture)
        size = view.nbytes
        if size > self._capacity:
            raise self._too_large(size)
        description = NO_FRAME
        if view.ndim > 1 or fourcc is not None or timestamp_ns != 0 or not isinstance(user, bytes) or user:
            description = _describe(view, fourcc, user, timestamp_ns)
        if not view.c_contiguous:
            return self._publish_rows(view, description, timeout, first_ns)
        source = ffi.from_buffer(view)
        sequence: int = lib.publish_copy(self._handle.native(), source, size, first_ns, description)
        if sequence == _TIMEOUT:
            sequence = self._handle.attempt_later(timeout, lib.publish_copy, source, size, out=(description,))
        if sequence == _TIMEOUT:
            return 0
        if sequence < 0:
            raise native_error(sequence, f"publish {size} bytes in {self._handle.what}")
        return sequence

    def _publish_rows(self, picture: memoryview, described: Any, timeout: float | None, first_ns: int) -> int:
        """A picture with gaps: copied row by row, straight into the slot."""
        import numpy

        source: Any = numpy.asarray(picture)
        geometry = Geometry(described.width, described.height, described.stride, described.fourcc)
        new = self._begin(timeout, first_ns, geometry, picture.nbytes)
        if new is None:
            return 0
        with new:
            numpy.copyto(numpy.ndarray(source.shape, source.dtype, new.data), source)
            new.user = ffi.buffer(described.user)[: described.user_size]
            new.timestamp_ns = described.timestamp_ns
        return new.sequence

    def _too_large(self, size: int) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"a frame of {size} bytes: expected at most {self._capacity}, the capacity of {self._handle.what}",
            lib.WMMF_E_RANGE,
        )

    def begin(self, shape: Shape | None = None, *, fourcc: str | None = None, timeout: float | None = 0) -> NewFrame:
        """A slot to fill in place: ``with channel.begin() as frame: frame.array[...] = ...``

        It is published when the block ends well and dropped when that ends with an exception. ``shape``, of an
        array of bytes, None: that of the last `begin` with one, or of `create`; without any, all bytes of the
        slot. ``fourcc`` as in `publish`. `LockTimeoutError` if for ``timeout`` seconds all slots are read by
        others, or another writer is at work.
        """
        size, geometry = usual = self._usual if shape is None else _capacity("shape", shape)
        if size > self._capacity:
            raise self._too_large(size)
        first_ns = first_slice(timeout) if timeout != 0 else 0
        described = geometry if fourcc is None else in_format(geometry, fourcc)
        new = self._begin(timeout, first_ns, described, size or self._capacity)
        if new is None:
            raise native_error(lib.WMMF_E_TIMEOUT, f"begin a frame in {self._handle.what}")
        self._usual = usual
        return new

    def _begin(self, timeout: float | None, first_ns: int, geometry: Geometry, used: int) -> NewFrame | None:
        slots = self._handle.slots()
        frame = new_native_frame()
        new = NewFrame(frame, slots, geometry, used)
        try:
            status = lib.wmmf_channel_begin(slots.native, first_ns, frame)
            if status == _TIMEOUT:
                status = self._handle.attempt_later(timeout, lib.wmmf_channel_begin, out=(frame,))
            if status == _TIMEOUT:
                return None
            if status:
                raise native_error(status, f"begin a frame in {slots.what}")
            return new
        except BaseException:  # a signal that came in between, too
            slots.drop(frame)
            raise

    # Reading.

    def latest(self, timeout: float | None = None) -> Frame:
        """The newest frame, at once if there is one: ``with channel.latest() as frame: ...``

        `LockTimeoutError` if there is none in time.
        """
        frame = self._take(0, timeout)
        native = frame._frame
        had, self._had = self._had.sequence, native
        if had:
            native.missed = max(0, native.sequence - had - 1)
        return frame

    def next(self, timeout: float | None = None) -> Frame:
        """The newest frame that this object has not given yet; waits for one. `LockTimeoutError` as in `latest`."""
        frame = self._take(self._had.sequence, timeout)
        self._had = frame._frame
        return frame

    def _take(self, after: int, timeout: float | None) -> Frame:
        if self._readonly:
            return self._take_copy(after, timeout)
        first_ns = first_slice(timeout)
        slots = self._handle.slots()
        native = new_native_frame()
        frame = Frame(native, None)  # before the wait, lest it take time after it
        try:
            status = lib.wmmf_channel_acquire(slots.native, after, first_ns, native)
            if status == _TIMEOUT:
                status = self._handle.attempt_later(timeout, lib.wmmf_channel_acquire, after, out=(native,))
            if status == 0:
                frame._memory = slots.pinned(native)
                return frame
        except BaseException:  # a signal that came when it was pinned, too
            lib.let_go(slots.native, native)
            raise
        raise native_error(status, f"get a frame of {slots.what}")

    def _take_copy(self, after: int, timeout: float | None) -> Frame:
        buffer = self._buffer_for_copy()
        try:
            return self._read(after, memoryview(buffer), timeout)
        finally:
            self._copy = buffer

    async def _take_copy_async(self, after: int, timeout: float | None) -> Frame:
        buffer = self._buffer_for_copy()
        view, frame = memoryview(buffer), new_native_frame()
        target, size = ffi.from_buffer(view), view.nbytes
        status = await self._handle.attempt_async(timeout, lib.wmmf_channel_read, after, target, size, out=(frame,))
        self._copy = buffer
        if status:
            raise self._read_error(status, frame, size)
        return CopiedFrame(frame, view)

    def _buffer_for_copy(self) -> bytearray:
        """The same again, unless somebody still has views of it: then it refuses to change its size."""
        buffer, self._copy = self._copy, None
        try:
            if buffer is not None:
                buffer.append(buffer.pop())
                return buffer
        except BufferError:
            pass
        return bytearray(self._capacity)

    def read_into(self, buffer: AnyWritableBuffer, *, timeout: float | None = None) -> Frame:
        """Copy the newest frame that this object has not given yet into ``buffer``; what describes it, with
        ``data`` and ``array`` in the buffer.

        Keep the buffer and use it again: a fresh one costs more than the copy. `InvalidArgumentError` if the
        picture does not fit.
        """
        frame = self._read(self._had.sequence, contiguous("buffer", buffer, writable=True), timeout)
        self._had = frame._frame
        return frame

    def peek(self, timeout: float | None = 0) -> Frame:
        """What describes the newest frame, without its picture (``data`` is empty): nothing is copied nor pinned,
        and nobody has had the frame. `LockTimeoutError` if there is none in time."""
        frame = new_native_frame()
        status = self._handle.attempt(timeout, lib.wmmf_channel_read, 0, ffi.NULL, 0, out=(frame,))
        if status and status != lib.WMMF_E_RANGE:  # which says that the picture did not fit, as intended
            raise native_error(status, f"look at the newest frame of {self._handle.what}")
        return CopiedFrame(frame, memoryview(b""))

    def _read(self, after: int, view: memoryview, timeout: float | None) -> Frame:
        first_ns = first_slice(timeout)
        target, size = ffi.from_buffer(view), view.nbytes
        native = new_native_frame()
        frame = CopiedFrame(native, view)  # as in _take
        status = lib.wmmf_channel_read(self._handle.native(), after, target, size, first_ns, native)
        if status == _TIMEOUT:
            status = self._handle.attempt_later(timeout, lib.wmmf_channel_read, after, target, size, out=(native,))
        if status:
            raise self._read_error(status, native, size)
        return frame

    def _read_error(self, status: int, frame: Any, size: int) -> Error:
        if status == lib.WMMF_E_RANGE:
            message = f"buffer of {size} bytes: expected at least {frame.used} for this frame"
            return InvalidArgumentError(message, status)
        return native_error(status, f"read a frame of {self._handle.what}")

    def wait(self, after: int, timeout: float | None = None) -> int:
        """Wait until the newest frame's sequence is not ``after``; that sequence. `LockTimeoutError` if it stays."""
        sequence = ffi.new("uint64_t *")
        after = whole("after", after)
        status = self._handle.attempt(timeout, lib.wmmf_channel_wait, after, out=(sequence,))
        if status:
            raise native_error(status, f"wait for a frame of {self._handle.what}")
        return int(sequence[0])

    async def next_async(self, timeout: float | None = None) -> Frame:
        """`next` for asyncio: the event loop runs on, and a worker thread waits, in turns of 0.1 s."""
        after = self._had.sequence
        if self._readonly:
            frame = await self._take_copy_async(after, timeout)
        else:
            # Not pinned by that thread: who would let go of a frame for which nobody waits any more?
            await self._handle.attempt_async(timeout, lib.wmmf_channel_wait, after, out=(ffi.NULL,))
            frame = self._take(after, 0)
        self._had = frame._frame
        return frame

    def __iter__(self) -> Iterator[Frame]:
        """Frames as they come, each valid until the next; ends when this object is closed."""
        while not self.closed:
            try:
                frame = self.next()
            except ClosedError:
                return
            with frame:
                yield frame

    async def __aiter__(self) -> AsyncIterator[Frame]:
        """The same for ``async for``."""
        while not self.closed:
            try:
                frame = await self.next_async()
            except ClosedError:
                return
            with frame:
                yield frame

    def audit(self) -> AuditReport:
        """As `MemoryMappedFile.audit`: damage poisons the channel, for everybody, unless this object is read-only."""
        return audit_of(lib.wmmf_channel_audit, self._handle)

    def __repr__(self) -> str:
        return f"<FrameChannel {self.name!r}: {self._slots} slots of {self._capacity} bytes, {self._state}>"


def _describe(picture: memoryview, fourcc: str | None, user: AnyBuffer, timestamp_ns: int) -> Any:
    """A native frame that says this of a picture."""
    frame = new_native_frame()
    frame.timestamp_ns = whole("timestamp_ns", timestamp_ns)
    if picture.ndim > 1 or fourcc is not None:
        frame.width, frame.height, frame.stride, frame.fourcc = geometry_of(picture, fourcc)
    set_user(frame, user)
    return frame


def _capacity(what: str, given: int | Shape) -> tuple[int, Geometry]:
    """Bytes, and how an array of this shape lies in them."""
    if hasattr(given, "__index__"):
        return whole(what, given, least=1, status=lib.WMMF_E_SIZE), Geometry()
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise ArgumentTypeError(f"{what} {given!r}: expected bytes or a shape, not {type(given).__name__}")
    lengths = [whole(what, length, least=1, status=lib.WMMF_E_SIZE) for length in given]
    size = whole(what, math.prod(lengths), least=1, status=lib.WMMF_E_SIZE)
    return size, geometry_of_shape(lengths)


def _room(name: str, namespace: Namespace) -> str:
    """How much there may be of a channel that was found too small, or could not be made."""
    try:
        with FrameChannel.open(name, namespace=namespace, readonly=True) as there:
            return f"at most {there.slots} slots of {there.capacity} bytes, as there are"
    except Error:
        return "what fits into this machine's memory"
