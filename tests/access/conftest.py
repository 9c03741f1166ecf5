"""Other users of the machine: processes that run under user ids of their own."""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SHM = Path("/dev/shm")
WAIT_SECONDS = 60  # seconds until a user whose process is silent counts as stuck
SERVICE, ALICE, BOB, CAROL = 0, 54321, 54322, 54323  # user and group ids; nobody needs an account

# It imports everything before it changes users, because the new user may not read the folders of this Python. Then it
# evaluates each expression that it gets, and answers with the value or the name of the error.
SERVER = """
import ctypes, fcntl, mmap, os, struct, sys
from pywinmmf import *
from pywinmmf._native import ffi
uid = int(sys.argv[1])
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
print("'ready'", flush=True)
for line in sys.stdin:
    try:
        answer = eval(line)
    except (Error, OSError) as error:
        answer = type(error).__name__
    print(repr(answer), flush=True)
"""

_numbers = itertools.count()


class User:
    """A Python process of another user, with all names of pywinmmf."""

    def __init__(self, uid: int, umask: int = 0o022) -> None:
        self.uid = uid
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(uid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd="/",
            umask=umask,
        )
        assert self.answers() == "ready"

    def does(self, expression: str, *arguments: object) -> Any:
        """The value of an expression, in which each %r stands for an argument, or the name of the error."""
        self.starts(expression, *arguments)
        return self.answers()

    def starts(self, expression: str, *arguments: object) -> None:
        """Have an expression evaluated, without waiting for its value."""
        assert self.process.stdin is not None
        self.process.stdin.write(expression % arguments + "\n")

    def answers(self) -> Any:
        """The value of what was started."""
        assert self.process.stdout is not None
        alarm = threading.Timer(WAIT_SECONDS, self.process.kill)
        alarm.start()
        line = self.process.stdout.readline()
        alarm.cancel()
        assert line, f"user {self.uid} ended with status {self.process.wait()}"
        return ast.literal_eval(line)

    def end(self) -> int:
        """The process's exit status, once it has ended."""
        return self.process.wait(WAIT_SECONDS)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.communicate()


F_OFD_SETLK, F_OFD_SETLKW = 37, 38


def lock_tokens(first: int, count: int, command: int, *, shared: bool = True) -> str:
    """An expression, for the path of a section, that takes locks on these tokens."""
    mode, kind = ("os.O_RDONLY", "fcntl.F_RDLCK") if shared else ("os.O_RDWR", "fcntl.F_WRLCK")
    flock = f"struct.pack('hhqqi4x', {kind}, os.SEEK_SET, {(1 << 40) + first}, {count}, 0)"
    return f"fcntl.fcntl(os.open(%r, {mode}), {command}, {flock}) and 'locked'"


def wait_for_the_end_of_the_creator(user: User, path: Path) -> None:
    """Have a user wait for a shared lock on the token of the creator of the section with this path."""
    user.starts(lock_tokens(0, 1, F_OFD_SETLKW), str(path))
    waits = re.compile(rf"^\d+: -> OFDLCK .*:{path.stat().st_ino} ", re.M)
    deadline = time.monotonic() + WAIT_SECONDS
    while not waits.search(Path("/proc/locks").read_text()):
        assert time.monotonic() < deadline, f"user {user.uid} does not wait"
        time.sleep(0.01)


@pytest.fixture
def user() -> Iterator[Callable[..., User]]:
    """Starts processes of other users, and ends them after the test."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root can start processes of other users, on Linux")
    users: list[User] = []

    def start(uid: int, umask: int = 0o022) -> User:
        users.append(User(uid, umask))
        return users[-1]

    yield start
    for each in users:
        each.kill()


@pytest.fixture
def name() -> Iterator[str]:
    """A name that nobody else uses. Files with that name in /dev/shm are removed after the test."""
    unique = f"access-test-{os.getpid()}-{next(_numbers)}"
    yield unique
    for path in SHM.glob(f"*{unique}*"):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
