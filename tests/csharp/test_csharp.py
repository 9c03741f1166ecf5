"""The C# bindings: the generated files are fresh and agree with C, and the layer does what it documents, on both
systems."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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
    """All of them: no file, class or method is left out by its name."""
    sources = "".join(path.read_text() for path in (programs.HERE / "selftest").iterdir())
    tests = re.findall(r"static .*\bTest[A-Z]\w*(?=\()", sources)
    of_the_other = "TestOnWindows" if system == "linux" else "TestOnLinux"
    done = run(system)
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    expected = sum(of_the_other not in test for test in tests)
    assert last == f"{expected} passed, 0 failed", done.stdout + done.stderr
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
    """Each generated file, as the first one that does not agree with the header."""
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


def test_no_status_is_kept_without_its_details() -> None:
    """The next native call erases them: a status is compared at once, or becomes a NativeResult, which has them."""
    written = "".join(path.read_text() for path in programs.LAYER if not path.name.endswith(".g.cs"))
    assert "NativeResult result = NativeMethods.wmmf_" in written
    assert not re.findall(r"(?:var|int) \w+ =\s+Native(?:Methods\.wmmf|Lock\.)[^;=]*;|\bint status;", written)


@pytest.fixture(scope="module")
def documentation(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ElementTree.Element]:
    """What the compiler writes about each public member, by its identifier.

    Missing documentation is a warning once there is a file to write it to, and warnings are errors.
    """
    folder = tmp_path_factory.mktemp("documentation")
    doc = folder / "Wmmf.xml"
    csc.compile(programs.LAYER, folder / "Wmmf.dll", target="library", unsafe=True, doc=doc, defines=programs.DEFINES)
    return {member.attrib["name"]: member for member in ElementTree.parse(doc).iter("member")}


def test_every_type_has_an_example(documentation: dict[str, ElementTree.Element]) -> None:
    """Enumerations are in those of others."""
    owners = {name.partition("(")[0].rpartition(".")[0][2:] for name in documentation if name[0] in "MP"}
    assert "Wmmf.MemoryMappedFile" in owners
    assert not [name for name in sorted(owners) if documentation[f"T:{name}"].find("example") is None]


def test_every_parameter_is_documented(documentation: dict[str, ElementTree.Element]) -> None:
    """The compiler only asks for the parameters of a call that documents some."""
    calls = {
        name: member for name, member in documentation.items() if "(" in name and member.find("inheritdoc") is None
    }
    assert "M:Wmmf.Frame.GetRow(System.Int32)" in calls
    without = [name for name, member in calls.items() if member.find("param") is None]
    assert not without


def test_documentation_names_nothing_of_c(documentation: dict[str, ElementTree.Element]) -> None:
    texts = {name: "".join(member.itertext()) for name, member in documentation.items()}
    assert not [name for name, text in texts.items() if re.search(r"\bU?INT\d+_MAX\b|\bwmmf_|\bWMMF_", text)]


def undocumented(documentation: dict[str, ElementTree.Element], error: str, calls: str, parameter: str) -> list[str]:
    """The calls with this parameter, whose names match, that do not document the error."""
    found = {
        name: {each.attrib["cref"] for each in member.iter("exception")}
        for name, member in documentation.items()
        if member.find(f"param[@name='{parameter}']") is not None and member.find("inheritdoc") is None
        if re.search(rf"\.{calls}\w*(``1)?\(", name)
    }
    assert found
    return [name for name, errors in found.items() if f"T:{error}" not in errors]


def test_every_cancellation_is_documented(documentation: dict[str, ElementTree.Element]) -> None:
    assert not undocumented(documentation, "System.OperationCanceledException", "", "cancellationToken")


def test_every_timeout_is_documented(documentation: dict[str, ElementTree.Element]) -> None:
    """Except those that the result tells."""
    assert not undocumented(documentation, "Wmmf.WmmfTimeoutException", "(?!Try|Publish)", "timeout")


def test_the_death_of_an_owner_is_documented(documentation: dict[str, ElementTree.Element]) -> None:
    """By all calls that take a lock."""
    takers = r"(MemoryMappedFile|PayloadLock)\.(?!Wait|OpenAsync)"
    assert not undocumented(documentation, "Wmmf.OwnerDiedException", takers, "timeout")
