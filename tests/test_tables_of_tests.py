"""The table of subjects and languages in README.md names tests: those exist, and run where its cells say."""

from __future__ import annotations

import re

from named_tests import TESTS, cells_after, existing, texts

ONLY = {"Windows": r'windows_only|sys\.platform != "win32"', "Linux": r'posix_only|only_linux|sys\.platform == "win32"'}


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
