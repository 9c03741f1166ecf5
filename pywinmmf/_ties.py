"""What happens when a native pointer is gone that nobody but its holders knows.

Not `ffi.gc`: in a cycle of garbage its destructors run in any order, and before the ``__del__`` of others, so that a
channel would be closed under frames and views of it. The garbage collector does not know plain pointers: one is gone
when its last holder is, after all finalizers. A signal handler that raises at that very moment ends the call before it
has begun, as it would any ``__del__``: `collect` makes up for that.
"""

from __future__ import annotations

import itertools
import weakref
from functools import partial
from typing import Any, Callable

COLLECT_EVERY = 64
"""New ones."""

_ties: dict[int, Tie] = {}
_made = itertools.count(1)


class Tie:
    """Calls ``then`` once ``pointer``, a plain cdata, is gone; or before, if it is called itself. Once."""

    __slots__ = ("_pointer", "_then")

    def __init__(self, pointer: Any, then: Callable[[], object]) -> None:
        self._then = then
        self._pointer = weakref.ref(pointer, self)
        _ties[id(self)] = self
        if next(_made) % COLLECT_EVERY == 0:
            collect()

    def __call__(self, _pointer: object = None) -> None:
        key = id(self)
        if key in _ties:
            # No signal comes between these two: there is no call.
            del _ties[key]
            self._then()

    @property
    def is_due(self) -> bool:
        """Whether it should have been called."""
        return self._pointer() is None


def collect() -> None:
    """Call those whose pointer is gone, and that have not heard of it."""
    for tie in list(_ties.values()):
        if tie.is_due:
            tie()


def keep(owner: Any, pointer: Any) -> None:
    """Keep the owner of the memory as long as a pointer into it is there."""
    Tie(pointer, partial(_let_go, owner))


def _let_go(_owner: Any) -> None:
    """Its argument was held until now."""
