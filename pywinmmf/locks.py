"""What ``read_lock()`` and ``write_lock()`` give: the lock as a context manager."""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import ref

from ._core.binding import ffi, lib
from ._core.blocks import Block, BlockEnd, no_block
from ._core.handle import SectionHandle
from ._core.timeouts import seconds
from .errors import native_error

if TYPE_CHECKING:
    from typing import Self


class _Lock(ABC):
    """Taken when its with block is entered, given back when that is left, by the same thread.

    It may be kept, and used by several threads. The lock is given back also if a signal came before anything of
    ``__exit__`` was done, and, if there is no with block, when this object is forgotten. (Who asks for ``__exit__``
    before ``__enter__`` is taken for a with block.)
    """

    _kind: str
    _unlock: Any

    def __init__(self, handle: SectionHandle, timeout: float | None) -> None:
        self._handle = handle
        self._timeout = timeout
        # By thread:
        self._blocks: dict[int, ref[Block]] = {}
        self._holds: dict[int, ref[Any]] = {}
        self._kept: dict[int, Any] = {}  # those that no block has

    @abstractmethod
    def _take(self) -> int: ...

    def _about_to_enter(self, block: ref[Block]) -> None:
        self._blocks[get_ident()] = block

    def __enter__(self) -> Self:
        handle, thread = self._handle, get_ident()
        native = handle.native()
        if handle.hold(thread) is not None:
            seconds(self._timeout)  # what is wrong with that is said first
            raise native_error(lib.WMMF_E_DEADLOCK, f"lock {handle.what} for {self._kind}")
        # A hold gives the lock back when it is gone, and nothing if there is nothing to give; being there before the
        # lock is taken, it leaves no moment for a signal in between.
        hold = ffi.gc(native, self._unlock)
        try:
            block = self._blocks.pop(thread, no_block)()
            status = self._take()
            if status:
                # In a signal handler the thread may just have got the lock for what was interrupted: it is not ours.
                ffi.gc(hold, None)
                raise native_error(status, f"lock {handle.what} for {self._kind}")
            if block is None:
                self._kept[thread] = hold
            else:
                block.hold = hold
            handle.holds[thread] = self._holds[thread] = ref(hold)
        except BaseException:
            ffi.release(hold)
            raise
        return self

    def _leave(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        handle, thread = self._handle, get_ident()
        if handle.forked:
            return  # the parent's lock
        hold = handle.hold(thread)
        reference = self._holds.get(thread)
        if hold is None or reference is None or hold is not reference():
            raise native_error(lib.WMMF_E_NOT_OWNER, f"unlock {handle.what}")
        try:
            status = self._unlock(hold)
        finally:
            self._kept.pop(thread, None)
            del self._holds[thread], handle.holds[thread]
            ffi.release(hold)  # gives nothing back, unless a signal came before that
        if status and value is None:
            raise native_error(status, f"keep to {handle.what}")

    if TYPE_CHECKING:
        __exit__ = _leave
    else:
        __exit__ = BlockEnd()


class ReadLock(_Lock):
    """The lock shared with other readers. It may be kept and used by several threads, each for itself."""

    _kind = "reading"
    _unlock = lib.wmmf_unlock_read

    def _take(self) -> int:
        return self._handle.attempt(self._timeout, lib.wmmf_lock_read)


class WriteLock(_Lock):
    """The lock that nobody else has at the same time. It may be kept and used by several threads, in turns."""

    _kind = "writing"
    _unlock = lib.wmmf_unlock_write

    owner_died = False
    """Whether the lock's previous owner died while it held it. Then repair the payload and call the section's
    ``mark_consistent()``: leaving the with block without it poisons the section for everybody."""

    def _take(self) -> int:
        status = self._handle.attempt_in_turn(self._timeout, lib.wmmf_lock_write_queued)
        if status not in (lib.WMMF_OK, lib.WMMF_E_OWNER_DIED):
            return status
        self.owner_died = status == lib.WMMF_E_OWNER_DIED
        return 0
