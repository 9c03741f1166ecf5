"""The arguments of ``pywinmmf view``."""

from __future__ import annotations

import argparse

from .options import add_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.description = """Serves a page with the live picture of a channel until Ctrl-C. The address contains a
        secret: only somebody who knows it can open the page, and only on this machine."""
    add_name(parser, "channel")
    parser.add_argument("--port", type=_port, default=0, help="the port of the page; default: a free one")
    parser.set_defaults(run="pywinmmf.viewers.view:run")


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0 to 65535")
    return int(text)
