"""Builds the C library and the native test programs with CMake, each at most once in a test session."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

TESTS = Path(__file__).parent
CSRC = TESTS.parent / "csrc"

TARGETS = {
    "gcc": ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++"],
    "clang": ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++"],
    "mingw64": [f"-DCMAKE_TOOLCHAIN_FILE={CSRC / 'cmake/mingw64.cmake'}"],
    "mingw32": [f"-DCMAKE_TOOLCHAIN_FILE={CSRC / 'cmake/mingw32.cmake'}"],
}
BUILD_SECONDS = 600


def checked(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command and return its output, which is in the error, too, if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=BUILD_SECONDS,
    )
    assert done.returncode == 0, f"exit status {done.returncode} from {done.args}\n{done.stdout}"
    return done.stdout


def configure_and_build(source: Path, target: str, *options: str) -> Path:
    """Build a CMake project for one of TARGETS and return the build folder, which lives as long as we do."""
    folder = Path(tempfile.mkdtemp(prefix="wmmf-build-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    checked("cmake", "-S", source, "-B", folder, *TARGETS[target], *options)
    checked("cmake", "--build", folder, "--parallel", "2")
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
