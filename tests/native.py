"""Builds the native code of the tests, each thing at most once in a test session."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import cache, msvc, winpython, zig

from pywinmmf.bench.programs import build

TESTS = Path(__file__).parent
CSRC = TESTS.parent / "csrc"
VERSION = (CSRC / "VERSION").read_text().strip()

TARGETS = {
    "gcc": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++"],
    "clang": ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++"],
    "mingw64": [f"-DCMAKE_TOOLCHAIN_FILE={CSRC / 'cmake/mingw64.cmake'}"],
    "mingw32": [f"-DCMAKE_TOOLCHAIN_FILE={CSRC / 'cmake/mingw32.cmake'}"],
}
BUILD_SECONDS = 600


def checked(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = BUILD_SECONDS
) -> str:
    """Run a command, with ``env`` added to the environment, and return its output; it is in the error if that fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
    )
    assert done.returncode == 0, f"exit status {done.returncode} from {done.args}\n{done.stdout}"
    return done.stdout


def cmake_options(target: str) -> list[str]:
    """What CMake must be told to build for one of TARGETS, for "msvc-x64" or for "zig-" and a target of zig."""
    if target.startswith("zig-"):
        return zig.cmake_options(target.removeprefix("zig-"))
    if target.startswith("msvc-"):
        return [f"-DCMAKE_TOOLCHAIN_FILE={msvc.toolchain(target.removeprefix('msvc-'))}"]
    return TARGETS[target]


def temporary_folder() -> Path:
    """Return a new folder that lives as long as we do."""
    folder = Path(tempfile.mkdtemp(prefix="wmmf-build-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def configure_and_build(source: Path, target: str, *options: str, make: Sequence[str] = ["all"]) -> Path:
    """Build a CMake project (see cmake_options) and return the build folder, which lives as long as we do."""
    folder = temporary_folder()
    strict = "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"
    checked("cmake", "-S", source, "-B", folder, strict, *cmake_options(target), *options)
    checked("cmake", "--build", folder, "--parallel", "2", "--target", *make)
    return folder


@functools.cache
def installed(target: str) -> Path:
    """Return the prefix that the library is installed under."""
    build = configure_and_build(CSRC, target)
    prefix = build / "prefix"
    checked("cmake", "--install", build, "--prefix", prefix)
    return prefix


@functools.cache
def programs(target: str, sanitize: str = "") -> Path:
    """Return the folder with the test programs and the shared library that they use."""
    return configure_and_build(TESTS, target, f"-DWMMF_SANITIZE={sanitize}") / "bin"


def source_copy(to: Path) -> Path:
    """Copy what the Python package is built of, without what was built."""
    unwanted = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "tests", "*.so", "*.pyd")
    return Path(shutil.copytree(TESTS.parent, to, ignore=unwanted))


@functools.cache
def msvc_programs(arch: str) -> Path:
    """Return the folder with the test programs in C as Microsoft's compiler builds them; there is no C++ library."""
    return configure_and_build(TESTS, f"msvc-{arch}", make=["wmmf", "unit", "faults", "agent-c"]) / "bin"


@functools.cache
def zig_programs(target: str) -> Path:
    """Return the folder with the test programs in C for a target of zig."""
    return configure_and_build(TESTS, f"zig-{target}", make=["unit", "faults"]) / "bin"


@functools.cache
def windows_wheel() -> Path:
    """Return the Python package's wheel for Windows.

    It is cross-built from a copy of the source tree, so that no native build gets into it.
    """
    folder = temporary_folder()
    source = source_copy(folder / "source")
    cross = {
        "PYWINMMF_CROSS": "win_amd64",
        "PYWINMMF_CROSS_INCLUDE": str(winpython.include()),
        "PYWINMMF_CROSS_LIB": str(winpython.libs()),
    }
    checked(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, source, env=cross)
    (wheel,) = folder.glob("*.whl")
    return wheel


@functools.cache
def msvc_package() -> Path:
    """Return a folder with the Python package as setuptools builds it with Microsoft's compiler, for PYTHONPATH."""
    source = source_copy(temporary_folder() / "source")
    script = TESTS / "lab/sources/setup_as_msvc.py"
    cross = {
        "PYWINMMF_CROSS": "win_amd64",
        "PYWINMMF_CROSS_INCLUDE": str(winpython.include()),
        "PYWINMMF_CROSS_LIB": str(msvc.home() / "x64"),
        "CL": "/DPy_ENABLE_SHARED",  # as CPython's own pyconfig.h says for this compiler: its data are in python3.dll
    }
    checked(sys.executable, script, "build", "--compiler=msvc", cwd=source, env={**msvc.environment(), **cross})
    (built,) = source.glob("build/win_amd64/lib*")
    return built


@functools.cache
def install_on_windows() -> None:
    """Install that wheel into the Windows Python, which has what its extras need."""
    winpython.install_wheel(windows_wheel())


@functools.cache
def windows_bench_programs() -> Path:
    """Return the folder with the programs in C of ``pywinmmf bench``, beside the library of that wheel."""
    folder = temporary_folder()
    with zipfile.ZipFile(windows_wheel()) as wheel:
        library = Path(wheel.extract("pywinmmf/wmmf.dll", folder))
    build(folder, cache.tool("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"), library)
    return folder


CAMERAS = (
    "import cv2, cv2_enumerate_cameras as e; e.enumerate_cameras(cv2.CAP_DSHOW); cv2.VideoCapture(97, cv2.CAP_DSHOW)"
)


@functools.cache
def start_what_cameras_need() -> None:
    """Look for cameras once. Wine starts the servers that this takes then, or that loading FFmpeg takes, and they keep
    the pipes of the first process: here nobody waits for the end of those."""
    assert winpython.popen(["-c", CAMERAS]).wait(timeout=120) == 0
