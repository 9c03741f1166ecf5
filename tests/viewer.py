"""A running ``pywinmmf view``, for tests of its page and of its server."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from terminal import OWN_TERMINAL, press_ctrl_c

WAIT_SECONDS = 60  # seconds


SERVE = """
import sys
from pywinmmf import cli
from pywinmmf.viewers import view
view.IDLE_SECONDS = float(sys.argv[1])
sys.exit(cli.main(["view", sys.argv[2]]))
"""


class Viewer:
    """Serves until `end`."""

    def __init__(self, name: str, *, idle_seconds: float = 15) -> None:
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(idle_seconds), name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            **OWN_TERMINAL,
        )
        assert self.process.stdout is not None
        greeting = self.process.stdout.readline()
        match = re.fullmatch(rf"{re.escape(name)}: (http://127\.0\.0\.1:(\d+)/[-\w]{{22}}/)\n", greeting)
        assert match, greeting
        self.url, self.port = match[1], int(match[2])
        self.base = "/" + self.url.split("/")[3]

    @contextmanager
    def asked(
        self, path: str, *, method: str = "GET", base: str | None = None, **headers: str
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer to a request, to be read. ``base``: what the path begins with in place of the secret."""
        path = (self.base if base is None else base) + path
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)) as connection:
            connection.request(method, path, headers=headers)
            yield connection.getresponse()

    def get(self, path: str, *, base: str | None = None, **headers: str) -> tuple[int, str]:
        with self.asked(path, base=base, **headers) as response:
            return response.status, response.read().decode()

    def statistics(self) -> dict[str, Any]:
        return json.loads(self.get("/statistics.json")[1])  # type: ignore[no-any-return]

    def end(self) -> int:
        """With Ctrl-C; the exit code."""
        try:
            if self.process.poll() is None:
                press_ctrl_c(self.process)
            return self.process.wait(timeout=WAIT_SECONDS)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


@contextmanager
def viewers() -> Iterator[Callable[..., Viewer]]:
    """Starts viewers, and sees that they end well."""
    started: list[Viewer] = []

    def start(name: str, **how: float) -> Viewer:
        started.append(Viewer(name, **how))
        return started[-1]

    yield start
    assert [viewer.end() for viewer in started] == [0] * len(started)
