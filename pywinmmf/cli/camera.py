"""The arguments of ``pywinmmf camera``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from pywinmmf import Access
from pywinmmf.camera.service import SERVICE
from pywinmmf.camera.sharing import PIXEL_FORMATS

from .options import add_json, history, name, picture_size, positive
from .terminal import FAILED

ACCESS = [access.name.lower().replace("_", "-") for access in Access]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands and their arguments."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    share = commands.add_parser(
        "share",
        help="own cameras and publish their pictures",
        description="Runs until Ctrl-C or SIGTERM. It keeps trying to open a missing, busy or unplugged camera; a file "
        "that is missing or is not a video is an error.",
    )
    _add_sharing_options(share)
    share.add_argument("--run-service", metavar="NAME", help=argparse.SUPPRESS)  # the service's own command line
    share.set_defaults(run="pywinmmf.camera.share_command:run")

    listing = commands.add_parser(
        "list",
        help="list the cameras of this machine, and the shared cameras",
        description=f"Exit code 0: the lists are complete; {FAILED}: some cameras could not be listed. "
        "The reasons are on standard error and in the field errors of --json.",
    )
    add_json(listing)
    listing.set_defaults(run="pywinmmf.camera.list_command:run")

    install = commands.add_parser(
        "install",
        help="share cameras whenever the machine runs",
        description="Installs a Windows service; on Linux a systemd unit, which is a user unit unless you are root.",
    )
    _add_sharing_options(install)
    install.set_defaults(run="pywinmmf.camera.service_command:install")
    services = [install]
    for command, text in (
        ("uninstall", "stop and remove the service"),
        ("start", "start the service"),
        ("stop", "stop the service"),
        ("status", "show whether the service runs; exit code 0: it runs, 3: it does not, 4: it is not installed"),
    ):
        services.append(commands.add_parser(command, help=text))
        services[-1].set_defaults(run="pywinmmf.camera.service_command:control", action=command)
    for parser in services:
        parser.add_argument(
            "--service",
            type=_service_name,
            default=SERVICE,
            metavar="NAME",
            help=f"name of the service (default: {SERVICE})",
        )


def _add_sharing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="camera number, name or path; video file, played at its own pace; stream (rtsp:// and the like; http://, "
        "also of a file), read as fast as it comes; 'test'; or @FILE, a file that contains one of these: for a stream "
        "with a password, which others could read on the command line",
    )
    parser.add_argument(
        "--name", action="append", type=name, metavar="NAME", help="name of each channel; default: camera-SOURCE"
    )
    parser.add_argument(
        "--namespace", choices=["local", "global"], help="of the channels; default: global if you have the right"
    )
    parser.add_argument(
        "--access", choices=ACCESS, default="users-read", help="who may open the channels (default: users-read)"
    )
    parser.add_argument(
        "--size",
        type=picture_size,
        metavar="WIDTHxHEIGHT",
        help="size of the pictures; default: unchanged, up to 1920x1080",
    )
    parser.add_argument(
        "--format", choices=PIXEL_FORMATS, default="BGR3", help="published pixel format (default: BGR3)"
    )
    parser.add_argument("--fps", type=positive, help="limit of pictures per second; default: all")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="publish only every N-th picture")
    parser.add_argument("--drop-every", type=int, metavar="N", help="leave out every N-th picture")
    parser.add_argument("--slots", type=int, default=4, help="slots of a channel (default: 4)")
    parser.add_argument(
        "--history",
        type=history,
        default="0",
        metavar="FRAMES|SECONDSs",
        help="how many older frames stay readable, such as 300; or for how long, such as 10s, at --fps or 30 pictures "
        "per second (default: 0)",
    )
    parser.add_argument(
        "--standby",
        action="store_true",
        help="if another program shares under the name: wait until it has died or ended, then take over",
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="write a rotating log file")


def _service_name(text: str) -> str:
    """It also becomes the name of the unit file and of the log file."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected up to 100 letters, digits, '_', '-' and '.', a letter or digit first"
        )
    return text
