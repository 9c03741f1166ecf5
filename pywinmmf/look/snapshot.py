"""``pywinmmf snapshot``: the newest picture of a channel as a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2

from pywinmmf import FrameChannel, InvalidArgumentError, Namespace
from pywinmmf.terminal import positive, shown
from pywinmmf.video_capture import bgr

from . import namespaces
from .pictures import encoded


def add_parser(subcommands: Any) -> None:
    """Add ``snapshot`` to the command line."""
    parser = subcommands.add_parser("snapshot", help="save the newest picture of a channel")
    namespaces.add_channel(parser)
    parser.add_argument("file", type=Path, help="such as out.png; one that exists is replaced")
    parser.add_argument("--timeout", type=positive, default=5.0, metavar="SECONDS", help="for the first picture")
    parser.set_defaults(run=_snapshot)


def _snapshot(arguments: argparse.Namespace) -> int:
    kind, file = arguments.file.suffix, arguments.file
    if not kind or not cv2.haveImageWriter(f"picture{kind}"):
        raise InvalidArgumentError(f"file {str(file)!r}: expected the name of a picture, such as out.png or out.jpg")

    def open_channel(namespace: Namespace) -> FrameChannel:
        return FrameChannel.open(arguments.name, namespace=namespace, readonly=True)

    with namespaces.first_found(namespaces.chosen(arguments), open_channel) as channel:
        frame = channel.latest(arguments.timeout)
        age = channel.age or 0.0
        picture = bgr(frame)
    # Not cv2.imwrite, which knows few letters of file names on Windows.
    file.write_bytes(encoded(picture, kind))
    height, width = picture.shape[:2]
    print(f"{shown(file)}: {width} x {height}, frame {frame.sequence}, {age:.3f} s old")
    return 0
