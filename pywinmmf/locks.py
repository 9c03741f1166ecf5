"""What ``read_lock()`` and ``write_lock()`` give: the lock as a context manager."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._binding import lib
from ._handle import SectionHandle
from .errors import Error, native_error

if TYPE_CHECKING:
    from typing_extensions import Self


class _Lock(ABC):
    """Taken when its with block is entered, given back when that is left, by the same thread."""

    _kind: str

    def __init__(self, handle: SectionHandle, timeout: float | None) -> None:
        self._handle = handle
        self._timeout = timeout
        self._native: Any = None

    @abstractmethod
    def _take(self) -> int: ...

    @abstractmethod
    def _give(self) -> int: ...

    def __enter__(self) -> Self:
        handle = self._handle
        self._native = handle.native()
        try:
            status = self._take()
            if status:
                raise native_error(status, f"lock section {handle.name!r} for {self._kind}")
            handle.guards.add(self)
        except Error:
            raise
        except BaseException:
            self._give()  # Ctrl-C came in between; if the lock was not taken yet, this does nothing
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        handle = self._handle
        if handle.forked:
            return  # the parent's lock
        status = self._give()
        if status and status != lib.WMMF_E_POISONED:
            raise native_error(status, f"unlock section {handle.name!r}")
        handle.guards.discard(self)
        self._native = None
        if status and value is None:
            raise native_error(status, f"keep to section {handle.name!r}")


class ReadLock(_Lock):
    """The lock shared with other readers."""

    _kind = "reading"

    def _take(self) -> int:
        return self._handle.attempt(self._timeout, lib.wmmf_lock_read)

    def _give(self) -> int:
        status: int = lib.wmmf_unlock_read(self._native)
        return status


class WriteLock(_Lock):
    """The lock that nobody else has at the same time."""

    _kind = "writing"

    owner_died = False
    """Whether the lock's previous owner died while it held it. Then repair the payload and call the section's
    ``mark_consistent()``: leaving the with block without it poisons the section for everybody."""

    def _take(self) -> int:
        status = self._handle.attempt(self._timeout, lib.wmmf_lock_write)
        self.owner_died = status == lib.WMMF_E_OWNER_DIED
        return lib.WMMF_OK if self.owner_died else status

    def _give(self) -> int:
        status: int = lib.wmmf_unlock_write(self._native)
        return status
