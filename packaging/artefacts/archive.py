"""Archives whose bytes depend on nothing but what is in them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from .source import date


def members(folder: Path) -> list[Path]:
    """Return all files and symbolic links under a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def write_zip(folder: Path, archive: Path, top: str = "") -> Path:
    """Pack the files of a folder, under ``top``, into a .zip."""
    moment = datetime.fromtimestamp(date(), UTC)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in members(folder):
            name = str(Path(top, path.relative_to(folder)))
            info = zipfile.ZipInfo(name, (moment.year, moment.month, moment.day, moment.hour, moment.minute, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100000 | (0o755 if path.stat().st_mode & 0o100 else 0o644)) << 16
            packed.writestr(info, path.read_bytes())
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


def rewrite_zip(archive: Path) -> None:
    """Give the members of a .zip that another program wrote one order and one date."""
    with zipfile.ZipFile(archive) as packed:
        content = {info.filename: (packed.read(info), info.external_attr) for info in packed.infolist()}
    moment = datetime.fromtimestamp(date(), UTC)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, (data, attributes) in sorted(content.items()):
            info = zipfile.ZipInfo(name, (moment.year, moment.month, moment.day, moment.hour, moment.minute, 0))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, attributes
            packed.writestr(info, data)
