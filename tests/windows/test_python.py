"""The Python suite once more, in a real CPython for Windows, on the wheel that is built here for it."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lab import winpython

PROJECT = Path(__file__).parents[2]
SUITE = PROJECT / "tests/python"
SECONDS = 900


@functools.cache
def windows_wheel(folder: Path) -> Path:
    """Cross-build the wheel from a copy of the source tree, so that no native build gets into it."""
    source = folder / "source"
    shutil.copytree(
        PROJECT, source, ignore=shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "tests")
    )
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)],
        env={
            **os.environ,
            "PYWINMMF_CROSS": "win_amd64",
            "PYWINMMF_CROSS_INCLUDE": str(winpython.include()),
            "PYWINMMF_CROSS_LIB": str(winpython.libs()),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return windows_wheel(tmp_path_factory.mktemp("wheel"))


def test_wheel_is_for_every_python_on_64_bit_windows(wheel: Path) -> None:
    assert re.fullmatch(r"pywinmmf-[\d.]+-cp39-abi3-win_amd64\.whl", wheel.name)


def test_suite_passes_on_windows(wheel: Path) -> None:
    winpython.install_wheel(wheel)
    done = winpython.run(
        ["-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--import-mode=importlib", SUITE], timeout=SECONDS
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* passed", done.stdout)
