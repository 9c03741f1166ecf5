"""The C library for each platform, installed by CMake into a folder of its own, and alone for NuGet's package."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab import zig

from .platforms import Platform
from .source import WORK, cleared, copy_to, run, without_folder


def prefix(platform: Platform) -> Path:
    """Return the folder that the library is installed under; made by ``build``."""
    return WORK / "natives" / platform.rid


def native_builds() -> Path:
    """Return the folder with ``<rid>/wmmf.dll`` or ``<rid>/libwmmf.so``."""
    return WORK / "native"


def build(platform: Platform) -> Path:
    """Build the library and install it under ``prefix``."""
    folder = cleared(WORK / f"natives-build/{platform.rid}")
    cleared(prefix(platform))
    source = copy_to(folder / "source")
    run(
        *("cmake", "-S", source / "csrc", "-B", folder / "build", "-DCMAKE_BUILD_TYPE=Release"),
        "-DCMAKE_INSTALL_LIBDIR=lib",
        # Windows: a PDB, which nobody gets, would name the builder's folders, and the DLL would carry its hash.
        # Linux: what the age of glibc does not have must not become a symbol without a version.
        f"-DCMAKE_SHARED_LINKER_FLAGS={'-s' if platform.windows else '-Wl,-z,defs'}",
        *zig.cmake_options(platform.zig),
        env={"CFLAGS": without_folder(source)},
    )
    run("cmake", "--build", folder / "build", "--parallel", "2")
    run("cmake", "--install", folder / "build", "--prefix", prefix(platform), "--strip")
    if platform.windows:
        # lld writes Microsoft's format of import libraries, which all linkers read, each under its own name.
        shutil.copy(prefix(platform) / "lib/libwmmf.dll.a", prefix(platform) / "lib/wmmf.lib")
    else:
        _strip((prefix(platform) / "lib/libwmmf.so").resolve())
    alone = native_builds() / platform.rid
    alone.mkdir(parents=True, exist_ok=True)
    shutil.copy(library(platform), alone / platform.library)
    return prefix(platform)


def library(platform: Platform) -> Path:
    """Return the shared library of an installed build."""
    return prefix(platform) / ("bin/wmmf.dll" if platform.windows else "lib/libwmmf.so")


def _strip(file: Path) -> None:
    """Without symbols and debug information; CMake would ask for a strip of each architecture."""
    run("llvm-strip-14", "--strip-unneeded", file)
