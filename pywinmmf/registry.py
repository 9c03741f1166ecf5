"""The list of shared cameras: a JSON file in a folder that all users can read.

``%PUBLIC%\\pywinmmf\\cameras.json`` on Windows, ``/run/pywinmmf/cameras.json`` for a Linux service, else
``$XDG_RUNTIME_DIR/pywinmmf/cameras.json`` (without that variable, under ``~/.cache``): an array of
{name, namespace, source, pid, seconds_between_pictures}. A new file replaces the old one, so nobody reads half of it.
An entry is stale if no camera is shared under its name in its namespace.
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
from .errors import Error, FormatError, InvalidArgumentError, NotFoundError
from .memory_mapped_file import MemoryMappedFile
from .whole_file import replace_file

FILE = Path("pywinmmf/cameras.json")
WAIT_SECONDS = 2.0  # seconds
# The access of claims. On Linux only users who may open a claim can find out whether its owner lives. On Windows a
# claim ends with its owner, unless another user can open it and so keep it alive.
CLAIM_ACCESS = Access.OWNER if sys.platform == "win32" else Access.USERS_READ

T = TypeVar("T")


def folders() -> list[Path]:
    """The folders that may contain the file; the folder of the machine comes first."""
    if sys.platform == "win32":
        return [Path(os.environ.get("PUBLIC", r"C:\Users\Public"))]
    return [Path("/run"), Path(os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".cache")]


def claim_name(name: str) -> str:
    """The name of the section that a program creates while it shares a camera under ``name``. Only one program can
    create it, and it disappears with that program, however the program ends. (The channel may stay, because readers
    keep it open.)"""
    return name + ".shared"


def announce(name: str, namespace: Namespace, source: str, seconds_between_pictures: float = 0) -> Path | None:
    """Add a shared camera and drop stale ones. Returns the file, or None if no folder can be written.

    ``seconds_between_pictures`` is the interval if it is shared more slowly than the camera gives pictures, else 0.
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
    """Remove our entry, and the file with the last entry."""
    with _one_at_a_time():
        left = [entry for entry in _read(file) if not _is_at(entry, name, namespace) or entry.get("pid") != os.getpid()]
        if left:
            _write(file, left)
        else:
            file.unlink(missing_ok=True)


def shared_cameras() -> dict[str, dict[str, Any]]:
    """The cameras that are shared now, by name. Each has ``name``, ``namespace``, ``source``, ``pid`` and
    ``seconds_between_pictures`` (0: as fast as the camera gives them). If two have the same name, you get the global
    one, which `VideoCapture` also opens. A list that cannot be read counts as empty; `pywinmmf doctor` reports it."""
    return {entry["name"]: entry for entry in sorted(entries(), key=lambda entry: entry["namespace"] == "global")}


def entries() -> list[dict[str, Any]]:
    """The entries of all cameras that are shared now, sorted."""
    found = {
        (entry["name"], entry["namespace"]): entry
        for folder in reversed(folders())
        for entry in _read(folder / FILE)
        if not is_stale(entry)
    }
    return [found[place] for place in sorted(found)]


def unreadable() -> list[str]:
    """Reasons why existing files cannot be read, a sentence for each: `entries` may then lack some cameras."""
    found = []
    for folder in folders():
        try:
            _load(folder / FILE)
        except (OSError, ValueError, RecursionError) as error:
            found.append(f"the list of shared cameras {folder / FILE} cannot be read: {error}")
    return found


def seconds_between_pictures(name: str, namespace: Namespace) -> float:
    """The intended interval of a shared camera; 0 if there is none, or no such camera is shared."""
    if namespace is Namespace.ANY:
        found = [entry for known, entry in shared_cameras().items() if known == name]
    else:
        listed = (entry for folder in folders() for entry in _read(folder / FILE) if _is_at(entry, name, namespace))
        found = [entry for entry in listed if not is_stale(entry)]
    seconds = [entry.get("seconds_between_pictures") for entry in found]
    return next((each for each in seconds if isinstance(each, (int, float))), 0)


def is_stale(entry: dict[str, Any]) -> bool:
    """Whether no camera is shared under this name in this namespace. False if unknown."""
    try:
        namespace = Namespace[entry["namespace"].upper()]
        MemoryMappedFile.open(claim_name(entry["name"]), namespace=namespace, readonly=True).close()
    except (NotFoundError, FormatError, InvalidArgumentError, KeyError, TypeError, AttributeError):
        return True
    except Error:
        pass
    return False


def is_claimed(name: str, namespace: Namespace) -> bool:
    """Whether a program shares a camera under this name. True if unknown."""
    try:
        MemoryMappedFile.open(claim_name(name), namespace=namespace, readonly=True).close()
    except NotFoundError:
        return False
    except Error:  # it belongs to another user, or is not ready yet
        pass
    return True


def _place(name: str, namespace: Namespace) -> dict[str, str]:
    return {"name": name, "namespace": namespace.name.lower()}


def _is_at(entry: dict[str, Any], name: str, namespace: Namespace) -> bool:
    return _place(name, namespace).items() <= entry.items()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Lock the file, so that no entry gets lost. If that fails we go on: the file is complete in any case."""
    if sys.platform == "win32":
        namespace, access = Namespace.GLOBAL, Access.USERS_WRITE
    else:  # owner only: each folder has one writing user, and another user with write access could truncate the lock
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
        listed = _load(file)
    except (OSError, ValueError, RecursionError):
        return []
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _load(file: Path) -> Any:
    """The content of the file; empty if there is none."""
    try:
        return json.loads(_retried(lambda: file.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _write(file: Path, listed: list[dict[str, Any]]) -> None:
    with suppress(FileExistsError):
        file.parent.mkdir(mode=0o755, parents=True)  # other users must not replace the file
        file.parent.chmod(0o755)  # but may read it, whatever the umask is
    data = json.dumps(listed, indent=1).encode()
    _retried(lambda: replace_file(file, data, mode=0o644))


def _retried(action: Callable[[], T]) -> T:
    """Try again while another process uses the file: Windows does not replace a file that is being read, nor open one
    that is being replaced."""
    deadline = time.perf_counter() + WAIT_SECONDS
    while True:
        try:
            return action()
        except PermissionError:
            if sys.platform != "win32" or time.perf_counter() >= deadline:
                raise
        time.sleep(0.01)
