"""Where programs find the names of shared cameras: a JSON file in a folder that all users can read.

``%PUBLIC%\\pywinmmf\\cameras.json`` on Windows, ``/run/pywinmmf/cameras.json`` for a service of Linux, else
``$XDG_RUNTIME_DIR/pywinmmf/cameras.json`` (without that variable, under ``~/.cache``): an array of
{name, namespace, source, pid, seconds_between_pictures}. Written to a new file that then takes the place of the old
one, so nobody reads half of it. An entry is stale when nobody shares a camera under its name in its namespace any more.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from .enums import Access, Namespace
from .errors import AccessDeniedError, Error
from .memory_mapped_file import MemoryMappedFile
from .whole_file import replace_file

FILE = Path("pywinmmf/cameras.json")
WAIT_SECONDS = 2.0  # seconds
# Of claims. On Linux only who may open one can ask whether its owner lives; on Windows it is gone with its owner,
# unless somebody else could open it, and keep it.
CLAIM_ACCESS = Access.OWNER if sys.platform == "win32" else Access.USERS_READ

T = TypeVar("T")


def folders() -> list[Path]:
    """The folders that may have the file, the machine's first."""
    if sys.platform == "win32":
        return [Path(os.environ.get("PUBLIC", r"C:\Users\Public"))]
    return [Path("/run"), Path(os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".cache")]


def claim_name(name: str) -> str:
    """The section that whoever shares a camera under ``name`` has: only one can create it, and it is gone with them,
    however they end. (The channel may stay: readers keep it from one start of a service to the next.)"""
    return name + ".shared"


def announce(name: str, namespace: Namespace, source: str, seconds_between_pictures: float = 0) -> Path | None:
    """Add a shared camera, drop stale ones; the file, None if none of the folders can be written.

    ``seconds_between_pictures``: that is how slowly it is shared on purpose, 0: as fast as the camera is.
    """
    entry = {
        **_place(name, namespace),
        "source": source,
        "pid": os.getpid(),
        "seconds_between_pictures": seconds_between_pictures,
    }
    with _one_at_a_time():
        for folder in folders():
            file = folder / FILE
            others = [other for other in _read(file) if not is_stale(other) and not _is_at(other, name, namespace)]
            try:
                _write(file, [*others, entry])
            except OSError:
                continue
            return file
    return None


def withdraw(name: str, namespace: Namespace, file: Path) -> None:
    """Take our entry out; the file goes with the last one."""
    with _one_at_a_time():
        left = [entry for entry in _read(file) if not _is_at(entry, name, namespace) or entry.get("pid") != os.getpid()]
        if left:
            _write(file, left)
        else:
            file.unlink(missing_ok=True)


def shared_cameras() -> dict[str, dict[str, Any]]:
    """The cameras that are shared now: by the name to open, ``name``, ``namespace``, ``source``, ``pid`` and
    ``seconds_between_pictures`` (0: as the camera gives them). Of two of one name the global one, which `VideoCapture`
    opens, too."""
    return {entry["name"]: entry for entry in sorted(entries(), key=lambda entry: entry["namespace"] == "global")}


def entries() -> list[dict[str, Any]]:
    """Those of all that are shared now, sorted."""
    found = {
        (entry["name"], entry["namespace"]): entry
        for folder in reversed(folders())
        for entry in _read(folder / FILE)
        if not is_stale(entry)
    }
    return [found[place] for place in sorted(found)]


def seconds_between_pictures(name: str, namespace: Namespace) -> float:
    """How slowly a camera is shared on purpose; 0: it is not, or none of this name is shared there."""
    for folder in folders():
        for entry in _read(folder / FILE):
            seconds = entry.get("seconds_between_pictures")
            if isinstance(seconds, (int, float)) and _is_at(entry, name, namespace) and not is_stale(entry):
                return seconds
    return 0


def is_stale(entry: dict[str, Any]) -> bool:
    """Whether nobody shares a camera under this name there any more."""
    try:
        namespace = Namespace[entry["namespace"].upper()]
        MemoryMappedFile.open(claim_name(entry["name"]), namespace=namespace, readonly=True).close()
    except AccessDeniedError:
        return False
    except (Error, KeyError, TypeError, AttributeError):
        return True
    return False


def _place(name: str, namespace: Namespace) -> dict[str, str]:
    return {"name": name, "namespace": namespace.name.lower()}


def _is_at(entry: dict[str, Any], name: str, namespace: Namespace) -> bool:
    return _place(name, namespace).items() <= entry.items()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """So that no entry gets lost. Who cannot have the lock goes on without: the file is whole in any case."""
    if sys.platform == "win32":
        namespace, access = Namespace.GLOBAL, Access.USERS_WRITE
    else:  # only one user writes to each folder; another who could write to the lock could cut it short
        namespace, access = Namespace.LOCAL, Access.OWNER
    with ExitStack() as stack:
        with suppress(Error):
            lock = MemoryMappedFile.create("pywinmmf-cameras", 1, namespace=namespace, access=access, exist_ok=True)
            stack.enter_context(lock)
            if stack.enter_context(lock.write_lock(WAIT_SECONDS, repair=True)).owner_died:
                lock.mark_consistent()
        yield


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        listed = json.loads(_retried(lambda: file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return []
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _write(file: Path, listed: list[dict[str, Any]]) -> None:
    with suppress(FileExistsError):
        file.parent.mkdir(mode=0o755, parents=True)  # others may not replace the file
        file.parent.chmod(0o755)  # but look, whatever the umask
    data = json.dumps(listed, indent=1).encode()
    _retried(lambda: replace_file(file, data, mode=0o644))


def _retried(action: Callable[[], T]) -> T:
    """On Windows a file that is just being read cannot be replaced, nor one read that is just being replaced."""
    deadline = time.perf_counter() + WAIT_SECONDS
    while True:
        try:
            return action()
        except PermissionError:
            if sys.platform != "win32" or time.perf_counter() >= deadline:
                raise
        time.sleep(0.01)
