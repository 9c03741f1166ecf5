"""What ``read_lock()`` and ``write_lock()`` give: the lock as a context manager."""

from __future__ import annotations

from ._core.binding import hold


class ReadLock(hold.Guard):
    """The lock shared with other readers: taken when its with block is entered, given back when that is left.

    It belongs to the thread that took it, and within the thread to the asyncio task or greenlet. The object may be kept
    and used again, by several threads, each for itself. When it is forgotten in its thread without having been left,
    the lock is given back. Forgotten in another thread, it stays taken until its own thread ends, and that counts as a
    death: the next writer gets `OwnerDiedError`.
    """

    __slots__ = ()


class WriteLock(hold.Guard):
    """The lock that nobody else has at the same time; otherwise like `ReadLock`."""

    __slots__ = ()

    owner_died: bool
    """Whether the lock's previous owner died while it held it. Then repair the payload and call the section's
    ``mark_consistent()``: without that the section stays as it was, for the next one who repairs it."""


hold.use({"ReadLock": ReadLock, "WriteLock": WriteLock})
