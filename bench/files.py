"""What mapped files cost, as ratios to mmap and numpy.memmap in the same run: medians of rounds.

Run it where pywinmmf and numpy are installed: ``./run bench``. ``--quick`` only checks that it runs. Linux only.
"""

from __future__ import annotations

import itertools
import mmap
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy
from rounds import median_ns, show

from pywinmmf import MemoryMappedFile

MIB = 1 << 20
WINDOW = 4 * MIB
SPARSE = 64 << 30
SMALL = 64 * MIB
PIECE = 64
Subjects = dict[str, Callable[[], object]]


@contextmanager
def file_of(size: int) -> Iterator[Path]:
    """A file of this size; a small one has no holes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(os.urandom(min(size, SMALL)))
        os.truncate(path, size)
        yield path


def descriptor_of(path: Path) -> int:
    """A descriptor for mmap; the process keeps it."""
    return os.open(path, os.O_RDWR)


def mapping(path: Path) -> Subjects:
    """Map a window somewhere in the file, touch one byte, and unmap it."""
    descriptor = descriptor_of(path)
    section = MemoryMappedFile.open_file(path, size=1)
    places = itertools.cycle(range(0, SPARSE, SPARSE // 16))

    def with_mmap() -> int:
        with mmap.mmap(descriptor, WINDOW, offset=next(places)) as window:
            return window[5]

    def with_memmap() -> int:
        return int(numpy.memmap(path, numpy.uint8, "r+", next(places), (WINDOW,))[5])

    def with_window() -> int:
        return section.window(next(places), WINDOW)[5]

    return {"mmap": with_mmap, "numpy.memmap": with_memmap, "window": with_window}


def reading_in_order(path: Path) -> Subjects:
    """Copy the whole file out, window after window."""
    descriptor = descriptor_of(path)
    section = MemoryMappedFile.open_file(path, size=1)
    target = memoryview(bytearray(WINDOW))

    def with_mmap() -> None:
        for offset in range(0, SMALL, WINDOW):
            with mmap.mmap(descriptor, WINDOW, offset=offset) as window, memoryview(window) as view:
                target[:] = view

    def with_memmap() -> None:
        for offset in range(0, SMALL, WINDOW):
            target[:] = numpy.memmap(path, numpy.uint8, "r+", offset, (WINDOW,)).data

    def with_window() -> None:
        for offset in range(0, SMALL, WINDOW):
            target[:] = section.window(offset, WINDOW)

    return {"mmap": with_mmap, "numpy.memmap": with_memmap, "window": with_window}


def reading_at_random(path: Path) -> Subjects:
    """Copy pieces out of a window that is mapped once."""
    places = random.Random(1)
    theirs = mmap.mmap(descriptor_of(path), SMALL)
    array = numpy.memmap(path, numpy.uint8, "r+")
    section = MemoryMappedFile.open_file(path)
    window = section.window(0, SMALL)

    def place() -> int:
        return places.randrange(SMALL - PIECE)

    def with_mmap() -> bytes:
        offset = place()
        return theirs[offset : offset + PIECE]

    def with_memmap() -> bytes:
        offset = place()
        return array[offset : offset + PIECE].tobytes()

    def with_window() -> bytes:
        offset = place()
        return bytes(window[offset : offset + PIECE])

    def with_read() -> bytes:
        return section.read(PIECE, place())

    return {"mmap": with_mmap, "numpy.memmap": with_memmap, "window": with_window, "read": with_read}


def flushing(path: Path) -> Subjects:
    """Change one page and flush it to the device. numpy.memmap flushes the whole file, which is one page here."""
    page = mmap.PAGESIZE
    theirs = mmap.mmap(descriptor_of(path), SMALL)
    array = numpy.memmap(path, numpy.uint8, "r+")
    section = MemoryMappedFile.open_file(path)
    view = section.view()

    def with_mmap() -> None:
        theirs[page] ^= 1
        theirs.flush(page, page)

    def with_memmap() -> None:
        array[page] ^= 1
        array.flush()

    def with_flush() -> None:
        view[page] ^= 1
        section.flush(page, page)

    return {"mmap": with_mmap, "numpy.memmap": with_memmap, "flush": with_flush}


def main(quick: bool) -> None:
    """Print all figures."""
    rows = [
        (f"map {WINDOW // MIB} MiB of a sparse file of 64 GiB, touch a byte", mapping, SPARSE, 320),
        (f"copy {SMALL // MIB} MiB out, window after window", reading_in_order, SMALL, 1),
        (f"copy {PIECE} bytes out, here and there", reading_at_random, SMALL, 20_000),
        ("change a page, flush it to the device", flushing, SMALL, 20),
    ]
    for title, subjects, size, repeat in rows:
        with file_of(size) as path:
            show(title, median_ns(subjects(path), 1 if quick else repeat), "mmap")


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
