"""A lock as a context manager: what ``read_lock()`` and ``write_lock()`` return."""

from __future__ import annotations

from ._core.binding import hold


class ReadLock(hold.Guard):
    """A read lock, shared with other readers. It is taken when its with block begins and released when the block
    ends.

    It belongs to the thread that took it, and within the thread to the task (asyncio, trio) or greenlet. You can use
    the object again, also in several threads, each for itself. If the object is collected in its own thread before the
    block has ended, the lock is released. If it is collected in another thread, the lock stays held until its own
    thread ends. That counts as a death: the next writer gets `OwnerDiedError`. The section cannot be closed while the
    object of an unfinished block exists, even when its thread has ended.
    """

    __slots__ = ()


class WriteLock(hold.Guard):
    """A write lock, which excludes all others; otherwise like `ReadLock`."""

    __slots__ = ()

    owner_died: bool
    """Whether the previous owner died while it held the lock. If so, repair what it protects and call
    ``mark_consistent()`` of the section or of the `PayloadLock`. Otherwise this stays true for the next writer."""


hold.use({"ReadLock": ReadLock, "WriteLock": WriteLock})
