"""Commands of the package, as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from terminal import OWN_TERMINAL

WAIT_SECONDS = 60  # seconds


def limited(size: int) -> Callable[[], None]:
    """For a process whose files have at most this many bytes, as if the disk were full then."""
    import resource

    limit = (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def command(*arguments: str, terminal: bool = True, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "pywinmmf", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",  # FFmpeg and the progress bar write at the same time
        env={**os.environ, **({"FORCE_COLOR": "1", "COLUMNS": "200"} if terminal else {})},  # a live display is drawn
        **OWN_TERMINAL,
        **how,
    )


def output_until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    seen = ""
    while word not in seen:
        character = process.stdout.read(1)
        assert character, seen
        seen += character


POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGBREAK", "SIGHUP") if hasattr(signal, name)]
