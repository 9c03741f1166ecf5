"""The Python text: the enums, and the records that describe a section."""

from __future__ import annotations

import textwrap

from generator import naming
from generator.header import Enum, Header, Struct, Variable

_ONLY_IN_C = {"WMMF_ACCESS_SDDL", "WMMF_ACCESS_MODE"}  # Python takes the descriptor, or the mode, itself

_INDENT = " " * 4
_NOTE = "Written by bindings/generate.py from wmmf.h: do not edit."


def enums(header: Header) -> str:
    """The text of pywinmmf/enums.py."""
    lines = [f'"""The choices that a section is made or opened with. {_NOTE}"""', "", "from enum import IntEnum"]
    for enum in header.enums:
        if naming.ENUMS[enum.name][1]:
            lines += ["", "", *_enum(enum)]
    return "\n".join([*lines, ""])


def records(header: Header) -> str:
    """The text of pywinmmf/records.py."""
    lines = [f'"""What describes a section: snapshots. {_NOTE}"""', ""]
    lines += ["from __future__ import annotations", "", "from typing import Any, NamedTuple"]
    for struct in header.structs:
        if struct.name in naming.RECORDS:
            lines += ["", "", *_record(struct)]
    return "\n".join([*lines, ""])


def _enum(enum: Enum) -> list[str]:
    _, name, prefixes = naming.ENUMS[enum.name]
    lines = [f"class {name}(IntEnum):", *_doc(enum.doc), ""]
    for member in enum.members:
        if member.name not in _ONLY_IN_C:
            lines += [f"    {naming.member(member.name, prefixes)} = {member.value}", *_doc(member.doc)]
    return lines


def _record(struct: Struct) -> list[str]:
    name = naming.RECORDS[struct.name]
    fields = naming.shown(struct)
    lines = [f"class {name}(NamedTuple):", *_doc(struct.doc), ""]
    for field in fields:
        lines += [f"    {_name(field)}: {'bool' if field.is_flag else 'int'}", *_doc(field.doc)]
    lines += ["", "    @classmethod", f"    def from_native(cls, native: Any) -> {name}:"]
    lines += [f'        """Return what a ``{struct.name}`` holds."""', "        return cls("]
    return [*lines, *(f"            {_name(field)}={_value(field)}," for field in fields), "        )"]


def _name(field: Variable) -> str:
    return "record" if field.name == "index" else field.name  # a tuple has a method of that name


def _value(field: Variable) -> str:
    return f"bool(native.{field.name})" if field.is_flag else f"native.{field.name}"


def _doc(comment: str) -> list[str]:
    text = naming.sentence(comment, str)
    if not text:
        return []
    opening = 'r"""' if "\\" in text else '"""'
    return textwrap.wrap(f'{opening}{text}"""', 120, initial_indent=_INDENT, subsequent_indent=_INDENT)
