"""A Windows session that also runs 32-bit programs: Wine of a Debian in a folder, entered with chroot by root.

Wine's 32-bit half needs 32-bit libraries of the system, which this machine need not have.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lab import cache, debian

START_SECONDS = 180
NOT_RUN = "not run: the 32-bit Wine is entered with chroot, which takes root"
FOLDER = "Z:\\mnt"
"""Under which name programs find the folder that the session was given."""
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin:/usr/sbin:/sbin:/usr/lib/wine",
    "HOME": "/mnt",
    "LC_ALL": "C.UTF-8",
    "WINEPREFIX": "/mnt/prefix",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "winedbg.exe,winemenubuilder.exe=d",
}
Start = Callable[..., "subprocess.Popen[str]"]


def available() -> bool:
    """Whether this process may enter another root."""
    return os.geteuid() == 0


@contextlib.contextmanager
def session(inside: Path) -> Iterator[Start]:
    """Start the session and give what starts a program (its path in ``inside``, arguments, ``env``) with pipes.

    ``inside`` is the folder that the programs see; the session's registry also goes there. All ends with the session.
    """
    root = debian.wine32()

    def start(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            debian.chroot_command(root, inside, ["wine", *argv]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**ENVIRONMENT, **(env or {})},
        )

    def quietly(*command: str) -> None:
        null = subprocess.DEVNULL
        argv = debian.chroot_command(root, inside, command)
        subprocess.run(argv, stdin=null, stdout=null, stderr=null, env=ENVIRONMENT, timeout=START_SECONDS)

    quietly("wine", "wineboot", "-i")
    # The server lives as long as a program does; what it starts inherits the pipes of the program that woke it.
    keeper = start(["cmd", "/q", "/d"])
    try:
        assert keeper.stdout is not None
        greeted, _, _ = select.select([keeper.stdout], [], [], START_SECONDS)
        if not greeted or not os.read(keeper.stdout.fileno(), 1):
            raise cache.LabError(f"32-bit Wine did not start in {START_SECONDS} s")
        yield start
    finally:
        keeper.kill()
        keeper.communicate()
        quietly("wineserver", "-k")
        quietly("wineserver", "-w")
