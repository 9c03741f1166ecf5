"""Tables of the documentation whose cells name tests."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent


def cells_after(page: Path, heading: str) -> list[str]:
    """All but the first of each row, of each table with this heading; a line follows the heading."""
    tables = page.read_text(encoding="utf-8").split(heading)[1:]
    rows = [row for table in tables for row in table.partition("\n\n")[0].splitlines()[2:]]
    return [cell.strip() for row in rows for cell in row.strip("|").split("|")[1:]]


def texts(pattern: str) -> str:
    """Those of the tests' files, one after the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(TESTS.glob(pattern)))


def existing() -> set[str]:
    """The tests in C, in Python and in C#."""
    return {
        *re.findall(r"\bTEST\((\w+)\)", texts("c/*.c")),
        *re.findall(r"^def (test_\w+)\(", texts("**/test_*.py"), re.MULTILINE),
        *re.findall(r"\bstatic void (Test\w+)\(", texts("csharp/selftest/*.cs")),
    }
