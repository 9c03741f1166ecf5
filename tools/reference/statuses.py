"""The reference of statuses: what each means, what Python raises, and what to do about it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from generator import header, naming

from pywinmmf._core.binding import ffi, lib
from pywinmmf.errors import native_error

INTRODUCTION = """# Statuses and what to do

Every call of the C library returns one of these. C++ throws `wmmf::error` and C# throws `WmmfException` or one of its
subclasses, which both carry the status. Python raises the exception that is named here; its `status` is the number.

"""


def page(project: Path) -> str:
    """The page: a section for each status of the header, with its entry of cures.toml."""
    (enum,) = [enum for enum in _header(project).enums if enum.name == "wmmf_status"]
    cures = read_cures(project)
    page = INTRODUCTION
    for member in enum.members:
        message = ffi.string(lib.wmmf_strerror(member.value)).decode()
        sharp = naming.pascal(naming.member(member.name, naming.ENUMS["wmmf_status"][2]))
        page += f"## {member.name}\n\n{member.value}: {message}.\n\n"
        if member.value:
            python = type(native_error(member.value, "")).__name__
            page += f"Python `{python}`, C# `WmmfStatus.{sharp}`\n\n{cures[member.name]}\n\n"
    return page


def read_cures(project: Path) -> dict[str, str]:
    """What to do about each status, by its name in C."""
    return tomllib.loads((project / "docs/reference/cures.toml").read_text(encoding="utf-8"))


def _header(project: Path) -> header.Header:
    return header.read((project / "csrc/include/wmmf.h").read_text(encoding="utf-8"))
