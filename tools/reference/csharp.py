"""The reference of the C# classes, from their sources and XML comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import tree_sitter_c_sharp
from tree_sitter import Node

from reference import syntax

INTRODUCTION = """# C\\#

Every public type of the namespace `Wmmf`. Its assembly is `Wmmf.Net.dll`; it calls the native library `wmmf`.

"""
_TYPES = tuple(f"{kind}_declaration" for kind in ("class", "struct", "enum", "interface", "delegate"))
_BODIES = (
    "declaration_list",
    "enum_member_declaration_list",
    "block",
    "arrow_expression_clause",
    "constructor_initializer",
)


def page(project: Path) -> str:
    """The page: each public type with its public members; the parts of a partial type come together."""
    heads: dict[str, str] = {}
    members: dict[str, str] = {}
    for path in sorted((project / "bindings/csharp/Wmmf").glob("*.cs")):
        for node, comments in _types(syntax.parse(tree_sitter_c_sharp.language(), path.read_bytes())):
            name = syntax.text(node.child_by_field_name("name") or node)
            heads[name] = heads.get(name) or _entry(node, comments)
            members[name] = members.get(name, "") + _members(node)
    return INTRODUCTION + "".join(f"## {name}\n\n{heads[name]}{members[name]}" for name in sorted(heads))


def _types(root: Node) -> Iterator[tuple[Node, list[str]]]:
    """The public types of a file, each with its comments."""
    for space in root.children:
        body = space.child_by_field_name("body") if space.type == "namespace_declaration" else None
        for node, comments in syntax.commented(body) if body is not None else ():
            if node.type in _TYPES and _public(node):
                yield node, comments


def _members(node: Node) -> str:
    body = node.child_by_field_name("body")
    if body is None:
        return ""
    if node.type == "enum_declaration":
        return _enumerators(body)
    page = ""
    for child, comments in syntax.commented(body):
        if child.type.endswith("_declaration") and _public(child):
            page += _entry(child, comments)
    return page


def _enumerators(body: Node) -> str:
    rows = ""
    for child, comments in syntax.commented(body):
        if child.type == "enum_member_declaration":
            name, _, value = syntax.text(child).partition(" = ")
            rows += f"| `{name}` | {value} | {_described(comments)} |\n"
    return f"| name | value | |\n|---|---|---|\n{rows}\n"


def _public(node: Node) -> bool:
    return any(child.type == "modifier" and syntax.text(child) == "public" for child in node.children)


def _entry(node: Node, comments: list[str]) -> str:
    """The declaration and what its comment says; nothing for what needs no comment, such as ``Equals``."""
    described = _described(comments)
    if not described:
        return ""
    code = re.sub(r"^(\[[^\n]*\]\s*)+", "", syntax.signature(node, *_BODIES))  # attributes
    accessors = next((child for child in node.children if child.type == "accessor_list"), None)
    if accessors is not None:
        names = [syntax.text(child).split()[0].rstrip(";") for child in accessors.children if child.is_named]
        names = [name for name in names if name in ("get", "set", "init")]
        code = syntax.signature(node, "accessor_list") + " { " + " ".join(f"{name};" for name in names) + " }"
    return syntax.block("csharp", code) + described + "\n\n"


def _described(comments: list[str]) -> str:
    """XML comments as Markdown: the text, then parameters and exceptions as a list."""
    source = "\n".join(line.removeprefix("///") for line in comments if line.startswith("///"))
    root = ElementTree.fromstring(f"<doc>{source}</doc>")
    page = ""
    for tag in ("summary", "remarks", "value", "returns"):
        for found in root.findall(tag):
            page += ("Returns " if tag == "returns" else "") + _inline(found) + "\n\n"
    for found in root.findall("param"):
        page += f"- `{found.get('name')}`: {_inline(found)}\n"
    for found in root.findall("exception"):
        page += f"- throws `{_reference(found)}`: {_inline(found)}\n"
    return page.strip()


def _inline(element: ElementTree.Element) -> str:
    result = element.text or ""
    for child in element:
        if child.tag in ("see", "seealso"):
            result += f"`{_reference(child)}`"
        elif child.tag in ("paramref", "typeparamref"):
            result += f"`{child.get('name')}`"
        elif child.tag == "c":
            result += f"`{child.text}`"
        else:
            result += _inline(child)
        result += child.tail or ""
    return " ".join(result.split())


def _reference(element: ElementTree.Element) -> str:
    return re.sub(r"^\w:", "", element.get("cref") or element.get("langword") or element.get("href") or "")
