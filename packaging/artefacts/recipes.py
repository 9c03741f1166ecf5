"""What package managers of C build from source: a Conan recipe and a vcpkg port, each with its sources."""

from __future__ import annotations

import shutil
from pathlib import Path

from .archive import write_zip
from .source import DIST, ROOT, VERSION, WORK, cleared, copy_to


def build_conan() -> Path:
    """Pack a folder in which ``conan create .`` works."""
    folder = cleared(WORK / "conan" / f"wmmf-{VERSION}-conan")
    shutil.copytree(ROOT / "packaging/conan", folder, ignore=shutil.ignore_patterns("__pycache__", "build"))
    _copy_library(folder)
    program = ROOT / "tests/c/external"
    shutil.copytree(program, folder / "test_package", dirs_exist_ok=True)
    return write_zip(folder, DIST / f"{folder.name}.zip", folder.name)


def build_vcpkg() -> Path:
    """Pack an overlay port. It follows vcpkg's guide; nobody has tried it with vcpkg."""
    folder = cleared(WORK / "vcpkg" / f"wmmf-{VERSION}-vcpkg")
    port = Path(shutil.copytree(ROOT / "packaging/vcpkg", folder / "wmmf"))
    manifest = port / "vcpkg.json.in"
    (port / "vcpkg.json").write_text(manifest.read_text().replace("@VERSION@", VERSION))
    manifest.unlink()
    _copy_library(port / "source")
    return write_zip(folder, DIST / f"{folder.name}.zip", folder.name)


def _copy_library(folder: Path) -> None:
    source = copy_to(WORK / "recipes-source")
    shutil.copytree(source / "csrc", folder / "csrc", dirs_exist_ok=True)
    shutil.copy(source / "LICENSE", folder / "LICENSE")
