"""The process that owns the camera: ``python -m pywinmmf.demo.producer``."""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from itertools import chain

from pywinmmf import Access, Error, MemoryMappedFile, Namespace
from pywinmmf.camera.source_names import TEST_PICTURE
from pywinmmf.camera.sources import Picture, pictures

from . import frames
from .worker import Report, plain_errors, stop_event


@plain_errors
def main() -> None:
    """Write pictures into a new section until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--namespace", type=int, required=True)
    parser.add_argument("--size", type=int, nargs=2, required=True)
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument("--source")
    options = parser.parse_args()
    width, height = options.size
    stop = stop_event()
    try:
        source = pictures(options.source or TEST_PICTURE, (width, height))
        first = next(source)
        section = MemoryMappedFile.create(
            options.name,
            frames.PIXELS + frames.pixel_bytes(width, height),
            namespace=Namespace(options.namespace),
            access=Access.USERS_READ if options.namespace == Namespace.GLOBAL else Access.OWNER,
        )
    except (Error, OSError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        sys.exit(1)
    report = Report()
    with section:
        print(json.dumps({"ready": True}), flush=True)
        due = time.perf_counter()
        for picture in chain([first], source):
            report.frames += 1
            _write(section, report.frames, picture)
            report.bytes += picture.nbytes
            report.tick()
            due = max(due + 1 / options.fps, time.perf_counter() - 1)
            if stop.wait(max(0.0, due - time.perf_counter())):
                break
    report.print()


def _write(section: MemoryMappedFile, number: int, picture: Picture) -> None:
    captured = time.perf_counter_ns()
    height, width = picture.shape[:2]
    header = frames.HEADER.pack(number, captured, width, height, zlib.crc32(picture.data))
    with section.write_lock():
        section.write(header)
        section.write(picture.data, frames.PIXELS)


if __name__ == "__main__":
    main()
