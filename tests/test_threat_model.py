"""Each cell of the tables in docs/threat-model.md names tests, and those exist."""

from __future__ import annotations

import re

from named_tests import TESTS, cells_after, existing

PAGE = TESTS.parent / "docs/threat-model.md"


def test_each_cell_names_tests_that_exist() -> None:
    there = existing()
    found = cells_after(PAGE, "| a process that has | can | cannot |")
    assert len(found) >= 14
    for cell in found:
        named = {name for group in re.findall(r"\(([^()]*`[^()]*)\)", cell) for name in re.findall(r"`(\w+)`", group)}
        assert named, f"no test in {cell!r}"
        assert named <= there, f"{named - there} in {cell!r}"
