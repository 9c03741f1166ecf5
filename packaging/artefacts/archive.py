"""Archives whose bytes depend on nothing but what is in them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from .source import date


def members(folder: Path) -> list[Path]:
    """Return all files and symbolic links under a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def write_zip(folder: Path, archive: Path, top: str = "") -> Path:
    """Pack the files of a folder, under ``top``, into a .zip."""
    files = {str(Path(top, path.relative_to(folder))): path for path in members(folder)}
    content = {name: path.read_bytes() for name, path in files.items()}
    programs = [name for name, path in files.items() if path.stat().st_mode & 0o100]
    return _pack(archive, content, programs)


def change_zip(archive: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change the members of a .zip that another program wrote, and give them one order and one date."""
    with zipfile.ZipFile(archive) as packed:
        content = {name: packed.read(name) for name in packed.namelist()}
    change(content)
    _pack(archive, dict(sorted(content.items())))


def _pack(archive: Path, content: Mapping[str, bytes], programs: Collection[str] = ()) -> Path:
    moment = datetime.fromtimestamp(date(), UTC)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in content.items():
            info = zipfile.ZipInfo(name, (moment.year, moment.month, moment.day, moment.hour, moment.minute, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if name in programs else 0o100644) << 16
            packed.writestr(info, data)
    return archive


def write_tar_gz(folder: Path, archive: Path, top: str) -> Path:
    """Pack the files of a folder, under ``top``, into a .tar.gz."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT) as packed:
        for path in members(folder):
            info = packed.gettarinfo(path, str(Path(top, path.relative_to(folder))))
            info.mtime, info.uid, info.gid, info.uname, info.gname = date(), 0, 0, "", ""
            info.mode = 0o777 if info.issym() else 0o755 if info.mode & 0o100 else 0o644
            with open(path, "rb") if info.isreg() else io.BytesIO() as file:
                packed.addfile(info, file if info.isreg() else None)
    archive.write_bytes(gzip.compress(content.getvalue(), mtime=date()))
    return archive
