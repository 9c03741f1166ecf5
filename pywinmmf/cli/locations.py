"""``pywinmmf --include-dir`` and ``--library``: where the files for programs in other languages are."""

from __future__ import annotations

import argparse

from pywinmmf import include_dir, library_path

INCLUDE_DIR = f"{__name__}:print_include_dir"
LIBRARY = f"{__name__}:print_library"


def print_include_dir(_arguments: argparse.Namespace) -> int:
    """Print the folder with ``wmmf.h`` and ``wmmf.hpp``."""
    print(include_dir())
    return 0


def print_library(_arguments: argparse.Namespace) -> int:
    """Print the path of the shared library."""
    print(library_path())
    return 0
