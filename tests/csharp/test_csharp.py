"""The C# bindings: fresh, the same as C sees them, and doing what they say on both systems."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from csharp import programs
from lab import csc, dotnet

PROJECT = programs.BINDINGS.parents[1]
GENERATOR = PROJECT / "bindings/generate.py"
GENERATED = [
    *(programs.BINDINGS / "Wmmf" / name for name in ("NativeMethods.g.cs", "PublicTypes.g.cs")),
    *(PROJECT / "pywinmmf" / name for name in ("enums.py", "records.py")),
]
GOLDEN_LAYOUT = Path(__file__).parents[1] / "abi/layout.json"
SYSTEMS = ["linux", "wine"]


def run(system: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if system == "linux":
        return dotnet.run_linux(programs.for_linux(*programs.SELF_TEST), arguments, timeout=120)
    return dotnet.run_wine(programs.for_windows(*programs.SELF_TEST), arguments, timeout=300)


@pytest.mark.parametrize("system", SYSTEMS)
def test_layer_does_what_it_says(system: str) -> None:
    done = run(system)
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", last), done.stdout + done.stderr
    assert done.returncode == 0


def test_missing_library_is_named() -> None:
    program = programs.for_linux(*programs.SELF_TEST)
    library = program.with_name("libwmmf.so")
    away = library.rename(library.with_suffix(".away"))
    try:
        done = dotnet.run_linux(program, ["no-library"])
    finally:
        away.rename(library)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("system", SYSTEMS)
def test_structs_are_laid_out_as_in_c(system: str) -> None:
    assert json.loads(run(system, "layout").stdout) == json.loads(GOLDEN_LAYOUT.read_text())


def test_generated_files_are_fresh() -> None:
    done = check(PROJECT)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def copy_of_the_project(tmp_path: Path) -> Path:
    """The header, the generator and what it writes."""
    parts = GENERATOR.with_name("generator").glob("*.py")
    for path in [GENERATOR, *parts, *GENERATED, PROJECT / "csrc/include/wmmf.h"]:
        copy = tmp_path / path.relative_to(PROJECT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    return tmp_path


def check(project: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "bindings/generate.py"), "--check"]
    environment = {**os.environ, "PYTHONPATH": str(project / "bindings")}  # the tests run with PYTHONSAFEPATH
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("generated", GENERATED, ids=lambda path: path.name)
def test_stale_file_is_noticed(copy_of_the_project: Path, generated: Path) -> None:
    """Each of them, as the first that does not agree with the header."""
    assert check(copy_of_the_project).returncode == 0
    name = generated.relative_to(PROJECT)
    with open(copy_of_the_project / name, "a") as file:
        file.write("\n")
    done = check(copy_of_the_project)
    assert done.returncode == 1
    assert f"{name} is stale" in done.stderr


def test_change_of_the_header_is_noticed(copy_of_the_project: Path) -> None:
    header = copy_of_the_project / "csrc/include/wmmf.h"
    header.write_text(header.read_text().replace("WMMF_E_OS = -42", "WMMF_E_OS = -43"))
    assert "is stale" in check(copy_of_the_project).stderr


def test_native_calls_are_csharp_7(tmp_path: Path) -> None:
    generated = programs.BINDINGS / "Wmmf/NativeMethods.g.cs"
    csc.compile_csharp7([generated], tmp_path / "NativeMethods.dll", target="library", unsafe=True)


def test_everything_public_is_documented(tmp_path: Path) -> None:
    """Missing documentation is a warning once there is a file to write it to, and warnings are errors."""
    doc = tmp_path / "Wmmf.xml"
    csc.compile(programs.LAYER, tmp_path / "Wmmf.dll", target="library", unsafe=True, doc=doc, defines=programs.DEFINES)
    assert "T:Wmmf.MemoryMappedFile" in doc.read_text()
