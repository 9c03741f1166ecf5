"""Waiting for asyncio: one thread waits for all tasks of the process.

It waits with ``wmmf_wait_many`` for up to 63 sections and channels; each further 63 get another thread. Tasks that wait
for the same object share an item. Timeouts belong to the event loops, so they count from the call.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
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

    def decide(self, result: int | Exception) -> None:
        """Wake the task, from any thread."""
        with suppress(RuntimeError):  # its event loop was closed, so nobody waits
            self._loop.call_soon_threadsafe(self._set, result)

    def _set(self, result: int | Exception) -> None:
        if self._future.done():  # it was cancelled, or its timeout expired
            return
        if isinstance(result, Exception):
            self._future.set_exception(result)
        else:
            self._future.set_result(result)


Request: TypeAlias = "Callable[[_Waiter], None]"


class _Waiter:
    """A thread and its waits.

    Only the thread touches the waits. Others post requests to the first waiter, which passes on to the next one what
    does not fit. So there is no lock that a signal handler could find held by the code that it interrupts.
    """

    def __init__(self) -> None:
        self._waits: dict[Native, set[_Wait]] = {}
        self._requests: deque[Request] = deque()
        self._next: _Waiter | None = None
        cell = ffi.new("wmmf_waker **")
        status = lib.wmmf_waker_create(cell)
        if status:
            raise native_error(status, "prepare to wait")
        self._waker = cell[0]

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="pywinmmf-waits", daemon=True).start()

    def post(self, request: Request) -> None:
        """Let the thread carry out a request."""
        self._requests.append(request)
        lib.wmmf_waker_wake(self._waker)

    def add(self, wait: _Wait) -> None:
        """Request: also wait for this."""
        if wait.native in self._waits or len(self._waits) < lib.WMMF_WAIT_MANY_MAX:
            self._waits.setdefault(wait.native, set()).add(wait)
            return
        try:
            if self._next is None:
                self._next = _Waiter()
                self._next.start()
        except Exception as error:
            wait.decide(error)
        else:
            self._next.post(lambda waiter: waiter.add(wait))

    def remove(self, wait: _Wait) -> None:
        """Request: no longer wait for this."""
        self._discard(wait)
        if self._next:
            self._next.post(lambda waiter: waiter.remove(wait))

    def refuse(self, identity: int, refused: ClosedError) -> None:
        """Request: refuse the tasks that wait for an object that is being closed."""
        for native in [one for one in self._waits if id(one) == identity]:
            for wait in self._waits.pop(native):
                wait.decide(refused)
        if self._next:
            self._next.post(lambda waiter: waiter.refuse(identity, refused))

    def _run(self) -> None:
        items = ffi.new("wmmf_wait_item[]", lib.WMMF_WAIT_MANY_MAX)
        while True:
            while self._requests:
                self._requests.popleft()(self)
            natives = self._fill(items)  # kept open until the call returns
            self._decide(items, natives, lib.wmmf_wait_many(items, len(natives), self._waker, -1))

    def _fill(self, items: Any) -> list[Native]:
        natives = list(self._waits)
        for item, native in zip(items, natives):
            is_section = isinstance(native, hold.Section)
            item.section, item.channel = (native.pointer, ffi.NULL) if is_section else (ffi.NULL, native.pointer)
            # Each was the current sequence when its task asked. Sequences only grow, so the oldest is passed first.
            item.sequence = min(wait.sequence for wait in self._waits[native])
            item.status = lib.WMMF_E_TIMEOUT
        return natives

    def _decide(self, items: Any, natives: list[Native], failure: int) -> None:
        for item, native in zip(items, natives):
            status = failure or item.status
            if status == lib.WMMF_E_TIMEOUT:
                continue
            for wait in list(self._waits[native]):
                if status or wait.sequence != item.current:
                    self._discard(wait)
                    wait.decide(status)

    def _discard(self, wait: _Wait) -> None:
        waits = self._waits.get(wait.native, set())
        waits.discard(wait)
        if not waits:
            self._waits.pop(wait.native, None)


_first: dict[str, _Waiter] = {}
"""The first waiter, once there is one. A dict, so that only one of two threads that create one succeeds."""


def _first_waiter() -> _Waiter:
    waiter = _first.get("waiter")
    if waiter is None:
        made = _Waiter()
        waiter = _first.setdefault("waiter", made)
        if waiter is made:
            made.start()
    return waiter


async def until_changed(native: Native, sequence: int, timeout: float) -> int:
    """Wait until the sequence differs from this one; returns the status. Does not block the event loop."""
    import asyncio

    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    wait = _Wait(native, sequence, future)
    waiter = _first_waiter()
    waiter.post(lambda one: one.add(wait))
    try:
        async with asyncio.timeout(None if timeout == float("inf") else timeout):
            return await future
    except TimeoutError:
        return lib.WMMF_E_TIMEOUT  # type: ignore[no-any-return]
    finally:
        if future.cancelled():  # otherwise it was decided, and its wait has ended
            waiter.post(lambda one: one.remove(wait))


def end(native: Native, refused: ClosedError) -> None:
    """Refuse the tasks that wait for an object that is being closed."""
    identity = id(native)  # a request that referred to it would keep it open
    for waiter in list(_first.values()):
        waiter.post(lambda one: one.refuse(identity, refused))


def _after_fork() -> None:
    """Forget the threads after a fork, because they belong to the parent."""
    _first.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
