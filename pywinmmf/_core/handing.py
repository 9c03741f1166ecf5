"""System handles of unnamed sections, and how multiprocessing passes them to other processes."""

from __future__ import annotations

import sys
from typing import Any

if sys.platform == "win32":
    from _winapi import CloseHandle as close_handle
else:
    from os import close as close_handle

__all__ = ["Given", "Handle", "close_handle", "packed"]


class Handle:
    """A handle of this process, closed with the last reference to this object."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self, close: Any = close_handle) -> None:
        close(self.number)


class Given:
    """A handle that the unpickling process already has."""

    def __init__(self, number: int) -> None:
        self._number = number

    def detach(self) -> int:
        """Return it; the caller has to close it."""
        return self._number


def packed(number: int, readonly: bool) -> Any:
    """Return a picklable object whose ``detach`` gives this handle in the unpickling process. If a process is just
    being started, the handle must stay open until it has started."""
    from multiprocessing import context, reduction

    if sys.platform != "win32":
        return reduction.DupFd(number)
    child: Any = context.get_spawning_popen()
    if child is not None:
        return Given(child.duplicate_for_child(number))
    map_read, map_write = 4, 2
    return reduction.DupHandle(number, map_read if readonly else map_read | map_write)
