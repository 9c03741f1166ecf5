"""Names of sources on the command line, and how much of them other users may see."""

from __future__ import annotations

import mimetypes
import re
import sys
from pathlib import Path
from urllib.parse import unquote

from pywinmmf import InvalidArgumentError

TEST_PICTURE = "test"
FILE_URL = "file://"
IN_FILE = "@"  # before the name of a file: unlike a command line, a file can be private


def for_opencv(what: str, text: str) -> str:
    """The text, if OpenCV can take it: it crashes on text that is not Unicode, such as some file names on Linux."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{what} {text!r}: expected a name that is Unicode") from None
    return text


def video_file(source: str) -> str | None:
    """The path, if the source is a file of this machine."""
    if source.startswith(FILE_URL):
        path = unquote(source[len(FILE_URL) :])
        return path.lstrip("/") if sys.platform == "win32" else path
    return source if source != TEST_PICTURE and "://" not in source and Path(source).is_file() else None


def is_meant_as_file(source: str) -> bool:
    """Whether the source must be a file, by its URL, its path or its suffix. Anything else may be the name or path of
    an unplugged camera."""
    if source.startswith((FILE_URL, IN_FILE)):
        return True
    if "://" in source or source.startswith(("/dev/", "\\\\?\\", "\\\\.\\")):
        return False
    kind = mimetypes.guess_type(source)[0] or ""
    return kind.startswith(("video/", "image/")) or Path(source).is_file() or Path(source).is_absolute()


def source_in(file: Path) -> str:
    """The source in a file. `OSError` if it is not one line; the error does not show the content."""
    try:
        source = file.read_text(encoding="utf-8-sig").strip()  # editors on Windows write a byte order mark
    except UnicodeDecodeError:
        source = ""
    if not source or "\n" in source or source.startswith(IN_FILE):
        raise OSError(f"file {str(file)!r}: expected one line, a source such as rtsp://user:password@host/path")
    return source


def without_secrets(source: str) -> str:
    """The source as others may see it: a URL without user name, password, query and fragment. A secret in the path
    stays visible: put such a URL into a file, of which only the name is shown.

    Everything up to the last ``@`` is removed, since passwords are often written unquoted, with ``/``, ``?`` and ``@``
    in them.
    """
    return re.sub("://(?:.*@)?([^?#]*).*", r"://\1", source, flags=re.DOTALL)


def from_anywhere(source: str) -> str:
    """The source, with an absolute path if it is a file."""
    if source.startswith(IN_FILE):
        return IN_FILE + str(Path(source[len(IN_FILE) :]).resolve())
    file = video_file(source)
    return source if file is None else str(Path(file).resolve())


def channel_name(source: str) -> str:
    """The default name of a source's channel."""
    words = "".join(
        letter if letter.isalnum() else " " for letter in Path(without_secrets(source).rstrip("/")).stem
    ).split()
    return "-".join(["camera", *words])
