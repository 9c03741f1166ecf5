"""The Python suite once more, in a real CPython for Windows, on the wheel that is built here for it."""

from __future__ import annotations

import re
from pathlib import Path

import native
import pytest
from lab import wine, winpython

SUITE = native.TESTS / "python"
SECONDS = 1800
HANG_REPORT = ["-o", "faulthandler_timeout=100"]  # says where, should a test hang


@pytest.fixture(scope="module")
def wheel() -> Path:
    return native.windows_wheel()


def test_wheel_is_for_every_python_on_64_bit_windows(wheel: Path) -> None:
    assert re.fullmatch(r"pywinmmf-[\d.]+-cp311-abi3-win_amd64\.whl", wheel.name)


def test_suite_passes_on_windows() -> None:
    native.install_on_windows()
    native.start_what_cameras_need()
    done = winpython.run(
        ["-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--import-mode=importlib", *HANG_REPORT, SUITE],
        env={
            "PYWINMMF_BENCH_PROGRAMS": wine.windows_path(native.windows_bench_programs()),
            "PYTHONSAFEPATH": "1",
        },
        timeout=SECONDS,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* passed", done.stdout)


CORE = ["test_sections.py", "test_locks.py", "test_channel.py", "test_waiting.py"]


def test_core_of_the_suite_passes_as_microsofts_compiler_builds_it() -> None:
    """With setuptools' own MSVCCompiler (a stand-in for cl.exe: lab/msvc.py)."""
    package = native.msvc_package()
    done = winpython.run(
        ["-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--import-mode=importlib", *HANG_REPORT, *CORE],
        cwd=SUITE,
        env={"PYTHONPATH": wine.windows_path(package)},
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* passed", done.stdout)
    asked = winpython.run(
        ["-c", "import pywinmmf; print(pywinmmf.__file__)"], cwd=SUITE, env={"PYTHONPATH": wine.windows_path(package)}
    )
    assert wine.windows_path(package) in asked.stdout
