"""What ``pywinmmf view`` serves, and to whom. The page in a browser has tests of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'view' is not installed")
pytest.importorskip("aiohttp", reason="the extra 'view' is not installed")

import cv2
import numpy
from viewer import Viewer, viewers

from pywinmmf import FrameChannel
from pywinmmf.cli import main

GREEN, RED = (0, 200, 0), (0, 0, 200)


@pytest.fixture
def view() -> Iterator[Callable[..., Viewer]]:
    with viewers() as start:
        yield start


def plain(colour: tuple[int, int, int]) -> Any:
    return numpy.full((48, 64, 3), colour, numpy.uint8)


def test_the_page(view: Callable[..., Viewer], name: str) -> None:
    viewer = view(name)
    for path, kind, words in (
        ("/", "text/html", "script.js"),
        ("/script.js", "text/javascript", "statistics.json"),
        ("/style.css", "text/css", "{"),
    ):
        with viewer.asked(path) as response:
            assert response.headers.get_content_type() == kind
            assert words in response.read().decode()
    assert viewer.get("/../pyproject.toml")[0] in (403, 404)
    assert viewer.get("/none")[0] == 404


def pictures(stream: Any) -> Iterator[Any]:
    """The parts of a multipart stream, decoded."""
    data = b""
    while received := stream.read1(65536):
        data += received
        *parts, data = data.split(b"--frame\r\n")
        for part in filter(None, parts):
            head, _, jpeg = part.partition(b"\r\n\r\n")
            assert head == b"Content-Type: image/jpeg"
            yield cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)


def test_the_live_picture(view: Callable[..., Viewer], name: str) -> None:
    with FrameChannel.create(name, capacity=(48, 64, 3)) as channel:
        channel.publish(plain(GREEN))
        with view(name).asked("/picture") as response:
            assert response.headers.get_content_type() == "multipart/x-mixed-replace"
            seen = pictures(response)
            assert numpy.abs(next(seen).astype(int) - plain(GREEN)).max() < 16
            channel.publish(plain(RED))
            assert numpy.abs(next(seen).astype(int) - plain(RED)).max() < 16


def test_statistics(view: Callable[..., Viewer], name: str, eventually: Callable[..., None]) -> None:
    viewer = view(name)
    assert viewer.statistics()["channel"] is None
    with FrameChannel.create(name, capacity=(48, 64, 3)) as channel:
        channel.publish(plain(GREEN))
        eventually(lambda: viewer.statistics()["state"] == "stalled")
        channel.publish(plain(GREEN))
        eventually(lambda: viewer.statistics()["frames"] == 2)
        seen = viewer.statistics()["channel"]
        assert (seen["width"], seen["height"], seen["format"], seen["sequence"]) == (64, 48, "BGR3", 2)
        assert {user["pid"] for user in seen["users"]} == {os.getpid()}


def test_only_this_machine_is_served(view: Callable[..., Viewer], name: str) -> None:
    viewer = view(name)
    for host in ("127.0.0.1", "localhost", f"localhost:{viewer.port}", "[::1]"):
        assert viewer.get("/", Host=host)[0] == 200
    for host in (
        "example.org",
        f"example.org:{viewer.port}",
        "127.0.0.1.example.org",
        "192.0.2.1",
        "",
        "a b",
        "[",
        ":",
        "a:b:c",
    ):
        for path in ("/", "/statistics.json", "/picture"):
            assert viewer.get(path, Host=host)[0] in (400, 403), host
    with socket.socket() as elsewhere, pytest.raises(ConnectionRefusedError):
        elsewhere.connect(("127.0.0.2", viewer.port))


@pytest.mark.parametrize("base", ["", "/", "/secret", "/%00", "/%ff", "//"])
def test_nothing_is_served_without_the_secret(view: Callable[..., Viewer], name: str, base: str) -> None:
    """Every user of the machine can connect."""
    viewer = view(name)
    guesses = [base, viewer.base[:-1], viewer.base + "x", viewer.base.swapcase(), f"/x{viewer.base}"]
    for guess in guesses:
        for path in ("", "/", "/statistics.json", "/picture", "/script.js"):
            for method in ("GET", "HEAD", "POST"):
                with viewer.asked(path or "/", method=method, base=guess) as response:
                    assert response.status == 403, (method, guess, path)
                    assert viewer.base[1:] not in response.read().decode()
    with viewer.asked("/") as response:
        assert response.headers["Referrer-Policy"] == "no-referrer"


def test_each_viewer_has_a_secret_of_its_own(view: Callable[..., Viewer], name: str) -> None:
    assert view(name).base != view(name).base


def test_a_head_has_no_body(view: Callable[..., Viewer], name: str) -> None:
    with FrameChannel.create(name, capacity=(48, 64, 3)) as channel:
        channel.publish(plain(GREEN))
        viewer = view(name)
        with socket.create_connection(("127.0.0.1", viewer.port), timeout=60) as client:
            client.sendall(
                f"HEAD {viewer.base}/picture HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""


@pytest.mark.parametrize("request_line", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_an_idle_connection_ends(view: Callable[..., Viewer], name: str, request_line: bytes) -> None:
    viewer = view(name, idle_seconds=0.5)
    with socket.create_connection(("127.0.0.1", viewer.port), timeout=60) as client:
        client.sendall(request_line)
        while client.recv(65536):
            pass


def test_a_viewer_that_takes_no_picture_is_disconnected(
    view: Callable[..., Viewer], name: str, eventually: Callable[..., None]
) -> None:
    viewer = view(name, idle_seconds=0.5)
    noise = numpy.random.default_rng(1).integers(0, 256, (1000, 1000, 3), numpy.uint8)
    with FrameChannel.create(name, capacity=noise.shape) as channel, socket.socket() as client:
        client.settimeout(60)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", viewer.port))
        client.sendall(f"GET {viewer.base}/picture HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

        def was_let_go() -> bool:
            channel.publish(noise)
            try:
                client.send(b"\r\n")
            except OSError:
                return True
            return False

        eventually(was_let_go)
        assert viewer.get("/")[0] == 200


def test_what_is_no_request_is_refused_without_a_word(
    view: Callable[..., Viewer], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    viewer = view(name)
    for request in (b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"\0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", viewer.port), timeout=60) as client:
            client.sendall(request)
            assert b" 400 " in client.recv(1000)
    assert viewer.get("/")[0] == 200
    assert viewer.end() == 0
    assert capfd.readouterr().err == ""


# Ctrl-C when the server has said its address and has just decided to sleep. So it interrupts no system call of the main
# thread.
INTERRUPTED_ASLEEP = """
import _thread, io, threading, time
from pywinmmf import cli
said = threading.Event()
class Output(io.TextIOWrapper):
    def write(self, text):
        said.set()
        return super().write(text)
sys.stdout = Output(sys.stdout.buffer, "utf-8", line_buffering=True)
def interrupt():
    said.wait()
    while sys._current_frames()[threading.main_thread().ident].f_code.co_name not in ("select", "_poll"):
        time.sleep(0.01)
    _thread.interrupt_main()
threading.Thread(target=interrupt, daemon=True).start()
sys.exit(cli.main(["view", sys.argv[1]]))
"""


def test_ctrl_c_wakes_a_server_that_sleeps(name: str, child: Callable[..., Any]) -> None:
    assert child(INTERRUPTED_ASLEEP, name).result().startswith(name)


def test_no_such_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "a/b"]) == 2
    assert "a/b" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["65536", "-1", "", "http"])
def test_no_such_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["view", "x", f"--port={port}"])
    assert f"{port!r}: expected 0 to 65535" in capsys.readouterr().err


def test_a_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["view", "x", "--port", str(port)]) == 2
    assert str(port) in capsys.readouterr().err
