"""``pywinmmf completion``: the Tab key completes commands, options and the names of what is open.

At each press of the key, the script calls this program with ``_ARGCOMPLETE`` in its environment.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

SHELLS = ("bash", "zsh", "tcsh", "fish", "powershell")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``completion``."""
    parser.description = """Print a script with which the Tab key completes commands, options and the names of open
        sections. bash: eval "$(pywinmmf completion bash)"; fish: pywinmmf completion fish | source; PowerShell:
        pywinmmf completion powershell | Out-String | Invoke-Expression"""
    parser.add_argument("shell", choices=SHELLS, help="the shell to write for")
    parser.set_defaults(run="pywinmmf.cli.completion_script:run")


def is_asked_for() -> bool:
    """Whether a shell asks how to complete a line."""
    return "_ARGCOMPLETE" in os.environ


def complete(parser: argparse.ArgumentParser) -> None:
    """Print the completions for the shell, and end the process."""
    from argcomplete import autocomplete

    autocomplete(parser)


def open_names(prefix: str, **_: Any) -> list[str]:
    """The names of open sections and channels that begin with ``prefix``."""
    from pywinmmf import Error, Namespace, list_sections

    from .inner import visible

    names: list[str] = []
    for namespace in (Namespace.GLOBAL, Namespace.LOCAL):
        try:
            names += visible(list_sections(namespace))
        except Error:
            continue
    return [name for name in names if name.startswith(prefix)]
