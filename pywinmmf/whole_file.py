"""Atomic replacement of files."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path


def replace_file(file: Path, data: bytes, mode: int | None = None) -> None:
    """Write ``data`` to the file. If the disk is full or the process is killed, the old content stays.

    ``mode`` is its permission bits on POSIX from the first moment on; None: the usual ones. A link is followed.
    `OSError` names the file.
    """
    target = Path(os.path.realpath(file))
    part = target.with_name(f"{uuid.uuid4().hex}.part")
    try:
        try:
            if target.exists() and not target.is_file():
                target.write_bytes(data)  # a device or a pipe cannot be replaced
                return
            with open(
                part, "xb", opener=lambda path, flags: os.open(path, flags, 0o666 if mode is None else mode)
            ) as new:
                new.write(data)
            if mode is not None:
                part.chmod(mode)  # whatever the umask
            part.replace(target)
        finally:
            with suppress(OSError):
                part.unlink()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error  # name the file, not its temporary name
