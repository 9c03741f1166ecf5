"""With blocks whose end no signal can take away.

A signal that comes during a long copy inside the block, as Ctrl-C does, raises before Python has run anything of
``__exit__``. The variable after ``as`` may then be there for long; what a class's `BlockEnd` gives is not: the with
statement alone has it.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol


class Manager(Protocol):
    """A context manager that has a `BlockEnd`."""

    def _leave(self, kind: Any, value: Any, traceback: Any, /) -> None: ...

    def _hold(self) -> Any:
        """What a block keeps: its destructor, which is native, does what must be done when the block is left."""


class _Block(partial):  # type: ignore[type-arg]
    hold: Any


class BlockEnd:
    """``__exit__``: calls ``_leave``, and lets go of the hold even if a signal keeps it from that."""

    def __get__(self, manager: Manager | None, kind: type[Manager]) -> Any:
        if manager is None:
            return kind._leave
        block = _Block(manager._leave)
        block.hold = manager._hold()
        return block
