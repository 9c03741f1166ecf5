"""Locks in the payload of a section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._core.async_locks import AsyncLock
from ._core.binding import lib
from ._core.callbacks import refuse_other_task
from ._core.validation import whole
from .inspection import lock_state_of
from .locks import ReadLock, WriteLock
from .records import LockState

if TYPE_CHECKING:
    from .memory_mapped_file import MemoryMappedFile

_LARGEST_OFFSET = 2**63 - 1
_NO_SEQUENCE = 2**64 - 1
"""A sequence that no lock reaches: waiting until the sequence differs from it ends at once."""


class PayloadLock:
    """A lock in the payload of a section, for example for a row of a table. Make one with `MemoryMappedFile.lock_at`.

    It has the methods of the section, for this lock only: a dead writer, or poison, concerns only what this lock
    protects. `MemoryMappedFile.read` and `MemoryMappedFile.write` take the section's own lock, so use
    `MemoryMappedFile.view` inside the block. You can make the object again at any time, and need not close it.
    """

    __slots__ = ("_offset", "_section")

    def __init__(self, section: MemoryMappedFile, offset: int) -> None:
        self._section = section
        self._offset = whole("offset", offset, most=_LARGEST_OFFSET)

    @property
    def section(self) -> MemoryMappedFile:
        """The section."""
        return self._section

    @property
    def offset(self) -> int:
        """Its offset in the payload."""
        return self._offset

    def read_lock(self, timeout: float | None = None) -> ReadLock:
        """The lock for reading, shared with other readers; see `MemoryMappedFile.read_lock`. `Error` if the section's
        object already holds or waits for as many locks in the payload as ``locks`` allows."""
        return self._section._native.read_lock(timeout, self._offset)  # type: ignore[no-any-return]

    def write_lock(self, timeout: float | None = None, *, repair: bool = False) -> WriteLock:
        """The lock for writing, which excludes all others; see `MemoryMappedFile.write_lock`."""
        return self._section._native.write_lock(timeout, self._offset, repair)  # type: ignore[no-any-return]

    def read_lock_async(self, timeout: float | None = None) -> AsyncLock[ReadLock]:
        """`read_lock` for asyncio; see `MemoryMappedFile.read_lock_async`."""
        return AsyncLock(self._section, timeout, self.read_lock(0), self._offset)

    def write_lock_async(self, timeout: float | None = None, *, repair: bool = False) -> AsyncLock[WriteLock]:
        """`write_lock` for asyncio; see `read_lock_async`."""
        return AsyncLock(self._section, timeout, self.write_lock(0, repair=repair), self._offset)

    def mark_consistent(self) -> None:
        """Declare what it protects consistent, inside a `write_lock` whose ``owner_died`` is true."""
        refuse_other_task(self._section._native, True, self._offset)
        self._must(self._section._call(lib.wmmf_mark_consistent_at, self._offset), "mark as consistent")

    def poison(self) -> None:
        """Make this lock useless, for ever and for everybody: every later and every waiting call raises
        `PoisonedError`."""
        self._must(self._section._call(lib.wmmf_poison_at, self._offset), "poison")

    def lock_state(self) -> LockState:
        """Its current state. Read-only objects can also call this."""
        return lock_state_of(self._section, self._offset)

    @property
    def sequence(self) -> int:
        """The number of changes: it grows by 1 whenever the write lock is released, and with `notify`."""
        action = f"get the sequence of offset {self._offset} of"
        return self._section._get(action, lib.wmmf_wait_at, self._offset, _NO_SEQUENCE, 0)

    def wait(self, sequence: int, timeout: float | None = None) -> int:
        """Wait until `sequence` differs from ``sequence`` and return it; `LockTimeoutError` if it does not change in
        time."""
        sequence = whole("sequence", sequence)
        action = f"wait for a change from sequence {sequence} of offset {self._offset} of"
        return self._section._waited(timeout, action, lib.wmmf_wait_at, self._offset, sequence)

    def notify(self) -> None:
        """Advance the `sequence` by 1 and wake all threads that wait for a change, without the lock."""
        self._must(self._section._call(lib.wmmf_notify_at, self._offset), "notify the waiters of")

    def _must(self, status: int, action: str) -> None:
        self._section._must(status, f"{action} offset {self._offset} of")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at offset {self._offset} of {self._section!r}>"
