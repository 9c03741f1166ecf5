"""Writes the reference pages that come from sources: C, C++, C#, every command and every status.

docs/conf.py calls ``write`` before each build. The Python reference is a page of its own, which Sphinx fills from the
docstrings.
"""

from __future__ import annotations

from pathlib import Path

from reference import c, commands, cpp, csharp, statuses

PAGES = {
    "c.md": c.page,
    "cpp.md": cpp.page,
    "csharp.md": csharp.page,
    "commands.md": commands.page,
    "statuses.md": statuses.page,
}


def write(project: Path) -> None:
    """Write the pages into docs/reference; they are no part of the repository."""
    for name, page in PAGES.items():
        path = project / "docs/reference" / name
        text = page(project)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
