"""The service manager of this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol, cast

from .service import Job


class ServiceManager(Protocol):
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


def service_manager() -> ServiceManager:
    """The service manager of this machine."""
    if sys.platform != "win32":
        from . import systemd

        return cast(ServiceManager, systemd)
    try:
        from . import windows_service
    except ImportError as error:
        raise OSError(f"Windows services need pywin32 ({error}): pip install 'pywinmmf[service]'") from None
    return cast(ServiceManager, windows_service)
