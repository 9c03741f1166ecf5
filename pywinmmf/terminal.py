"""What commands have in common: the output, errors in one line, and text that no terminal obeys."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

# Exit codes.
UNREADABLE = 2
INTERRUPTED = 130  # as shells have it

MOST = 1e9


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
