"""The command line: ``python -m pywinmmf``, also installed as ``pywinmmf``.

Each command has a module here that declares its arguments and imports only the standard library and this package. Other
modules are imported when the command runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from .._starting import INTERRUPTED, MESSAGE
from .terminal import UNREADABLE, flush, shown


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. An error is one line on standard error."""
    from pywinmmf import Error

    try:
        try:
            return _run(argv)
        finally:
            flush()
    except KeyboardInterrupt:
        print(MESSAGE, end="", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output has closed the pipe
        return UNREADABLE
    except (Error, OSError) as error:
        print(f"pywinmmf: {shown(error)}", file=sys.stderr)
        return UNREADABLE


def _run(argv: Sequence[str] | None) -> int:
    from . import completion
    from .ending import interruptible
    from .parser import build_parser

    if completion.is_asked_for():
        completion.complete(build_parser(declare_all=True))
    arguments = build_parser().parse_args(argv)
    if arguments.run is None:
        arguments.parser.print_help()
        return 0
    implementation = _implementation(arguments)
    with interruptible():
        return implementation(arguments)


Implementation = Callable[[argparse.Namespace], int]


def _implementation(arguments: argparse.Namespace) -> Implementation:
    """The function that ``arguments.run`` names, as ``module:function``."""
    from pywinmmf import NotSupportedError

    module, _, function = arguments.run.partition(":")
    try:
        return cast(Implementation, getattr(import_module(module), function))
    except Exception as error:  # a broken package may raise anything
        if not getattr(arguments, "extra", ""):
            raise
        raise NotSupportedError(
            f"{arguments.parser.prog.partition(' ')[2]}: {_cause(error, arguments.extra)}"
        ) from None


def _cause(error: Exception, extra: str) -> str:
    """Why a module could not be imported, and what to do."""
    if isinstance(error, ImportError) and error.name == "cv2":
        return str(error)  # it says how to install OpenCV
    kind = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
    return f"{kind}{error}. This command needs: pip install 'pywinmmf[{extra}]'"
