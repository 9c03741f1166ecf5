"""A stream of JPEG or PNG pictures, cut into its parts; and what a hostile or unusual server sends."""

from __future__ import annotations

import base64
import contextlib
import http.server
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

from cameras import SIZE, jpeg, png

from pywinmmf.camera import mjpeg_stream
from pywinmmf.camera.mjpeg_stream import MjpegStream, Parts, picture_size

WHOLE = jpeg(100)
PNG = png(100)
MULTIPART = "multipart/x-mixed-replace; boundary=frame"


def part(body: bytes, header: bytes = b"Content-Type: image/jpeg\r\n") -> bytes:
    return b"--frame\r\n" + header + b"\r\n" + body + b"\r\n"


def pictures(stream: bytes, step: int, boundary: str = "frame") -> int:
    """How many pictures come out, if the stream is received in pieces of this size."""
    parts = Parts(boundary)
    found = 0
    for at in range(0, len(stream), step):
        parts.feed(stream[at : at + step])
        found += sum(picture_size(body) is not None for body in parts.take())
    return found


@pytest.mark.parametrize("step", [1, 7, 1000, 10**6])
@pytest.mark.parametrize("length", [b"", b"0", b"%d" % len(WHOLE), b"%d" % (len(WHOLE) - 9), b"9999999", b"-1", b"x"])
def test_a_wrong_length_costs_no_picture(length: bytes, step: int) -> None:
    header = b"Content-Length: " + length + b"\r\n"
    assert pictures(part(WHOLE, header) * 5 + b"--frame--\r\n", step) == 5


@pytest.mark.parametrize("boundary", ["frame", "--frame"])
def test_unusual_ways_to_write_a_boundary(boundary: str) -> None:
    stream = part(WHOLE) * 3 + b"--frame\r\n"
    for written in (stream, stream.replace(b"--frame", b"----frame"), b"a preamble\r\n" + stream):
        assert pictures(written, 100, boundary) == 3
    assert pictures(b"--frame\n\n" + WHOLE + b"--frame\n", 100) == 1  # no header, no carriage returns


def test_the_size_of_a_picture() -> None:
    assert picture_size(WHOLE) == SIZE
    assert picture_size(WHOLE + bytes(500)) == SIZE  # padding
    for cut in range(len(WHOLE) - 1):
        assert picture_size(WHOLE[:cut]) is None
    huge = bytearray(WHOLE)
    at = huge.index(b"\xff\xc0") + 5
    huge[at : at + 4] = b"\xff" * 4  # 65,535 x 65,535: 12 GB as a picture
    assert picture_size(bytes(huge)) is None


@pytest.mark.parametrize("step", [1, 7, 10**6])
@pytest.mark.parametrize("length", [b"", b"%d" % len(PNG), b"%d" % (len(PNG) - 9)])
def test_png_pictures(length: bytes, step: int) -> None:
    header = b"Content-Type: image/png\r\nContent-Length: " + length + b"\r\n"
    assert pictures((part(PNG, header) + part(WHOLE)) * 3 + b"--frame--\r\n", step) == 6


def test_the_size_of_a_png_picture() -> None:
    assert picture_size(PNG) == SIZE
    assert not any(picture_size(PNG[:cut]) for cut in range(len(PNG)))
    assert picture_size(PNG[:16] + b"\xff" * 8 + PNG[24:]) is None  # 4,294,967,295 x 4,294,967,295


def test_a_stream_of_png_pictures(serve: Callable[[Answer], str]) -> None:
    stream = MjpegStream.open("x", f"http://{serve(lambda request: send(request, part(PNG) * 2))}/", 10)
    assert stream is not None
    stream.grab()
    assert (stream.retrieve() == 100).all()
    stream.release()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg_stream, "PART_BYTES_MAX", 10_000)
    parts = Parts("frame")
    for piece in [part(b"")[:-2]] + [bytes(1000)] * 100:
        parts.feed(piece)
        assert parts.take() in ([], [b""])
        assert len(parts._received) <= 10_000
    parts.feed(b"--frame\r\n" + part(WHOLE) + b"--frame\r\n")
    assert WHOLE in [body.strip() for body in parts.take()]


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Answers each request so; gives the address of the server."""
    with contextlib.ExitStack() as servers:

        def start(answer: Answer) -> str:
            class Handler(http.server.BaseHTTPRequestHandler):
                def log_message(self, *arguments: object) -> None:
                    pass

                def do_GET(self) -> None:
                    with contextlib.suppress(OSError):
                        answer(self)

            server = servers.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
            servers.callback(server.shutdown)
            return f"127.0.0.1:{server.server_port}"

        yield start


def send(request: http.server.BaseHTTPRequestHandler, body: bytes = part(WHOLE) * 2, kind: str = MULTIPART) -> None:
    request.send_response(200)
    request.send_header("Content-Type", kind)
    request.end_headers()
    request.wfile.write(body)


def test_user_and_password_go_to_the_own_server_only(serve: Callable[[Answer], str]) -> None:
    heard: list[str | None] = []

    def elsewhere(request: http.server.BaseHTTPRequestHandler) -> None:
        heard.append(request.headers["Authorization"])
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Basic realm="camera"')
        request.end_headers()

    other = serve(elsewhere)

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        wanted = "Basic " + base64.b64encode(b"me:p/w@d").decode()
        if request.headers["Authorization"] != wanted:
            elsewhere(request)
        elif request.path in ("/moved", "/away"):
            request.send_response(302)
            request.send_header("Location", "/video" if request.path == "/moved" else f"http://{other}/")
            request.end_headers()
        else:
            send(request)

    server = serve(answer)
    stream = MjpegStream.open("x", f"http://me:p%2Fw%40d@{server}/moved", 10)
    assert stream is not None
    stream.grab()
    assert stream.size == SIZE
    assert stream.retrieve().shape == (*SIZE[::-1], 3)
    stream.release()
    heard.clear()
    with pytest.raises(OSError, match=r"^source 'x': the server answers 401 \("):
        MjpegStream.open("x", f"http://me:p%2Fw%40d@{server}/away", 10)
    assert heard == [None, None]  # of this server, before it asks for them; then of the other one


def test_what_is_not_ours_is_left_to_ffmpeg(serve: Callable[[Answer], str]) -> None:
    kinds = ["video/x-msvideo", "multipart/x-mixed-replace", "multipart/mixed; boundary=frame"]
    server = serve(lambda request: send(request, kind=kinds[int(request.path[1:])]))
    for number in range(len(kinds)):
        assert MjpegStream.open("x", f"http://{server}/{number}", 10) is None


def test_a_server_that_never_sends_a_picture_is_given_up(serve: Callable[[Answer], str]) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\n\r\n".encode()
    stream = MjpegStream.open("x", f"http://{serve(lambda request: drip(request, head, part(b'none'), 0.01))}/", 0.3)
    assert stream is not None
    with pytest.raises(OSError, match=r"'x': no picture for 0\.3 seconds"):
        stream.grab()
    stream.release()


def drip(request: http.server.BaseHTTPRequestHandler, head: bytes, piece: bytes, pause: float) -> None:
    """Send the head of an answer, and then something without end."""
    request.wfile.write(head)
    while True:
        request.wfile.write(piece)
        time.sleep(pause)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Type: ",
        b"HTTP/1.1 100 Continue\r\nA: ",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="',
    ],
)
def test_a_server_with_a_slow_head_is_given_up(serve: Callable[[Answer], str], head: bytes) -> None:
    server = serve(lambda request: drip(request, head, b"x", 0.05))
    began = time.monotonic()
    with pytest.raises(OSError, match="'x': no stream there"):
        MjpegStream.open("x", f"http://me:you@{server}/", 0.5)
    assert time.monotonic() - began < 5  # a byte in time is not enough


def test_a_server_whose_chunk_begins_slowly_is_given_up(serve: Callable[[Answer], str]) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {MULTIPART}\r\nTransfer-Encoding: chunked\r\n\r\n5;".encode()
    stream = MjpegStream.open("x", f"http://{serve(lambda request: drip(request, head, b'x', 0.05))}/", 0.5)
    assert stream is not None
    began = time.monotonic()
    with pytest.raises(OSError, match=r"'x': no picture for 0\.5 seconds"):
        stream.grab()
    assert time.monotonic() - began < 5
    stream.release()


@pytest.mark.parametrize("head", [b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: "])
def test_an_endless_head_costs_no_memory(serve: Callable[[Answer], str], head: bytes) -> None:
    sent: list[int] = []

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.wfile.write(head)
        while True:
            request.wfile.write(bytes(1 << 16))
            sent.append(1 << 16)

    server = serve(answer)
    tracemalloc.start()
    try:
        assert refused(f"http://{server}/")
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert sum(sent) < 64 << 20  # what the system keeps on its way


def refused(url: str) -> bool:
    try:
        return MjpegStream.open("x", url, 2) is None
    except OSError:
        return True


def test_the_end_of_a_stream(serve: Callable[[Answer], str]) -> None:
    stream = MjpegStream.open("x", f"http://{serve(send)}/", 10)
    assert stream is not None
    stream.grab()
    with pytest.raises(OSError, match="'x': it gives no more pictures"):
        for _ in range(2):
            stream.grab()
    stream.release()
