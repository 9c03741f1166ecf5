"""Which tests belong to the Windows suite."""

from __future__ import annotations

from pathlib import Path

import pytest

WINDOWS_FOLDER = Path(__file__).parent / "windows"
WINDOWS_PARAMETERS = ("mingw", ".exe", "wine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in the folder for Windows, and the cases whose parameters name a Windows tool or program."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        parameters = [str(value) for value in callspec.params.values()] if callspec else []
        named = any(word in value for value in parameters for word in WINDOWS_PARAMETERS)
        if named or WINDOWS_FOLDER in item.path.parents:
            item.add_marker("windows")
