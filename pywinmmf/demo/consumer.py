"""A process that checks the pictures: ``python -m pywinmmf.demo.consumer``."""

from __future__ import annotations

import argparse
import time
import zlib
from pathlib import Path

import numpy as np

from pywinmmf import LockTimeoutError, MemoryMappedFile, Namespace
from pywinmmf.camera.sources import Picture
from pywinmmf.opencv import cv2
from pywinmmf.whole_file import replace_file

from . import frames
from .worker import Report, plain_errors, stop_event

SHEET_COLUMNS, SHEET_ROWS = 4, 3
THUMBNAIL = (240, 135)
THUMBNAIL_SECONDS = 0.2


class ContactSheet:
    """Thumbnails of received frames: first of every frame, then of fewer and fewer."""

    def __init__(self) -> None:
        self.thumbnails: list[Picture] = []
        self._step = THUMBNAIL_SECONDS
        self._next = time.perf_counter()

    def offer(self, picture: Picture) -> None:
        """Take the picture if it is time for one. When full, keep every second thumbnail and slow down."""
        if time.perf_counter() < self._next:
            return
        if len(self.thumbnails) == SHEET_COLUMNS * SHEET_ROWS:
            self.thumbnails = self.thumbnails[::2]
            self._step *= 2
        self.thumbnails.append(cv2.resize(picture, THUMBNAIL))  # type: ignore[arg-type]
        self._next = time.perf_counter() + self._step

    def save(self, path: Path) -> None:
        """Write a PNG, row by row in the order of time."""
        width, height = THUMBNAIL
        sheet = np.zeros((SHEET_ROWS * height, SHEET_COLUMNS * width, frames.CHANNELS), np.uint8)
        for i, thumbnail in enumerate(self.thumbnails):
            row, column = divmod(i, SHEET_COLUMNS)
            sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = thumbnail
        replace_file(path, cv2.imencode(".png", sheet)[1].tobytes())


@plain_errors
def main() -> None:
    """Read every frame until told to stop, and verify its checksum."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--namespace", type=int, required=True)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    stop = stop_event()
    report = Report()
    sheet = ContactSheet()
    with MemoryMappedFile.open(options.name, namespace=Namespace(options.namespace)) as section:
        frame = bytearray(section.size)
        sequence = last = 0
        while not stop.is_set():
            report.tick()
            try:
                sequence = section.wait(sequence, timeout=0.1)
            except LockTimeoutError:
                continue
            section.read_into(frame)
            header = frames.Header(*frames.HEADER.unpack_from(frame))
            if header.number == last:
                continue
            pixels = memoryview(frame)[frames.PIXELS :][: frames.pixel_bytes(header.width, header.height)]
            report.latencies_ms.append((time.perf_counter_ns() - header.captured_ns) / 1e6)
            report.frames += 1
            report.bytes += len(pixels)
            report.missed += header.number - last - 1 if last else 0
            report.torn += zlib.crc32(pixels) != header.checksum
            last = header.number
            if options.sheet:
                picture = np.frombuffer(pixels, np.uint8).reshape(header.height, header.width, frames.CHANNELS)
                sheet.offer(picture)
    report.print()
    if options.sheet:
        sheet.save(options.sheet)


if __name__ == "__main__":
    main()
