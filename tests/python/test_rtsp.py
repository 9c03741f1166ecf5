"""A network camera: a source that speaks RTSP (RFC 2326) is shared, and may come and go."""

from __future__ import annotations

import itertools
import re
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

import cv2
import numpy

from pywinmmf import FrameChannel, Namespace
from pywinmmf.camera.share import SharedCamera
from pywinmmf.camera.sharing import Sharing

SIZE = (64, 48)
PACKET = 7 * 188  # bytes: as many of the transport stream's packets as usual in one of RTP
DESCRIPTION = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:0\r\n"


class Camera(socketserver.ThreadingTCPServer):
    """Sends an MPEG transport stream again and again to each client, through the connection that asks for it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, stream: bytes) -> None:
        super().__init__(("127.0.0.1", port), Client)
        self.packets = [stream[at : at + PACKET] for at in range(0, len(stream), PACKET)]
        self.unplugged = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=[0.01])
        self._thread.start()

    def unplug(self) -> None:
        """End all connections; no new ones are taken."""
        self.unplugged.set()
        self.shutdown()
        self.server_close()
        self._thread.join()


class Client(socketserver.StreamRequestHandler):
    """One connection."""

    server: Camera

    def handle(self) -> None:
        while request := self._request():
            method, number = request.split()[0], re.findall(r"(?i)\ncseq: *(\d+)", request)[0]
            headers, body = f"CSeq: {number}\r\nSession: 1\r\n", ""
            if method == "DESCRIBE":
                body = DESCRIPTION
                headers += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            elif method == "SETUP":
                headers += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            self.wfile.write(f"RTSP/1.0 200 OK\r\n{headers}\r\n{body}".encode())
            if method == "PLAY":
                self._play()

    def _request(self) -> str:
        lines = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
        return "\n".join(lines)

    def _play(self) -> None:
        for number, packet in enumerate(itertools.cycle(self.server.packets)):
            if self.server.unplugged.wait(0.01):
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            header = struct.pack(">BBHII", 0x80, 33, number % 65536, number * 900, 1)
            try:
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(header + packet)) + header + packet)
            except OSError:  # the client has enough
                return


@pytest.fixture
def stream(tmp_path: Path) -> bytes:
    """Pictures of a grey of 200."""
    file = tmp_path / "stream.ts"
    writer = cv2.VideoWriter(str(file), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MPG2"), 25, SIZE)
    for _ in range(10):
        writer.write(numpy.full((*SIZE[::-1], 3), 200, numpy.uint8))
    writer.release()
    return file.read_bytes()


@pytest.fixture
def plug_in(stream: bytes) -> Iterator[Callable[[int], Camera]]:
    """Starts cameras, at a port or (0) at any; all are unplugged after the test."""
    cameras: list[Camera] = []

    def start(port: int) -> Camera:
        cameras.append(Camera(port, stream))
        return cameras[-1]

    yield start
    for camera in cameras:
        if not camera.unplugged.is_set():
            camera.unplug()


def test_it_is_shared_and_may_come_and_go(
    name: str, plug_in: Callable[[int], Camera], eventually: Callable[[Callable[[], object]], None]
) -> None:
    camera = plug_in(0)
    port = camera.server_address[1]
    sharing = SharedCamera(Sharing(f"rtsp://127.0.0.1:{port}/front", name, size=SIZE))
    try:
        with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as reader:
            with reader.next(timeout=30) as frame:
                assert abs(int(frame.array.mean()) - 200) < 10
            camera.unplug()
            eventually(lambda: "no stream there" in sharing.problem)
            eventually(lambda: (reader.age or 0) > 0.3)
            stood_still = reader.sequence
            plug_in(port)
            assert reader.wait(stood_still, timeout=30) > stood_still
            eventually(lambda: sharing.problem == "")
    finally:
        sharing.close()
