"""The command line: ``python -m pywinmmf``, also installed as ``pywinmmf``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from . import __version__, inspection_commands
from .errors import Error
from .paths import include_dir, library_path
from .terminal import INTERRUPTED, UNREADABLE, flush, shown


def build_parser() -> argparse.ArgumentParser:
    """The options and subcommands. Each sets ``run``: from the arguments to the exit code."""
    parser = argparse.ArgumentParser(prog="pywinmmf", description="Named shared memory for Python, C, C++ and C#.")
    parser.add_argument("--version", action="version", version=__version__)
    for option, run, text in (
        ("--include-dir", _print_include_dir, "print the folder of wmmf.h"),
        ("--library", _print_library, "print the path of the shared library"),
    ):
        parser.add_argument(option, dest="run", action="store_const", const=run, help=text)
    subcommands = parser.add_subparsers(title="commands")
    inspection_commands.add_parsers(subcommands)
    for command, (module, extra) in _EXTRAS.items():
        _add_extra(subcommands, command, module, extra)
    return parser


# Commands that need more than the package itself: their module, and the extra that brings it.
_EXTRAS = {
    "demo": (".demo.command", "demo"),
    "camera": (".camera.command", "camera"),
    "view": (".look.view", "view"),
    "record": (".look.record", "record"),
    "snapshot": (".look.snapshot", "record"),
    "top": (".look.top", "top"),
    "bench": (".bench.command", "bench"),
}


def _add_extra(subcommands: Any, command: str, module: str, extra: str) -> None:
    try:
        import_module(module, __package__).add_parser(subcommands)
    except ModuleNotFoundError as error:
        missing = error.name
        # Whatever else is asked for, options too, is no error beside this one: no character makes an option here.
        parser = subcommands.add_parser(
            command, help=f"needs: pip install 'pywinmmf[{extra}]'", add_help=False, prefix_chars="\0"
        )
        parser.add_argument("anything", nargs="*")
        parser.set_defaults(run=lambda _: parser.error(f"no module {missing!r}: pip install 'pywinmmf[{extra}]'"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. What goes wrong is one line on standard error."""
    try:
        try:
            return _run(argv)
        finally:
            flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # who reads the output has had enough
        return UNREADABLE
    except (Error, OSError) as error:
        print(f"pywinmmf: {shown(error)}", file=sys.stderr)
        return UNREADABLE


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.run is None:
        parser.error("nothing to do: see --help")
    return int(arguments.run(arguments))


def _print_include_dir(_arguments: argparse.Namespace) -> int:
    print(include_dir())
    return 0


def _print_library(_arguments: argparse.Namespace) -> int:
    print(library_path())
    return 0
