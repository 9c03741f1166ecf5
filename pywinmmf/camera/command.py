"""``pywinmmf camera``: share, list, and the service."""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pywinmmf import Access, Error, FrameChannel, InvalidArgumentError, Namespace, registry
from pywinmmf.terminal import handling, picture_size, positive, shown
from pywinmmf.viewers.state import is_stalled

from . import devices, service
from .rotating_log import RotatingLog
from .share import PIXEL_FORMATS, Pace, SharedCamera, Sharing, check, check_text, rehearse
from .sources import IN_FILE, prepare_opencv, video_file, without_secrets

ACCESS = {access.name.lower().replace("_", "-"): access for access in Access}
LOG_BYTES, OLD_LOGS = 1_000_000, 3
RETRY_SECONDS = 5.0  # between tries to get a name that is taken
SERVICE = "pywinmmf-camera"


def add_parser(subcommands: Any) -> None:
    """Add ``camera`` to the command line."""
    camera = subcommands.add_parser("camera", help="share cameras with all programs of this machine")
    commands = camera.add_subparsers(title="commands", required=True)

    share = commands.add_parser(
        "share",
        help="own cameras and publish their pictures",
        description="Runs until Ctrl-C or SIGTERM. A camera that is missing, busy or unplugged is tried again.",
    )
    _add_sharing_options(share)
    share.add_argument("--run-service", metavar="NAME", help=argparse.SUPPRESS)  # the service's own command line
    share.set_defaults(run=_share)

    listing = commands.add_parser("list", help="the cameras of this machine, and those that are shared now")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=_list)

    install = commands.add_parser(
        "install",
        help="share cameras from every start of the machine on",
        description="A service of Windows; a systemd unit on Linux, of the user if that is not root.",
    )
    _add_sharing_options(install)
    install.set_defaults(run=_install)
    services = [install]
    for command, text in (
        ("uninstall", "stop and remove the service"),
        ("start", "start the service"),
        ("stop", "stop the service"),
        ("status", "how the service is; exit code 0: running, 3: not, 4: not installed"),
    ):
        services.append(commands.add_parser(command, help=text))
        services[-1].set_defaults(run=_control, action=command)
    for parser in services:
        parser.add_argument(
            "--service", type=_service_name, default=SERVICE, metavar="NAME", help=f"default: {SERVICE}"
        )


def _add_sharing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="camera number, name or path; video file, which is played at its own pace; stream (rtsp:// and the like; "
        "http://, also of a file), which is read as fast as it comes; 'test'; or @FILE, which holds one of those: "
        "for a stream with a password, which others would read in this command line",
    )
    parser.add_argument("--name", action="append", metavar="NAME", help="of each channel; default: camera-SOURCE")
    parser.add_argument("--namespace", choices=["local", "global"], help="default: global where the rights allow")
    parser.add_argument("--access", choices=ACCESS, default="users-read")
    parser.add_argument(
        "--size", type=picture_size, metavar="WIDTHxHEIGHT", help="default: as they come, up to 1920x1080"
    )
    parser.add_argument("--format", choices=PIXEL_FORMATS, default="BGR3")
    parser.add_argument("--fps", type=positive, help="at most")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="publish only each N-th picture")
    parser.add_argument("--drop-every", type=int, metavar="N", help="leave out each N-th picture")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--log", type=Path, metavar="FILE", help="write a rotating log file")


def _service_name(text: str) -> str:
    """It becomes the name of files: of the unit and of the log."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected up to 100 letters, digits, '_', '-' and '.', a letter or digit first"
        )
    return text


def _channel_name(source: str) -> str:
    words = "".join(
        letter if letter.isalnum() else " " for letter in Path(without_secrets(source).rstrip("/")).stem
    ).split()
    return "-".join(["camera", *words])


def _sharings(arguments: argparse.Namespace) -> list[Sharing]:
    names = arguments.name or [_channel_name(source) for source in arguments.sources]
    if len(names) != len(arguments.sources):
        raise InvalidArgumentError(
            f"{len(names)} names for {len(arguments.sources)} sources: expected as many, in the same order"
        )
    if len({*names, *map(registry.claim_name, names)}) != 2 * len(names):
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
            namespace=Namespace[arguments.namespace.upper()] if arguments.namespace else None,
            access=ACCESS[arguments.access],
        )
        for source, name in zip(arguments.sources, names)
    ]
    for sharing in sharings:
        check(sharing)
    return sharings


def _share(arguments: argparse.Namespace) -> int:
    try:
        _log_to(arguments.log)
        prepare_opencv()
        if arguments.run_service:
            service.system().run(arguments.run_service, lambda end, ready: _share_until(end, ready, arguments))
        else:
            end = threading.Event()
            with handling(("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"), lambda *_: end.set()):
                _share_until(end, lambda: None, arguments)
    except (Error, OSError) as error:
        return _failed(error)
    return 0


def _log_to(file: Path | None) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler()] if sys.stderr else []
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatingLog(file, maxBytes=LOG_BYTES, backupCount=OLD_LOGS, encoding="utf-8"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)


def _share_until(end: threading.Event, ready: Callable[[], None], arguments: argparse.Namespace) -> None:
    with ExitStack() as stack:
        cameras: list[SharedCamera] = []

        def share(sharing: Sharing) -> None:
            cameras.append(stack.enter_context(_shared(sharing)))

        try:
            failed = _failures(share, _sharings(arguments))
            if not cameras:
                raise next(iter(failed.values()))
            for error in failed.values():
                logging.warning("%s; it is tried again", shown(error))
            ready()
            retries = Pace(1 / RETRY_SECONDS)
            while not end.wait(0.2):  # Windows runs signal handlers only between waits
                if failed and retries.is_due():
                    retries.step()
                    failed = _failures(share, failed)
        finally:
            for camera in cameras:  # all at once: those that are silent are waited for only once
                camera.stop()


def _failures(share: Callable[[Sharing], None], sharings: Iterable[Sharing]) -> dict[Sharing, Error]:
    """Share each, and tell which cannot be, and why: the name of one may be taken, which the others need not mind."""
    failed = {}
    for sharing in sharings:
        try:
            share(sharing)
        except Error as error:
            failed[sharing] = error
    return failed


@contextmanager
def _shared(sharing: Sharing) -> Iterator[SharedCamera]:
    camera = SharedCamera(sharing)
    source = without_secrets(sharing.source)
    try:
        file = registry.announce(sharing.name, camera.namespace, source, sharing.seconds_between_pictures)
        if file is None:
            logging.warning("%s is in no list: %s cannot be written", shown(sharing.name), registry.FILE)
        logging.info("sharing %s as %s (%s)", shown(source), shown(sharing.name), camera.namespace.name.lower())
        try:
            yield camera
        finally:
            if file is not None:
                with suppress(OSError):
                    registry.withdraw(sharing.name, camera.namespace, file)
    finally:
        camera.close()
        logging.info("sharing %s no more", shown(sharing.name))


def _list(arguments: argparse.Namespace) -> int:
    shared = registry.entries()
    try:
        present = devices.devices()
    except OSError as error:
        present = []
        print(f"pywinmmf: {shown(error)}", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"devices": [device._asdict() for device in present], "shared": shared}))
        return 0
    for device in present:
        print(f"device  {device.number}  {shown(device.name)}  {shown(device.path)}")
    for entry in shared:
        state = _state(entry["name"], Namespace[entry["namespace"].upper()])
        columns = [entry["name"], entry["namespace"], entry.get("source"), f"pid {entry.get('pid')}", state]
        print("shared", *map(shown, columns), sep="  ")
    return 0


def _state(name: str, namespace: Namespace) -> str:
    try:
        with FrameChannel.open(name, namespace=namespace, readonly=True) as channel:
            age = channel.age
    except Error as error:
        return str(error)
    if age is None:
        return "no picture yet"
    if not is_stalled(name, namespace, age):
        return "live"
    return f"stalled since {datetime.now() - timedelta(seconds=age):%Y-%m-%d %H:%M:%S}"


def _install(arguments: argparse.Namespace) -> int:
    try:
        for sharing in _sharings(arguments):
            rehearse(sharing)
        words = _share_arguments(arguments)
        for word in words:
            check_text("argument", word)
        is_running = service.system().install(arguments.service, words)
    except (Error, OSError) as error:
        return _failed(error)
    option = "" if arguments.service == SERVICE else f" --service {arguments.service}"
    start = f"pywinmmf camera start{option}"
    if is_running:
        print(f"installed {arguments.service}, which runs as it was until: pywinmmf camera stop{option}, {start}")
    else:
        print(f"installed {arguments.service}: {start}")
    return 0


def _share_arguments(arguments: argparse.Namespace) -> list[str]:
    """The arguments of a share command that does what was asked for, from whatever folder it is run."""
    words = [f"--name={name}" for name in arguments.name or []]  # in one word: it may begin with a dash
    if arguments.size:
        words += ["--size", "x".join(map(str, arguments.size))]
    for option in ("namespace", "access", "format", "fps", "every", "drop_every", "slots"):
        if getattr(arguments, option) is not None:
            words += [f"--{option.replace('_', '-')}", str(getattr(arguments, option))]
    log = arguments.log or service.log_folder() / f"{arguments.service}.log"
    return [*words, "--log", str(log.resolve()), "--", *map(_from_anywhere, arguments.sources)]


def _from_anywhere(source: str) -> str:
    """The source, by an absolute path if it is a file."""
    if source.startswith(IN_FILE):
        return IN_FILE + str(Path(source[len(IN_FILE) :]).resolve())
    file = video_file(source)
    return source if file is None else str(Path(file).resolve())


def _control(arguments: argparse.Namespace) -> int:
    try:
        return int(getattr(service.system(), arguments.action)(arguments.service))
    except OSError as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    print(f"pywinmmf: {shown(error)}", file=sys.stderr)
    return 1
