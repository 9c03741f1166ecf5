"""The shared camera as a service: the part that is the same on every system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

NOT_RUNNING, NOT_INSTALLED = 3, 4
"""Exit codes of ``status``, as in systemctl and the LSB."""

SERVICE = "pywinmmf-camera"
"""The name of the service if the user gives none."""

DESCRIPTION = "Shares cameras with all programs of this machine (pywinmmf)"

Job = Callable[[Callable[[], bool], Callable[[], None]], None]
"""The job of a service: it runs until the first function returns True, and calls the second one when it has begun."""


class System(Protocol):
    """The service manager of a system. Some functions return an exit code, as their docstrings say. All may raise
    `OSError`."""

    def install(self, name: str, arguments: Sequence[str]) -> bool:
        """Run ``pywinmmf camera share`` with these arguments at every start of the machine. Returns True if the service
        is already running; it then keeps its old arguments until it is stopped."""

    def uninstall(self, name: str) -> int:
        """Stop and remove the service; returns 0."""

    def start(self, name: str) -> int:
        """Start the service; returns 0 when it runs."""

    def stop(self, name: str) -> int:
        """Stop the service; returns 0 when it has ended."""

    def status(self, name: str) -> int:
        """Print the state of the service; returns 0 (it runs), NOT_RUNNING or NOT_INSTALLED."""

    def run(self, name: str, job: Job) -> None:
        """Called by the service's own process: do the job until the system stops it."""


def system() -> System:
    """The service manager of this machine."""
    if sys.platform != "win32":
        from . import systemd

        return cast(System, systemd)
    try:
        from . import windows_service
    except ImportError as error:
        raise OSError(f"Windows services need pywin32 ({error}): pip install 'pywinmmf[service]'") from None
    return cast(System, windows_service)


def log_folder() -> Path:
    """The default folder for the log of a service."""
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "pywinmmf"
    if os.getuid() == 0:
        return Path("/var/log/pywinmmf")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "pywinmmf"
