"""With blocks whose end no signal can take away.

A signal that comes during a long copy inside the block, as Ctrl-C does, raises before Python has run anything of
``__exit__``. The variable after ``as`` may then be there for long; the `Block` is not: the with statement alone has it.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol
from weakref import ref


class Block(partial):  # type: ignore[type-arg]
    """A bound ``__exit__``. What must be done when the block is left the destructor of its ``hold``, a native one, does
    even if this is not called."""

    hold: Any = None


class Manager(Protocol):
    """A context manager that has a `BlockEnd`."""

    def _leave(self, kind: Any, value: Any, traceback: Any, /) -> None: ...

    def _about_to_enter(self, block: ref[Block]) -> None:
        """If the block is there when ``__enter__`` is called, it is to have the hold."""


class BlockEnd:
    """``__exit__``, which a with statement asks for before it calls ``__enter__``."""

    def __get__(self, manager: Manager | None, kind: type[Manager]) -> Any:
        if manager is None:
            return kind._leave
        block = Block(manager._leave)
        manager._about_to_enter(ref(block))
        return block


def no_block() -> None:
    """A reference to none."""
