"""The interface of ``multiprocessing.shared_memory``, over sections of this package."""

from __future__ import annotations

import secrets
from typing import Any

from ._core.validation import whole
from .errors import InvalidArgumentError
from .memory_mapped_file import MemoryMappedFile


class SharedMemory:
    """A drop-in replacement for ``multiprocessing.shared_memory.SharedMemory``: change the import in all programs that
    share the block, and nothing else.

    What differs:

    - The block lives as long as any process has it open, and disappears then, even after a crash. `unlink` does
      nothing. A name can be used again once all processes have closed the block.
    - No resource tracker removes the block while other processes use it; ``track`` has no effect.
    - `size` is exactly what was asked for, on all systems.
    - Slices of `buf` and arrays over it that exist at `close` stay valid and keep the block alive. With
      ``multiprocessing`` they raise `BufferError` or crash the program.
    - A forked child can use the inherited `buf`, but that does not keep the block alive. To keep it, the child opens
      the block by name.
    """

    def __init__(self, name: str | None = None, create: bool = False, size: int = 0, *, track: bool = True) -> None:
        if name is None and not create:
            raise InvalidArgumentError("name None: expected one, or create=True")
        whole("size", size)
        self._name = f"psm_{secrets.token_hex(8)}" if name is None else name
        section_name = self._name[1:] if isinstance(name, str) and name.startswith("/") else self._name
        section = MemoryMappedFile.create(section_name, size) if create else MemoryMappedFile.open(section_name)
        self._size = section.size
        # Only this view keeps the section open: ``numpy.ndarray`` refers to the object behind the view, not to the
        # view.
        self._buf: memoryview | None = section.view()

    @property
    def name(self) -> str:
        """The name to open it by, as it was given. One leading slash makes no difference."""
        return self._name

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self._size

    @property
    def buf(self) -> memoryview:
        """The bytes, in place; None after `close`."""
        return self._buf  # type: ignore[return-value]  # as in the interface that it replaces

    def close(self) -> None:
        """Close this access; the memory is unmapped when nothing made from `buf` needs it. Calling it again does
        nothing."""
        if self._buf is not None:
            self._buf.release()
            self._buf = None

    def unlink(self) -> None:
        """Does nothing: the block disappears when the last process closes it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, size={self.size})"
