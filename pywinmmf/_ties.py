"""What happens when a native pointer is gone that nobody but its holders knows.

Not `ffi.gc`: in a cycle of garbage its destructors run in any order, and before the ``__del__`` of others, so that a
channel would be closed under frames and views of it. The garbage collector does not know plain pointers: one is gone
when its last holder is, after all finalizers. (A signal that comes at that very moment is lost, as in any ``__del__``.)
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any, Callable

_ties: set[Tie] = set()


class Tie:
    """Calls ``then`` once ``pointer``, a plain cdata, is gone; or before, if it is called itself. Once."""

    __slots__ = ("_pointer", "_then")

    def __init__(self, pointer: Any, then: Callable[[], object]) -> None:
        self._then = then
        self._pointer = weakref.ref(pointer, self)
        _ties.add(self)

    def __call__(self, _pointer: object = None) -> None:
        if self in _ties:
            _ties.remove(self)
            self._then()


def keep(owner: Any, pointer: Any) -> None:
    """Keep the owner of the memory as long as a pointer into it is there."""
    Tie(pointer, partial(_let_go, owner))


def _let_go(_owner: Any) -> None:
    """Its argument was held until now."""
