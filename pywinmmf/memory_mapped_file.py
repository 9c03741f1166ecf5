"""Named sections of shared memory."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from ._core.async_locks import AsyncLock, retried
from ._core.binding import ffi, hold, lib, new_struct
from ._core.callbacks import refusal, refuse_other_task
from ._core.handing import Handle, close_handle, packed
from ._core.handle import Call, Opened, open_native
from ._core.validation import access_options, choice, contiguous, path_text, section_name, whole
from .enums import Access, Advice, FileShare, Layout, Namespace
from .errors import (
    ArgumentIndexError,
    ArgumentTypeError,
    Error,
    InUseError,
    InvalidArgumentError,
    NotSupportedError,
    native_error,
)
from .inspection import audit_of, creation_error, holds_of, lock_state_of, owner_of, participants_of
from .locks import ReadLock, WriteLock
from .payload_lock import PayloadLock
from .records import AuditReport, Hold, LockState, Participant

if TYPE_CHECKING:
    from typing import Self

    import numpy.typing
    from _typeshed import StrPath

    from ._core.buffers import AnyBuffer, AnyWritableBuffer


class MemoryMappedFile(Opened[hold.Section], hold.Exporter):
    """A named block of memory that several processes map at the same time, with a lock inside.

    Make one with `create`, `open`, `create_unnamed`, `open_handle` or `open_file`. It is a context manager that closes
    itself.

    Sizes and offsets are bytes. Timeouts are seconds: None waits for ever, 0 tries once; Ctrl-C ends a wait.

    Several threads may call all methods at once. Copies and waits let other Python threads run. A lock belongs to the
    thread that took it; the same thread cannot take a second one on the same object. Leaving the object's ``with``
    block also releases the locks that this thread still holds through it.

    A forked child cannot use its parent's objects (`ClosedError`): open the section again there, by name. Views that
    the child inherits stay valid.

    Every error is a `pywinmmf.Error`: `InvalidArgumentError` for invalid values, `ClosedError` after `close`,
    `NotSupportedError` if the layout or the system cannot do something, `AccessDeniedError` for a write through a
    read-only object. A failed call changes nothing.
    """

    _unnamed = False
    _grows = False
    _handed: Handle | None = None

    def __init__(self, *_arguments: object, **_options: object) -> None:
        """Objects are made with `create` or `open`."""
        raise ArgumentTypeError(
            "expected MemoryMappedFile.create(name, size) to make a new one, or MemoryMappedFile.open(name) for one "
            "that exists"
        )

    @classmethod
    def _of(cls, name: str, native: hold.Section) -> Self:
        self = cls.__new__(cls)
        self._start(name, native)
        return self

    def _start(self, name: str, native: hold.Section) -> None:
        self._become(name, native)
        info = new_struct("wmmf_info")
        self._must(self._call(lib.wmmf_get_info, info), "open")
        self._size: int = info.size
        self._reserve: int = info.reserve
        self._page_size: int = info.page_size
        self._locked = bool(info.locked)
        self._record: int | None = None if info.record == _NO_RECORD else info.record
        self._layout = Layout(info.layout)
        self._grows = self._layout is Layout.NATIVE and self._reserve > 0
        self._readonly = bool(info.read_only)
        self._namespace = Namespace(info.name_space)

    @classmethod
    def create(
        cls,
        name: str,
        size: int,
        *,
        namespace: Namespace | str = Namespace.LOCAL,
        layout: Layout | str = Layout.NATIVE,
        access: Access | str | int = Access.OWNER,
        exist_ok: bool = False,
        own_only: bool = False,
        participants: int = 0,
        reserve: int = 0,
        locks: int = 0,
        large_pages: bool | Literal["try"] = False,
        locked: bool = False,
    ) -> Self:
        """Create a section of ``size`` bytes and open it for writing. All bytes are 0 and reserved at once.

        It lives until every object that has it open, in any process, is closed or its process has ended.

        ``access`` says who else may open it: an `Access`, an SDDL string (Windows) or permission bits
        (POSIX). ``participants`` is how many writable objects can have it open at the same time (native
        layout; 0: the default, 56).
        ``reserve`` is the size to which `resize` can make it grow (native layout): each process that has it open
        reserves that many addresses, but only the current size takes memory. ``locks`` is how many locks in its payload
        one object can hold or wait for at once, at most 64 (native layout; see `lock_at`).

        ``large_pages`` puts it into whole large pages. If the system grants none, the error names the setting:
        `AccessDeniedError` for the right on Windows, `NotSupportedError` for the setting on Linux. With ``"try"`` it
        then gets ordinary pages; see `page_size`. ``locked`` locks it in memory, so that it is never swapped while this
        object has it open; an `Error` names the limit that forbids this. You cannot combine either with ``reserve``.

        If the name is taken, this raises `AlreadyExistsError`. With ``exist_ok`` it opens the existing section instead,
        if that has the same layout and at least this size; this object then sees its first ``size`` bytes, or all of
        them if it can grow. With ``own_only`` as well, it raises `AccessDeniedError` for a section of another user, and
        on POSIX for one of this user with other access. `AccessDeniedError`: no right to create in this namespace.
        `Error`: not enough memory.
        """
        action = f"create section {name!r}"
        namespace = choice(Namespace, namespace)
        encoded = section_name(action, name, namespace)
        size = _size(action, size)
        access, access_fields = access_options(access)
        options = new_struct(
            "wmmf_options",
            name_space=namespace,
            layout=choice(Layout, layout),
            participants=whole("participants", participants, most=lib.WMMF_PARTICIPANTS_MAX),
            reserve=whole("reserve", reserve),
            locks=_locks(locks),
            flags=_flags(large_pages, locked),
            own_only=bool(own_only),
            **access_fields,
        )

        def create(cell: Any) -> Any:
            if exist_ok:
                return lib.wmmf_create_or_open(encoded, size, options, cell, ffi.NULL)
            return lib.wmmf_create(encoded, size, options, cell)

        native = hold.Section(f"section {name!r}", (namespace, name))
        status = open_native(native, create)
        if status:
            raise creation_error(status, f"{action} of {size} bytes", access, namespace, name)
        self = cls._of(name, native)
        self._reopen = partial(cls.open, name, namespace=namespace, layout=self.layout, size=size)
        return self

    @classmethod
    def open(
        cls,
        name: str,
        *,
        namespace: Namespace | str = Namespace.LOCAL,
        layout: Layout | str = Layout.NATIVE,
        size: int | None = None,
        readonly: bool = False,
        locked: bool = False,
    ) -> Self:
        """Open an existing section.

        ``size`` None opens all of it. Otherwise this object sees only the first ``size`` bytes, and a smaller section
        is an `InvalidArgumentError`. Layouts other than native do not know their exact size: None then gives the size
        that the system reports, on Windows rounded up to whole pages.

        ``readonly`` asks only for the right to read, and maps read-only pages. Such an object cannot take locks; its
        `read` validates each copy, so that it never returns half-written bytes. ``locked`` is as in `create`.

        `NotFoundError`: no section has this name. `FormatError`: it is not of this layout.
        `AccessDeniedError`: its creator gave this user no access.
        """
        action = f"open section {name!r}"
        namespace = choice(Namespace, namespace)
        encoded = section_name(action, name, namespace)
        if size is not None:
            size = _size(action, size)
        options = new_struct(
            "wmmf_options",
            name_space=namespace,
            layout=choice(Layout, layout),
            read_only=bool(readonly),
            flags=_flags(False, locked),
        )
        native = hold.Section(f"section {name!r}", (namespace, name))
        _open(native, partial(lib.wmmf_open, encoded, size or 0, options), action)
        self = cls._of(name, native)
        self._reopen = partial(cls.open, name, namespace=namespace, layout=self.layout, size=size, readonly=readonly)
        return self

    @classmethod
    def create_unnamed(
        cls,
        size: int,
        *,
        layout: Layout | str = Layout.NATIVE,
        access: Access | str | int = Access.OWNER,
        participants: int = 0,
        reserve: int = 0,
        locks: int = 0,
        large_pages: bool | Literal["try"] = False,
        locked: bool = False,
    ) -> Self:
        """Create a section of ``size`` bytes without a name, and open it for writing; otherwise like `create`.

        Other processes get it only as an argument of a ``multiprocessing`` process or task, or by `share` and
        `open_handle`. On Linux nobody can truncate it, so its views never raise a signal. `NotSupportedError` for the
        winmmf layout, whose programs open by name.
        """
        action = "create an unnamed section"
        size = _size(action, size)
        options = new_struct(
            "wmmf_options",
            layout=choice(Layout, layout),
            participants=whole("participants", participants, most=lib.WMMF_PARTICIPANTS_MAX),
            reserve=whole("reserve", reserve),
            locks=_locks(locks),
            flags=_flags(large_pages, locked),
            **access_options(access)[1],
        )
        native = hold.Section("an unnamed section", None)
        _open(native, partial(lib.wmmf_create_unnamed, size, options), f"{action} of {size} bytes")
        return cls._of_unnamed(native)

    @classmethod
    def open_handle(
        cls,
        handle: int,
        *,
        layout: Layout | str = Layout.NATIVE,
        size: int | None = None,
        readonly: bool = False,
    ) -> Self:
        """Open the unnamed section behind a handle that `share` made and that is valid in this process.

        The handle stays yours, to use again or to close. On Linux it must be memory that nobody can make shorter (a
        memfd with F_SEAL_SHRINK), else `FormatError`. Otherwise like `open`.
        """
        handle = whole("handle", handle, most=2**63 - 1)
        action = f"open handle {handle}"
        if size is not None:
            size = _size(action, size)
        options = new_struct("wmmf_options", layout=choice(Layout, layout), read_only=bool(readonly))
        native = hold.Section("an unnamed section", None)
        _open(native, partial(lib.wmmf_open_handle, handle, size or 0, options), action)
        return cls._of_unnamed(native)

    @classmethod
    def _of_unnamed(cls, native: hold.Section) -> Self:
        self = cls._of("", native)
        self._unnamed = True
        return self

    def share(self, pid: int = 0, *, readonly: bool = False) -> int:
        """Make a system handle with which another process can open this unnamed section (`open_handle`).

        Windows: it is valid in the process ``pid`` (0: this one), which closes it. POSIX: a file descriptor of this
        process; pass it on with
        ``pass_fds`` of `subprocess.Popen` or `socket.send_fds`, then close it. It keeps the section alive. ``readonly``
        restricts only other users: the system gives more rights to processes of the creator's user. ``multiprocessing``
        does not need this: pass it the section itself as an argument.
        """
        pid = whole("pid", pid, most=2**32 - 1)
        return self._get("share", lib.wmmf_share, pid, bool(readonly), kind="int64_t *")

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        """Unpickling opens the section again: see `multiprocessing`."""
        if not self._unnamed:
            return super().__reduce__()
        self._handed = self._handed or Handle(self.share(readonly=self._readonly))
        handle = packed(self._handed.number, self._readonly)
        return partial(_open_handed, type(self), handle, self._layout, self._size, self._readonly), ()

    def close(self) -> None:
        """Refuse further use, and unmap when the last view is gone. Calling it again does nothing. `Error` if a lock is
        held."""
        super().close()
        self._handed = None

    @classmethod
    def open_file(
        cls,
        path: StrPath,
        mode: str | None = None,
        *,
        size: int | None = None,
        offset: int = 0,
        file_size: int = 0,
        layout: Layout | str = Layout.RAW,
        readonly: bool = False,
        write_through: bool = False,
        permissions: int = 0o600,
        participants: int = 0,
        locks: int = 0,
        share: FileShare | str = FileShare.ALL,
        name: str | None = None,
        namespace: Namespace | str = Namespace.LOCAL,
    ) -> Self:
        """Map a file: ``size`` bytes at any ``offset`` (None: to its end). Closing leaves the file.

        The modes are like those of `open` and ``numpy.memmap``: ``"r"`` reads, ``"r+"`` (the default) reads and writes,
        ``"c"`` copies on write, so that nobody else sees the changes. These three open an existing file. ``"x"``
        creates a new file, ``"w+"`` creates or empties it, ``"a+"`` opens or creates it. ``readonly=True`` is the mode
        ``"r"``. A writable file that is too short grows, with zeros, also up to ``file_size``.

        The raw layout shows the bytes of the file, without a lock. In the native layout the file has a header with
        lock, sequence and recovery, which outlive its processes and a restart of the machine. A new one can have
        ``participants``, and ``locks`` in its payload, as with `create`.

        With ``write_through``, `write` returns when the bytes are on the device. ``permissions`` are those of a new
        file (POSIX). On Windows only, ``share`` says what others may do with the file meanwhile, and ``name`` is a name
        in ``namespace`` for the section over it, with which others can `open` it. `AccessDeniedError`: others use the
        file in a way that conflicts with this call.
        """
        shown, encoded = path_text("cannot open file: path", path)
        action = f"open file {shown!r}"
        mode = ("r" if readonly else "r+") if mode is None else mode
        if mode not in _FILE_MODES:
            raise InvalidArgumentError(f"cannot {action}: mode {mode!r}: expected one of {', '.join(_FILE_MODES)}")
        if readonly and mode != "r":
            raise InvalidArgumentError(f"cannot {action}: mode {mode!r}: expected 'r' or none with readonly=True")
        if size is not None:
            size = _size(action, size)
        elif mode in ("x", "w+") and not file_size:
            raise InvalidArgumentError(
                f"cannot {action}: size None: expected a number of bytes, because mode {mode!r} makes a file that has "
                "none yet",
                lib.WMMF_E_SIZE,
            )
        layout = choice(Layout, layout)
        if layout is Layout.WINMMF:
            raise NotSupportedError(f"cannot {action}: layout {layout!r}: expected raw or native")
        file_mode, protection = _FILE_MODES[mode]
        namespace = choice(Namespace, namespace)
        named = ffi.NULL if name is None else ffi.new("char[]", section_name(action, name, namespace))
        options = new_struct(
            "wmmf_file_options",
            file_mode=file_mode,
            protection=protection,
            native=layout is Layout.NATIVE,
            permissions=whole("permissions", permissions, most=0o777),
            flags=lib.WMMF_FILE_WRITE_THROUGH if write_through else 0,
            offset=whole("offset", offset),
            file_size=whole("file_size", file_size),
            participants=whole("participants", participants, most=lib.WMMF_PARTICIPANTS_MAX),
            locks=_locks(locks),
            share=choice(FileShare, share),
            name_space=namespace,
            name=named,
        )
        native = hold.Section(f"file {shown!r}", None)
        _open(native, partial(lib.wmmf_map_file, encoded, size or 0, options), action)
        self = cls._of(shown, native)
        self._grows = layout is Layout.NATIVE
        self._reopen = partial(
            cls.open_file, shown, {"r": "r", "c": "c"}.get(mode, "r+"), size=size, offset=offset, layout=layout
        )
        return self

    @property
    def size(self) -> int:
        """Bytes of payload that this object sees; of a native section that can grow, the current size."""
        if self._grows and not self.closed:
            size = ffi.new("uint64_t *")
            if self._call(lib.wmmf_size, size) == lib.WMMF_OK:
                self._size = int(size[0])
        return self._size

    @property
    def reserved(self) -> int:
        """The size to which a section in memory can grow: its reserve, or its size if it has none."""
        return max(self._reserve, self._size)

    @property
    def page_size(self) -> int:
        """Bytes of its pages. Only in the native layout does an opener learn of large pages, as the creator claims
        them."""
        return self._page_size

    @property
    def locked(self) -> bool:
        """Whether this object locks it in memory."""
        return self._locked

    @property
    def record(self) -> int | None:
        """The index of this object's record among the `participants`, for programs with a protocol of their own. No
        other object has it while this one is open. None: read-only objects and other layouts have no record."""
        return self._record

    @property
    def namespace(self) -> Namespace:
        """The namespace in which its name was found; never `Namespace.ANY`."""
        return self._namespace

    @property
    def layout(self) -> Layout:
        """The layout, which says what its bytes mean."""
        return self._layout

    @property
    def owner(self) -> str:
        """The user who owns it, usually the one who created it: on Linux the name, or the number if there is none; on
        Windows DOMAIN\\user, or the SID."""
        return owner_of(self, lib.wmmf_get_owner)

    @property
    def named(self) -> bool:
        """Whether its name still leads to it. On Linux an administrator or a cleaner of /dev/shm can remove the name.
        Processes that have the section open then go on, but nobody else can open it. `NotSupportedError` for a file."""
        return bool(self._get("look for the name of", lib.wmmf_is_named, kind="uint32_t *"))

    @property
    def sequence(self) -> int:
        """The number of changes: it grows by 1 when the write lock is released, and with `notify` (native layout)."""
        return self._get("get the sequence of", lib.wmmf_sequence)

    def write(self, data: AnyBuffer, offset: int = 0, *, timeout: float | None = None) -> int:
        """Copy ``data``, any contiguous buffer, to ``offset`` under the write lock. Returns the number of bytes.

        Inside its own `write_lock` a thread copies under that lock. Other bytes do not change. The raw layout has no
        lock: the bytes are simply copied.

        `LockTimeoutError`: the lock was not free in time. `OwnerDiedError`, `PoisonedError`: the payload is
        inconsistent.
        """
        source = contiguous("data", data)
        offset, size = self._span(offset, source.nbytes)
        native = self._native
        if native.held:
            refuse_other_task(native, True)
        place = ffi.new("uint64_t *")
        try:
            status = self._attempt(timeout, lib.wmmf_write_queued, offset, ffi.from_buffer(source), size, out=(place,))
        finally:
            if place[0]:
                lib.wmmf_leave_queue(native.pointer, place[0])
        if status:
            self._must(status, f"write {size} bytes at offset {offset} of")
        return size

    def read(self, size: int | None = None, offset: int = 0, *, timeout: float | None = None) -> bytes:
        """Return a copy of ``size`` bytes at ``offset`` (None: to the end), taken under the read lock.

        Inside its own `read_lock` or `write_lock` a thread copies under that lock. A read-only object copies without a
        lock, and copies again if a writer was at work meanwhile. Errors are those of `write`.
        """
        offset, size = self._span(offset, size)
        # Filled in place before other code sees it: one copy, while other threads run.
        result = bytes(size)
        self._read_into(ffi.from_buffer(result), size, offset, timeout)
        return result

    def read_into(self, buffer: AnyWritableBuffer, offset: int = 0, *, timeout: float | None = None) -> int:
        """Fill ``buffer``, any writable contiguous buffer, from ``offset`` on, like `read`. Returns its size."""
        target = contiguous("buffer", buffer, writable=True)
        offset, size = self._span(offset, target.nbytes)
        self._read_into(ffi.from_buffer(target), size, offset, timeout)
        return size

    def _read_into(self, target: Any, size: int, offset: int, timeout: float | None) -> None:
        if self._native.held:
            refuse_other_task(self._native, False)
        status = self._attempt(timeout, lib.wmmf_read, offset, target, size, copied=size)
        if status:
            self._must(status, f"read {size} bytes at offset {offset} of")

    def read_lock(self, timeout: float | None = None) -> ReadLock:
        """The read lock, shared with other readers: ``with section.read_lock(): ...``.

        Entering it may raise `LockTimeoutError`, `OwnerDiedError` or `PoisonedError`; it raises `Error` if this thread
        already holds the lock. Read-only objects cannot write the lock's pages: use `read`.

        Within a thread the lock belongs to the task or greenlet that took it: another task that needs it gets an
        `Error` (``WMMF_E_DEADLOCK``) that names its owner, because waiting would stop both.
        """
        return self._native.read_lock(timeout, None)  # type: ignore[no-any-return]

    def write_lock(self, timeout: float | None = None, *, repair: bool = False) -> WriteLock:
        """The write lock, which excludes all others: ``with section.write_lock(): ...``.

        If a writer died while it held the lock, the payload may be half written. This then raises `OwnerDiedError` and
        changes nothing. With ``repair=True`` you get the lock anyway: if ``guard.owner_died`` is true, repair the
        payload and call `mark_consistent` inside the block. Without that call the section still needs repair. Other
        errors are those of `read_lock`.
        """
        return self._native.write_lock(timeout, None, repair)  # type: ignore[no-any-return]

    def lock_at(self, offset: int) -> PayloadLock:
        """The lock in the payload at ``offset``, a multiple of 64, for example for a row of a table.

        Its 64 bytes belong to the lock; zeroed bytes are a free lock. The offset is checked when the lock is used:
        `NotSupportedError` if the section was created without ``locks``, `InvalidArgumentError` if there is no such
        offset.
        """
        return PayloadLock(self, offset)

    def mark_consistent(self) -> None:
        """Declare the payload consistent, inside a `write_lock` whose ``owner_died`` is true."""
        refuse_other_task(self._native, True)
        self._must(self._call(lib.wmmf_mark_consistent), "mark as consistent")

    def poison(self) -> None:
        """Make a native section useless, for ever and for everybody. Use this if its payload is wrong and cannot be
        repaired. Every later and every waiting call raises `PoisonedError`."""
        self._must(self._call(lib.wmmf_poison), "poison")

    def lock_state(self) -> LockState:
        """The current state of its lock. Read-only objects can also call this. `NotSupportedError` for the raw layout,
        which has no lock."""
        return lock_state_of(self)

    def break_lock(self) -> None:
        """Free the lock of a section of the winmmf layout, whichever process holds it.

        That layout does not name the holder of its lock, so nobody can tell whether it lives: use this only if the
        holder was killed. The payload may be half written. `NotSupportedError` for other layouts: the native one
        recovers by itself, the raw one has no lock.
        """
        self._must(self._call(lib.wmmf_break_lock), "break the lock of")

    def view(self, offset: int = 0, size: int | None = None) -> memoryview:
        """The payload itself, without a copy: ``size`` bytes from ``offset`` on (None: to the end).

        This takes no lock, and others see each store at once, so hold `read_lock` or `write_lock` while you use the
        view. It stays valid after `close`; the memory is unmapped when the last view is gone. The view is read-only if
        the object is. ``memoryview(section)`` is the same for the whole payload.
        """
        offset, size = self._span(offset, size)
        return memoryview(self._exporter())[offset : offset + size]

    def _exporter(self) -> hold.Section:
        native = self._native
        if native.closed:
            raise refusal(native)
        return native

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> bytes: ...
    def __getitem__(self, index: int | slice) -> int | bytes:
        """A byte, or a copy of a slice as from `read`: ``section[16:32]``. For a slice in place see `view`."""
        if isinstance(index, slice):
            positions = range(*index.indices(self.size))
            if not positions:
                return b""
            first, last = min(positions[0], positions[-1]), max(positions[0], positions[-1])
            return self.read(last - first + 1, first)[:: 1 if positions.step > 0 else -1][:: abs(positions.step)]
        return self.read(1, self._position(index))[0]

    def __setitem__(self, index: int | slice, value: AnyBuffer | int) -> None:
        """Store a byte, or as many bytes as a slice has, like `write`."""
        if not isinstance(index, slice):
            self.write(bytes([whole("byte", value, most=255)]), self._position(index))
            return
        positions = range(*index.indices(self.size))
        data = contiguous("data", value)
        if positions.step != 1 or data.nbytes != len(positions):
            raise InvalidArgumentError(
                f"{data.nbytes} bytes for {len(positions)} of section {self.name!r}: expected as many, without a step"
            )
        self.write(data, positions.start)

    def _position(self, index: int) -> int:
        position = operator.index(index)
        size = self.size
        if not -size <= position < size:
            raise ArgumentIndexError(
                f"index {position}: expected one of the {size} bytes of section {self.name!r}", lib.WMMF_E_RANGE
            )
        return position % size

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> numpy.typing.NDArray[Any]:
        """NumPy calls this when the buffer was refused; otherwise it would read byte by byte."""
        import numpy

        array: numpy.typing.NDArray[Any] = numpy.asarray(self.view(), dtype=dtype)
        return array.copy() if copy else array

    def array(
        self, shape: int | Sequence[int], dtype: numpy.typing.DTypeLike, offset: int = 0
    ) -> numpy.typing.NDArray[Any]:
        """The payload from ``offset`` on as a NumPy array in C order, without a copy; otherwise like `view`.

        The payload is aligned to 64 bytes in the native layout (4 in winmmf, whole pages in raw). An offset
        that does not fit ``dtype`` gives an array that is not aligned: correct, but slower.
        """
        import numpy

        try:
            item = numpy.dtype(dtype)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(f"dtype {dtype!r}: expected one that NumPy knows, but {error}") from None
        if item.hasobject or item.itemsize == 0:
            raise InvalidArgumentError(f"dtype {item!r}: expected one of fixed size without Python objects")
        lengths = tuple(whole("shape", length) for length in (shape if isinstance(shape, Iterable) else [shape]))
        count = math.prod(lengths)
        view = self.view(offset, count * item.itemsize)
        # Not ndarray(buffer=...): that looks behind the memoryview and could be made writable again.
        return numpy.frombuffer(view, item, count).reshape(lengths)

    def flush(self, offset: int = 0, size: int | None = None, *, to_device: bool = True) -> None:
        """Write changes in ``size`` bytes of a file at ``offset`` (None: to the end) to the device, or only to the
        system. Returns when that is done. Does nothing if there is no file."""
        offset, size = self._span(offset, size)
        if size:
            self._must(self._call(lib.wmmf_flush, offset, size, to_device), "flush")

    def resize(self, size: int) -> None:
        """Give it ``size`` bytes; new bytes are 0.

        A section that was created with ``reserve``, or a native file, can grow while others have it open: their `size`
        then changes. It never gets smaller. Views stay valid; new views show all of it. `Error`: no memory.

        A raw, writable file becomes longer or shorter, and so does this object. `InUseError`, a
        ``BufferError``: views or locks of this object exist, or another thread is using it, and their memory would
        move. If others have the file mapped, Windows refuses to make it shorter (`AccessDeniedError`); on Linux their
        `read` then raises `FormatError` for the missing part.
        """
        size = _size(f"resize {self._what}", size)
        status = self._call(lib.wmmf_resize, size) if self._layout is Layout.NATIVE else self._native.resize(size)
        if status is None:
            raise InUseError(
                f"cannot resize {self._what}: views or locks of it exist, or another thread uses it",
                lib.WMMF_E_DEADLOCK,
            )
        self._must(status, f"resize to {size} bytes")
        self._size = size

    def advise(self, advice: Advice | str, offset: int = 0, size: int | None = None) -> None:
        """Tell the system how you are going to use ``size`` bytes at ``offset`` (None: to the end).

        This is only a hint: it changes no byte, and does nothing on a system without such a hint. `NotSupportedError`
        for `Advice.DONT_NEED` with copy-on-write, where changes would be lost, and for locked memory.
        """
        advice = choice(Advice, advice)
        offset, size = self._span(offset, size)
        if size:
            self._must(self._call(lib.wmmf_advise, offset, size, advice), f"advise {advice.name} of {size} bytes of")

    def window(
        self, offset: int, size: int, *, copy_on_write: bool = False, advice: Advice | str = Advice.NORMAL
    ) -> memoryview:
        """Map ``size`` bytes at any ``offset`` separately; in a raw file up to the end of the file, even beyond this
        object's size. Otherwise like `view`: no copy, no lock, and it stays valid after `close`. ``advice`` is as in
        `advise`."""
        advice = choice(Advice, advice)
        start, length = whole("offset", offset), whole("size", size, least=1, most=sys.maxsize)
        window = hold.Window(length, self._readonly and not copy_on_write)
        protection = (
            lib.WMMF_COPY_ON_WRITE if copy_on_write else lib.WMMF_READ if self._readonly else lib.WMMF_READ_WRITE
        )
        cell = ffi.cast("wmmf_window **", window.cell)
        status = self._call(lib.wmmf_map_window, start, length, protection, cell)
        if status:
            self._must(status, f"map {length} bytes at offset {start} of")
        if advice:
            self._must(lib.wmmf_advise_window(cell[0], 0, 0, advice), f"advise {advice.name} of a window of")
        return memoryview(window)

    def find(self, data: AnyBuffer, start: int = 0, end: int | None = None) -> int:
        """The offset of the first ``data`` between ``start`` and ``end``; -1 if there is none. The payload is read in
        pieces, each under the lock."""
        wanted = bytes(contiguous("data", data))
        start, end, _ = slice(start, end).indices(self.size)
        while end - start >= len(wanted):
            piece = self.read(min(_PIECE + len(wanted), end - start), start)
            at = piece.find(wanted)
            if at >= 0:
                return start + at
            start += max(1, len(piece) - len(wanted) + 1)
        return -1

    def __contains__(self, item: AnyBuffer | int) -> bool:
        """Whether the payload contains a byte or a sequence of bytes, as for ``bytes``."""
        return self.find(bytes([whole("byte", item, most=255)]) if isinstance(item, int) else item) >= 0

    def rfind(self, data: AnyBuffer, start: int = 0, end: int | None = None) -> int:
        """The offset of the last ``data``; otherwise like `find`."""
        wanted = bytes(contiguous("data", data))
        start, end, _ = slice(start, end).indices(self.size)
        while end - start >= len(wanted):
            length = min(_PIECE + len(wanted), end - start)
            at = self.read(length, end - length).rfind(wanted)
            if at >= 0:
                return end - length + at
            end -= max(1, length - len(wanted) + 1)
        return -1

    def notify(self) -> None:
        """Advance the `sequence` by 1 and wake all threads that wait for a change, without the lock. For programs with
        a protocol of their own (native layout)."""
        self._must(self._call(lib.wmmf_notify), "notify the waiters of")

    def wait(self, sequence: int, timeout: float | None = None) -> int:
        """Wait until `sequence` differs from ``sequence`` and return it; `LockTimeoutError` if it does not change in
        time."""
        sequence = whole("sequence", sequence)
        return self._waited(timeout, f"wait for a change from sequence {sequence} of", lib.wmmf_wait, sequence)

    async def wait_async(self, sequence: int, timeout: float | None = None) -> int:
        """`wait` for asyncio: it does not block the event loop; one thread of the process waits for all its tasks."""
        sequence = whole("sequence", sequence)
        action = f"wait for a change from sequence {sequence} of"
        return await self._waited_async(timeout, action, lib.wmmf_wait, sequence)

    async def read_async(self, size: int | None = None, offset: int = 0, *, timeout: float | None = None) -> bytes:
        """`read` for asyncio: it does not block the event loop while another holder has the lock."""
        return await retried(self, timeout, lambda: self.read(size, offset, timeout=0))

    async def write_async(self, data: AnyBuffer, offset: int = 0, *, timeout: float | None = None) -> int:
        """`write` for asyncio: it does not block the event loop while another holder has the lock."""
        return await retried(self, timeout, lambda: self.write(data, offset, timeout=0))

    def read_lock_async(self, timeout: float | None = None) -> AsyncLock[ReadLock]:
        """`read_lock` for asyncio: ``async with section.read_lock_async(): ...``. The lock belongs to the task; other
        tasks wait for it without blocking the event loop."""
        return AsyncLock(self, timeout, self.read_lock(0))

    def write_lock_async(self, timeout: float | None = None, *, repair: bool = False) -> AsyncLock[WriteLock]:
        """`write_lock` for asyncio; see `read_lock_async`."""
        return AsyncLock(self, timeout, self.write_lock(0, repair=repair))

    def audit(self) -> AuditReport:
        """Compare header, counts and lock state of a native section. Damage poisons it, for everybody."""
        return audit_of(lib.wmmf_audit, self)

    def participants(self) -> list[Participant]:
        """The writable handles of the section in all processes (native layout)."""
        return participants_of(self._exporter(), lib.wmmf_get_participant)

    def holds(self) -> list[Hold]:
        """The threads of all processes that hold a lock in the payload or wait for one (native layout); see
        `lock_at`."""
        return holds_of(self._exporter())

    def _span(self, offset: object, size: int | None) -> tuple[int, int]:
        """Offset and size, after checking that they lie inside the payload."""
        start = whole("offset", offset)
        length = max(self.size - start, 0) if size is None else whole("size", size)
        if start + length > self._size and start + length > self.size:
            raise InvalidArgumentError(
                f"{length} bytes at offset {start}: expected to end within the {self._size} bytes of section "
                f"{self.name!r}",
                lib.WMMF_E_RANGE,
            )
        return start, length

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.closed:
            self._native.release_own()
        try:
            self.close()
        except Error:  # another thread holds the lock
            if value is None:
                raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.size} bytes, {self._layout.name.lower()}, {self._state}>"


_PIECE = 1 << 20
"""How many bytes are searched at once."""
_NO_RECORD = 2**32 - 1
"""The value in wmmf_info of a handle without a record."""
_FILE_MODES = {
    "r": (lib.WMMF_FILE_OPEN, lib.WMMF_READ),
    "r+": (lib.WMMF_FILE_OPEN, lib.WMMF_READ_WRITE),
    "c": (lib.WMMF_FILE_OPEN, lib.WMMF_COPY_ON_WRITE),
    "x": (lib.WMMF_FILE_CREATE, lib.WMMF_READ_WRITE),
    "w+": (lib.WMMF_FILE_TRUNCATE, lib.WMMF_READ_WRITE),
    "a+": (lib.WMMF_FILE_OPEN_OR_CREATE, lib.WMMF_READ_WRITE),
}


def _open_handed(kind: type[MemoryMappedFile], handle: Any, layout: Layout, size: int, readonly: bool) -> Any:
    """Opens what was pickled, in the process that unpickles it."""
    number = handle.detach()
    try:
        return kind.open_handle(number, layout=layout, size=size, readonly=readonly)
    finally:
        close_handle(number)


def _size(action: str, size: object) -> int:
    return whole(f"cannot {action}: size", size, least=1, status=lib.WMMF_E_SIZE)


def _locks(locks: object) -> int:
    return whole("locks", locks, most=lib.WMMF_LOCKS_MAX)


def _flags(large_pages: object, locked: object) -> int:
    if large_pages not in (False, True, "try"):
        raise InvalidArgumentError(f"large_pages {large_pages!r}: expected False, True or 'try'")
    pages = lib.WMMF_TRY_LARGE_PAGES if large_pages == "try" else lib.WMMF_LARGE_PAGES if large_pages else 0
    return pages | (lib.WMMF_LOCKED if locked else 0)


def _open(native: hold.Section, call: Call, action: str) -> None:
    status = open_native(native, call)
    if status:
        raise native_error(status, action)
