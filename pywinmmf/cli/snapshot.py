"""The arguments of ``pywinmmf snapshot``."""

from __future__ import annotations

import argparse

from .options import add_name, new_file, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    add_name(parser, "channel")
    parser.add_argument("file", type=new_file, help="such as out.png; replaces an existing file")
    parser.add_argument(
        "--timeout", type=positive, default=5.0, metavar="SECONDS", help="how long to wait for a picture (default: 5)"
    )
    parser.set_defaults(run="pywinmmf.viewers.snapshot:run")
