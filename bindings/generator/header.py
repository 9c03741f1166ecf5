"""wmmf.h as data: its constants, enums, structs and functions, each with its comment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pycparser import c_ast, c_parser

INTEGERS = ("uint8_t", "uint16_t", "int32_t", "uint32_t", "int64_t", "uint64_t")


@dataclass(frozen=True)
class Enumerator:
    """A member of an enum."""

    name: str
    value: int
    doc: str


@dataclass(frozen=True)
class Enum:
    """An enum."""

    name: str
    doc: str
    members: list[Enumerator]


@dataclass(frozen=True)
class Variable:
    """A field or parameter: ``type`` without the ``pointers`` stars behind it; ``length`` if it is an array."""

    name: str
    type: str
    pointers: int
    length: int | None
    doc: str

    @property
    def is_flag(self) -> bool:
        """Whether it is 1 or 0, by what its comment says."""
        return self.doc.startswith("1 if ")

    @property
    def can_be_absent(self) -> bool:
        """Whether 0 means that there is none, by what its comment says."""
        return re.search(r"\b0(:| if) (none|it has not)", self.doc) is not None


@dataclass(frozen=True)
class Struct:
    """A struct with its fields."""

    name: str
    doc: str
    fields: list[Variable]


@dataclass(frozen=True)
class Function:
    """A prototype."""

    name: str
    doc: str
    result: Variable
    parameters: list[Variable]


@dataclass(frozen=True)
class Header:
    """All that stands between the two markers."""

    constants: dict[str, int]
    opaque: list[str]
    enums: list[Enum]
    structs: list[Struct]
    functions: list[Function]


def read(text: str) -> Header:
    """Return what a header declares."""
    declared = _declarations(text)
    constants = {name: int(value, 0) for name, value in re.findall(r"^#define\s+(WMMF_\w+)\s+(\w+)", declared, re.M)}
    header = Header(constants, [], [], [], [])
    comments = _Comments(declared, constants)
    for node in _parsed(declared):
        if isinstance(node, c_ast.Typedef):
            if node.type.type.decls is None:
                header.opaque.append(node.name)
            else:
                header.structs.append(_struct(node, comments, constants))
        elif isinstance(node.type, c_ast.Enum):
            header.enums.append(_enum(node.type, comments))
        else:
            header.functions.append(_function(node, comments, constants))
    return header


def _declarations(text: str) -> str:
    """The text between the markers, without the export macro."""
    body = text.split("/* -- begin declarations -- */")[1].split("/* -- end declarations -- */")[0]
    return re.sub(r"\bWMMF_API\b ?", "", body)


def _parsed(declared: str) -> list[Any]:
    bare = re.sub(r"/\*.*?\*/|^#.*?$", "", declared, flags=re.S | re.M)
    types = "".join(f"typedef int {name};" for name in INTEGERS)  # that they are types is all that matters here
    return list(c_parser.CParser().parse(types + bare).ext)[len(INTEGERS) :]


class _Comments:
    """The comments of the header, found by what they stand before or behind; constants in them become numbers."""

    def __init__(self, text: str, constants: dict[str, int]) -> None:
        self._text, self._constants = text, constants

    def inside(self, struct_name: str) -> _Comments:
        """Those between the braces of a struct."""
        found = re.search(rf"struct {struct_name} \{{(.*?)\}}", self._text, re.S)
        return _Comments(found[1] if found else "", self._constants)

    def before(self, pattern: str) -> str:
        """The comment that ends right before what matches."""
        found = re.search(r"/\*((?:(?!\*/).)*)\*/\s*" + pattern, self._text, re.S)
        return self._plain(found[1]) if found else ""

    def behind(self, pattern: str) -> str:
        """The comment on the same line, behind what matches."""
        found = re.search(pattern + r"[^\n/]*/\*((?:(?!\*/).)*)\*/", self._text, re.S)
        return self._plain(found[1]) if found else ""

    def _plain(self, comment: str) -> str:
        words = " ".join(line.strip(" *") for line in comment.splitlines()).strip()
        return re.sub(r"\bWMMF_\w+\b", lambda name: str(self._constants.get(name[0], name[0])), words)


def _enum(node: Any, comments: _Comments) -> Enum:
    members = [
        Enumerator(member.name, _number(member.value), comments.behind(rf"\b{member.name} ="))
        for member in node.values.enumerators
    ]
    return Enum(node.name, comments.before(rf"enum {node.name}\b"), members)


def _number(value: Any) -> int:
    return -int(value.expr.value, 0) if isinstance(value, c_ast.UnaryOp) else int(value.value, 0)


def _struct(node: Any, comments: _Comments, constants: dict[str, int]) -> Struct:
    inside = comments.inside(node.name)
    fields = [
        _variable(field.name, field.type, constants, inside.behind(rf"\b{field.name}(?:\[\w+\])?;"))
        for field in node.type.type.decls
    ]
    return Struct(node.name, comments.before(rf"typedef struct {node.name} {{"), fields)


def _function(node: Any, comments: _Comments, constants: dict[str, int]) -> Function:
    parameters = [
        _variable(parameter.name, parameter.type, constants)
        for parameter in (node.type.args.params if node.type.args else [])
        if parameter.name
    ]
    doc = comments.before(rf"(?:const )?\w+ \*?{node.name}\(")
    return Function(node.name, doc, _variable("", node.type.type, constants), parameters)


def _variable(name: str, node: Any, constants: dict[str, int], doc: str = "") -> Variable:
    pointers, length = 0, None
    while not isinstance(node, c_ast.TypeDecl):
        if isinstance(node, c_ast.ArrayDecl):
            length = constants[node.dim.name] if isinstance(node.dim, c_ast.ID) else int(node.dim.value, 0)
        else:
            pointers += 1
        node = node.type
    return Variable(name, " ".join(node.type.names), pointers, length, doc)
