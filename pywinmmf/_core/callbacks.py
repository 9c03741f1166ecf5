"""The Python functions that hold.c calls: long messages, unusual arguments, and finding the running task."""

from __future__ import annotations

import sys
import weakref
from typing import Any, NoReturn

from ..errors import ClosedError, Error, FormatError, InvalidArgumentError, NotIntactError, native_error
from ..pixels import fourcc_text
from .binding import ffi, hold, lib
from .timeouts import nanoseconds
from .validation import whole


def refusal(native: hold.Section | hold.Channel) -> ClosedError:
    """The error for using a closed object."""
    if native.forked:
        message = f"{native.what} was opened before this process was forked: open it again here"
        return ClosedError(message, lib.WMMF_E_FORKED)
    return ClosedError(f"{native.what} is closed", lib.WMMF_E_CLOSED)


def still_open(native: hold.Section | hold.Channel) -> None:
    """Raise if it was closed. Because this is Python code, signal handlers also run here."""
    if native.closed:
        raise refusal(native)


def fail(native: hold.Section | hold.Channel, status: int, action: str) -> NoReturn:
    """Raise for the status of a call."""
    if status == lib.WMMF_E_FORKED:
        raise refusal(native)
    raise native_error(status, f"{action} {native.what}")


def fail_lock(section: hold.Section, status: int, writing: bool, at: int | None) -> NoReturn:
    """Raise for the status of a call that takes the section's own lock, or the lock at an offset."""
    if status == lib.WMMF_E_DEADLOCK:
        refuse_other_task(section, True, at)
    fail(section, status, f"{'write' if writing else 'read'}-lock{'' if at is None else f' offset {at} of'}")


def refuse_other_task(section: hold.Section, writing: bool, at: int | None = None) -> None:
    """Raise if another task of this thread has the lock: only that task can release it, but not while this one
    waits."""
    holder = section.other_task(writing, at)
    if holder is None:
        return
    name = "this thread's own code" if holder is True else _name_of(holder())
    lock = "its lock" if at is None else f"its lock at offset {at}"
    raise Error(
        f"cannot use {section.what}: {name} has {lock} in this same thread, so that waiting here would never end; "
        "leave the lock before the next await or switch",
        lib.WMMF_E_DEADLOCK,
    )


def _name_of(task: Any) -> str:
    if task is None:
        return "a task that has ended"
    name = getattr(task, "get_name", None)
    return f"task {name()!r}" if name else repr(task)


def current_task() -> weakref.ref[Any] | None:
    """The task or greenlet that runs in this thread; None: neither. Without trio and greenlet, C finds asyncio
    tasks."""
    asyncio: Any = sys.modules.get("asyncio")
    loop = asyncio._get_running_loop() if asyncio else None
    task = (asyncio.current_task(loop) if loop else None) or _task_of_trio() or _current_greenlet()
    return None if task is None else weakref.ref(task)


def _task_of_trio() -> Any:
    lowlevel = getattr(sys.modules.get("trio"), "lowlevel", None)  # None also while it is being imported
    try:
        return lowlevel and lowlevel.current_task()
    except RuntimeError:  # no trio task runs in this thread
        return None


def _current_greenlet() -> Any:
    greenlet: Any = sys.modules.get("greenlet")
    current = greenlet.getcurrent() if greenlet else None
    return None if current is None or current.parent is None else current  # a thread's first greenlet is the thread


def fail_publish(channel: hold.Channel, frame: hold.NewFrame, status: int) -> NoReturn:
    """Raise for a frame that could not be published."""
    if status in (lib.WMMF_E_RANGE, lib.WMMF_E_ARGUMENT):
        raise InvalidArgumentError(f"{_described(frame)}: expected what its format needs, within its bytes", status)
    fail(channel, status, f"publish a frame of {frame.used} bytes in")


def too_small(_channel: hold.Channel, size: int, needed: int) -> NoReturn:
    """Raise for a buffer that is too small for a frame."""
    raise InvalidArgumentError(f"buffer of {size} bytes: expected at least {needed} for this frame", lib.WMMF_E_RANGE)


def used(value: object, capacity: int) -> int:
    """The checked number of bytes of a picture."""
    return whole("used", value, most=capacity, status=lib.WMMF_E_RANGE)


def over(frame: hold.Frame | hold.NewFrame) -> NoReturn:
    """Raise for using a frame after its end."""
    if isinstance(frame, hold.NewFrame):
        raise ClosedError("the frame was published or dropped: fill it inside the with block", lib.WMMF_E_CLOSED)
    raise ClosedError("the frame was released: take its data inside the with block", lib.WMMF_E_CLOSED)


def no_picture(frame: hold.Frame | hold.NewFrame) -> NoReturn:
    """Raise for a frame whose description does not fit its bytes."""
    raise FormatError(f"{_described(frame)}: expected what its format needs, within its bytes")


def torn(frame: hold.Frame) -> NoReturn:
    """Raise for a frame that was overwritten while it was read."""
    raise NotIntactError(
        f"frame {frame.sequence} was overwritten while it was held: what you read may be a mix of two frames",
        lib.WMMF_E_NOT_INTACT,
    )


def _described(frame: hold.Frame | hold.NewFrame) -> str:
    native = ffi.cast("wmmf_frame *", frame.address)
    if native.element:
        return f"frame of {native.used} bytes, an array of shape {tuple(native.shape[0 : native.dimensions])}"
    return (
        f"frame of {native.used} bytes, format {fourcc_text(native.fourcc)!r}, width {native.width}, height "
        f"{native.height}, stride {native.stride}"
    )


_FUNCTIONS = (
    nanoseconds,
    still_open,
    fail,
    fail_lock,
    fail_publish,
    too_small,
    current_task,
    used,
    over,
    no_picture,
    torn,
)
hold.use({function.__name__: function for function in _FUNCTIONS})
