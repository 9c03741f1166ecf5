"""``pywinmmf snapshot``: the newest picture of a channel as a file."""

from __future__ import annotations

import argparse
import os
import uuid
from contextlib import suppress
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
    _save(encoded(picture, kind), file)
    height, width = picture.shape[:2]
    print(f"{shown(file)}: {width} x {height}, frame {frame.sequence}, {age:.3f} s old")
    return 0


def _save(data: bytes, file: Path) -> None:
    """All or nothing: what is there stays if the disk is full."""
    target = Path(os.path.realpath(file))
    part = target.with_name(f"{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        error.filename, error.filename2 = str(file), None  # writing names none, replacing one that nobody knows
        raise
    finally:
        with suppress(OSError):
            part.unlink()
