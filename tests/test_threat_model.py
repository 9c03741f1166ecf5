"""Each cell of the tables in docs/threat-model.md names tests, and those exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs/threat-model.md"


def cells() -> list[str]:
    """What each right can and cannot do; the first row is the heading, the second the line below it."""
    tables = PAGE.read_text().split("| who has | can | cannot |")[1:]
    rows = [row for table in tables for row in table.partition("\n\n")[0].splitlines()[2:]]
    return [cell for row in rows for cell in row.strip("|").split("|")[1:]]


def existing() -> set[str]:
    in_c = (path.read_text() for path in TESTS.glob("c/*.c"))
    in_python = (path.read_text() for path in TESTS.glob("**/test_*.py"))
    return {name for text in in_c for name in re.findall(r"\bTEST\((\w+)\)", text)} | {
        name for text in in_python for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)
    }


def test_each_cell_names_tests_that_exist() -> None:
    there = existing()
    found = cells()
    assert len(found) >= 14
    for cell in found:
        named = {name for group in re.findall(r"\(([^()]*`[^()]*)\)", cell) for name in re.findall(r"`(\w+)`", group)}
        assert named, f"no test in {cell!r}"
        assert named <= there, f"{named - there} in {cell!r}"
