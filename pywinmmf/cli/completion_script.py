"""``pywinmmf completion``: prints the script."""

from __future__ import annotations

import argparse

from argcomplete.shell_integration import shellcode


def run(arguments: argparse.Namespace) -> int:
    """Print the script for a shell."""
    print(shellcode(["pywinmmf"], shell=arguments.shell))
    return 0
