"""What large pages change for copies of frames, as ratios to ordinary pages in the same run: medians of rounds.

Run it where pywinmmf is installed: ``./run bench``. ``--quick`` only checks that it runs. In brackets is the size of
the pages that the system granted; docs/how-to/files.md says what to set for large ones. Pages that are only advised may
be of either size.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from rounds import median_ns, show

from pywinmmf import Advice, MemoryMappedFile

FRAMES = {"1920x1080x3": 1920 * 1080 * 3, "7680x4320x3": 7680 * 4320 * 3}


def sections(size: int) -> dict[str, MemoryMappedFile]:
    """A section of each kind of memory."""
    advised = MemoryMappedFile.create_unnamed(size)
    advised.advise(Advice.LARGE_PAGES)
    return {
        "ordinary": MemoryMappedFile.create_unnamed(size),
        "advised": advised,
        "large, unnamed": MemoryMappedFile.create_unnamed(size, large_pages="try"),
        "large, with a name": MemoryMappedFile.create(f"pywinmmf-pages-{os.getpid()}", size, large_pages="try"),
    }


def main(quick: bool) -> None:
    """Print all figures."""
    for title, size in FRAMES.items():
        frame = bytearray(os.urandom(size))
        kinds = {f"{name} ({kind.page_size})": kind for name, kind in sections(size).items()}
        ordinary = next(iter(kinds))
        repeat = 1 if quick else max(1, (200 << 20) // size)
        into = median_ns({name: partial(kind.write, frame) for name, kind in kinds.items()}, repeat)
        out = median_ns({name: partial(kind.read_into, frame) for name, kind in kinds.items()}, repeat)
        show(f"a {title} frame in", into, ordinary)
        show(f"a {title} frame out", out, ordinary)
        for kind in kinds.values():
            kind.close()


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
