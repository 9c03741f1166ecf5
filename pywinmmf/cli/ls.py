"""``pywinmmf ls``: which sections and channels are open."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from typing import Any

from pywinmmf import Error, FormatError, MemoryMappedFile, Namespace, NotFoundError, list_sections

from .facts import channel_of, sequence_of
from .inner import visible
from .options import add_json
from .terminal import print_table

COLUMNS = ["name", "namespace", "kind", "size", "sequence", "participants"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("--namespace", choices=["local", "global"], help="list only this namespace; default: both")
    parser.add_argument("--all", action="store_true", help="also list the parts of channels, such as NAME.shared")
    add_json(parser)
    parser.set_defaults(run=f"{__name__}:run")


def run(arguments: argparse.Namespace) -> int:
    """Print the list. This opens sections read-only and changes nothing."""
    rows = []
    for namespace in [arguments.namespace] if arguments.namespace else ["local", "global"]:
        names = list_sections(Namespace[namespace.upper()])
        for name in names if arguments.all else visible(names):
            try:
                rows.append({"name": name, "namespace": namespace, **_in_short(name, Namespace[namespace.upper()])})
            except NotFoundError:
                continue  # closed meanwhile
    if arguments.json:
        print(json.dumps(rows))
    else:
        print_table(COLUMNS, rows)
    return 0


def _in_short(name: str, namespace: Namespace) -> dict[str, Any]:
    try:
        with (
            MemoryMappedFile.open(name, namespace=namespace, readonly=True) as section,
            channel_of(name, namespace) or nullcontext() as channel,
        ):
            return {
                "kind": "channel" if channel else "section",
                "size": f"{channel.slots} x {channel.capacity}" if channel else section.size,
                "sequence": sequence_of(channel or section),
                "participants": len(section.participants()),
            }
    except FormatError:
        return {"kind": "other layout"}
    except NotFoundError:
        raise
    except Error as error:
        return {"kind": f"unreadable: {type(error).__name__}"}
