"""The shared camera as a service: what is the same on every system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

NOT_RUNNING, NOT_INSTALLED = 3, 4
"""Exit codes of ``status``, as in systemctl and the LSB."""

SERVICE = "pywinmmf-camera"
"""The name of the service if the user gives none."""

DESCRIPTION = "Shares cameras with all programs of this machine (pywinmmf)"

Job = Callable[[Callable[[], bool], Callable[[], None]], None]
"""The job of a service: it runs until the first function returns True, and calls the second one when it has begun."""


def log_folder() -> Path:
    """The default folder for the log of a service."""
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "pywinmmf"
    if os.getuid() == 0:
        return Path("/var/log/pywinmmf")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "pywinmmf"
