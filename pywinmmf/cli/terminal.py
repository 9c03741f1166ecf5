"""Shared by commands: exit codes, output, and text without control characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

# Exit codes.
FAILED = 1
UNREADABLE = 2


def flush() -> None:
    """Flush the output. If that fails, drop it: the interpreter would try again at its end."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def print_table(columns: list[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as text, in columns of equal width."""
    cells = [columns, *([shown(row.get(column, "-")) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def shown(value: object) -> str:
    """The text for a terminal: names may contain control characters, which a terminal would obey, and characters that
    it cannot show."""
    if value is None:
        return "none"
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
    return text.encode(encoding, "backslashreplace").decode(encoding)
