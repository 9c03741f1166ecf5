"""The reference of the command line: the help of every command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from pywinmmf.cli.parser import build_parser
from reference import syntax

INTRODUCTION = """# Commands

`pywinmmf` and `python -m pywinmmf` are the same. This page is the help of every command.

"""


def page(_project: Path) -> str:
    """The page."""
    os.environ["COLUMNS"] = "100"
    page = INTRODUCTION
    for parser in _parsers(build_parser(declare_all=True)):
        page += f"## {parser.prog}\n\n" + syntax.block("text", parser.format_help().strip())
    return page


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of its subcommands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subcommand in action.choices.values():
                yield from _parsers(subcommand)
