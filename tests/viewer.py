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
from pathlib import Path
from typing import Any

from terminal import OWN_TERMINAL, press_ctrl_c

PATIENCE = 60  # seconds


class Viewer:
    """Serves until `end`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-m", "pywinmmf", "view", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,  # from where no source tree hides the installed package
            **OWN_TERMINAL,
        )
        assert self.process.stdout is not None
        greeting = self.process.stdout.readline()
        match = re.fullmatch(rf"{re.escape(name)}: (http://127\.0\.0\.1:(\d+)/)\n", greeting)
        assert match, greeting
        self.url, self.port = match[1], int(match[2])

    @contextmanager
    def asked(self, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """The answer to a request, to be read."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request("GET", path, headers=headers)
            yield connection.getresponse()

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        with self.asked(path, **headers) as response:
            return response.status, response.read().decode()

    def statistics(self) -> dict[str, Any]:
        return json.loads(self.get("/statistics.json")[1])  # type: ignore[no-any-return]

    def end(self) -> int:
        """With Ctrl-C; the exit code."""
        try:
            if self.process.poll() is None:
                press_ctrl_c(self.process)
            return self.process.wait(timeout=PATIENCE)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()


@contextmanager
def viewers(folder: Path) -> Iterator[Callable[[str], Viewer]]:
    """Starts viewers, and sees that they end well."""
    started: list[Viewer] = []

    def start(name: str) -> Viewer:
        started.append(Viewer(name, folder))
        return started[-1]

    yield start
    assert [viewer.end() for viewer in started] == [0] * len(started)
