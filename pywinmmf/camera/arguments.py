"""Converts the arguments of ``camera share`` and ``camera install`` into settings."""

from __future__ import annotations

import argparse
from math import ceil

from pywinmmf import Access, InvalidArgumentError, Namespace
from pywinmmf.registry import claim_name

from .sharing import USUAL_FPS, Sharing, check
from .source_names import channel_name

HISTORY_MARGIN = 10  # one extra frame for this many


def sharings_of(arguments: argparse.Namespace) -> list[Sharing]:
    """The settings for each source. `InvalidArgumentError` for impossible values."""
    names = arguments.name or [channel_name(source) for source in arguments.sources]
    if len(names) != len(arguments.sources):
        raise InvalidArgumentError(
            f"{len(names)} names for {len(arguments.sources)} sources: expected as many, in the same order"
        )
    if len({*names, *map(claim_name, names)}) != 2 * len(names):
        raise InvalidArgumentError(f"names {', '.join(names)}: expected different ones, see --name")
    if arguments.every < 1:
        raise InvalidArgumentError(f"--every {arguments.every}: expected at least 1")
    if arguments.drop_every is not None and arguments.drop_every < 2:
        raise InvalidArgumentError(f"--drop-every {arguments.drop_every}: expected at least 2")
    sharings = [
        Sharing(
            source=source,
            name=name,
            size=arguments.size,
            pixel_format=arguments.format,
            most_fps=arguments.fps,
            every=arguments.every,
            drop_every=arguments.drop_every,
            slots=arguments.slots,
            history=_history(arguments),
            standby=arguments.standby,
            namespace=Namespace[arguments.namespace.upper()] if arguments.namespace else None,
            access=Access[arguments.access.upper().replace("-", "_")],
        )
        for source, name in zip(arguments.sources, names)
    ]
    for sharing in sharings:
        check(sharing)
    return sharings


def _history(arguments: argparse.Namespace) -> int:
    """The number of frames: as asked for, or for the seconds asked for and some more, as no camera is perfectly
    regular."""
    asked: str = arguments.history
    if not asked.endswith("s"):
        return int(asked)
    fps: float = arguments.fps or USUAL_FPS / arguments.every
    frames = ceil(float(asked[:-1]) * fps)
    return frames + frames // HISTORY_MARGIN + 1
