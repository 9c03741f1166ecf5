"""Open sections and channels: how they are opened, called and closed.

An object of `hold` owns the native handle and closes it when the last reference is gone. Each running call of the
library keeps a reference, and so does each frame, view and lock.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, NoReturn, Self, TypeVar

from ..errors import ClosedError, Error, native_error
from . import async_waits
from .binding import ffi, hold, lib
from .callbacks import fail, refusal
from .timeouts import seconds, slices

Call = Callable[..., int]
"""A call of the C library that returns a status."""
Native = TypeVar("Native", hold.Section, hold.Channel)

_CELLS = {hold.Section: ffi.typeof("wmmf_section **"), hold.Channel: ffi.typeof("wmmf_channel **")}

FORK_SECONDS = 2.0
"""How many seconds a fork waits for other threads that open something; the C library waits less for a name."""

_opening = threading.RLock()
"""Held by a thread that opens something, and by one that forks: the child must know everything that it inherits."""


def open_native(native: Native, call: Call) -> int:
    """The status of ``call(cell)``, which opens something and stores the native handle in the cell."""
    cell = ffi.cast(_CELLS[type(native)], native.cell)
    with _opening:
        status = call(cell)
    native.pointer = cell[0]
    return status


class Closed:
    """Takes the place of the native handle of a closed object, and refuses any use."""

    def __init__(self, refused: ClosedError) -> None:
        self._refused = refused

    def __getattr__(self, name: str) -> NoReturn:
        raise ClosedError(str(self._refused), self._refused.status)


class Opened(Generic[Native]):
    """An object with a native handle: a context manager that closes itself."""

    _native: Native
    _readonly: bool
    _reopen: Callable[[], Any]

    def _become(self, name: str, native: Native) -> None:
        self._name = name
        self._what = native.what
        self._native = native

    @property
    def name(self) -> str:
        """The name with which it was created or opened; for a file, the path."""
        return self._name

    @property
    def readonly(self) -> bool:
        """Whether it was opened read-only."""
        return self._readonly

    @property
    def closed(self) -> bool:
        """Whether it was closed, here or by a fork."""
        return isinstance(self._native, Closed) or self._native.closed

    @property
    def _state(self) -> str:
        return "closed" if self.closed else "read-only" if self._readonly else "open"

    def _call(self, call: Call, *arguments: Any) -> int:
        native = self._native  # keeps it open until the call returns
        return call(native.pointer, *arguments)

    def _attempt(
        self, timeout: float | None, call: Call, *arguments: Any, out: tuple[Any, ...] = (), copied: int = 0
    ) -> int:
        """The status of ``call(handle, *arguments, timeout_ns, *out)``, repeated until the timeout. ``copied``: bytes
        that each call copies again."""
        wait = seconds(timeout)
        status = self._call(call, *arguments, 0, *out)
        later: Iterator[int] = slices(wait, copied)
        while status == lib.WMMF_E_TIMEOUT and (slice_ns := next(later, None)) is not None:
            status = self._call(call, *arguments, slice_ns, *out)
        return status

    def _must(self, status: int, action: str) -> None:
        """Raise the exception for a status, unless it is success."""
        if status:
            fail(self._native, status, action)

    def _get(self, action: str, call: Call, *arguments: Any, kind: str = "uint64_t *") -> int:
        """The number that ``call(handle, *arguments, number)`` stores."""
        number = ffi.new(kind)
        self._must(self._call(call, *arguments, number), action)
        return int(number[0])

    def _waited(self, timeout: float | None, action: str, call: Call, *arguments: Any) -> int:
        """The new sequence, after a wait for it."""
        current = ffi.new("uint64_t *")
        self._must(self._attempt(timeout, call, *arguments, out=(current,)), action)
        return int(current[0])

    async def _waited_async(self, timeout: float | None, action: str, call: Call, sequence: int) -> int:
        """`_waited` until the sequence is not this one. It does not block the event loop."""
        current = ffi.new("uint64_t *")
        wait, native = seconds(timeout), self._native
        deadline = time.perf_counter() + wait
        while True:
            status = call(native.pointer, sequence, 0, current)
            left = deadline - time.perf_counter()
            if status != lib.WMMF_E_TIMEOUT or left <= 0:
                break
            status = await async_waits.until_changed(native, sequence, left)
            if status:
                break
        self._must(status, action)
        return int(current[0])

    def close(self) -> None:
        """Refuse further use, and unmap when the last frame and view is gone. Calling it again does nothing. `Error` if
        a lock is held."""
        native = self._native
        if isinstance(native, Closed):
            return
        if isinstance(native, hold.Section) and native.held:
            raise Error(
                f"cannot close {native.what}: it is locked; leave the lock's with block first", lib.WMMF_E_DEADLOCK
            )
        native.closed = True
        refused = refusal(native)
        self._native = Closed(refused)  # type: ignore[assignment]
        async_waits.end(native, refused)

    def __enter__(self) -> Self:
        if self._native.closed:
            raise refusal(self._native)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        """Unpickling opens it again by its name or path. So you can pass it to ``multiprocessing`` while this one is
        open."""
        if self.closed:
            raise refusal(self._native)
        return self._reopen, ()

    def __copy__(self) -> NoReturn:
        raise TypeError(f"cannot copy {self._what}: open it again by its name")

    def __deepcopy__(self, _memo: object) -> NoReturn:
        self.__copy__()


def _before_fork() -> None:
    _opening.acquire(timeout=FORK_SECONDS)


def _after_fork() -> None:
    with suppress(RuntimeError):  # the lock was not free in time
        _opening.release()


def _after_fork_in_child() -> None:
    """Drop the parent's tokens in a forked child, so that others can see the parent's death."""
    global _opening
    _opening = threading.RLock()  # a thread that does not exist here may hold the parent's lock
    status = hold.after_fork()
    if status:
        raise native_error(
            status, "drop in this forked child what its parent has open, so the death of the parent may go unnoticed"
        )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
