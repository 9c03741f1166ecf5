"""README.md: its first table names each file of tests; the tests of its second table exist, and run where it says."""

from __future__ import annotations

import re
from pathlib import Path

from named_tests import TESTS, cells_after, existing, texts

ONLY = {"Windows": r'windows_only|sys\.platform != "win32"', "Linux": r'posix_only|only_linux|sys\.platform == "win32"'}


def test_each_file_of_tests_is_in_the_first_table() -> None:
    named = re.findall(r"`([^`]+)`", " ".join(cells_after(TESTS / "README.md", "| guarantee | where |")))
    files = [path.relative_to(TESTS) for kind in ("py", "c") for path in TESTS.glob(f"**/test_*.{kind}")]
    assert Path("model/test_model.py") in files
    assert [path for path in files if path.parts[0] not in named and not any(map(path.match, named))] == []


def cells() -> list[str]:
    return cells_after(TESTS / "README.md", "| subject | C | C++ | Python | C# |")


def test_each_cell_names_tests_that_exist() -> None:
    there = existing()
    assert len(cells()) >= 60
    for cell in cells():
        named = set(re.findall(r"`(\w+)`", cell))
        assert named or cell == "-", f"no test in {cell!r}"
        assert named <= there, f"{named - there} in {cell!r}"


def systems_of(source: str) -> dict[str, str]:
    """The tests of Python that run on one system only, as their decorators say."""
    found = re.findall(r"\n\n(@(?:.+\n)+)def (test_\w+)", source)
    return {name: system for marks, name in found for system, only in ONLY.items() if re.search(only, marks)}


def test_a_cell_says_where_a_test_runs_on_one_system_only() -> None:
    in_csharp = re.findall(r"\b(TestOn(Windows|Linux)\w+)\(", texts("csharp/selftest/*.cs"))
    only = {**systems_of(texts("python/test_*.py")), **dict(in_csharp)}
    assert only["test_what_others_may_do_with_a_file"] == only["TestOnWindowsFilesAreSharedAsAsked"] == "Windows"
    assert only["test_nobody_cuts_it"] == "Linux"
    for cell in cells():
        for name, said in re.findall(r"`(\w+)`(?: \((\w+)\))?", cell):
            if name.lower().startswith("test"):  # C does not say it in a way that can be read here
                assert said == only.get(name, ""), name
