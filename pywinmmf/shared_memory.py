"""The interface of ``multiprocessing.shared_memory``, over sections of this package."""

from __future__ import annotations

import secrets
from typing import Any

from .errors import InvalidArgumentError
from .memory_mapped_file import MemoryMappedFile


class SharedMemory:
    """A drop-in replacement for ``multiprocessing.shared_memory.SharedMemory``: change the import, and nothing else.

    The block lives as long as any process has it open, and then it is gone, also after a crash. So no resource tracker
    takes it from other processes, `unlink` does nothing, and `size` is exactly what was asked for, on all systems.
    """

    def __init__(self, name: str | None = None, create: bool = False, size: int = 0, *, track: bool = True) -> None:
        if name is None and not create:
            raise InvalidArgumentError("name None: expected one, or create=True")
        if create:
            self._section = MemoryMappedFile.create(name or f"psm_{secrets.token_hex(8)}", size)
        else:
            self._section = MemoryMappedFile.open(str(name))
        self._buf: memoryview | None = self._section.view()

    @property
    def name(self) -> str:
        """The name to open it by."""
        return self._section.name

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self._section.size

    @property
    def buf(self) -> memoryview:
        """The bytes, in place."""
        if self._buf is None:
            raise InvalidArgumentError(f"shared memory {self.name!r} is closed")
        return self._buf

    def close(self) -> None:
        """Close this access. Slices of `buf` stay valid, and keep the block, until they are gone."""
        if self._buf is not None:
            self._buf.release()
            self._buf = None
        self._section.close()

    def unlink(self) -> None:
        """Does nothing: the block goes when the last process closes it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, size={self.size})"
