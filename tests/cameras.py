"""What the tests of shared cameras have in common."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy

SIZE = (64, 48)


def make_video(path: Path, levels: list[int], size: tuple[int, int] = SIZE) -> None:
    """A video of grey pictures; the file appears when it is complete."""
    unfinished = path.with_name("unfinished-" + path.name)
    writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter.fourcc(*"MJPG"), 25, size)
    for level in levels:
        writer.write(numpy.full((size[1], size[0], 3), level, numpy.uint8))
    writer.release()
    os.replace(unfinished, path)


class Unreliable:
    """A camera that is unplugged after some pictures."""

    fps = 200.0
    size = SIZE

    def __init__(self, pictures: int) -> None:
        self._left = pictures
        self.released = False

    def grab(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError("unplugged")

    def retrieve(self, target: Any = None) -> Any:
        return numpy.full((48, 64, 3), 7, numpy.uint8)

    def release(self) -> None:
        self.released = True


def picture(value: int, width: int = SIZE[0], height: int = SIZE[1]) -> numpy.typing.NDArray[numpy.uint8]:
    return numpy.full((height, width, 3), value, numpy.uint8)


def jpeg(value: int) -> bytes:
    """A picture as a file."""
    return bytes(cv2.imencode(".jpg", picture(value))[1])


def png(value: int) -> bytes:
    """The same, without losses."""
    return bytes(cv2.imencode(".png", picture(value))[1])


class Stream:
    """An HTTP stream of JPEG pictures, 20 a second; every tenth part is something else."""

    def __init__(self) -> None:
        self.connections = 0
        self.url = ""

    @contextmanager
    def of(self, bad: bytes, kind: str, *, with_length: bool = True, parts: int = 10**9) -> Iterator[None]:
        """Serve it, with these bytes of this type as every tenth part. Each connection ends after this number of
        parts."""
        stream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments: object) -> None:
                pass

            def do_GET(self) -> None:
                stream.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = 0
                while number < parts and not ended.wait(0.05):
                    number += 1
                    part, content = (bad, kind) if number % 10 == 0 else (jpeg(number % 200), "image/jpeg")
                    length = f"Content-Length: {len(part)}\r\n" if with_length else ""
                    head = f"--frame\r\nContent-Type: {content}\r\n{length}\r\n"
                    try:
                        self.wfile.write(head.encode() + part + b"\r\n")
                    except OSError:
                        return

        ended = threading.Event()
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}/"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield
            finally:
                ended.set()
                server.shutdown()
