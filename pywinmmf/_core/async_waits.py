"""Waiting for asyncio: one thread waits for all tasks of the process.

It waits with ``wmmf_wait_many`` for up to 63 sections and channels; one more thread serves each further 63. Tasks that
wait for the same one share an item. Timeouts belong to the event loops, so they count from the call.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import ClosedError, native_error
from .binding import ffi, hold, lib

if TYPE_CHECKING:
    import asyncio

Native: TypeAlias = "hold.Section | hold.Channel"


class _Wait:
    """One task that waits until a sequence changes."""

    def __init__(self, native: Native, sequence: int, future: asyncio.Future[int]) -> None:
        self.native = native
        self.sequence = sequence
        self._future = future
        self._loop = future.get_loop()

    def decide(self, result: int | ClosedError) -> None:
        """Wake the task, from any thread."""
        with suppress(RuntimeError):  # its event loop was closed: nobody waits
            self._loop.call_soon_threadsafe(self._set, result)

    def _set(self, result: int | ClosedError) -> None:
        if self._future.done():  # it was cancelled, or its timeout is over
            return
        if isinstance(result, ClosedError):
            self._future.set_exception(result)
        else:
            self._future.set_result(result)


class _Waiter:
    """A thread and what it waits for. `_lock` guards the waits of all waiters."""

    def __init__(self) -> None:
        self.waits: dict[Native, set[_Wait]] = {}
        cell = ffi.new("wmmf_waker **")
        status = lib.wmmf_waker_create(cell)
        if status:
            raise native_error(status, "prepare to wait")
        self._waker = cell[0]
        threading.Thread(target=self._run, name="pywinmmf-waits", daemon=True).start()

    def look_again(self) -> None:
        """Make the thread notice added and removed waits."""
        lib.wmmf_waker_wake(self._waker)

    def _run(self) -> None:
        items = ffi.new("wmmf_wait_item[]", lib.WMMF_WAIT_MANY_MAX)
        while True:
            natives = self._fill(items)  # kept open until the call returns
            self._decide(items, natives, lib.wmmf_wait_many(items, len(natives), self._waker, -1))

    def _decide(self, items: Any, natives: list[Native], failure: int) -> None:
        with _lock:
            for item, native in zip(items, natives):
                status = failure or item.status
                if status != lib.WMMF_E_TIMEOUT:
                    self._decided(native, status, item.current)

    def _fill(self, items: Any) -> list[Native]:
        with _lock:
            natives = list(self.waits)
            for item, native in zip(items, natives):
                is_section = isinstance(native, hold.Section)
                item.section, item.channel = (native.pointer, ffi.NULL) if is_section else (ffi.NULL, native.pointer)
                # Each was the current sequence when its task asked. Sequences only grow, so the oldest is passed first.
                item.sequence = min(wait.sequence for wait in self.waits[native])
                item.status = lib.WMMF_E_TIMEOUT
            return natives

    def _decided(self, native: Native, status: int, current: int) -> None:
        for wait in list(self.waits.get(native, ())):
            if status or wait.sequence != current:
                _remove(self, wait)
                wait.decide(status)


_lock = threading.Lock()
_waiters: list[_Waiter] = []


def _add(wait: _Wait) -> _Waiter:
    with _lock:
        waiter = next((one for one in _waiters if wait.native in one.waits), None) or next(
            (one for one in _waiters if len(one.waits) < lib.WMMF_WAIT_MANY_MAX), None
        )
        if waiter is None:
            waiter = _Waiter()
            _waiters.append(waiter)
        waiter.waits.setdefault(wait.native, set()).add(wait)
        return waiter


def _remove(waiter: _Waiter, wait: _Wait) -> bool:
    """Remove a wait. Returns whether it was the last for its section."""
    waits = waiter.waits.get(wait.native, set())
    waits.discard(wait)
    return not waits and waiter.waits.pop(wait.native, None) is not None


async def until_changed(native: Native, sequence: int, timeout: float) -> int:
    """Wait until the sequence differs from this one; returns the status. The event loop runs on."""
    import asyncio

    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    wait = _Wait(native, sequence, future)
    waiter = _add(wait)
    waiter.look_again()
    try:
        async with asyncio.timeout(None if timeout == float("inf") else timeout):
            return await future
    except TimeoutError:
        return lib.WMMF_E_TIMEOUT  # type: ignore[no-any-return]
    finally:
        with _lock:
            last = _remove(waiter, wait)
        if last:
            waiter.look_again()  # it refers to the section until then


def end(native: Native, refused: ClosedError) -> None:
    """Refuse the tasks that wait for what is being closed."""
    if not _waiters:
        return
    with _lock:
        for waiter in _waiters:
            for wait in waiter.waits.pop(native, ()):
                wait.decide(refused)
                waiter.look_again()


def _after_fork() -> None:
    """Forget the threads after a fork: they are the parent's."""
    global _lock
    _lock = threading.Lock()
    _waiters.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
