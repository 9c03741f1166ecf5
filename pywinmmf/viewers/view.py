"""``pywinmmf view``: a page with the live picture and the state of a channel.

Every program of the machine, of any user, can connect to a port of 127.0.0.1. So all paths begin with a random secret,
which only the printed address contains; the server serves nothing without it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import logging
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from pywinmmf import Error, InvalidArgumentError, Namespace
from pywinmmf.cli.ending import ended_by_ctrl_c
from pywinmmf.cli.terminal import shown

from .live_picture import LivePicture
from .meter import Meter
from .observation import observe

HOST = "127.0.0.1"
PAGE = {
    "": ("index.html", "text/html"),
    "style.css": ("style.css", "text/css"),
    "script.js": ("script.js", "text/javascript"),
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
BOUNDARY = "frame"
PART = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
SHUTDOWN_SECONDS = 1.0
IDLE_SECONDS = 15.0  # after which a connection without a request, or that takes no picture, is closed
SECRET_BYTES = 16


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    _check_name(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments))
    return 0


def _check_name(arguments: argparse.Namespace) -> None:
    """`InvalidArgumentError` if the name is impossible for a channel. The page shows all other errors."""
    try:
        _channel(arguments.name, arguments.namespace)
    except InvalidArgumentError:
        raise
    except Error:
        pass


LOG = logging.getLogger(__name__)
# An invalid request gets an answer and is not logged.
LOG.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))


async def _serve(arguments: argparse.Namespace) -> None:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    app = application(arguments.name, arguments.namespace, secret)
    runner = web.AppRunner(
        app,
        logger=LOG,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
        keepalive_timeout=IDLE_SECONDS,
    )
    ended = asyncio.Event()
    with ended_by_ctrl_c(ended):
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, arguments.port).start()
            port = runner.addresses[0][1]
            print(f"{shown(arguments.name)}: http://{HOST}:{port}/{secret}/", flush=True)
            await ended.wait()
        finally:
            await runner.cleanup()


NAME = web.AppKey("name", str)
WHERE: web.AppKey[Namespace] = web.AppKey("where", Namespace)
METER = web.AppKey("meter", Meter)
LIVE_PICTURE = web.AppKey("live_picture", LivePicture)


def application(name: str, where: Namespace, secret: str) -> web.Application:
    """The page's server."""
    app = web.Application(middlewares=[_for_this_machine, _protected_by(secret)])
    app[NAME], app[WHERE] = name, where
    app.cleanup_ctx.append(_threads)
    for path in PAGE:
        app.router.add_get(f"/{secret}/{path}", _page)
    app.router.add_get(f"/{secret}/statistics.json", _statistics)
    app.router.add_get(f"/{secret}/picture", _picture)
    app.on_response_prepare.append(_add_headers)
    return app


async def _threads(app: web.Application) -> AsyncIterator[None]:
    app[METER] = Meter(app[NAME], app[WHERE])
    app[LIVE_PICTURE] = LivePicture(app[NAME], app[WHERE])
    yield
    app[METER].close()
    app[LIVE_PICTURE].close()


@web.middleware
async def _for_this_machine(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse requests for another host name, which a foreign page may have pointed here (DNS rebinding)."""
    try:
        host = request.url.host or ""
    except ValueError:
        raise web.HTTPBadRequest(text=f"Host {request.host!r}: expected a host and a port\n") from None
    if not _is_loopback(host):
        raise web.HTTPForbidden(text=f"this is not {request.host}\n")
    return await handler(request)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _protected_by(secret: str) -> Any:
    """Refuse all requests without the secret."""
    expected = secret.encode()

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        given = request.path.split("/")[1].encode("utf-8", "surrogateescape")
        if not secrets.compare_digest(given, expected):
            raise web.HTTPForbidden(text="expected the complete address that pywinmmf view printed\n")
        return await handler(request)

    return check


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


async def _page(request: web.Request) -> web.Response:
    file, content_type = PAGE[request.path.rpartition("/")[2]]
    text = files(__package__).joinpath("page", file).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=content_type)


async def _statistics(request: web.Request) -> web.Response:
    app = request.app
    report = app[METER].report()
    report["name"] = app[NAME]
    report["problem"] = report["problem"] or app[LIVE_PICTURE].problem
    try:
        report["channel"] = await asyncio.to_thread(_channel, app[NAME], app[WHERE])
    except Error:
        report["channel"] = None
    return web.json_response(report)


def _channel(name: str, where: Namespace) -> dict[str, Any]:
    seen = observe(name, where)
    return {
        "namespace": seen.namespace.name.lower(),
        "slots": seen.slots,
        "capacity": seen.capacity,
        "sequence": seen.sequence,
        "seconds_since_last_frame": seen.age,
        "width": seen.width,
        "height": seen.height,
        "format": seen.fourcc,
        "bytes": seen.used,
        "users": [user._asdict() for user in seen.users if user.pid != os.getpid()],  # this page shows its own figures
    }


async def _picture(request: web.Request) -> web.StreamResponse:
    """A stream of JPEG pictures, each of which replaces the previous one (MJPEG)."""
    response = web.StreamResponse(headers={"Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}"})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    live = request.app[LIVE_PICTURE]
    picture = b""
    with live.watched(), contextlib.suppress(ConnectionResetError):  # raised when a viewer leaves
        await response.write(PART)
        while True:
            picture = await live.other_than(picture)
            # Followed at once by the head of the next one: browsers show a picture when they see that.
            sending = response.write(picture + b"\r\n" + PART)
            try:
                await asyncio.wait_for(sending, IDLE_SECONDS)
            except TimeoutError:  # the viewer no longer takes pictures
                response.force_close()
                if request.transport is not None:
                    request.transport.abort()
                break
    return response
