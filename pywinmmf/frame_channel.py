"""Frame channels: every reader gets the newest frame, without copies. Readers and writers do not wait for each
other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ._core.binding import ffi, hold, lib, new_struct
from ._core.descriptions import Shape, described_capacity, described_picture, described_shape, frame_of, set_format
from ._core.handle import Opened, open_native
from ._core.timeouts import nanoseconds, seconds
from ._core.validation import access_options, buffer, choice, contiguous, section_name, whole
from .enums import Access, ChannelState, Namespace
from .errors import ArgumentTypeError, ClosedError, InvalidArgumentError, LockTimeoutError, native_error
from .frames import Frame, NewFrame
from .inspection import audit_of, creation_error, owner_of, participants_of
from .records import AuditReport, Participant

if TYPE_CHECKING:
    from typing import Self

    import numpy.typing

    from ._core.buffers import AnyBuffer, AnyWritableBuffer

_QUICK_COPY = 32768
"""Up to this many bytes are copied without letting other Python threads run."""
_TO_TAKE_SECONDS = 0.01
"""How long a task may block its event loop while it takes an existing frame."""
_EMPTY_INFO = new_struct("wmmf_channel_info")
_new_info = partial(ffi.new, ffi.typeof(_EMPTY_INFO), _EMPTY_INFO[0])


class FrameChannel(Opened[hold.Channel]):
    """A stream of frames in shared memory. It has several slots, and one of them holds the newest frame.

    A writer fills a slot that nobody reads and publishes it. Readers get the newest frame, in place, and keep it for
    as long as they like. A slow reader misses frames and is told how many. If readers hold all other slots, the writer
    skips the frame, or waits up to a timeout. Writers in all processes take turns.

    Make one with `create` or `open`. It is a context manager that closes itself. Timeouts are seconds: None waits for
    ever, 0 tries once. Several threads may call all methods at once. Each object counts separately which frames `next`
    has returned, so give each reader its own. Errors are those of `MemoryMappedFile`.

    A damaged channel is poisoned: every call and every wait ends with `PoisonedError`, which also ends a ``for`` loop.
    Its owner can renew it with `resize`; readers then go on with the same objects. Otherwise close the channel. Once
    every program has closed it, a new channel can be created under the name.

    A forked child cannot use its parent's objects (`ClosedError`): open the channel again there.
    """

    SLOTS = range(lib.WMMF_CHANNEL_SLOTS_MIN, lib.WMMF_CHANNEL_SLOTS_MAX + 1)
    """The numbers of slots that a channel may have."""
    HISTORY = range(lib.WMMF_CHANNEL_HISTORY_MAX + 1)
    """The numbers of frames that its history may have."""

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
        self._usual: bytes | None = None  # the description for `begin`, a wmmf_frame; None: all bytes of the slot
        self._copy: bytearray | None = None
        info = self._follow()
        self._readonly = bool(info.read_only)
        self._in_place = bool(info.in_place)
        self._namespace = Namespace(info.name_space)
        self._reopen = partial(type(self).open, name, namespace=namespace, readonly=self._readonly)

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
        own_only: bool = False,
        participants: int = 0,
        history: int = 0,
        pins: int = 0,
        pin_limit: float | None = None,
        standby: bool = False,
    ) -> Self:
        """Create a channel and open it for writing and reading.

        ``capacity`` is the bytes of the largest frame, or the shape of an array of bytes, such as (1080, 1920, 3).
        ``slots``: 3 to 64. One slot holds the newest frame and one is being written, so readers can hold ``slots - 2``
        older frames before the writer has to skip one. There must be enough memory for all slots. On Linux only used
        slots cost memory; if there is none left for a slot, the writer gets an `Error`. ``participants`` is how many
        objects can read in place at the same time, this one included (0: the default, 28). The others read copies. It
        is also how many can have it open for writing.

        ``history`` is how many older frames stay readable, for `next` with ``every`` and for `at`. ``pins`` is how many
        frames one object can hold at once (0: 8). ``pin_limit`` is the number of seconds after which a writer that
        finds no other slot takes back one that readers hold (None: never). ``standby``: do not publish yet, see
        `stand_by`.

        If the name is taken, this raises `AlreadyExistsError`. With ``exist_ok`` it opens an existing channel that has
        at least this capacity and as many slots. With ``own_only`` as well, it raises `AccessDeniedError` for a channel
        of another user, and on POSIX for one of this user with other access.
        """
        action = f"create channel {name!r}"
        namespace = choice(Namespace, namespace)
        encoded = section_name(action, name, namespace)
        size, usual = described_capacity(f"cannot {action}: capacity", capacity)
        slots = whole(f"cannot {action}: slots", slots, least=cls.SLOTS[0], most=cls.SLOTS[-1])
        access, access_fields = access_options(access)
        special = new_struct(
            "wmmf_channel_options",
            history=whole("history", history, most=lib.WMMF_CHANNEL_HISTORY_MAX),
            pins=whole("pins", pins, most=lib.WMMF_CHANNEL_PINS_MAX),
            pin_limit_ns=_pin_limit_ns(pin_limit),
            standby=bool(standby),
        )
        options = new_struct(
            "wmmf_options",
            channel=special,
            name_space=namespace,
            participants=whole("participants", participants, most=lib.WMMF_PARTICIPANTS_MAX),
            own_only=bool(own_only),
            **access_fields,
        )

        def create(cell: Any) -> Any:
            if exist_ok:
                return lib.wmmf_channel_create_or_open(encoded, size, slots, options, cell, ffi.NULL)
            return lib.wmmf_channel_create(encoded, size, slots, options, cell)

        native = hold.Channel(f"channel {name!r}", (namespace, name))
        status = open_native(native, create)
        if status:
            room = f"{slots} slots{f' and a history of {history}' if history else ''} of {size} bytes"
            raise creation_error(status, f"{action} of {room}", access, namespace, name)
        channel = cls._of(name, namespace, native)
        channel._usual = usual
        return channel

    @classmethod
    def open(cls, name: str, *, namespace: Namespace | str = Namespace.LOCAL, readonly: bool = False) -> Self:
        """Open an existing channel.

        ``readonly`` asks only for the right to read, which is enough for a reader: no bug in its program can then
        change a picture. Such an object cannot publish.
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
        """The namespace in which its name was found; never `Namespace.ANY`."""
        return self._namespace

    @property
    def owner(self) -> str:
        """The user who owns it; see `MemoryMappedFile.owner`."""
        return owner_of(self, lib.wmmf_channel_get_owner)

    @property
    def capacity(self) -> int:
        """Bytes of the largest frame."""
        self._follow()
        return self._capacity

    @property
    def slots(self) -> int:
        """The number of slots, without those of the history."""
        self._follow()
        return self._slots

    @property
    def sequence(self) -> int:
        """The sequence of the newest frame; 0 if there is none yet."""
        return int(self._info().sequence)

    @property
    def age(self) -> float | None:
        """Seconds since the timestamp of the newest frame; None if there is none yet, or none in new pictures. It keeps
        growing while the writer is stopped."""
        info = self._info()
        return (info.now_ns - info.timestamp_ns) / 1e9 if info.timestamp_ns else None

    def _follow(self) -> Any:
        """The current state of the channel: a writer may have given it new pictures."""
        info = self._info()
        self._capacity, self._slots = int(info.capacity), int(info.slots)
        self._native.small = self._capacity <= _QUICK_COPY
        return info

    @property
    def oldest(self) -> int:
        """Sequence of the oldest frame that is still there; 0: none."""
        return int(self._info().oldest)

    @property
    def history(self) -> int:
        """How many older frames stay readable."""
        return int(self._info().history)

    @property
    def in_place(self) -> bool:
        """Whether this object reads frames in place. It gets copies if this user may not write the readers' section, or
        if there are too many readers (see ``participants`` of `create`)."""
        return self._in_place

    def state(self, stalled: float | None = 1.0) -> ChannelState:
        """The state of the channel: live, stalled (no frame was published for ``stalled`` seconds; None: never), hung
        up (the last publisher died) or gone (the last publisher closed it).

        Before the first frame, the time counts from the creation of the channel. Timestamps of frames do not matter.
        """
        stalled_ns = nanoseconds(stalled, "stalled")
        return ChannelState(self._get("look at", lib.wmmf_channel_get_state, stalled_ns, kind="uint32_t *"))

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
        """Copy a picture into a slot and make it the newest frame. Returns its sequence, or 0 if it was skipped.

        ``picture`` is any buffer of up to the capacity. A NumPy array of rows x pixels (x channels) also tells readers
        its width and height; it may have gaps between its rows.
        ``fourcc`` None takes the usual format for its channels: GREY, BGR3, BGRA, or Y16 for 16 bits. Every other array
        keeps its dtype and shape, for example rows x pixels x 1. An array that does not fit the given ``fourcc`` is
        refused; a picture has unsigned little-endian integers. ``user`` is up to 64 bytes of user data.
        ``timestamp_ns`` 0 is now.

        The frame is skipped if for ``timeout`` seconds readers hold all slots, or another writer is at work.
        """
        if fourcc is None and timestamp_ns == 0 and type(user) is bytes and not user:
            sequence = self._native.publish_bytes(picture, timeout)
            if sequence is not None:
                return sequence
        view = buffer("picture", picture)
        if view.nbytes > self._capacity and view.nbytes > self.capacity:
            raise self._too_large(view.nbytes)
        description = described_picture(view, fourcc, user, timestamp_ns)
        if not view.c_contiguous:
            return self._publish_rows(view, description, timeout)
        return self._native.publish(view, description, timeout)

    def _publish_rows(self, picture: memoryview, description: bytes | None, timeout: float | None) -> int:
        """Publish a picture with gaps: copy it row by row, straight into the slot."""
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

        It is published when the block ends, or dropped when the block ends with an exception.
        ``shape`` is the shape of an array of ``dtype`` (None: bytes). ``shape`` None takes the shape of the last
        `begin` that had one, or of `create`; if there is none, the frame has all bytes of the slot. ``fourcc`` is as in
        `publish`. `LockTimeoutError`: for ``timeout`` seconds readers held all slots, or another writer was at work.
        """
        if shape is None and fourcc is None:
            return self._native.begin(self._usual, timeout)  # type: ignore[no-any-return]
        usual = self._usual if shape is None else described_shape("shape", shape, dtype)
        frame = frame_of(usual)
        if frame.used > self._capacity and frame.used > self.capacity:
            raise self._too_large(frame.used)
        if fourcc is not None:
            set_format(frame, fourcc)
        new: NewFrame = self._native.begin(bytes(ffi.buffer(frame)), timeout)
        self._usual = usual
        return new

    # Reading.

    def latest(self, timeout: float | None = None) -> Frame:
        """The newest frame; waits only if there is none yet: ``with channel.latest() as frame: ...``

        `LockTimeoutError` if there is none in time.
        """
        if not self._in_place:
            return self._copied(lib.WMMF_PICK_LATEST, self._native.last_returned, timeout)
        return self._native.latest(timeout)  # type: ignore[no-any-return]

    def next(self, timeout: float | None = None, *, every: bool = False) -> Frame:
        """The newest frame that this object has not returned yet; waits for one. `LockTimeoutError` as in `latest`.

        With ``every=True``, returns the first remaining frame after the last one that it returned. So you get each
        frame in order, as far as the channel's history reaches; ``frame.missed`` is how many were lost.
        """
        if not every and self._in_place:
            return self._native.next(timeout)  # type: ignore[no-any-return]
        return self._picked(lib.WMMF_PICK_EVERY if every else lib.WMMF_PICK_NEXT, self._native.last_returned, timeout)

    def at(self, sequence: int | None = None, *, timestamp_ns: int | None = None, timeout: float | None = 0) -> Frame:
        """One frame of the channel's history: the frame with this sequence, for which it waits, or the newest frame
        that is not later than ``timestamp_ns``. `FrameLostError`: the frame is gone, or all frames are later.
        `LockTimeoutError`: it has not come in time. `next` is not affected."""
        if (sequence is None) == (timestamp_ns is None):
            raise InvalidArgumentError("at(): expected a sequence, or timestamp_ns")
        if sequence is not None:
            return self._picked(lib.WMMF_PICK_AT, whole("sequence", sequence, least=1), timeout)
        return self._picked(lib.WMMF_PICK_TIME, whole("timestamp_ns", timestamp_ns), timeout)

    def _picked(self, pick: int, after: int, timeout: float | None) -> Frame:
        if self._in_place:
            return self._native.pick(pick, after, timeout)  # type: ignore[no-any-return]
        return self._copied(pick, after, timeout)

    def _copied(self, pick: int, after: int, timeout: float | None) -> Frame:
        """A copy of a frame, which then counts as returned."""
        native, buffer = self._native, self._buffer_for_copy()
        try:
            frame: Frame = native.read(pick, after, buffer, timeout)
        except InvalidArgumentError as error:
            if error.status != lib.WMMF_E_RANGE or len(buffer) >= self.capacity:
                raise
            return self._copied(pick, after, timeout)  # into a larger buffer, because the channel has larger frames now
        finally:
            self._copy = buffer
        if pick not in (lib.WMMF_PICK_AT, lib.WMMF_PICK_TIME):
            native.note_returned(frame.sequence, after)
        return frame

    def _buffer_for_copy(self) -> bytearray:
        """The buffer of the last copy, unless there are still views of it: it then refuses to change its size."""
        buffer, self._copy = self._copy, None
        try:
            if buffer is not None and len(buffer) >= self._capacity:
                buffer.append(buffer.pop())
                return buffer
        except BufferError:
            pass
        return bytearray(self._capacity)

    def read_into(self, buffer: AnyWritableBuffer, *, timeout: float | None = None) -> Frame:
        """Wait for a frame that this object has not returned yet, and copy the newest one into ``buffer``. Returns a
        frame whose ``data`` and ``array`` are in the buffer.

        Reuse the buffer: a new one costs more than the copy. `InvalidArgumentError` if the picture does not fit.
        """
        native = self._native
        frame: Frame | None = native.read_next(buffer, timeout)
        if frame is None:  # not a plain bytes buffer
            target = contiguous("buffer", buffer, writable=True)
            after = native.last_returned
            frame = native.read(lib.WMMF_PICK_NEXT, after, target, timeout)
            native.note_returned(frame.sequence, after)
        return frame

    def peek(self, timeout: float | None = 0) -> Frame:
        """The description of the newest frame, without its picture
        (``data`` is empty). Nothing is copied or pinned, and `next` is not affected. `LockTimeoutError` if there is
        none in time."""
        return self._native.read(lib.WMMF_PICK_LATEST, 0, None, timeout)  # type: ignore[no-any-return]

    def wait(self, after: int, timeout: float | None = None) -> int:
        """Wait until the sequence of the newest frame is not ``after``, and return it. `LockTimeoutError` if it does
        not change in time."""
        return self._waited(timeout, "wait for a frame of", lib.wmmf_channel_wait, whole("after", after))

    async def wait_async(self, after: int, timeout: float | None = None) -> int:
        """`wait` for asyncio: it does not block the event loop; one thread of the process waits for all its tasks."""
        return await self._waited_async(timeout, "wait for a frame of", lib.wmmf_channel_wait, whole("after", after))

    async def latest_async(self, timeout: float | None = None) -> Frame:
        """`latest` for asyncio: it waits like `wait_async`."""
        await self.wait_async(0, timeout)
        return self.latest(_TO_TAKE_SECONDS)

    async def next_async(self, timeout: float | None = None, *, every: bool = False) -> Frame:
        """`next` for asyncio: it waits like `wait_async`."""
        after, deadline = self._native.last_returned, time.perf_counter() + seconds(timeout)
        pick = lib.WMMF_PICK_EVERY if every else lib.WMMF_PICK_NEXT
        while True:
            await self.wait_async(after, timeout if timeout is None else max(0.0, deadline - time.perf_counter()))
            try:
                return self._picked(pick, after, _TO_TAKE_SECONDS)
            except LockTimeoutError:  # a quick writer overwrote each copy, or took back each frame
                if time.perf_counter() > deadline:
                    raise

    def __iter__(self) -> Iterator[Frame]:
        """Iterate over frames as they come. Each is valid until the next one. Ends when this object is closed."""
        while not self.closed:
            try:
                frame = self.next()
            except ClosedError:
                return
            with frame:
                yield frame

    async def __aiter__(self) -> AsyncIterator[Frame]:
        """Iterate over frames with ``async for``."""
        while not self.closed:
            try:
                frame = await self.next_async()
            except ClosedError:
                return
            with frame:
                yield frame

    def audit(self) -> AuditReport:
        """Audit the channel, like `MemoryMappedFile.audit`. Damage poisons it, unless this object is read-only."""
        return audit_of(lib.wmmf_channel_audit, self)._replace(sequence=self.sequence)

    def participants(self) -> list[Participant]:
        """The handles of the channel in all processes: first writable ones, then read-only ones."""
        return participants_of(self._native, lib.wmmf_channel_get_participant)

    # Its life.

    def resize(
        self,
        capacity: int | Shape = 0,
        *,
        slots: int = 0,
        history: int | None = None,
        timeout: float | None = None,
    ) -> None:
        """Give the channel new pictures. ``capacity`` 0, ``slots`` 0 and ``history`` None keep the current values.

        Only its owner can do this (`AccessDeniedError`). Readers go on with the same objects, frames that they hold do
        not change, and sequences continue. A damaged channel is usable again.
        """
        size, usual = described_capacity("capacity", capacity) if capacity else (0, None)
        slots = whole("slots", slots, most=lib.WMMF_CHANNEL_SLOTS_MAX)
        history = self.history if history is None else whole("history", history, most=lib.WMMF_CHANNEL_HISTORY_MAX)
        status = self._attempt(timeout, lib.wmmf_channel_resize, size, slots, history)
        self._must(status, "resize")
        self._follow()
        if capacity:
            self._usual = usual

    def stand_by(self, timeout: float | None = None) -> None:
        """Wait until the channel has no publisher, because the last one has died or closed it. This object then takes
        its place. If several stand by, one of them does. `LockTimeoutError`: there still is a publisher."""
        self._must(self._attempt(timeout, lib.wmmf_channel_stand_by), "stand by at")

    def __repr__(self) -> str:
        return f"<FrameChannel {self.name!r}: {self._slots} slots of {self._capacity} bytes, {self._state}>"


def _pin_limit_ns(limit: float | None) -> int:
    """In the form of the native library: 0 is never, and so is a number that is too large for a clock."""
    most = nanoseconds(limit, "pin_limit")
    return 0 if most < 0 else max(1, most)
