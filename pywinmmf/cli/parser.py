"""The parser of the command line: its options, and each command with the module that declares its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import pywinmmf

from . import locations

Parsed = TypeVar("Parsed")


class Command(NamedTuple):
    """One line of the list of commands. The module of this package with its name has ``add_arguments(parser)``."""

    help: str
    extra: str = ""
    """The extra of the package that brings what the command needs; empty: it needs nothing."""
    uses_opencv: bool = False


COMMANDS = {
    "ls": Command("list the sections and channels that are open"),
    "info": Command("show what a section is, who holds it and how often it changes"),
    "audit": Command("compare header, lock and tallies; damage poisons the section"),
    "unlock": Command("free the lock of a section of the winmmf layout whose holder was killed"),
    "camera": Command("share cameras with all programs of this machine", "camera", uses_opencv=True),
    "view": Command("show a channel in the browser", "view", uses_opencv=True),
    "record": Command("record a channel as a video", "record", uses_opencv=True),
    "snapshot": Command("save the newest picture of a channel", "camera", uses_opencv=True),
    "top": Command("show a live table of frame channels", "top"),
    "demo": Command("run one process that owns a camera and others that see its pictures", "demo", uses_opencv=True),
    "bench": Command("measure frames against bare C and the peers that are installed", "bench"),
    "doctor": Command("try what this machine lets the library do, and say what to do about the rest"),
    "completion": Command("print the script that completes commands in a shell", "completion"),
}


class CommandParser(argparse.ArgumentParser):
    """The parser of a command. It imports the module that declares the arguments when it first parses some."""

    def __init__(self, *, command: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._command = command
        # `run` names the function that does the work; without it the help of the innermost parser is printed.
        self.set_defaults(run=None, parser=self)

    def declare(self) -> None:
        """Add the arguments that the command's module declares, once."""
        name, self._command = self._command, ""
        if name:
            command = COMMANDS[name]
            self.set_defaults(extra=command.extra)
            self.epilog = needs(command)
            import_module(f".{name}", __package__).add_arguments(self)
            self.description = f"{command.help[0].upper()}{command.help[1:]}. {self.description or ''}"

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Parsed | None = None
    ) -> tuple[Any, list[str]]:
        """Parse as every parser does, after declaring the arguments."""
        self.declare()
        return super().parse_known_args(args, namespace)


def needs(command: Command) -> str:
    """What to install for a command; empty: nothing."""
    if not command.extra:
        return ""
    what = f"pip install 'pywinmmf[{command.extra}]'"
    if not command.uses_opencv:
        return f"Needs the extra {command.extra!r}: {what}"
    return (
        f"Needs the extra {command.extra!r}: {what}, and OpenCV: whichever of its packages is installed is used; "
        f"if none is, pip install opencv-python, or, without windows, 'pywinmmf[headless]'."
    )


def build_parser(*, declare_all: bool = False) -> CommandParser:
    """The whole command line. ``declare_all``: with the arguments of every command, not only of those that are used."""
    parser = CommandParser(prog="pywinmmf", description="Named shared memory for Python, C, C++ and C#.")
    parser.add_argument(
        "--version", action="version", version=pywinmmf.__version__, help="print the version of the package"
    )
    for option, (run, text) in locations.OPTIONS.items():
        parser.add_argument(option, dest="run", action="store_const", const=run, help=text)
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = subcommands.add_parser(name, command=name, help=command.help)
        if declare_all:
            added.declare()
    return parser
