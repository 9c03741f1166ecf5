"""The Python suite once more, in a real CPython for Windows: as Microsoft's compiler builds the package, and mingw."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import native
import pytest
from lab import wine, winpython

SUITE = native.TESTS / "python"
SECONDS = 1800
HANG_REPORT = ["-o", "faulthandler_timeout=100"]  # prints where, if a test hangs


@pytest.fixture(scope="module")
def wheel() -> Path:
    return native.windows_wheel()


def test_wheel_is_for_every_python_on_64_bit_windows(wheel: Path) -> None:
    assert re.fullmatch(r"pywinmmf-[\d.]+-cp311-abi3-win_amd64\.whl", wheel.name)


def test_a_process_that_wine_refuses_once_is_started() -> None:
    code = """
from sitecustomize import tried_twice
left = [OSError("refused"), None]
def start(name):
    error = left.pop(0)
    if error:
        raise error
    return name
print(tried_twice(start)("started"))
left = [OSError("first"), OSError("second")]
try:
    tried_twice(start)("never")
except OSError as error:
    print(error)
"""
    done = winpython.run(["-c", code])
    assert done.stdout.split() == ["started", "second"], done.stderr
    assert done.stderr == "Wine started a process at the second attempt: refused\n"


def check_suite(package: Mapping[str, str], *options: str) -> None:
    """Run the suite with the package that this environment brings, or the installed one, which has the metadata."""
    native.install_on_windows()
    native.start_what_cameras_need()
    environment = {
        "PYWINMMF_BENCH_PROGRAMS": wine.windows_path(native.windows_bench_programs()),
        "COLUMNS": "200",  # the summary then has the whole reason why a test failed
        **package,
    }
    done = winpython.run(
        ["-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--import-mode=importlib", *HANG_REPORT, *options],
        cwd=SUITE,
        env=environment,
        timeout=SECONDS,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* passed", done.stdout)


def test_whole_suite_passes_as_microsofts_compiler_builds_it() -> None:
    """With setuptools' own MSVCCompiler (a stand-in for cl.exe: lab/msvc.py)."""
    package = wine.windows_path(native.msvc_package())
    environment = {"PYTHONPATH": package}
    asked = winpython.run(["-c", "import pywinmmf; print(pywinmmf.__file__)"], cwd=SUITE, env=environment)
    assert asked.stdout.startswith(package)
    check_suite(environment)


# Tests of Python code on top of the public API, by how their files' names begin: no compiler has a part in that code.
ON_THE_PUBLIC_API = (
    "bench camera command_line demo doctor follower mjpeg record rotating rtsp service shown snapshot top video view"
)


def test_suite_of_the_binding_passes_with_the_wheel() -> None:
    """mingw builds it, with another runtime, thread-local memory and atomic operations."""
    check_suite({"PYTHONSAFEPATH": "1"}, *(f"--ignore-glob=test_{name}*" for name in ON_THE_PUBLIC_API.split()))
