"""A real CPython 3.11 for Windows, with packages, under Wine.

The binaries are those of python.org, as the panda3d wheel carries them. The wheel lacks the pure Python part
of the standard library (taken from a CPython 3.11 of this machine), python.exe and python3.dll (made here).
The result is laid out as python.org's: python.exe, DLLs/, Lib/, include/, libs/.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import cache, mingw, winbinaries, wine

PACKAGES = [
    "pip==26.3",
    "cffi==2.1.1",
    "pycparser==3.12",
    "pytest==9.2.0",
    "pluggy==1.7.0",
    "iniconfig==2.3.1",
    "packaging==26.3",
    "pygments==2.21.0",
    "colorama==0.4.6",
    "numpy==2.1.3",  # later ones need more of the C runtime than Wine 8 has
    "opencv-python-headless==5.0.0.93",
    "cv2-enumerate-cameras==1.4.0",
    "av==18.1.0",
    "pywin32==312",
    *("rich==15.0.0", "markdown-it-py==4.3.0", "mdurl==0.1.2"),
    *("psutil==7.2.2", "matplotlib==3.11.2", "contourpy==1.3.3", "cycler==0.12.1", "fonttools==4.68.0"),
    *("kiwisolver==1.5.1", "pillow==13.0.0", "pyparsing==3.3.3", "python-dateutil==4.0.0"),
    *("aiohttp==3.14.5", "aiohappyeyeballs==2.7.1", "aiosignal==1.4.0", "attrs==26.1.0", "frozenlist==1.8.0"),
    *("idna==3.20", "multidict==7.2.1", "propcache==0.5.4", "typing-extensions==4.16.0", "yarl==1.25.1"),
]

ENVIRONMENT = {"PYTHONIOENCODING": "utf-8"}  # or it writes the Windows code page into pipes


@functools.cache
def home() -> Path:
    """Return the folder of python.exe."""
    linux = _linux_python()
    launcher, pyconfig = cache.source("python.c"), cache.source("pyconfig.h")
    customize = cache.source("sitecustomize.py")

    def make(folder: Path) -> None:
        winbinaries.unpack(folder, "311", "win_amd64")
        winbinaries.copy_library(Path(linux["stdlib"]), folder)
        shutil.copytree(linux["include"], folder / "include")
        shutil.copyfile(pyconfig, folder / "include/pyconfig.h")
        _make_stable_abi(folder)
        mingw.compile([launcher], folder / "python.exe", "-municode", folder / "python311.dll")
        cache.unpack_wheels(PACKAGES, folder / "Lib/site-packages", windows=True)
        shutil.copy(customize, folder / "Lib/site-packages")
        cache.checked([linux["executable"], "-m", "compileall", "-q", folder / "Lib"], "cannot compile Lib")

    made_from = [launcher, pyconfig, customize]
    return cache.make_once("winpython", make, winbinaries.BINARIES, *PACKAGES, linux["stdlib"], *made_from)


def include() -> Path:
    """Return the folder of Python.h, for extensions that keep to the limited API."""
    return home() / "include"


def libs() -> Path:
    """Return the folder of libpython3.a, to link such an extension with ``-lpython3``."""
    return home() / "libs"


def run(
    args: Sequence[wine.Argument],
    *,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the Windows Python to its end; everything else is as for ``wine.run``."""
    argv = [home() / "python.exe", *args]
    return wine.run(argv, timeout=timeout, env={**ENVIRONMENT, **(env or {})}, cwd=cwd, input=input)


def popen(
    args: Sequence[wine.Argument], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[str]:
    """Start the Windows Python for a conversation line by line; everything else is as for ``wine.popen``."""
    return wine.popen([home() / "python.exe", *args], env={**ENVIRONMENT, **(env or {})}, cwd=cwd)


def install_wheel(wheel: Path) -> None:
    """Have the Windows Python's own pip install a wheel file, without its dependencies.

    Another version of the package, or another build of the same, is replaced.
    """
    options = ["--no-index", "--no-deps", "--force-reinstall", "--no-cache-dir"]
    with cache.locked("winpython-packages"):
        done = run(["-m", "pip", "install", *options, wheel], timeout=300)
    if done.returncode != 0:
        raise cache.LabError(f"cannot install {wheel} into the Windows Python:\n{done.stdout}{done.stderr}")


def _linux_python() -> dict[str, str]:
    """Return the paths of a CPython 3.11 for Linux: executable, stdlib and include."""
    question = (
        "import json, sys, sysconfig;"
        "paths = {name: sysconfig.get_path(name) for name in ('stdlib', 'include')};"
        "paths.update(executable=sys.executable, version=sysconfig.get_python_version());"
        "print(json.dumps(paths))"
    )
    for candidate in ("/usr/bin/python3.11", sys.executable, shutil.which("python3.11")):
        if candidate is None or not Path(candidate).exists():
            continue
        answer = subprocess.run([candidate, "-c", question], stdout=subprocess.PIPE, encoding="utf-8")
        paths: dict[str, str] = json.loads(answer.stdout) if answer.returncode == 0 else {"version": "unknown"}
        if paths["version"] == "3.11" and Path(paths["include"], "Python.h").exists():
            return paths
    raise cache.LabError(
        "no CPython 3.11 with headers on this machine, whose library the Windows Python is completed with: "
        "install Debian 12's packages 'python3' and 'python3-dev'"
    )


def _make_stable_abi(folder: Path) -> None:
    """Make python3.dll, which forwards the stable ABI's names to python311.dll, and libs/libpython3.a."""
    names = _stable_abi(folder / "include")
    (folder / "libs").mkdir()
    forwarders, imports = folder / "libs/python3.def", folder / "libs/python3_import.def"
    exports = [(name, " DATA" if is_data else "") for name, is_data in sorted(names.items())]
    forwarders.write_text("EXPORTS\n" + "".join(f"{name}=python311.{name}{data}\n" for name, data in exports))
    imports.write_text("LIBRARY python3.dll\nEXPORTS\n" + "".join(f"{name}{data}\n" for name, data in exports))
    mingw.compile([forwarders], folder / "python3.dll", "-shared", "-nostdlib", "-Wl,--entry=0")
    dlltool = cache.tool("x86_64-w64-mingw32-dlltool", "binutils-mingw-w64-x86-64")
    cache.checked([dlltool, "-d", imports, "-l", folder / "libs/libpython3.a"], "cannot make libpython3.a")


def _stable_abi(include: Path) -> dict[str, bool]:
    """Return every name the headers declare under the limited API of 3.11, and whether it is data."""
    names = {}
    with tempfile.TemporaryDirectory() as folder:
        declared = Path(folder, "declared.h")
        # PY_SSIZE_T_CLEAN renames some functions; extensions are built with it and without it.
        for variant in ("-DPY_SSIZE_T_CLEAN", "-UPY_SSIZE_T_CLEAN"):
            flags = ["-E", "-P", f"-I{include}", "-include", "structmember.h", "-DPy_LIMITED_API=0x030b0000"]
            flags += [variant, "-DPyAPI_FUNC(type)=@function type", "-DPyAPI_DATA(type)=@data type"]
            mingw.compile([include / "Python.h"], declared, *flags)
            text = declared.read_text()
            names.update(dict.fromkeys(re.findall(r"@function [^;{]*?\b(_?Py\w+)\s*\(", text), False))
            names.update(dict.fromkeys(re.findall(r"@data [^;]*?\b(_?Py\w+)\)?\s*[;[(]", text), True))
    return names
