"""Locks and copies for asyncio: they try again when the section has changed, and do not block the event loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

from ..errors import Error, LockTimeoutError
from . import async_waits
from .binding import ffi, hold, lib
from .handle import Opened
from .timeouts import seconds

T = TypeVar("T")
Guard = TypeVar("Guard", bound=hold.Guard)

RETRY_SECONDS = lib.WMMF_RETRY_NS / 1e9
"""Seconds until the next try if no change is announced."""


async def retried(
    section: Opened[hold.Section], timeout: float | None, attempt: Callable[[], T], at: int | None = None
) -> T:
    """The result of an attempt that does not wait. It is repeated while the lock is not free, or another task of this
    thread has it (the section's own lock, or that at an offset), until the timeout: then `LockTimeoutError`."""
    deadline = time.perf_counter() + seconds(timeout)
    while True:
        sequence = _sequence(section) if at is None else None
        try:
            return attempt()
        except Error as error:
            in_the_way = error.status == lib.WMMF_E_DEADLOCK and not section._native.only_own(at)
            if not in_the_way and not isinstance(error, LockTimeoutError):
                raise
            left = deadline - time.perf_counter()
            if left <= 0:
                if in_the_way:
                    raise LockTimeoutError(str(error), lib.WMMF_E_TIMEOUT) from None
                raise
        await _until_worth_a_try(section, sequence, min(left, RETRY_SECONDS))


def _sequence(section: Opened[hold.Section]) -> int | None:
    """The sequence; None if this layout has none."""
    current = ffi.new("uint64_t *")
    return None if section._call(lib.wmmf_sequence, current) else int(current[0])


async def _until_worth_a_try(section: Opened[hold.Section], sequence: int | None, timeout: float) -> None:
    if sequence is None:
        import asyncio

        await asyncio.sleep(timeout)
    else:
        await async_waits.until_changed(section._native, sequence, timeout)


class AsyncLock(Generic[Guard]):
    """The lock for an ``async with`` block. You can keep it and use it again, in one task at a time."""

    def __init__(self, section: Any, timeout: float | None, guard: Guard, at: int | None = None) -> None:
        self._section = section
        self._timeout = timeout
        self._guard = guard
        self._at = at

    async def __aenter__(self) -> Guard:
        return await retried(self._section, self._timeout, self._guard.__enter__, self._at)

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._guard.__exit__(kind, value, traceback)
