"""The archives for users of C and C++: library, import libraries, headers, CMake's and pkg-config's files, licence."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import natives, sbom
from .archive import write_tar_gz, write_zip
from .platforms import Platform
from .source import DIST, ROOT, VERSION, WORK, cleared


def build(platform: Platform) -> Path:
    """Pack what natives.build has installed."""
    name = f"wmmf-{VERSION}-{platform.archive}"
    folder = cleared(WORK / "archives" / name)
    shutil.copytree(natives.prefix(platform), folder, symlinks=True)
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE")
    (folder / "wmmf.cdx.json").write_text(sbom.document("wmmf", platform.archive))
    if platform.windows:
        return write_zip(folder, DIST / f"{name}.zip", name)
    return write_tar_gz(folder, DIST / f"{name}.tar.gz", name)
