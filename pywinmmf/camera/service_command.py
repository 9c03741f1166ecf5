"""``pywinmmf camera install``, ``uninstall``, ``start``, ``stop`` and ``status``."""

from __future__ import annotations

import argparse
import sys

from pywinmmf import Error
from pywinmmf.cli.terminal import FAILED, shown

from .arguments import sharings_of
from .service import SERVICE, log_folder
from .service_manager import service_manager
from .sharing import check_text, rehearse
from .source_names import from_anywhere


def install(arguments: argparse.Namespace) -> int:
    """Install the service, or give the installed one new arguments."""
    try:
        for sharing in sharings_of(arguments):
            rehearse(sharing)
        words = _share_arguments(arguments)
        for word in words:
            check_text("argument", word)
        is_running = service_manager().install(arguments.service, words)
    except (Error, OSError) as error:
        return _failed(error)
    option = "" if arguments.service == SERVICE else f" --service {arguments.service}"
    start = f"pywinmmf camera start{option}"
    if is_running:
        print(f"installed {arguments.service}; it keeps its old arguments until: pywinmmf camera stop{option}, {start}")
    else:
        print(f"installed {arguments.service}: {start}")
    return 0


def _share_arguments(arguments: argparse.Namespace) -> list[str]:
    """The arguments of the equivalent share command, for any current folder."""
    words = [f"--name={name}" for name in arguments.name or []]  # as one word, because the name may begin with a dash
    if arguments.size:
        words += ["--size", "x".join(map(str, arguments.size))]
    for option in ("namespace", "access", "format", "fps", "every", "drop_every", "slots", "history"):
        if getattr(arguments, option) is not None:
            words += [f"--{option.replace('_', '-')}", str(getattr(arguments, option))]
    if arguments.standby:
        words.append("--standby")
    log = arguments.log or log_folder() / f"{arguments.service}.log"
    return [*words, "--log", str(log.resolve()), "--", *map(from_anywhere, arguments.sources)]


def control(arguments: argparse.Namespace) -> int:
    """Carry out ``arguments.action``."""
    try:
        return int(getattr(service_manager(), arguments.action)(arguments.service))
    except OSError as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    print(f"pywinmmf: {shown(error)}", file=sys.stderr)
    return FAILED
