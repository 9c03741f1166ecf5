"""python.org's binaries of CPython for Windows, which the panda3d wheels carry, and how a Python is made of them.

They lack the pure Python part of the standard library, python.exe and python3.dll.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from lab import cache, mingw

BINARIES = "panda3d==1.10.16"
LINUX_ONLY = ("lib-dynload", "config-*", "_sysconfigdata*", "sitecustomize.py", "_distutils_system_mod.py")
NOT_NEEDED = ("EXTERNALLY-MANAGED", "test", "site-packages", "dist-packages", "__pycache__")
CFFI = ["cffi==2.1.1", "pycparser==3.12"]
COMPILERS = {"win_amd64": "x86_64", "win32": "i686"}


def home(release: str, platform: str, library: Path, forwarders: Path) -> Path:
    """Return the folder of a python.exe of, say, "313" for "win_amd64" or "win32" that has cffi and no more.

    ``library`` is the standard library of a CPython of that release, ``forwarders`` the .def of a python3.dll.
    """
    launcher = cache.source("python.c")

    def make(folder: Path) -> None:
        unpack(folder, release, platform)
        copy_library(library, folder)
        compiler = COMPILERS[platform]
        mingw.compile([launcher], folder / "python.exe", "-municode", folder / f"python{release}.dll", arch=compiler)
        _make_stable_abi(folder, release, compiler, forwarders)
        cache.unpack_wheels(CFFI, folder / "Lib/site-packages", windows=True, python=release, platform=platform)

    return cache.make_once(f"winpython{release}-{platform}", make, BINARIES, *CFFI, str(library), launcher, forwarders)


def unpack(folder: Path, release: str, platform: str) -> None:
    """Put python.org's files where its installer does."""
    with tempfile.TemporaryDirectory(dir=folder) as unpacked:
        cache.unpack_wheels(
            [BINARIES], Path(unpacked), members="deploy_libs/", windows=True, python=release, platform=platform
        )
        (folder / "DLLs").mkdir()
        for file in Path(unpacked, "deploy_libs").iterdir():
            if file.name.startswith("api-ms-win-"):
                continue  # Wine has its own
            beside_python = re.fullmatch(r"python\d+\.dll|vcruntime\w+\.dll", file.name, re.IGNORECASE)
            file.rename((folder if beside_python else folder / "DLLs") / file.name)


def copy_library(library: Path, folder: Path) -> None:
    """Complete it with the standard library of the same release, as Linux has it."""
    shutil.copytree(library, folder / "Lib", ignore=shutil.ignore_patterns(*LINUX_ONLY, *NOT_NEEDED))
    (folder / "Lib/site-packages").mkdir()


def _make_stable_abi(folder: Path, release: str, compiler: str, forwarders: Path) -> None:
    """Make python3.dll, which forwards the names of the stable ABI that this release has."""
    shown = cache.checked(
        [cache.tool("llvm-readobj-14", "llvm-14"), "--coff-exports", folder / f"python{release}.dll"], "cannot read it"
    )
    there = set(re.findall(r"Name: (\w+)", shown))
    names = re.findall(r"^(\w+)=python311\.\w+( DATA)?$", forwarders.read_text(), re.MULTILINE)
    lines = [f"{name}=python{release}.{name}{data}\n" for name, data in names if name in there]
    definition = folder / "python3.def"
    definition.write_text("EXPORTS\n" + "".join(lines))
    mingw.compile([definition], folder / "python3.dll", "-shared", "-nostdlib", "-Wl,--entry=0", arch=compiler)
