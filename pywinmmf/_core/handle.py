"""An open section or channel: who may use it, and how it is called."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import ClosedError, Error, native_error
from .async_waits import in_thread
from .binding import ffi, lib
from .natives import CHANNEL, SECTION, Kind, collect, open_native
from .slots import Slots
from .ties import tie
from .timeouts import later_slices, seconds, slices

Call = Callable[..., int]
"""Of the native library; the answer is its status."""


class Handle:
    """A section or channel that ``call``, which stores its native handle in the cell that it is given, opens.

    The native handle is closed when this object has been closed or forgotten and nobody else holds what
    `native` gave: no call is under way, no view of its memory is left.
    """

    def __init__(self, kind: Kind, what: str, name: str, call: Call) -> None:
        self.what = f"{what} {name!r}"
        self.name = name
        self.forked = False
        self.status, self._native = open_native(kind, call)
        """0, or why it is not open."""
        _handles.add(self)

    @property
    def closed(self) -> bool:
        """Whether it refuses to be used."""
        return self._native is None

    def native(self) -> Any:
        """The native handle, which stays open for as long as the caller keeps what it gets here."""
        native = self._native
        if native is None:
            raise self._refusal()
        return native

    def _refusal(self) -> ClosedError:
        if self.forked:
            message = f"{self.what} was opened before this process was forked: open it again here"
            return ClosedError(message, lib.WMMF_E_FORKED)
        return ClosedError(f"{self.what} is closed", lib.WMMF_E_CLOSED)

    def attempt(
        self, timeout: float | None, call: Call, *arguments: Any, out: tuple[Any, ...] = (), copied: int = 0
    ) -> int:
        """The status of ``call(handle, *arguments, timeout_ns, *out)``, repeated until the timeout is over. ``copied``:
        bytes that each call copies anew."""
        wait = seconds(timeout)
        status = call(self.native(), *arguments, 0, *out)
        return self._repeat(slices(wait, copied), call, arguments, out) if status == lib.WMMF_E_TIMEOUT else status

    def attempt_later(self, timeout: float | None, call: Call, *arguments: Any, out: tuple[Any, ...]) -> int:
        """The same, after a call for the `first_slice` of the timeout that was in vain."""
        return self._repeat(later_slices(timeout), call, arguments, out)

    def _repeat(self, slices_ns: Iterator[int], call: Call, arguments: tuple[Any, ...], out: tuple[Any, ...]) -> int:
        status: int = lib.WMMF_E_TIMEOUT
        for slice_ns in slices_ns:
            status = call(self.native(), *arguments, slice_ns, *out)
            if status != lib.WMMF_E_TIMEOUT:
                break
        return status

    def attempt_in_turn(self, timeout: float | None, call: Call, *arguments: Any) -> int:
        """The same of ``call(handle, *arguments, timeout_ns, place)``, which keeps its place in a queue meanwhile."""
        native = self.native()
        place = ffi.new("uint64_t *")
        try:
            return self.attempt(timeout, call, *arguments, out=(place,))
        finally:
            if place[0]:
                lib.wmmf_leave_queue(native, place[0])

    async def attempt_async(self, timeout: float | None, call: Call, *arguments: Any, out: tuple[Any, ...]) -> int:
        """As `attempt`, in a thread, which keeps what it was given for up to 0.1 s after a cancellation."""
        status: int = lib.WMMF_E_TIMEOUT
        for slice_ns in slices(timeout):
            status = await in_thread(call, self.native(), *arguments, slice_ns, *out)
            if status != lib.WMMF_E_TIMEOUT:
                break
        return status

    def close(self) -> None:
        """Refuse further use."""
        self._native = None
        collect()

    def abandon(self) -> None:
        """In a forked child: refuse further use. Views stay valid."""
        self.forked = True
        self._native = None


class SectionHandle(Handle):
    """One open section: also its payload in place, and the locks held through it."""

    def __init__(self, name: str, call: Call) -> None:
        super().__init__(SECTION, "section", name, call)
        self.holds: dict[int, weakref.ref[Any]] = {}  # of the lock, by thread; who has them is whose guard it is
        self._memory: Callable[[], Any] = lambda: None
        self._memory_lock = threading.Lock()

    def memory(self) -> Any:
        """The payload's address, a char pointer that keeps the native handle open."""
        native = self.native()
        with self._memory_lock:
            memory = self._memory()
            if memory is None:
                address = ffi.new("void **")
                status = lib.wmmf_data(native, address)
                if status:
                    raise native_error(status, f"view {self.what}")
                memory = ffi.cast("char *", address[0])
                tie(memory, native)
                self._memory = weakref.ref(memory)
            return memory

    def hold(self, thread: int) -> Any:
        """What a thread has the lock by; None: it has not."""
        reference = self.holds.get(thread)
        return None if reference is None else reference()

    def give_back(self) -> None:
        """The calling thread's lock, if it still has it."""
        thread = threading.get_ident()
        hold = self.hold(thread)
        if hold is not None:
            del self.holds[thread]
            ffi.release(hold)

    def close(self) -> None:
        """Refuse further use."""
        if any(reference() is not None for reference in list(self.holds.values())):
            raise Error(
                f"cannot close {self.what}: it is locked; leave the lock's with block first", lib.WMMF_E_DEADLOCK
            )
        super().close()

    def abandon(self) -> None:
        """In a forked child: as `Handle.abandon`. The locks are the parent's."""
        super().abandon()
        self.holds.clear()


class ChannelHandle(Handle):
    """One open channel: also its slots in place."""

    def __init__(self, name: str, call: Call) -> None:
        super().__init__(CHANNEL, "channel", name, call)
        self._slots: Slots | None = None if self.closed else Slots(self._native, self.what)

    def slots(self) -> Slots:
        """The slots, and the native handle with them."""
        slots = self._slots
        if slots is None:
            raise self._refusal()
        return slots

    def close(self) -> None:
        """Refuse further use."""
        super().close()
        self._slots = None

    def abandon(self) -> None:
        """In a forked child: as `Handle.abandon`."""
        super().abandon()
        self._slots = None


_handles: weakref.WeakSet[Handle] = weakref.WeakSet()


def _abandon_all() -> None:
    for handle in list(_handles):
        handle.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
