"""The log file of shared cameras."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pywinmmf.camera.rotating_log import RotatingLog


@contextmanager
def being_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Windows does not rename open files; elsewhere the test simulates that."""
    replace = os.replace

    def as_windows(old: str, new: str) -> None:
        if str(file) in (old, new):
            raise PermissionError(f"{file} is open")
        replace(old, new)

    with file.open(), monkeypatch.context() as patched:
        if sys.platform != "win32":
            patched.setattr(os, "replace", as_windows)
        yield


@pytest.mark.parametrize("read", ["log", "log.1", "log.2"])
def test_a_log_that_is_being_read_loses_nothing(read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / name for name in ("log.2", "log.1", "log.0", "log")]

    def lines() -> list[int]:
        return [int(line) for file in files if file.exists() for line in file.read_text().split()]

    log = RotatingLog(tmp_path / "log", maxBytes=30, backupCount=2)  # of 6 or 7 lines

    def write(numbers: range) -> None:
        for number in numbers:
            log.emit(logging.makeLogRecord({"msg": str(number)}))

    write(range(100, 115))
    assert [file.name for file in files if file.exists()] == ["log.2", "log.1", "log"]
    with being_read(tmp_path / read, monkeypatch):
        write(range(115, 133))
        assert lines() == list(range(100, 133))
    write(range(133, 200))
    assert lines() == list(range(lines()[0], 200))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert all(file.stat().st_size <= 30 for file in tmp_path.iterdir())
    log.close()
