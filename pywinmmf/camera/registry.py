"""Where programs find the names of shared cameras: a JSON file in a folder that all users can read.

``%PUBLIC%\\pywinmmf\\cameras.json`` on Windows, ``/run/pywinmmf/cameras.json`` for a service of Linux, else
``$XDG_RUNTIME_DIR/pywinmmf/cameras.json`` (without that variable, under ``~/.cache``): an object of name ->
{namespace, source, pid}. Written to a new file that then takes the place of the old one, so nobody reads half of
it. An entry is stale when nobody shares a camera under its name any more.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, TypeVar

from ..enums import Access, Namespace
from ..errors import AccessDeniedError, Error
from ..memory_mapped_file import MemoryMappedFile

FILE = Path("pywinmmf/cameras.json")
PATIENCE = 2.0  # seconds

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


def announce(name: str, namespace: Namespace, source: str) -> Path | None:
    """Add a shared camera, drop stale ones; the file, None if none of the folders can be written."""
    entry = {"namespace": namespace.name.lower(), "source": source, "pid": os.getpid()}
    with _one_at_a_time():
        for folder in folders():
            file = folder / FILE
            entries = {other: found for other, found in _read(file).items() if not is_stale(other, found)}
            try:
                _write(file, {**entries, name: entry})
            except OSError:
                continue
            return file
    return None


def withdraw(name: str, file: Path) -> None:
    """Take our entry out; the file goes with the last one."""
    with _one_at_a_time():
        entries = _read(file)
        entry = entries.get(name)
        if isinstance(entry, dict) and entry.get("pid") == os.getpid():
            del entries[name]
        if entries:
            _write(file, entries)
        else:
            file.unlink(missing_ok=True)


def shared_cameras() -> dict[str, dict[str, Any]]:
    """The cameras that are shared now: by the name to open, ``namespace``, ``source`` and ``pid``."""
    found: dict[str, dict[str, Any]] = {}
    for folder in reversed(folders()):
        entries = _read(folder / FILE)
        found.update({name: entry for name, entry in entries.items() if not is_stale(name, entry)})
    return found


def is_stale(name: str, entry: Any) -> bool:
    """Whether nobody shares a camera under this name any more."""
    try:
        namespace = Namespace[str(entry["namespace"]).upper()]
        MemoryMappedFile.open(claim_name(name), namespace=namespace, readonly=True).close()
    except AccessDeniedError:
        return False
    except (Error, KeyError, TypeError):
        return True
    return False


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """So that no entry gets lost. Who cannot have the lock goes on without: the file is whole in any case."""
    with ExitStack() as stack:
        with suppress(Error):
            lock = MemoryMappedFile.create(
                "pywinmmf-cameras", 1, namespace=Namespace.GLOBAL, access=Access.USERS_WRITE, exist_ok=True
            )
            stack.enter_context(lock)
            if stack.enter_context(lock.write_lock(PATIENCE)).owner_died:
                lock.mark_consistent()
        yield


def _read(file: Path) -> dict[str, Any]:
    try:
        entries = json.loads(_patiently(lambda: file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _write(file: Path, entries: dict[str, Any]) -> None:
    with suppress(FileExistsError):
        file.parent.mkdir(mode=0o755, parents=True)  # others may not replace the file
        file.parent.chmod(0o755)  # but look, whatever the umask
    handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".json")
    try:
        with open(handle, "w", encoding="utf-8") as new:
            json.dump(entries, new, indent=1)
        os.chmod(temporary, 0o644)
        _patiently(lambda: os.replace(temporary, file))
    except BaseException:
        os.unlink(temporary)
        raise


def _patiently(action: Callable[[], T]) -> T:
    """On Windows a file that is just being read cannot be replaced, nor one read that is just being replaced."""
    deadline = time.perf_counter() + PATIENCE
    while True:
        try:
            return action()
        except PermissionError:
            if sys.platform != "win32" or time.perf_counter() >= deadline:
                raise
        time.sleep(0.01)
