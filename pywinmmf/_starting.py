"""Ctrl-C while a command of this package starts: the command reports it and ends at once.

Python would raise `KeyboardInterrupt` in the middle of an import. That gives a traceback, or it is lost: callbacks of
an import swallow it, and NumPy turns it into an `ImportError`. This module is imported first, before slow imports.
"""

import os
import signal
import sys
from contextlib import suppress

INTERRUPTED = 130
"""The exit code, as in shells."""
MESSAGE = "pywinmmf: interrupted\n"


def _is_command() -> bool:
    """Whether this process is the script ``pywinmmf``, or ``python -m pywinmmf``, where the program is still "-m"."""
    program, *arguments = sys.argv or [""]
    if program == "-m":
        return sys.orig_argv[-len(sys.argv) :] in (["pywinmmf", *arguments], ["-mpywinmmf", *arguments])
    return program.replace("\\", "/").rpartition("/")[2] in ("pywinmmf", "pywinmmf.exe")


def _end(*_: object) -> None:
    with suppress(OSError):  # nobody reads it
        os.write(2, MESSAGE.encode())
    os._exit(INTERRUPTED)


if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as by nohup
    signal.signal(signal.SIGINT, _end)
