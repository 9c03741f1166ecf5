"""The C# bindings: fresh, the same as C sees them, and doing what they say on both systems."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from csharp import programs
from lab import csc, dotnet

GENERATOR = programs.BINDINGS / "generate.py"
GENERATED = programs.BINDINGS / "Wmmf/NativeMethods.g.cs"
GOLDEN_LAYOUT = Path(__file__).parents[1] / "abi/layout.json"
SYSTEMS = ["linux", "wine"]


def run(system: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if system == "linux":
        return dotnet.run_linux(programs.for_linux("SelfTest.cs"), arguments, timeout=120)
    return dotnet.run_wine(programs.for_windows("SelfTest.cs"), arguments, timeout=300)


@pytest.mark.parametrize("system", SYSTEMS)
def test_layer_does_what_it_says(system: str) -> None:
    done = run(system)
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", last), done.stdout + done.stderr
    assert done.returncode == 0


def test_missing_library_is_named() -> None:
    program = programs.for_linux("SelfTest.cs")
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


def test_generated_file_is_fresh() -> None:
    subprocess.run([sys.executable, str(GENERATOR), "--check"], check=True)


def test_stale_file_is_noticed(tmp_path: Path) -> None:
    """In a copy of the tree, before and after a change of the header."""
    project = programs.BINDINGS.parents[1]
    header = project / "csrc/include/wmmf.h"
    for path in [GENERATOR, GENERATED, header]:
        copy = tmp_path / path.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    check = [sys.executable, str(tmp_path / GENERATOR.relative_to(project)), "--check"]
    subprocess.run(check, check=True)
    copied_header = tmp_path / header.relative_to(project)
    copied_header.write_text(header.read_text().replace("WMMF_E_OS = -42", "WMMF_E_OS = -43"))
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 1
    assert "NativeMethods.g.cs is stale" in done.stderr


def test_generated_file_is_csharp_7(tmp_path: Path) -> None:
    csc.compile_csharp7([GENERATED], tmp_path / "NativeMethods.dll", target="library", unsafe=True)


def test_everything_public_is_documented(tmp_path: Path) -> None:
    """Missing documentation is a warning once there is a file to write it to, and warnings are errors."""
    doc = tmp_path / "Wmmf.xml"
    csc.compile(programs.LAYER, tmp_path / "Wmmf.dll", target="library", unsafe=True, doc=doc)
    assert "T:Wmmf.MemoryMappedFile" in doc.read_text()
