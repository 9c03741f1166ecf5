"""The reference of the C library, from wmmf.h and its comments."""

from __future__ import annotations

import re
from pathlib import Path

import tree_sitter_cpp
from tree_sitter import Node

from reference import syntax

INTRODUCTION = """# C

Every declaration of `wmmf.h`, in the order of the header. Include it and link the library `wmmf`.

## The header

"""


def page(project: Path) -> str:
    """The page: what the header says at its beginning, then each declaration with its comment."""
    opening, rest = (
        (project / "csrc/include/wmmf.h").read_text(encoding="utf-8").split("/* -- begin declarations -- */")
    )
    declared = re.sub(r"\bWMMF_API ", "", rest.split("/* -- end declarations -- */")[0])
    page = INTRODUCTION + syntax.block("text", _opening(opening)) + "## Constants and types\n\n"
    nodes = syntax.parse(tree_sitter_cpp.language(), declared.encode()).children
    nodes = [node for node in nodes if node.type != ";"]
    code = ""
    comment = ""
    for node, following in zip(nodes, [*nodes[1:], None]):
        apart = following is None or following.start_point.row > syntax.last_row(node) + 1
        if node.type == "comment":
            if code:
                page += _entry(comment, code)
                code = ""
            comment = syntax.plain(syntax.text(node))
            if apart:  # a comment with an empty line behind it begins a group of declarations
                page += _group(comment)
                comment = ""
        else:
            code += _code(node) + "\n"
            if apart:
                page += _entry(comment, code)
                comment = code = ""
    return page


def _code(node: Node) -> str:
    text = syntax.text(node).rstrip()
    return text if node.type.startswith("preproc") or text.endswith(";") else text + ";"


def _opening(text: str) -> str:
    """The comment at the top of the header, line by line: it holds an example."""
    comment = text[text.index("/*") + 2 : text.index("*/")]
    return "\n".join(line.strip().removeprefix("*").removeprefix(" ") for line in comment.strip().splitlines()).rstrip()


def _group(comment: str) -> str:
    """A heading and the paragraphs under it: ``Frame channels: the newest frame ...``."""
    title, _, rest = comment.partition(": ")
    return f"## {title.rstrip('.')}\n\n" + (rest[:1].upper() + rest[1:] + "\n\n" if rest else "")


def _entry(comment: str, code: str) -> str:
    bare = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    names = re.findall(r"^#define (\w+)|^enum (\w+)|^typedef struct (\w+)|\b(wmmf_\w+)\(", bare, re.M)
    title = ", ".join("".join(name) for name in names)
    return f"### {title}\n\n" + syntax.block("c", code.rstrip("\n")) + (comment + "\n\n" if comment else "")
