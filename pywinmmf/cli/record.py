"""The arguments of ``pywinmmf record``."""

from __future__ import annotations

import argparse

from .options import add_name, new_file, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.description = """Records until Ctrl-C, or for some seconds. While the camera is away, the film shows the
        last picture. After a kill you can play the recording up to its last second."""
    add_name(parser, "channel")
    parser.add_argument(
        "file",
        type=new_file,
        help="such as film.mp4 or film.avi; replaces an existing file when the new one is complete",
    )
    parser.add_argument(
        "--seconds",
        "--after",
        type=positive,
        metavar="SECONDS",
        help="how long to record, from now or from the trigger on; default: until Ctrl-C",
    )
    parser.add_argument(
        "--before",
        type=positive,
        default=0.0,
        metavar="SECONDS",
        help="begin that many seconds earlier, with frames of the channel's history",
    )
    parser.add_argument(
        "--on-trigger", action="store_true", help="first wait for a line on standard input, and count from that moment"
    )
    parser.add_argument(
        "--fps", type=positive, default=30.0, help="limit of pictures per second, 1 to 1000 (default: 30)"
    )
    parser.add_argument(
        "--timeout",
        type=positive,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait for the first picture (default: 10)",
    )
    parser.set_defaults(run="pywinmmf.viewers.record:run")
