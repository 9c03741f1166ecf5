"""``pywinmmf view``: a page with the live picture of a channel and how it does."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from pywinmmf import Error, InvalidArgumentError, Namespace
from pywinmmf.terminal import shown

from . import namespaces
from .live_picture import LivePicture
from .meter import Meter
from .observation import observe

HOST = "127.0.0.1"
PAGE = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/script.js": ("script.js", "text/javascript"),
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
BOUNDARY = "frame"
PART = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
SHUTDOWN_SECONDS = 1.0


def add_parser(subcommands: Any) -> None:
    """Add ``view`` to the command line."""
    parser = subcommands.add_parser(
        "view",
        help="show a channel in the browser",
        description="Serves a page until Ctrl-C, to browsers on this machine alone.",
    )
    namespaces.add_channel(parser)
    parser.add_argument("--port", type=_port, default=0, help="default: a free one")
    parser.set_defaults(run=_view)


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0 to 65535")
    return int(text)


def _view(arguments: argparse.Namespace) -> int:
    _check_name(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments))
    return 0


def _check_name(arguments: argparse.Namespace) -> None:
    """`InvalidArgumentError` if no channel can have it. All else is for the page to say."""
    try:
        _channel(arguments.name, namespaces.chosen(arguments))
    except InvalidArgumentError:
        raise
    except Error:
        pass


LOG = logging.getLogger(__name__)
# Who sends what is no request is told so, and nobody else.
LOG.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))


async def _serve(arguments: argparse.Namespace) -> None:
    app = application(arguments.name, namespaces.chosen(arguments))
    runner = web.AppRunner(
        app, logger=LOG, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, arguments.port).start()
        port = runner.addresses[0][1]
        print(f"{shown(arguments.name)}: http://{HOST}:{port}/", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


NAME = web.AppKey("name", str)
WHERE: web.AppKey[tuple[Namespace, ...]] = web.AppKey("where", tuple)
METER = web.AppKey("meter", Meter)
LIVE_PICTURE = web.AppKey("live_picture", LivePicture)


def application(name: str, where: tuple[Namespace, ...]) -> web.Application:
    """The page's server."""
    app = web.Application(middlewares=[_for_this_machine])
    app[NAME], app[WHERE] = name, where
    app.cleanup_ctx.append(_threads)
    for path in PAGE:
        app.router.add_get(path, _page)
    app.router.add_get("/statistics.json", _statistics)
    app.router.add_get("/picture", _picture)
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
    """Refuse requests for another host's name, which somebody else's page may have pointed here (DNS rebinding)."""
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


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


async def _page(request: web.Request) -> web.Response:
    file, content_type = PAGE[request.path]
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


def _channel(name: str, where: tuple[Namespace, ...]) -> dict[str, Any]:
    seen = namespaces.first_found(where, lambda namespace: observe(name, namespace))
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
        "users": [user._asdict() for user in seen.users],
    }


async def _picture(request: web.Request) -> web.StreamResponse:
    """A stream of JPEG pictures that takes the place of one another (MJPEG)."""
    response = web.StreamResponse(headers={"Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}"})
    await response.prepare(request)
    live = request.app[LIVE_PICTURE]
    picture = b""
    with live.watched(), contextlib.suppress(ConnectionResetError):  # which is how viewers leave
        await response.write(PART)
        while True:
            picture = await live.other_than(picture)
            # With the head of the next one at once: browsers show a picture when they see that.
            await response.write(picture + b"\r\n" + PART)
    return response
