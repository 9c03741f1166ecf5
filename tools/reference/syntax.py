"""Declarations and the comments in front of them, found with tree-sitter."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tree_sitter import Language, Node, Parser


def parse(language: object, source: bytes) -> Node:
    """The root of the syntax tree of a source file."""
    return Parser(Language(language)).parse(source).root_node


def commented(parent: Node) -> Iterator[tuple[Node, list[str]]]:
    """Each child with the comments that stand in front of it."""
    comments: list[str] = []
    for child in parent.children:
        if child.type == "comment":
            comments.append(text(child))
        else:
            yield child, comments
            comments = []


def text(node: Node) -> str:
    """The source of a node."""
    return (node.text or b"").decode()


def last_row(node: Node) -> int:
    """The row of the last character of a node; some nodes end with a line break, which does not count."""
    row: int = node.end_point.row
    return row - 1 if text(node).endswith("\n") else row


def signature(node: Node, *bodies: str) -> str:
    """The source of a declaration up to the first child of one of these types."""
    end = next((child.start_byte for child in node.children if child.type in bodies), node.end_byte)
    source = (node.text or b"")[: end - node.start_byte].decode().rstrip().rstrip(";")
    first, _, rest = source.partition("\n")
    return first + ("\n" + textwrap.indent(textwrap.dedent(rest), "    ") if rest else "")


def plain(comment: str) -> str:
    """A comment of C without its marks: paragraphs, and indented lines as a block of code."""
    lines = [line.strip().removeprefix("*").removeprefix(" ") for line in comment[2:-2].strip().splitlines()]
    paragraphs: list[str] = []
    for paragraph in "\n".join(lines).split("\n\n"):
        if paragraph.startswith("    "):
            paragraphs.append(paragraph)
        else:
            # One line a paragraph, except for lists.
            paragraphs.append("\n".join(paragraph.splitlines()) if "\n- " in paragraph else " ".join(paragraph.split()))
    return "\n\n".join(paragraphs)


def block(language: str, code: str) -> str:
    """A fenced block of code."""
    return f"```{language}\n{code}\n```\n\n"
