"""``pywinmmf camera share`` and ``list``."""

from __future__ import annotations

import argparse
import json
import logging
import logging.handlers
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from pywinmmf import Access, Error, InvalidArgumentError, Namespace
from pywinmmf.terminal import positive

from . import registry
from .share import CONVERSIONS, SharedCamera, Sharing

ACCESS = {access.name.lower().replace("_", "-"): access for access in Access}


def add_parser(subcommands: Any) -> None:
    """Add ``camera`` to the command line."""
    camera = subcommands.add_parser("camera", help="share cameras with all programs of this machine")
    commands = camera.add_subparsers(title="commands", required=True)

    share = commands.add_parser(
        "share",
        help="own cameras and publish their pictures",
        description="Runs until Ctrl-C or SIGTERM. A camera that is missing, busy or unplugged is tried again.",
    )
    share.add_argument("sources", nargs="+", metavar="SOURCE", help="camera number, video file, stream, or 'test'")
    share.add_argument("--name", action="append", metavar="NAME", help="of each channel; default: camera-SOURCE")
    share.add_argument("--namespace", choices=["local", "global"], help="default: global where the rights allow")
    share.add_argument("--access", choices=ACCESS, default="users-read")
    share.add_argument("--size", type=_size, default=(640, 480), metavar="WIDTHxHEIGHT")
    share.add_argument("--format", choices=CONVERSIONS, default="BGR3")
    share.add_argument("--fps", type=positive, default=30.0, help="at most")
    share.add_argument("--every", type=int, default=1, metavar="N", help="publish only each N-th picture")
    share.add_argument("--slots", type=int, default=4)
    share.add_argument("--log", type=Path, metavar="FILE", help="write a rotating log file")
    share.set_defaults(run=_share)

    listing = commands.add_parser("list", help="the cameras that are shared now")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=_list)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    try:
        size = int(width), int(height)
    except ValueError:
        size = (0, 0)
    if min(size) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected WIDTHxHEIGHT, such as 1280x720")
    return size


def _channel_name(source: str) -> str:
    return "camera-" + (Path(source).stem or source)


def _sharings(arguments: argparse.Namespace) -> list[Sharing]:
    names = arguments.name or [_channel_name(source) for source in arguments.sources]
    if len(names) != len(arguments.sources):
        raise InvalidArgumentError(
            f"{len(names)} names for {len(arguments.sources)} sources: expected as many, in the same order"
        )
    if len(set(names)) != len(names):
        raise InvalidArgumentError(f"names {', '.join(names)}: expected different ones, see --name")
    if arguments.every < 1:
        raise InvalidArgumentError(f"--every {arguments.every}: expected at least 1")
    return [
        Sharing(
            source=source,
            name=name,
            width=arguments.size[0],
            height=arguments.size[1],
            pixel_format=arguments.format,
            most_fps=arguments.fps,
            every=arguments.every,
            slots=arguments.slots,
            namespace=Namespace[arguments.namespace.upper()] if arguments.namespace else None,
            access=ACCESS[arguments.access],
        )
        for source, name in zip(arguments.sources, names)
    ]


def _share(arguments: argparse.Namespace) -> int:
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if arguments.log:
        handlers.append(logging.handlers.RotatingFileHandler(arguments.log, maxBytes=1_000_000, backupCount=3))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    cameras: list[SharedCamera] = []
    announced: dict[str, Path] = {}
    try:
        for sharing in _sharings(arguments):
            cameras.append(SharedCamera(sharing))
            file = registry.announce(sharing.name, cameras[-1].namespace, sharing.source)
            if file is not None:
                announced[sharing.name] = file
            print(f"sharing {sharing.source} as {sharing.name} ({cameras[-1].namespace.name.lower()})", flush=True)
        _wait_for_the_end()
    except Error as error:
        print(f"pywinmmf: {error}", file=sys.stderr)
        return 1
    finally:
        for name, file in announced.items():
            registry.withdraw(name, file)
        for camera in cameras:
            camera.close()
    return 0


def _wait_for_the_end() -> None:
    end = threading.Event()
    for number in {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGBREAK", signal.SIGTERM)}:
        signal.signal(number, lambda *_: end.set())
    while not end.wait(0.2):  # Windows runs signal handlers only between waits
        pass


def _list(arguments: argparse.Namespace) -> int:
    cameras = registry.shared_cameras()
    if arguments.json:
        print(json.dumps(cameras))
    else:
        for name, entry in sorted(cameras.items()):
            print(f"{name}  {entry.get('namespace')}  {entry.get('source')}  pid {entry.get('pid')}")
    return 0
