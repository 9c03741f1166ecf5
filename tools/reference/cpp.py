"""The reference of the C++ classes, from wmmf.hpp and its comments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tree_sitter_cpp
from tree_sitter import Node

from reference import syntax

INTRODUCTION = """# C++

Everything in the namespace `wmmf`. Include `wmmf.hpp` and link the library `wmmf`.

"""
_CLASSES = ("class_specifier", "struct_specifier")
_BODIES = ("compound_statement", "field_initializer_list", "default_method_clause", "delete_method_clause")
_MEMBERS = ("function_definition", "field_declaration", "declaration", "alias_declaration", "template_declaration")


def page(project: Path) -> str:
    """The page: what the header says at its beginning, then each class with its public members."""
    source = (project / "csrc/include/wmmf.hpp").read_bytes()
    opening = source.decode().split("*/")[0] + "*/"
    page = INTRODUCTION + syntax.plain(opening) + "\n\n"
    root = syntax.parse(tree_sitter_cpp.language(), source)
    for node, comments in _namespace(root):
        comment = syntax.plain(comments[-1]) + "\n\n" if comments else ""
        if node.type in _CLASSES:
            name = syntax.text(node.child_by_field_name("name") or node)
            body = node.child_by_field_name("body")
            plain = body is not None and all(child.type != "function_definition" for child in body.children)
            code = syntax.text(node) if plain else syntax.signature(node, "field_declaration_list")
            page += f"## {name}\n\n" + syntax.block("cpp", code) + comment + ("" if plain else _members(node, name))
        elif comment:
            page += syntax.block("cpp", syntax.signature(node, *_BODIES)) + comment
    return page


def _namespace(node: Node) -> Iterator[tuple[Node, list[str]]]:
    """What the namespace ``wmmf`` declares, without the namespace ``detail`` in it."""
    for child in node.children:
        if child.type == "namespace_definition":
            name = child.child_by_field_name("name")
            body = child.child_by_field_name("body")
            if body is not None and name is not None and syntax.text(name) == "wmmf":
                yield from syntax.commented(body)
        elif child.type.startswith("preproc_if") or child.type == "translation_unit":
            yield from _namespace(child)


def _members(node: Node, class_name: str) -> str:
    """The public members of a class that a comment explains, and its other public functions in one block."""
    body = node.child_by_field_name("body")
    assert body is not None
    visible = node.type == "struct_specifier"
    explained = ""
    others = []
    for child, comments in syntax.commented(body):
        if child.type == "access_specifier":
            visible = syntax.text(child) == "public"
        elif visible and child.type in _MEMBERS:
            code = syntax.signature(child, *_BODIES)
            if child.type == "function_definition" and comments:
                explained += syntax.block("cpp", code) + syntax.plain(comments[-1]) + "\n\n"
            elif f"{class_name}(const {class_name}" not in code and "operator=" not in code:
                others.append(code)
    return (syntax.block("cpp", "\n".join(others)) if others else "") + explained
