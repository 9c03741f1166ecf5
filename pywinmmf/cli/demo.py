"""The arguments of ``pywinmmf demo``."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
from pathlib import Path

from .options import new_file, picture_size, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--source", help="camera number or video file; default: a moving test picture")
    parser.add_argument("--seconds", type=positive, default=10.0, help="how long (default: 10)")
    parser.add_argument(
        "--namespace", choices=["local", "global"], default="local", help="namespace of the section (default: local)"
    )
    parser.add_argument(
        "--size", type=picture_size, default=(1280, 720), metavar="WxH", help="size of the pictures (default: 1280x720)"
    )
    parser.add_argument("--fps", type=positive, default=30.0, help="pictures per second (default: 30)")
    parser.add_argument(
        "--consumers", type=int, choices=range(1, 17), default=3, metavar="1..16", help="how many (default: 3)"
    )
    parser.add_argument(
        "--consumer",
        type=_command,
        action="append",
        default=[],
        metavar="COMMAND",
        help="one more consumer, in any language: COMMAND NAME NAMESPACE (see examples); may be repeated",
    )
    parser.add_argument(
        "--sheet",
        type=new_file,
        default=Path("contact-sheet.png"),
        metavar="FILE.png",
        help="file that shows the received pictures (default: contact-sheet.png)",
    )
    parser.set_defaults(run="pywinmmf.demo.command:run")


def _command(text: str) -> list[str]:
    on_windows = os.name == "nt"
    try:
        words = shlex.split(text, posix=not on_windows)
    except ValueError:  # an unclosed quotation
        words = []
    if on_windows:
        words = [word.strip('"') for word in words]
    if not words or shutil.which(words[0]) is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a program and its arguments")
    return words
