"""Which tests belong to the Windows suite; and Ctrl-C works, however the tests were started."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

WINDOWS_FOLDER = Path(__file__).parent / "windows"
WINDOWS_PARAMETERS = ("mingw", ".exe", "wine")


def pytest_configure() -> None:
    """What the tests start imports the installed package, not the sources in the current folder.

    Programs that a shell starts in the background ignore Ctrl-C, those of nohup the end of the terminal; all programs
    of the tests would inherit that."""
    os.environ["PYTHONSAFEPATH"] = "1"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in the folder for Windows, and the cases whose parameters name a Windows tool or program."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        parameters = [str(value) for value in callspec.params.values()] if callspec else []
        named = any(word in value for value in parameters for word in WINDOWS_PARAMETERS)
        if named or WINDOWS_FOLDER in item.path.parents:
            item.add_marker("windows")
