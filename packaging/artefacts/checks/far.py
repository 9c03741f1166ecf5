"""Runs in a 32-bit Python that a wheel was installed into: a file and a section larger than its addresses."""

import sys
from collections.abc import Callable
from pathlib import Path

import pywinmmf
from pywinmmf import Error, MemoryMappedFile

SIZE = 64 << 30
PLACES = (0, (4 << 30) + 12345, SIZE - (2 << 20))
"""The beginning, an odd place beyond 4 GiB, and the end."""
assert sys.maxsize < 2**32


def refused(call: Callable[[], MemoryMappedFile]) -> str:
    """Return the message for a request of more than the process has addresses for."""
    try:
        call().close()
    except Error as error:
        return str(error)
    raise AssertionError("it was not refused")


path = Path(sys.argv[1])
with path.open("wb") as made:
    made.truncate(SIZE)
try:
    with MemoryMappedFile.open_file(path, size=1) as file:
        for place in PLACES:
            with file.window(place, 2 << 20) as window:
                assert bytes(window[-3:]) == b"\0\0\0"
                window[-3:] = b"far"
            with file.window(place + (2 << 20) - 3, 3) as window:
                assert bytes(window) == b"far", (place, bytes(window))
        file.flush()
    said = refused(lambda: MemoryMappedFile.open_file(path))
    assert f"size {SIZE}: expected at most" in said and "windows of the rest" in said, said
    said = refused(lambda: MemoryMappedFile.open_file(path, size=(2 << 30) - (64 << 10)))
    assert "bytes of addresses left in one piece" in said, said
finally:
    path.unlink()
said = refused(lambda: MemoryMappedFile.create("wmmf-far", 100, reserve=SIZE))
assert f"reserve {SIZE}: expected 100 (its size) to" in said, said
print("smoke passed", pywinmmf.__version__, sys.version.split()[0], sys.platform)
