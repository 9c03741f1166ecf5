"""Requests to end a command: Ctrl-C, a request of the system, or the end of the terminal.

A handler runs between any two steps of the main thread. That thread may hold the lock of an event, a queue or a log
at that moment, and a handler that took such a lock would wait for ever. So the handlers here only set a plain
attribute, wake an event loop, or raise `KeyboardInterrupt` like Python's own. An ignored signal stays ignored, as
``nohup`` expects.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from typing import Self

APART: dict[str, Any]
"""For ``subprocess.Popen``: Ctrl-C reaches only the command, which then ends the process that it has started."""
if sys.platform == "win32":
    from subprocess import CREATE_NEW_PROCESS_GROUP

    APART = {"creationflags": CREATE_NEW_PROCESS_GROUP}
else:
    APART = {"start_new_session": True}

POLITE = ("SIGTERM", "SIGBREAK", "SIGHUP")
SLICE_SECONDS = 0.1


class Ending:
    """While this context manager is active, Ctrl-C and the other requests to end set `asked`, which the command checks
    in its loop."""

    def __init__(self) -> None:
        self.asked = False
        """Whether the command has been asked to end."""
        self._handling = _handling(("SIGINT", *POLITE), self._ask)

    def is_asked(self) -> bool:
        """`asked` as a function."""
        return self.asked

    def sleep(self, seconds: float) -> None:
        """Sleep until the time has passed, or for at most a tenth of a second after the command was asked to end."""
        deadline = time.monotonic() + seconds
        while not self.asked and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECONDS))

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def __enter__(self) -> Self:
        self._handling.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._handling.__exit__(kind, value, traceback)


def ended_politely() -> AbstractContextManager[None]:
    """Make the other requests to end raise `KeyboardInterrupt`, like Ctrl-C."""
    return _handling(POLITE, signal.default_int_handler)


def interruptible() -> AbstractContextManager[None]:
    """Make the first Ctrl-C raise `KeyboardInterrupt`, and ignore the others, so that cleaning up, such as removing a
    file, is not disturbed."""
    return _handling(["SIGINT"] if threading.current_thread() is threading.main_thread() else [], _interrupt)


@contextmanager
def ended_by_ctrl_c(ended: asyncio.Event) -> Iterator[None]:
    """Make Ctrl-C set the event of the running loop. An exception could be raised anywhere in the loop, and a loop that
    is about to sleep would not notice the signal."""
    import asyncio

    loop = asyncio.get_running_loop()
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    if sys.platform == "win32":  # there the loop wakes for every signal
        signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(ended.set))
    else:
        loop.add_signal_handler(signal.SIGINT, ended.set)
    try:
        yield
    finally:
        if sys.platform != "win32":
            loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, usual)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    signal.default_int_handler(number, frame)


@contextmanager
def _handling(signals: Iterable[str], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Send these signals, if the system has them, to the handler while this context manager is active."""
    numbers = [getattr(signal, name) for name in signals if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)
