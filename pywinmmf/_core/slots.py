"""Native frames, and the slots of an open channel that they are in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any

from .binding import ffi, lib, new_struct
from .ties import tie

NO_SLOT = 2**32 - 1
NO_FRAME = new_struct("wmmf_frame", slot=NO_SLOT)
"""Never changed."""

new_native_frame: Callable[[], Any] = partial(ffi.new, ffi.typeof(NO_FRAME), NO_FRAME[0])
"""A wmmf_frame that is in no slot: to cancel or release it does nothing."""


class Slots:
    """The slots of an open channel, in place. Whoever has this, or a view from it, keeps the channel open."""

    __slots__ = ("_let_go", "_writable", "drop", "native", "what")

    def __init__(self, native: Any, what: str) -> None:
        self.native = native
        self.what = what
        self.drop: Callable[[Any], int] = MethodType(lib.drop, native)
        """Cancels a frame that was begun; again, or if it was not: nothing."""
        self._let_go = MethodType(lib.let_go, native)
        self._writable: dict[int, memoryview] = {}

    def writable(self, frame: Any) -> memoryview:
        """All bytes of the slot of a frame that was begun."""
        view = self._writable.get(frame.slot)
        if view is None:
            memory = frame.data
            tie(memory, self.native)
            view = self._writable[frame.slot] = memoryview(ffi.buffer(memory, frame.capacity))
        return view[:]

    def pinned(self, frame: Any) -> Any:
        """The memory of a frame that was acquired: a pointer, whose last holder has the pin."""
        memory = frame.data
        tie(memory, ffi.gc(frame, self._let_go))
        return memory
