"""Arguments of several commands, and their values."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from pywinmmf import Namespace

from .completion import open_names

NUMBER_LIMIT = 1e9
PIXELS_MAX = 16384  # in a row or column


def positive(text: str) -> float:
    """A number above 0 that is not too large for a clock."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < NUMBER_LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0, below {NUMBER_LIMIT:g}")
    return number


def picture_size(text: str) -> tuple[int, int]:
    """Width and height in pixels."""
    size = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text, re.ASCII)
    width, height = map(int, size.groups()) if size else (0, 0)
    if not 1 <= min(width, height) <= max(width, height) <= PIXELS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r}: expected WIDTHxHEIGHT in pixels, such as 1280x720")
    return width, height


def history(text: str) -> str:
    """A number of frames, or seconds, such as 300 or 10s."""
    if not re.fullmatch(r"\d{1,9}|\d{1,9}(\.\d{1,9})?s", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of frames, or of seconds, such as 300 or 10s")
    return text


def new_file(text: str) -> Path:
    """A file that can be written or replaced, in a folder that exists."""
    path = Path(text)
    folder = path.parent
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a file in an existing folder; there is no {str(folder)!r}"
        )
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a file, but this is a folder")
    if not os.access(folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a file in a writable folder")
    return path


def name(text: str) -> str:
    """The name of a section. In the C locale Python does not decode non-ASCII letters, but it keeps their bytes, and
    names are UTF-8."""
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        return text  # the library reports what is wrong with it


def add_name(parser: argparse.ArgumentParser, what: str) -> None:
    """``NAME`` of one section or channel, and ``--namespace``."""
    completed = parser.add_argument("name", type=name, help=f"the name of the {what}")
    completed.completer = open_names  # type: ignore[attr-defined]
    add_namespace(parser)


def add_namespace(parser: argparse.ArgumentParser) -> None:
    """``--namespace``."""
    parser.add_argument(
        "--namespace",
        type=_namespace,
        default=Namespace.ANY,
        metavar="{any,local,global,custom}",
        help="where to look for the name; default: any, which is global and then local",
    )


def _namespace(text: str) -> Namespace:
    try:
        return Namespace[text.upper()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected any, local, global or custom") from None


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
