"""A mapped file cut short behind Windows' back, as a file server can do it, and Linux does to Wine."""

from __future__ import annotations

import os
from pathlib import Path

import native
from lab import wine, winpython

READER = """
import sys
from pywinmmf import FormatError, MemoryMappedFile
with MemoryMappedFile.open_file(sys.argv[1]) as mapped:
    print("mapped", flush=True)
    sys.stdin.readline()
    for call in (lambda: mapped.read(1, 90_000), lambda: mapped.write(b"y", 90_000)):
        try:
            call()
        except FormatError:
            print("refused", flush=True)
    print(mapped.read(1), flush=True)
"""


def test_it_is_an_error_and_no_access_violation(tmp_path: Path) -> None:
    native.install_on_windows()
    path = tmp_path / "cut"
    path.write_bytes(b"x" * 100_000)
    reader = winpython.popen(["-c", READER, path], cwd=tmp_path)
    try:
        assert reader.stdin is not None and reader.stdout is not None
        assert reader.stdout.readline() == "mapped\n"
        os.truncate(path, 10)
        reader.stdin.write("go\n")
        assert reader.stdout.read().splitlines() == ["refused", "refused", "b'x'"]
    finally:
        wine.kill(reader)
