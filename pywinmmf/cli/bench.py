"""The arguments of ``pywinmmf bench``."""

from __future__ import annotations

import argparse
from pathlib import Path

from pywinmmf.bench.peers import PEERS
from pywinmmf.bench.rows import ROWS

from .options import new_file, positive

MEMORY = "memory"
KEYS = [*(row.key for row in ROWS), MEMORY]
WORD = 8
"""Bytes; a frame carries marks in four separate words: start, time, middle and end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    peers = ", ".join(name for name in PEERS if name != "pywinmmf")
    parser.description = f"Prints medians of rounds in which all subjects take turns. Peers: {peers}."
    parser.add_argument("--rounds", type=_rounds, help="default: 5")
    parser.add_argument("--seconds", type=positive, help="length of each measurement; default: 2")
    parser.add_argument("--size", type=_size, metavar="BYTES", help="size of a frame; default: 1920x1080x3")
    parser.add_argument("--rows", nargs="+", choices=KEYS, default=KEYS, metavar="ROW", help=", ".join(KEYS))
    parser.add_argument("--soak", type=_soak, metavar="SECONDS", help="length of row memory, at least 1; default: 10")
    parser.add_argument("--quick", action="store_true", help="only check that it runs: small defaults, useless figures")
    parser.add_argument("--programs", type=Path, metavar="DIR", help="folder with bare and wmmf; default: compile them")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="write all measurements")
    parser.add_argument("--plot", type=new_file, metavar="FILE.png", help="draw all rows except memory")
    parser.set_defaults(run="pywinmmf.bench.command:run")


def _rounds(text: str) -> int:
    return _whole_number(text, least=1)


def _size(text: str) -> int:
    return _whole_number(text, least=4 * WORD, multiple_of=WORD)


def _whole_number(text: str, least: int, multiple_of: int = 1) -> int:
    if not text.isdecimal() or int(text) < least or int(text) % multiple_of:
        multiple = f", a multiple of {multiple_of}" if multiple_of > 1 else ""
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of at least {least}{multiple}")
    return int(text)


def _soak(text: str) -> float:
    seconds = positive(text)
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected at least 1")
    return seconds
