"""Wine: run Windows programs, all in one private Windows session.

The session's server must live from the first call to the last: starting it takes seconds, and the services
it starts inherit the pipes of the program that woke it, whose reader would then wait for ever. So a keeper, a
Windows process that only waits for the end of its standard input, is started before any other. It ends with
this process, however that ends.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from lab import cache

START_SECONDS = 120

Argument = str | Path
"""An argument of a Windows program; a Path is handed over as the Windows path of that file."""


class _Session:
    """This process's part in the Windows session, which all processes with this cache folder share."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.keeper: subprocess.Popen[bytes] | None = None
        self.users: IO[str] | None = None


_session = _Session()


@functools.cache
def prefix() -> Path:
    """Return the Wine prefix: the drive C and the registry."""

    def make(folder: Path) -> None:
        env = _environment(folder)
        _quietly([_wine(), "wineboot", "-i"], env)
        _quietly([_wine(), "winecfg", "-v", "win10"], env)
        _quietly([_server(), "-k"], env)
        _quietly([_server(), "-w"], env)

    return cache.make_once("wine", make)


def start() -> None:
    """Start the session if it is not up; ``run`` and ``popen`` do it by themselves."""
    with _session.guard:
        if _session.keeper is not None and _session.keeper.poll() is None:
            return
        command = [_wine(), str(_program("cmd")), "/q", "/d"]
        env = _environment(prefix())
        users = open(cache.root() / "wine.users", "w")  # noqa: SIM115 (closed by stop)
        fcntl.flock(users, fcntl.LOCK_SH)
        keeper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
        )
        assert keeper.stdout is not None
        greeted, _, _ = select.select([keeper.stdout], [], [], START_SECONDS)
        if not greeted or not os.read(keeper.stdout.fileno(), 1):
            keeper.kill()
            keeper.wait()
            users.close()
            raise cache.LabError(f"Wine did not start in {START_SECONDS} s: {command}")
        _session.keeper, _session.users = keeper, users
        atexit.register(stop)


def stop() -> None:
    """End this process's use of the session; the last user ends every Windows process still in it."""
    with _session.guard:
        keeper, users = _session.keeper, _session.users
        if keeper is None or users is None:
            return
        _session.keeper = _session.users = None
        atexit.unregister(stop)
        keeper.kill()
        keeper.communicate()
        with users, contextlib.suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            env = _environment(prefix())
            _quietly([_server(), "-k"], env, check=False)  # it fails if the server has ended already
            _quietly([_server(), "-w"], env)


def run(
    argv: Sequence[Argument],
    *,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a Windows program to its end; kill it and raise TimeoutExpired after ``timeout`` seconds.

    ``argv[0]`` is the program's file (a Path), or the name of one of Windows' own ("cmd", "sc"). Nothing of
    this process's environment is passed on; ``env`` is what the program finds besides Windows' own variables.
    Line ends in the output are turned into newlines.
    """
    start()
    return subprocess.run(
        _command(argv),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        env=_environment(prefix(), env),
        cwd=cwd,
        input=input or "",
    )


def popen(
    argv: Sequence[Argument], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[str]:
    """Start a Windows program with pipes for a conversation line by line; its errors go to ``sys.stderr``.

    The arguments are those of ``run``.
    """
    start()
    process = subprocess.Popen(
        _command(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,  # not ours: if that is a file, Windows Python does not start
        encoding="utf-8",
        errors="replace",
        bufsize=1,
        env=_environment(prefix(), env),
        cwd=cwd,
    )
    threading.Thread(target=_forward, args=[process.stderr], daemon=True).start()
    return process


def kill(process: subprocess.Popen[str]) -> None:
    """End a program of ``popen`` like TerminateProcess, without asking it, and wait until it has ended.

    A Windows process is one Linux process here, the one we started, so the kernel ends it between any two
    instructions. Wine's server then closes its handles, one after the other: on a busy machine another process
    may still find one of them a moment after this call.
    """
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def windows_path(path: Path) -> str:
    """Return the name under which Windows programs find a file of Linux."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


def _forward(errors: IO[str]) -> None:
    with errors:
        for line in errors:
            sys.stderr.write(line)


def _command(argv: Sequence[Argument]) -> list[str]:
    # Given a file, the process we start becomes the program; given a bare name, it would start another.
    program, *rest = argv
    file = _program(program) if isinstance(program, str) else program.absolute()
    if not file.is_file():
        raise cache.LabError(f"no such Windows program: {file}")
    return [_wine(), str(file), *(windows_path(item) if isinstance(item, Path) else item for item in rest)]


def _program(name: str) -> Path:
    return prefix() / f"drive_c/windows/system32/{name}.exe"


def _environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for Wine: no display, no crash windows, nothing written into the user's home."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(cache.root()),
        "LC_ALL": "C.UTF-8",  # the encoding of file names and arguments
        "WINEPREFIX": str(folder),
        "WINEARCH": "win64",
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "winedbg.exe,winemenubuilder.exe=d",
        **(extra or {}),
    }


def _wine() -> str:
    return cache.tool("wine", "wine wine64")


def _server() -> str:
    return cache.tool("wineserver", "wine wine64")


def _quietly(command: Sequence[str], env: Mapping[str, str], *, check: bool = True) -> None:
    """Run a command whose children may outlive it and so must not get a pipe."""
    null = subprocess.DEVNULL
    subprocess.run(command, env=env, stdin=null, stdout=null, stderr=null, timeout=START_SECONDS, check=check)
