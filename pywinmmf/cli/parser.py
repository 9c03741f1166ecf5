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
    """A command. The module of this package with the same name has ``add_arguments(parser)``."""

    help: str
    extra: str = ""
    """The package extra that the command needs; empty: none."""
    uses_opencv: bool = False


COMMANDS = {
    "ls": Command("list the sections and channels that are open"),
    "info": Command("describe a section, its lock and its participants, and show how often it changes"),
    "audit": Command("compare header, lock and counts of a section or channel; damage poisons it"),
    "unlock": Command("free the lock of a section of the winmmf layout whose holder was killed"),
    "camera": Command("share cameras with all programs of this machine", "camera", uses_opencv=True),
    "view": Command("show a channel in the browser", "view", uses_opencv=True),
    "record": Command("record a channel as a video", "record", uses_opencv=True),
    "snapshot": Command("save the newest picture of a channel", "camera", uses_opencv=True),
    "top": Command("show a live table of frame channels", "top"),
    "demo": Command("run a process that owns a camera and others that check its pictures", "demo", uses_opencv=True),
    "bench": Command("compare the speed with bare C and other installed libraries", "bench"),
    "doctor": Command("check what works on this machine, and give advice about what does not"),
    "completion": Command("print a script that completes commands in a shell", "completion"),
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
        """Parse like every parser, after declaring the arguments."""
        self.declare()
        return super().parse_known_args(args, namespace)


def needs(command: Command) -> str:
    """The advice what to install for a command; empty: nothing."""
    if not command.extra:
        return ""
    what = f"pip install 'pywinmmf[{command.extra}]'"
    if not command.uses_opencv:
        return f"Needs the extra {command.extra!r}: {what}"
    return (
        f"Needs the extra {command.extra!r}: {what}, and any package of OpenCV; "
        f"if none is installed, pip install opencv-python or, without windows, 'pywinmmf[headless]'."
    )


def build_parser(*, declare_all: bool = False) -> CommandParser:
    """The whole command line. ``declare_all``: with the arguments of all commands, not only of the used one."""
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
