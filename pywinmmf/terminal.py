"""What commands have in common: values of options, signals, the output, and text that no terminal obeys."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

# Exit codes.
UNREADABLE = 2
INTERRUPTED = 130  # as shells have it

MOST = 1e9
MOST_PIXELS = 16384  # of a row or column


def flush() -> None:
    """Write what was printed. What cannot be written is dropped: the interpreter would try again at its end."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def positive(text: str) -> float:
    """An option's value: a number above 0, and short of what clocks can count."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < MOST:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0, below {MOST:g}")
    return number


def picture_size(text: str) -> tuple[int, int]:
    """An option's value: width and height in pixels."""
    size = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text, re.ASCII)
    width, height = map(int, size.groups()) if size else (0, 0)
    if not 1 <= min(width, height) <= max(width, height) <= MOST_PIXELS:
        raise argparse.ArgumentTypeError(f"{text!r}: expected WIDTHxHEIGHT in pixels, such as 1280x720")
    return width, height


@contextmanager
def handling(signals: Iterable[str], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have these signals, as far as the system knows them, go to the handler meanwhile. Ignored ones stay so: nohup."""
    numbers = [getattr(signal, name) for name in signals if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)


def ended_politely() -> AbstractContextManager[None]:
    """Have whoever ends us politely, or closes our terminal, do so as Ctrl-C does: what is open is finished."""
    return handling(("SIGTERM", "SIGBREAK", "SIGHUP"), signal.default_int_handler)


def print_table(columns: list[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as text, in columns of equal width."""
    cells = [columns, *([shown(row.get(column, "-")) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def shown(value: object) -> str:
    """For a terminal, which obeys control characters and may not know all others; names may have any."""
    if value is None:
        return "none"
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
    return text.encode(encoding, "backslashreplace").decode(encoding)
