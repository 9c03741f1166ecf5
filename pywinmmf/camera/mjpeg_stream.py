"""A stream of JPEG or PNG pictures over HTTP (``multipart/x-mixed-replace``), as most network cameras and web servers
send it.

FFmpeg drops the whole connection at the first part that is not a picture. This reader skips the part. It does not trust
the server: memory, pixels and waiting times are bounded.
"""

from __future__ import annotations

import functools
import http.client
import io
import math
import re
import socket
import ssl
import time
import urllib.request
from email.message import Message
from typing import Any, Self, cast
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np
import numpy.typing as npt

from pywinmmf.opencv import cv2

from .sharing import Size

Picture = npt.NDArray[np.uint8]

PART_BYTES_MAX = 1 << 25  # of a part and its header; a longer part is skipped
PIXELS_MAX = 1 << 26  # of a picture
READ_BYTES = 1 << 16
JPEG_BEGIN, JPEG_END = b"\xff\xd8", b"\xff\xd9"
PNG_BEGIN, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
HEAD_BYTES_MAX = 1 << 20  # that a server may send before its pictures, including redirects
PADDING_MAX = 1024  # bytes that some cameras append to a picture
HEADER_END = re.compile(rb"\A\r?\n|\r?\n\r?\n")  # a header can be empty
CONTENT_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,10})[ \t]*\r?$")


class BadPicture(OSError):
    """One picture cannot be decoded. The next one may be sound."""


class Limits:
    """How long, and how much, a server may still send."""

    def __init__(self, seconds: float) -> None:
        self.timeout = seconds
        self._deadline = time.monotonic() + seconds
        self._bytes: float = HEAD_BYTES_MAX

    def renew(self) -> None:
        """Start waiting for the next picture: the time starts again; the picture's size is limited elsewhere."""
        self._deadline = time.monotonic() + self.timeout
        self._bytes = math.inf

    @property
    def seconds(self) -> float:
        """The remaining time; negative: the timeout has expired."""
        return self._deadline - time.monotonic()

    def pass_on(self, count: int) -> None:
        """Count received bytes."""
        self._bytes -= count
        if self._bytes < 0:
            raise TimeoutError("too many bytes before the first picture")


class LimitedReader(io.RawIOBase):
    """Reads what a server sends, within limits. A socket's own timeout starts again at each byte."""

    def __init__(self, received: io.RawIOBase, connection: socket.socket, limits: Limits) -> None:
        self._received = received
        self._connection = connection
        self._limits = limits

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        """Like any file."""
        seconds = self._limits.seconds
        if seconds <= 0:
            raise TimeoutError("the timeout expired")
        self._connection.settimeout(seconds)
        count = self._received.readinto(buffer)
        self._limits.pass_on(count or 0)
        return count

    def close(self) -> None:
        """Close the connection as well."""
        self._received.close()
        super().close()


class LimitedResponse(http.client.HTTPResponse):
    """An answer that is read within limits."""

    def __init__(self, limits: Limits, connection: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(connection, *arguments, **options)
        self.fp = io.BufferedReader(LimitedReader(self.fp.detach(), connection, limits))


class MjpegStream:
    """An open stream. One thread at a time may use it."""

    fps: float | None = None

    def __init__(self, name: str, response: http.client.HTTPResponse, boundary: str, limits: Limits) -> None:
        self._name = name
        self._response = response
        self._parts = Parts(boundary)
        self._limits = limits
        self._picture = b""
        self._size = (0, 0)

    @classmethod
    def open(cls, name: str, url: str, timeout: float) -> Self | None:
        """Open the URL. None: the server sends something else, or in a form that only FFmpeg may understand.

        The URL may have a user name and password, for basic and digest authentication. Redirects are followed.
        ``timeout`` is how many seconds the server may take to answer, and between two pictures. `OSError`, which does
        not show the URL: there is no server, or it refuses.
        """
        limits = Limits(timeout)
        try:
            response = _opener(url, limits).open(_without_user(url), timeout=timeout)
        except HTTPError as error:
            error.close()
            raise OSError(f"source {name!r}: the server answers {error.code} ({error.reason})") from None
        except (http.client.HTTPException, ValueError):
            return None
        except OSError as error:
            if isinstance(error, URLError) and isinstance(error.reason, ssl.SSLError):
                return None  # FFmpeg accepts self-signed certificates of cameras
            raise OSError(f"source {name!r}: no stream there") from None
        boundary = _boundary(response.headers)
        if not boundary:
            response.close()
            return None
        return cls(name, response, boundary, limits)

    @property
    def size(self) -> Size:
        """The size of the picture of the last `grab`."""
        return self._size

    def grab(self) -> None:
        """Wait for the next part that is a complete picture."""
        self._limits.renew()
        while True:
            for part in self._parts.take():
                size = picture_size(part)
                if size is not None:
                    self._picture, self._size = part, size
                    return
            self._parts.feed(self._read())

    def _read(self) -> bytes:
        try:
            received = self._response.read1(READ_BYTES)
        except TimeoutError:
            raise OSError(f"source {self._name!r}: no picture for {self._limits.timeout:g} seconds") from None
        except (OSError, http.client.HTTPException, ValueError):  # ValueError: invalid chunk length
            received = b""
        if not received:
            raise OSError(f"source {self._name!r}: it gives no more pictures")
        return received

    def retrieve(self, target: Picture | None = None) -> Picture:
        """Decode it. OpenCV cannot decode from memory into ``target``."""
        picture = cv2.imdecode(np.frombuffer(self._picture, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise BadPicture(f"source {self._name!r}: its picture cannot be decoded")
        return cast(Picture, picture)

    def release(self) -> None:
        """Close the connection."""
        self._response.close()


class Parts:
    """Cuts a multipart stream into the bodies of its parts, however it is split when it arrives.

    A part ends where its ``Content-Length`` says, if a picture ends there. Otherwise the length is missing or wrong,
    and the part ends at the next boundary.
    """

    def __init__(self, boundary: str) -> None:
        # Many servers count the two leading dashes as a part of the boundary.
        escaped = re.escape(boundary.lstrip("-").encode("latin-1", "replace"))
        self._delimiter = re.compile(b"--" + escaped + rb"(?:--)?[ \t]*\r?\n")
        self._overlap = len(boundary) + 8
        self._received = bytearray()
        self._searched = 0
        """There is no delimiter in the received bytes before this position."""
        self._inside = False
        """Whether a part has begun."""

    def feed(self, received: bytes) -> None:
        """Add received bytes. A part that is too long is discarded, with the rest of it."""
        self._received += received
        if len(self._received) > PART_BYTES_MAX:
            del self._received[: -self._overlap]
            self._searched = 0
            self._inside = False

    def take(self) -> list[bytes]:
        """The complete bodies. Bytes before the first boundary do not count."""
        bodies = []
        while (body := self._next()) is not None:
            bodies.append(body)
        return bodies

    def _next(self) -> bytes | None:
        picture = self._by_length()
        if picture is not None:
            return picture
        end = self._delimiter.search(self._received, self._searched)
        if end is None:
            self._searched = max(self._searched, len(self._received) - self._overlap)
            return None
        part = bytes(self._received[: end.start()]) if self._inside else b""
        self._drop(end.end(), inside=True)
        header = HEADER_END.search(part)
        return part[header.end() :] if header else b""

    def _by_length(self) -> bytes | None:
        header = HEADER_END.search(self._received, 0, READ_BYTES) if self._inside else None
        length = CONTENT_LENGTH.search(self._received, 0, header.start()) if header else None
        if header is None or length is None:
            return None
        end = header.end() + int(length[1])
        if end > len(self._received) or not _ends_here(self._received[max(header.end(), end - PADDING_MAX) : end]):
            return None
        body = bytes(self._received[header.end() : end])
        self._drop(end, inside=False)
        return body

    def _drop(self, count: int, *, inside: bool) -> None:
        del self._received[:count]
        self._searched = 0
        self._inside = inside


def picture_size(data: bytes) -> Size | None:
    """Width and height of a complete JPEG or PNG picture. None: it is incomplete, too large, or neither."""
    data = data.lstrip(b"\r\n")
    if not _ends_here(data[-PADDING_MAX:]):
        return None
    width, height = _png_size(data) or _jpeg_size(data) or (0, 0)
    return (width, height) if 0 < width * height <= PIXELS_MAX else None


def _png_size(data: bytes) -> Size | None:
    if not data.startswith(PNG_BEGIN):
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])  # its first chunk is IHDR (ISO/IEC 15948, 11.2.2)


def _jpeg_size(data: bytes) -> Size | None:
    if not data.startswith(JPEG_BEGIN):
        return None
    at = len(JPEG_BEGIN)
    while at + 9 <= len(data) and data[at] == 0xFF:  # segments: 0xFF, kind, two bytes of length, content (ITU T.81, B)
        kind = data[at + 1]
        if kind == 0xFF:  # padding
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # the frame's header
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _ends_here(tail: bytes | bytearray) -> bool:
    """Whether a picture ends at the end of these bytes, or a little before."""
    return JPEG_END in tail or PNG_END in tail


def _boundary(headers: Message) -> str:
    """The boundary between the parts; empty if this is not a multipart stream."""
    if headers.get_content_type() != "multipart/x-mixed-replace":
        return ""
    return str(headers.get_boundary() or "").strip().lstrip("-")


def _limited(limits: Limits, kind: type[http.client.HTTPConnection], host: str, **options: Any) -> Any:
    """A connection whose answers are read within these limits."""
    connection = kind(host, **options)
    connection.response_class = functools.partial(LimitedResponse, limits)  # type: ignore[assignment]
    return connection


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """HTTP and HTTPS within limits."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Called by urllib."""
        return self.do_open(functools.partial(_limited, self._limits, http.client.HTTPConnection), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Called by urllib."""
        return self.do_open(functools.partial(_limited, self._limits, http.client.HTTPSConnection), request)


def _opener(url: str, limits: Limits) -> urllib.request.OpenerDirector:
    """An opener that keeps the limits. It sends user name and password only to the URL's own server, even after
    redirects."""
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    user, given, _ = urlsplit(url).netloc.rpartition("@")
    if given:
        name, _, password = user.partition(":")
        passwords.add_password(None, _without_user(url, path="/"), unquote(name), unquote(password))
    return urllib.request.build_opener(
        _Handler(limits),
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )


def _without_user(url: str, path: str | None = None) -> str:
    scheme, netloc, own_path, query, _ = urlsplit(url)
    server = netloc.rpartition("@")[2]
    return urlunsplit((scheme, server, own_path, query, "") if path is None else (scheme, server, path, "", ""))
