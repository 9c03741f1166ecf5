"""Native frames, and the slots of an open channel that they are in."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

from ._binding import ffi, lib, new_struct
from ._ties import Tie, keep

_NO_SLOT = 2**32 - 1
NO_FRAME = new_struct("wmmf_frame", slot=_NO_SLOT)
"""Never changed."""

new_native_frame: Callable[[], Any] = partial(ffi.new, ffi.typeof(NO_FRAME), NO_FRAME[0])
"""A wmmf_frame that is in no slot: to cancel or release it does nothing."""


class Slots:
    """The slots of an open channel, in place. Whoever has this, or a view from it, keeps the channel open."""

    __slots__ = ("_releases", "_writable", "native", "what")

    def __init__(self, native: Any, what: str) -> None:
        self.native = native
        self.what = what
        self._writable: dict[int, memoryview] = {}
        self._releases: dict[int, Callable[[], int]] = {}

    def writable(self, frame: Any) -> memoryview:
        """All bytes of the slot of a frame that was begun."""
        view = self._writable.get(frame.slot)
        if view is None:
            memory = frame.data
            keep(self.native, memory)
            view = self._writable[frame.slot] = memoryview(ffi.buffer(memory, frame.capacity))
        return view[:]

    def picture(self, frame: Any) -> memoryview:
        """The picture of a frame that was acquired, whose pin now belongs to the view and to what is made from it."""
        release = self._releases.get(frame.slot)
        if release is None:
            pinned = new_native_frame()
            pinned.slot = frame.slot
            release = self._releases[frame.slot] = partial(lib.wmmf_channel_release, self.native, pinned)
        memory = frame.data
        Tie(memory, release)
        return memoryview(ffi.buffer(memory, frame.used)).toreadonly()
