"""Where programs find the names of shared cameras: a JSON file in a folder that all users can read.

``%PUBLIC%\\pywinmmf\\cameras.json`` on Windows, ``/run/pywinmmf/cameras.json`` for a service of Linux, else
``$XDG_RUNTIME_DIR/pywinmmf/cameras.json`` (without that variable, under ``~/.cache``): an object of name ->
{namespace, source, pid}. Written to a new file that then takes the place of the old one, so nobody reads half of
it. An entry whose channel cannot be opened is stale.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from pywinmmf import AccessDeniedError, Error, FrameChannel, Namespace

FILE = Path("pywinmmf/cameras.json")


def folders() -> list[Path]:
    """The folders that may have the file, the machine's first."""
    if sys.platform == "win32":
        return [Path(os.environ.get("PUBLIC", r"C:\Users\Public"))]
    return [Path("/run"), Path(os.environ.get("XDG_RUNTIME_DIR") or Path.home() / ".cache")]


def _read(file: Path) -> dict[str, Any]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _write(file: Path, entries: dict[str, Any]) -> None:
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)  # others may not replace the file
    handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".json")
    try:
        with open(handle, "w", encoding="utf-8") as new:
            json.dump(entries, new, indent=1)
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def is_stale(name: str, entry: Any) -> bool:
    """Whether nobody has the channel of an entry open any more."""
    try:
        namespace = Namespace[str(entry["namespace"]).upper()]
        FrameChannel.open(name, namespace=namespace, readonly=True).close()
    except AccessDeniedError:
        return False
    except (Error, KeyError, TypeError):
        return True
    return False


def announce(name: str, namespace: Namespace, source: str) -> Path | None:
    """Add a shared camera, drop stale ones; the file, None if none of the folders can be written."""
    for folder in folders():
        file = folder / FILE
        entries = {other: entry for other, entry in _read(file).items() if not is_stale(other, entry)}
        entries[name] = {"namespace": namespace.name.lower(), "source": source, "pid": os.getpid()}
        try:
            _write(file, entries)
        except OSError:
            continue
        return file
    return None


def withdraw(name: str, file: Path) -> None:
    """Take an entry out; the file goes with the last one."""
    entries = _read(file)
    entries.pop(name, None)
    if entries:
        _write(file, entries)
    else:
        file.unlink(missing_ok=True)


def shared_cameras() -> dict[str, dict[str, Any]]:
    """The cameras that are shared now, by the name to open."""
    found: dict[str, dict[str, Any]] = {}
    for folder in reversed(folders()):
        for name, entry in _read(folder / FILE).items():
            if not is_stale(name, entry):
                found[name] = entry
    return found
