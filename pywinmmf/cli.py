"""The command line: ``python -m pywinmmf``, also installed as ``pywinmmf``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from . import __version__, inspection_commands
from .paths import include_dir, library_path


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
    _add_demo(subcommands)
    return parser


def _add_demo(subcommands: Any) -> None:
    try:
        from .demo.command import add_parser
    except ModuleNotFoundError as error:
        missing = error.name
        demo = subcommands.add_parser("demo", help="needs: pip install 'pywinmmf[demo]'")
        demo.set_defaults(run=lambda _: demo.error(f"no module {missing!r}: pip install 'pywinmmf[demo]'"))
    else:
        add_parser(subcommands)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
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
