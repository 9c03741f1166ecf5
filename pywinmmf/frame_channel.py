"""Channels of frames: the newest one for everybody, without copies, and nobody waits for anybody."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ._core.binding import ffi, hold, lib, new_struct
from ._core.descriptions import Shape, described_picture, described_shape, frame_of, set_format
from ._core.handle import Opened, open_native
from ._core.timeouts import seconds
from ._core.validation import access_options, buffer, choice, contiguous, section_name, whole
from .enums import Access, Namespace
from .errors import ArgumentTypeError, ClosedError, Error, InvalidArgumentError, LockTimeoutError, native_error
from .frames import Frame, NewFrame
from .inspection import audit_of, creation_error
from .memory_mapped_file import MemoryMappedFile
from .records import AuditReport, Participant

if TYPE_CHECKING:
    from typing import Self

    import numpy.typing

    from ._core.buffers import AnyBuffer, AnyWritableBuffer

_QUICK_COPY = 32768
"""Bytes that are copied in a moment, for which no other Python thread need run."""
_TO_TAKE_SECONDS = 0.01
"""For which a task may keep its event loop waiting, when there is a frame to take."""
_EMPTY_INFO = new_struct("wmmf_channel_info")
_new_info = partial(ffi.new, ffi.typeof(_EMPTY_INFO), _EMPTY_INFO[0])


class FrameChannel(Opened[hold.Channel]):
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

    def __init__(self, *_arguments: object, **_options: object) -> None:
        """Objects are made with `create` or `open`."""
        raise ArgumentTypeError(
            "expected FrameChannel.create(name, capacity=...) to make a new one, or FrameChannel.open(name) for one "
            "that exists"
        )

    @classmethod
    def _of(cls, name: str, namespace: Namespace, native: hold.Channel) -> Self:
        self = cls.__new__(cls)
        self._start(name, namespace, native)
        return self

    def _start(self, name: str, namespace: Namespace, native: hold.Channel) -> None:
        self._become(name, native)
        self._namespace = namespace
        self._usual: bytes | None = None  # what `begin` says of a frame: a wmmf_frame; None: all bytes of the slot
        self._copy: bytearray | None = None
        info = self._info()
        self._capacity = int(info.capacity)
        self._slots = int(info.slots)
        self._readonly = bool(info.read_only)
        self._in_place = bool(info.in_place)
        native.small = self._capacity <= _QUICK_COPY

    @classmethod
    def create(
        cls,
        name: str,
        *,
        capacity: int | Shape,
        slots: int = 4,
        namespace: Namespace | str = Namespace.LOCAL,
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
        namespace = choice(Namespace, namespace)
        encoded = section_name(action, name, namespace)
        usual = described_shape(f"cannot {action}: capacity", capacity)
        size = int(frame_of(usual).used)
        slots = whole(
            f"cannot {action}: slots", slots, least=lib.WMMF_CHANNEL_SLOTS_MIN, most=lib.WMMF_CHANNEL_SLOTS_MAX
        )
        access, access_fields = access_options(access)
        options = new_struct(
            "wmmf_options",
            name_space=namespace,
            participants=whole("participants", participants, most=lib.WMMF_PARTICIPANTS_MAX),
            **access_fields,
        )

        def create(cell: Any) -> Any:
            if exist_ok:
                return lib.wmmf_channel_create_or_open(encoded, size, slots, options, cell, ffi.NULL)
            return lib.wmmf_channel_create(encoded, size, slots, options, cell)

        native = hold.Channel(f"channel {name!r}", (namespace, name))
        status = open_native(native, create)
        action += f" of {slots} slots of {size} bytes"
        if status == lib.WMMF_E_SIZE:
            raise InvalidArgumentError(f"cannot {action}: expected {_room(name, namespace)}", status)
        if status:
            raise creation_error(status, action, access, namespace, name)
        channel = cls._of(name, namespace, native)
        if not hasattr(capacity, "__index__"):
            channel._usual = usual
        return channel

    @classmethod
    def open(cls, name: str, *, namespace: Namespace | str = Namespace.LOCAL, readonly: bool = False) -> Self:
        """Open a channel that exists.

        ``readonly`` asks for read rights only: such an object gets copies of frames, never delays a writer and
        is no participant.
        """
        action = f"open channel {name!r}"
        namespace = choice(Namespace, namespace)
        encoded = section_name(action, name, namespace)
        options = new_struct("wmmf_options", name_space=namespace, read_only=bool(readonly))
        native = hold.Channel(f"channel {name!r}", (namespace, name))
        status = open_native(native, partial(lib.wmmf_channel_open, encoded, options))
        if status:
            raise native_error(status, action)
        return cls._of(name, namespace, native)

    @property
    def namespace(self) -> Namespace:
        """Where its name is looked up."""
        return self._namespace

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
        self._must(self._call(lib.wmmf_channel_get_info, info), "look at")
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
        plain = type(picture) is bytes and fourcc is None and timestamp_ns == 0 and type(user) is bytes and not user
        if plain and len(picture) <= self._capacity:  # type: ignore[arg-type]
            return self._native.publish(picture, None, timeout)
        view = buffer("picture", picture)
        if view.nbytes > self._capacity:
            raise self._too_large(view.nbytes)
        description = described_picture(view, fourcc, user, timestamp_ns)
        if not view.c_contiguous:
            return self._publish_rows(view, description, timeout)
        return self._native.publish(view, description, timeout)

    def _publish_rows(self, picture: memoryview, description: bytes | None, timeout: float | None) -> int:
        """A picture with gaps: copied row by row, straight into the slot."""
        import numpy

        source: Any = numpy.asarray(picture)
        try:
            new = self._native.begin(description, timeout)
        except LockTimeoutError:
            return 0
        with new:
            new.used = picture.nbytes
            numpy.copyto(numpy.ndarray(source.shape, source.dtype, new.data), source)
        return int(new.sequence)

    def _too_large(self, size: int) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"a frame of {size} bytes: expected at most {self._capacity}, the capacity of {self._what}",
            lib.WMMF_E_RANGE,
        )

    def begin(
        self,
        shape: Shape | None = None,
        *,
        dtype: numpy.typing.DTypeLike | None = None,
        fourcc: str | None = None,
        timeout: float | None = 0,
    ) -> NewFrame:
        """A slot to fill in place: ``with channel.begin() as frame: frame.array[...] = ...``

        It is published when the block ends well and dropped when that ends with an exception. ``shape``, of an
        array of ``dtype`` (None: bytes), None: that of the last `begin` with one, or of `create`; without any, all
        bytes of the slot. ``fourcc`` as in `publish`. `LockTimeoutError` if for ``timeout`` seconds all slots are read
        by others, or another writer is at work.
        """
        if shape is None and fourcc is None:
            return self._native.begin(self._usual, timeout)  # type: ignore[no-any-return]
        usual = self._usual if shape is None else described_shape("shape", shape, dtype)
        frame = frame_of(usual)
        if frame.used > self._capacity:
            raise self._too_large(frame.used)
        if fourcc is not None:
            set_format(frame, fourcc)
        new: NewFrame = self._native.begin(bytes(ffi.buffer(frame)), timeout)
        self._usual = usual
        return new

    # Reading.

    def latest(self, timeout: float | None = None) -> Frame:
        """The newest frame, at once if there is one: ``with channel.latest() as frame: ...``

        `LockTimeoutError` if there is none in time.
        """
        if not self._in_place:
            return self._copied(lib.WMMF_PICK_LATEST, self._native.had, timeout)
        return self._native.latest(timeout)  # type: ignore[no-any-return]

    def next(self, timeout: float | None = None) -> Frame:
        """The newest frame that this object has not given yet; waits for one. `LockTimeoutError` as in `latest`."""
        if not self._in_place:
            return self._copied(lib.WMMF_PICK_NEXT, self._native.had, timeout)
        return self._native.next(timeout)  # type: ignore[no-any-return]

    def _copied(self, pick: int, after: int, timeout: float | None) -> Frame:
        """A copy of a frame, which this object has given then."""
        native, buffer = self._native, self._buffer_for_copy()
        try:
            frame: Frame = native.read(pick, after, buffer, timeout)
        finally:
            self._copy = buffer
        native.had = frame.sequence
        return frame

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
        native = self._native
        target = contiguous("buffer", buffer, writable=True)
        frame: Frame = native.read(lib.WMMF_PICK_NEXT, native.had, target, timeout)
        native.had = frame.sequence
        return frame

    def peek(self, timeout: float | None = 0) -> Frame:
        """What describes the newest frame, without its picture (``data`` is empty): nothing is copied nor pinned,
        and nobody has had the frame. `LockTimeoutError` if there is none in time."""
        return self._native.read(lib.WMMF_PICK_LATEST, 0, None, timeout)  # type: ignore[no-any-return]

    def wait(self, after: int, timeout: float | None = None) -> int:
        """Wait until the newest frame's sequence is not ``after``; that sequence. `LockTimeoutError` if it stays."""
        sequence = ffi.new("uint64_t *")
        after = whole("after", after)
        self._must(self._attempt(timeout, lib.wmmf_channel_wait, after, out=(sequence,)), "wait for a frame of")
        return int(sequence[0])

    async def wait_async(self, after: int, timeout: float | None = None) -> int:
        """`wait` for asyncio: the event loop runs on, and one thread of the process waits for all its tasks."""
        sequence = ffi.new("uint64_t *")
        status = await self._attempt_async(timeout, lib.wmmf_channel_wait, whole("after", after), sequence)
        self._must(status, "wait for a frame of")
        return int(sequence[0])

    async def latest_async(self, timeout: float | None = None) -> Frame:
        """`latest` for asyncio: it waits as `wait_async` does."""
        await self.wait_async(0, timeout)
        return self.latest(_TO_TAKE_SECONDS)

    async def next_async(self, timeout: float | None = None) -> Frame:
        """`next` for asyncio: it waits as `wait_async` does."""
        after, deadline = self._native.had, time.perf_counter() + seconds(timeout)
        while True:
            await self.wait_async(after, timeout if timeout is None else max(0.0, deadline - time.perf_counter()))
            try:
                if not self._in_place:
                    return self._copied(lib.WMMF_PICK_NEXT, after, _TO_TAKE_SECONDS)
                return self._native.newer(after, _TO_TAKE_SECONDS)  # type: ignore[no-any-return]
            except LockTimeoutError:  # a quick writer spoiled each copy, or took back each frame
                if time.perf_counter() > deadline:
                    raise

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
        return audit_of(lib.wmmf_channel_audit, self)._replace(sequence=self.sequence)

    def participants(self) -> list[Participant]:
        """Who has the channel open for writing and reading in place, in all processes."""
        with MemoryMappedFile.open(self.name, namespace=self.namespace, readonly=True) as section:
            return section.participants()

    def __repr__(self) -> str:
        return f"<FrameChannel {self.name!r}: {self._slots} slots of {self._capacity} bytes, {self._state}>"


def _room(name: str, namespace: Namespace) -> str:
    """How much there may be of a channel that was found too small, or could not be made."""
    try:
        with FrameChannel.open(name, namespace=namespace, readonly=True) as there:
            return f"at most {there.slots} slots of {there.capacity} bytes, as there are"
    except Error:
        return "what fits into this machine's memory"
