"""zig: a C compiler for every system and C library, to build what others run.

A target is what zig calls it: ``x86_64-linux-musl``, ``aarch64-linux-gnu.2.17`` (the glibc that it runs on, and newer),
``aarch64-windows-gnu``.
"""

from __future__ import annotations

import functools
import shlex
from pathlib import Path

from lab import cache

RELEASE = "ziglang==0.14.1"
_GNU_NAMES = {
    "x86_64-windows-gnu": "x86_64-w64-mingw32",
    "x86-windows-gnu": "i686-w64-mingw32",
    "aarch64-windows-gnu": "aarch64-w64-mingw32",
}


@functools.cache
def home() -> Path:
    """Return the folder of the program ``zig``."""

    def make(folder: Path) -> None:
        cache.unpack_wheels([RELEASE], folder)
        (folder / "ziglang/zig").chmod(0o755)

    return cache.make_once("zig", make, RELEASE) / "ziglang"


def command(target: str, language: str = "cc") -> list[str]:
    """Return the command of the compiler for C ("cc") or C++ ("c++")."""
    return [str(home() / "zig"), language, "-target", target]


@functools.cache
def toolchain(target: str) -> Path:
    """Return a folder with the programs ``cc``, ``c++``, ``ar``, ``ranlib`` and the CMake toolchain file
    ``toolchain.cmake``."""

    def make(folder: Path) -> None:
        programs = {"cc": command(target), "c++": command(target, "c++"), "ar": [str(home() / "zig"), "ar"]}
        programs["ranlib"] = [str(home() / "zig"), "ranlib"]
        if "windows" in target:
            programs["windres"] = [cache.tool("llvm-windres-14", "llvm-14"), f"--target={_GNU_NAMES[target]}"]
        for name, line in programs.items():
            cache.write_script(folder / name, f'exec {shlex.join(line)} "$@"')
        (folder / "toolchain.cmake").write_text(_toolchain_file(target))

    return cache.make_once(f"zig-{target}", make, RELEASE)


def cmake_options(target: str) -> list[str]:
    """What CMake must be told to build for a target."""
    return [f"-DCMAKE_TOOLCHAIN_FILE={toolchain(target) / 'toolchain.cmake'}"]


def _toolchain_file(target: str) -> str:
    processor, system, _ = target.split("-")
    return f"""set(CMAKE_SYSTEM_NAME {system.capitalize()})
set(CMAKE_SYSTEM_PROCESSOR {processor})
set(CMAKE_C_COMPILER ${{CMAKE_CURRENT_LIST_DIR}}/cc)
set(CMAKE_CXX_COMPILER ${{CMAKE_CURRENT_LIST_DIR}}/c++)
set(CMAKE_AR ${{CMAKE_CURRENT_LIST_DIR}}/ar)
set(CMAKE_RANLIB ${{CMAKE_CURRENT_LIST_DIR}}/ranlib)
set(CMAKE_RC_COMPILER ${{CMAKE_CURRENT_LIST_DIR}}/windres)
"""
