"""Native handles: opened so that no signal leaks one, closed when nobody has them, disinherited by forked children."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from typing import Any, Callable, NamedTuple

from ._binding import ffi, lib

COLLECT_EVERY = 64
"""New ones."""


class Kind(NamedTuple):
    """Of handles."""

    cell: Any
    """What the calls that open store one in."""
    close: Callable[[Any], int]
    """The one in a cell; again: nothing."""
    disinherit: Callable[[Any], int]


SECTION = Kind(ffi.typeof("wmmf_map **"), lib.close_section, lib.wmmf_disinherit)
CHANNEL = Kind(ffi.typeof("wmmf_channel **"), lib.close_channel, lib.wmmf_channel_disinherit)

_opening = threading.RLock()
"""Held while one is opened or closed, and by who forks: a child must know all that it inherits."""

_open: dict[int, _Open] = {}
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
        with _opening:
            self.kind.close(self.cell)
        _open.pop(id(self), None)

    @property
    def is_due(self) -> bool:
        """Whether it should have been called."""
        return self._pointer() is None


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
        with _opening:
            kind.close(cell)
        raise


def collect() -> None:
    """Close those whose pointer is gone, and that have not heard of it."""
    for one in list(_open.values()):
        if one.is_due:
            one()


def _disinherit_all() -> None:
    """In a forked child: no longer prove to others that the parent lives, be a handle held by a view or a frame alone,
    or by a thread that is not here."""
    for one in list(_open.values()):
        one.kind.disinherit(one.cell[0])
    _opening.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_disinherit_all)
