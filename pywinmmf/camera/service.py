"""The shared camera as a service: what there is on every system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

NOT_RUNNING, NOT_INSTALLED = 3, 4
"""Exit codes of ``status``, as those of systemctl and of the LSB."""

SERVICE = "pywinmmf-camera"
"""The name of the service if the user gives none."""

DESCRIPTION = "Shares cameras with all programs of this machine (pywinmmf)"

Job = Callable[[Callable[[], bool], Callable[[], None]], None]
"""What a service does until the first function says that it is to end; it calls the second one when it has begun."""


class System(Protocol):
    """What manages services. Those of its functions that say so give exit codes; all raise `OSError`."""

    def install(self, name: str, arguments: Sequence[str]) -> bool:
        """Have ``pywinmmf camera share`` with these arguments run from every start of the machine on. True: it is
        running already, with those it had, until it is stopped."""

    def uninstall(self, name: str) -> int:
        """Stop it and remove it; 0."""

    def start(self, name: str) -> int:
        """Start it; 0 once it runs."""

    def stop(self, name: str) -> int:
        """Stop it; 0 once it has ended."""

    def status(self, name: str) -> int:
        """Say how it is: 0, NOT_RUNNING or NOT_INSTALLED."""

    def run(self, name: str, job: Job) -> None:
        """Called by the service's own process: do the job until the system stops it."""


def system() -> System:
    """This machine's."""
    if sys.platform != "win32":
        from . import systemd

        return cast(System, systemd)
    try:
        from . import windows_service
    except ImportError as error:
        raise OSError(f"services of Windows need pywin32 ({error}): pip install 'pywinmmf[service]'") from None
    return cast(System, windows_service)


def log_folder() -> Path:
    """Where a service's log goes if nobody says otherwise."""
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "pywinmmf"
    if os.getuid() == 0:
        return Path("/var/log/pywinmmf")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "pywinmmf"
