"""What a lock and a copy cost, as ratios to bare operations of the machine in the same run: medians of rounds.

Run it where pywinmmf is installed, with a C compiler: ``./run bench``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import statistics
import subprocess
import tempfile
import tracemalloc
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from rounds import median_ns, show

import pywinmmf

FRAME = 1920 * 1080 * 3
CALLS = 20_000
COPIES = 30


def locks_in_c(name: str) -> dict[str, float]:
    """Build lock.c against the installed package and run it."""
    library = pywinmmf.library_path()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "lock")
        where = [f"-I{pywinmmf.include_dir()}", f"-L{library.parent}", f"-Wl,-rpath,{library.parent}"]
        source = Path(__file__).with_name("lock.c")
        subprocess.run(["cc", "-O2", "-std=c11", source, *where, "-lwmmf", "-o", program], check=True)
        output = subprocess.run([program, name], check=True, capture_output=True, text=True).stdout
    times: dict[str, list[float]] = defaultdict(list)
    for line in output.splitlines():
        what, value = line.split()
        times[what].append(float(value))
    return {what: statistics.median(values) for what, values in times.items()}


def locks_in_python(section: pywinmmf.MemoryMappedFile) -> dict[str, float]:
    """Locks, compared with a block that does nothing."""

    def with_nothing() -> None:
        with nothing:
            pass

    def with_read() -> None:
        with section.read_lock():
            pass

    def with_write() -> None:
        with section.write_lock():
            pass

    nothing = contextlib.nullcontext()
    subjects: dict[str, Callable[[], object]] = {
        "with nullcontext()": with_nothing,
        "with read_lock()": with_read,
        "with write_lock()": with_write,
    }
    return median_ns(subjects, CALLS)


def copies(section: pywinmmf.MemoryMappedFile) -> dict[str, float]:
    """A frame in and out, compared with memcpy of the same buffers."""
    frame = bytearray(os.urandom(FRAME))
    ours = ctypes.addressof((ctypes.c_char * FRAME).from_buffer(frame))
    theirs = ctypes.addressof((ctypes.c_char * FRAME).from_buffer(section.view()))
    subjects: dict[str, Callable[[], object]] = {
        "memcpy in": lambda: ctypes.memmove(theirs, ours, FRAME),
        "write": lambda: section.write(frame),
        "memcpy out": lambda: ctypes.memmove(ours, theirs, FRAME),
        "read_into": lambda: section.read_into(frame),
    }
    return median_ns(subjects, COPIES)


def allocated_by_read_into(section: pywinmmf.MemoryMappedFile) -> int:
    """Bytes that are allocated and kept after many calls."""
    frame = bytearray(FRAME)
    section.read_into(frame)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(COPIES):
        section.read_into(frame)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown


def main() -> None:
    """Print all figures."""
    name = f"pywinmmf-bench-{os.getpid()}"
    show("C: against one pair of compare-and-swaps", locks_in_c(name), "cas")
    with pywinmmf.MemoryMappedFile.create(name, FRAME) as section:
        show("Python: against a block that does nothing", locks_in_python(section), "with nullcontext()")
        times = copies(section)
        show("a 1920x1080x3 frame in", {key: times[key] for key in ("memcpy in", "write")}, "memcpy in")
        show("a 1920x1080x3 frame out", {key: times[key] for key in ("memcpy out", "read_into")}, "memcpy out")
        print(f"\nbytes kept by {COPIES} x read_into: {allocated_by_read_into(section)}")


if __name__ == "__main__":
    main()
