"""What an open section and an open channel have in common."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from .handle import Handle

if TYPE_CHECKING:
    from typing import Self


class Opened:
    """Something with a native handle: a context manager that closes itself."""

    _handle: Handle
    _readonly: bool

    @property
    def name(self) -> str:
        """The name it was created or opened by; of a file, the path."""
        return self._handle.name

    @property
    def readonly(self) -> bool:
        """Whether it was opened read-only."""
        return self._readonly

    @property
    def closed(self) -> bool:
        """Whether it was closed, here or by a fork."""
        return self._handle.closed

    @property
    def _state(self) -> str:
        return "closed" if self.closed else "read-only" if self._readonly else "open"

    def close(self) -> None:
        """Refuse further use; unmap when the last frame and view is gone. Again: nothing. `Error` if a lock is held."""
        self._handle.close()

    def __enter__(self) -> Self:
        self._handle.native()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle or copy {self._handle.what}: pass its name and open it again there")
