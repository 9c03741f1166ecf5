"""Native handles: opened so that no signal leaks one, closed when nobody has them, disinherited by forked children."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from .binding import ffi, lib

COLLECT_EVERY = 64
"""New ones."""


class Kind(NamedTuple):
    """Of handles."""

    cell: Any
    """What the calls that open store one in."""
    close: Callable[[Any], int]
    """The one in a cell; again: nothing."""
    disinherit: Callable[[Any], int]


SECTION = Kind(ffi.typeof("wmmf_section **"), lib.close_section, lib.wmmf_after_fork_child)
CHANNEL = Kind(ffi.typeof("wmmf_channel **"), lib.close_channel, lib.wmmf_channel_after_fork_child)

PATIENCE = 2.0
"""Seconds for which a fork waits until what others are opening is open; the native library waits less for a name."""

_opening = threading.RLock()
"""Had by who opens or closes one, and by who forks: a child must know all that it inherits."""

_open: dict[int, _Open] = {}
_due: deque[_Open] = deque()
"""To be closed."""
_made = itertools.count(1)


class _Open:
    """Closes the handle in a cell once the pointer to it, which others hold, is gone.

    By a call, not by a death of its own (see `tie`): at the interpreter's end, when objects die in any order, threads
    may still be at work in it. A signal handler that raises at that very moment ends the call before it has begun, as
    it would any ``__del__``: `collect` makes up for that.
    """

    __slots__ = ("_pointer", "cell", "kind")

    def __init__(self, kind: Kind, cell: Any, pointer: Any) -> None:
        self.kind = kind
        self.cell = cell
        self._pointer = weakref.ref(pointer, self)
        _open[id(self)] = self

    def __call__(self, _pointer: object = None) -> None:
        _due.append(self)
        _close_due()

    @property
    def is_due(self) -> bool:
        """Whether it should have been called."""
        return self._pointer() is None


def _close_due() -> None:
    """Without a wait: this may be in a garbage collection, and the thread have locks for which others wait. Who has the
    lock does it when that is free again."""
    opening = _opening  # a signal handler may fork, and the child gets another
    while _due and opening.acquire(blocking=False):
        try:
            while _due:
                one = _due.popleft()
                one.kind.close(one.cell)
                _open.pop(id(one), None)
        finally:
            opening.release()


def open_native(kind: Kind, call: Callable[[Any], int]) -> tuple[int, Any]:
    """The status of ``call(cell)``, and, if that is 0, a pointer to what is open until nobody holds the pointer."""
    if next(_made) % COLLECT_EVERY == 0:
        collect()
    cell = ffi.new(kind.cell)
    try:
        with _opening:
            status = call(cell)
            if status:
                return status, None
            pointer = cell[0]
            _Open(kind, cell, pointer)
            return 0, pointer
    except BaseException:  # a signal that came in between
        kind.close(cell)
        raise
    finally:
        _close_due()


def collect() -> None:
    """Close those whose pointer is gone, and that have not heard of it."""
    _due.extend(one for one in list(_open.values()) if one.is_due)
    _close_due()


def _before_fork() -> None:
    _opening.acquire(timeout=PATIENCE)


def _after_fork() -> None:
    with suppress(RuntimeError):  # we did not get it in time
        _opening.release()
    _close_due()


def _disinherit_all() -> None:
    """In a forked child: no longer prove to others that the parent lives, be a handle held by a view or a frame alone,
    or by a thread that is not here."""
    global _opening
    _opening = threading.RLock()  # whoever had it
    for one in list(_open.values()):
        one.kind.disinherit(one.cell[0])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_disinherit_all)
