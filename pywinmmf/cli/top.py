"""The arguments of ``pywinmmf top``."""

from __future__ import annotations

import argparse

from .completion import open_names
from .options import add_json, add_namespace, name, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.description = "The column age is the age of the newest frame."
    names = parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        type=name,
        help="name of a channel; default: all channels that this user may read",
    )
    names.completer = open_names  # type: ignore[attr-defined]
    add_namespace(parser)
    parser.add_argument(
        "--interval", type=positive, default=1.0, metavar="SECONDS", help="between updates (default: 1)"
    )
    parser.add_argument("--once", action="store_true", help="print one table and end, for scripts")
    add_json(parser)
    parser.set_defaults(run="pywinmmf.viewers.top:run")
