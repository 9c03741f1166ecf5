"""Writes Wmmf/NativeMethods.g.cs from csrc/include/wmmf.h; with ``--check``, fails if the file is stale.

What it writes is blittable and C# 7.3: one text for netstandard2.0, .NET 8 and AOT. Needs pycparser.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from pycparser import c_ast, c_parser

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "csrc/include/wmmf.h"
OUTPUT = HERE / "Wmmf/NativeMethods.g.cs"

INTEGERS = {"uint8_t": "byte", "int32_t": "int", "uint32_t": "uint", "int64_t": "long", "uint64_t": "ulong"}
OPAQUE = ("wmmf_section", "wmmf_channel", "wmmf_waker")
ENUMS = {  # C enum: C# enum, prefixes of its members, longest first
    "wmmf_status": ("Status", ("WMMF_E_", "WMMF_")),
    "wmmf_namespace": ("Namespace", ("WMMF_",)),
    "wmmf_layout": ("Layout", ("WMMF_",)),
    "wmmf_access": ("Access", ("WMMF_ACCESS_",)),
}


def declarations(header: str) -> str:
    """The text between the markers, without the export macro."""
    text = header.split("/* -- begin declarations -- */")[1].split("/* -- end declarations -- */")[0]
    return re.sub(r"\bWMMF_API\b ?", "", text)


def parse(text: str) -> list[Any]:
    """The top-level declarations as pycparser sees them."""
    bare = re.sub(r"/\*.*?\*/|^#.*?$", "", text, flags=re.S | re.M)
    types = "".join(f"typedef int {name};" for name in INTEGERS)  # that they are types is all that matters here
    return list(c_parser.CParser().parse(types + bare).ext)[len(INTEGERS) :]


class Comments:
    """The comments of the header, found by what they stand before or behind."""

    def __init__(self, text: str) -> None:
        self._text = text

    def inside(self, struct_name: str) -> Comments:
        """Those between the braces of a struct."""
        found = re.search(rf"struct {struct_name} \{{(.*?)\}}", self._text, re.S)
        return Comments(found[1] if found else "")

    def before(self, pattern: str) -> str:
        """The comment that ends right before what matches."""
        found = re.search(r"/\*((?:(?!\*/).)*)\*/\s*" + pattern, self._text, re.S)
        return _plain(found[1]) if found else ""

    def behind(self, pattern: str) -> str:
        """The comment on the same line, behind what matches."""
        found = re.search(pattern + r"[^\n/]*/\*((?:(?!\*/).)*)\*/", self._text, re.S)
        return _plain(found[1]) if found else ""


def _plain(comment: str) -> str:
    return " ".join(line.strip(" *") for line in comment.splitlines()).strip()


def summary(text: str, indent: str) -> list[str]:
    """The comment as XML documentation."""
    return [f"{indent}/// <summary>{escape(text)}</summary>"] if text else []


def pascal(name: str) -> str:
    """SOME_NAME as SomeName."""
    return "".join(part.capitalize() for part in name.split("_"))


def enum(node: Any, comments: Comments) -> list[str]:
    """A public enum."""
    name, prefixes = ENUMS[node.name]
    lines = [*summary(comments.before(rf"enum {node.name}\b"), "    "), f"    public enum {name}", "    {"]
    for member in node.values.enumerators:
        prefix = next(prefix for prefix in prefixes if member.name.startswith(prefix))
        lines += summary(comments.behind(rf"\b{member.name} ="), " " * 8)
        lines.append(f"        {pascal(member.name[len(prefix) :])} = {_number(member.value)},")
    return [*lines, "    }", ""]


def _number(value: Any) -> str:
    return f"-{value.expr.value}" if isinstance(value, c_ast.UnaryOp) else str(value.value)


def csharp_type(node: Any) -> str:
    """The C# type of a field, parameter or result."""
    if isinstance(node, c_ast.PtrDecl):
        target = csharp_type(node.type)
        return "IntPtr" if target in OPAQUE else target + "*"
    name = str(node.type.names[0])
    return {"char": "byte", "void": "void"}.get(name) or INTEGERS.get(name, name)


def csharp_field(node: Any) -> str:
    """Type and name of a field; an array is a fixed buffer."""
    if isinstance(node.type, c_ast.ArrayDecl):
        return f"fixed {csharp_type(node.type.type)} {node.name}[{node.type.dim.value}]"
    return f"{csharp_type(node.type)} {node.name}"


def struct(node: Any, comments: Comments) -> list[str]:
    """A struct with the memory layout of C."""
    name = node.name
    lines = summary(comments.before(rf"typedef struct {name} {{"), "    ")
    lines += ["    [StructLayout(LayoutKind.Sequential)]", f"    internal unsafe struct {name}", "    {"]
    body = comments.inside(name)
    for field in node.type.type.decls:
        lines += summary(body.behind(rf"\b{field.name}(?:\[\d+\])?;"), " " * 8)
        lines.append(f"        public {csharp_field(field)};")
    return [*lines, "    }", ""]


def function(node: Any, comments: Comments) -> list[str]:
    """A P/Invoke declaration."""
    parameters = []
    for parameter in node.type.args.params:
        if parameter.name:
            name = "result" if parameter.name == "out" else parameter.name  # a keyword of C#
            parameters.append(f"{csharp_type(parameter.type)} {name}")
    return [
        *summary(comments.before(rf"(?:const )?\w+ \*?{node.name}\("), " " * 8),
        '        [DllImport("wmmf", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]',
        f"        internal static extern {csharp_type(node.type.type)} {node.name}({', '.join(parameters)});",
        "",
    ]


def generate(header: str) -> str:
    """The text of the C# file."""
    text = declarations(header)
    comments = Comments(text)
    types: list[str] = []
    functions: list[str] = []
    for node in parse(text):
        if isinstance(node, c_ast.Typedef):
            if node.type.type.decls:
                types += struct(node, comments)
        elif isinstance(node.type, c_ast.Enum):
            types += enum(node.type, comments)
        else:
            functions += function(node, comments)
    constants = []
    for name, value in re.findall(r"^#define\s+(WMMF_\w+)\s+(.+?)\s*$", text, re.M):
        constants += [f"        internal const int {name} = {value};"]
    return "\n".join(
        [
            "// <auto-generated>Written by generate.py from wmmf.h. Do not edit.</auto-generated>",
            "using System;",
            "using System.Runtime.InteropServices;",
            "",
            "namespace Wmmf",
            "{",
            *types,
            "    /// <summary>The functions of wmmf.h, as they are.</summary>",
            "    internal static unsafe class NativeMethods",
            "    {",
            *constants,
            "",
            *functions[:-1],
            "    }",
            "}",
            "",
        ]
    )


def main() -> None:
    """Write the file, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="do not write; exit with 1 if the file is stale")
    options = parser.parse_args()
    text = generate(HEADER.read_text(encoding="utf-8"))
    if not options.check:
        OUTPUT.write_bytes(text.encode())
    elif not OUTPUT.is_file() or OUTPUT.read_text(encoding="utf-8") != text:
        sys.exit(f"{OUTPUT.name} is stale: run {Path(__file__).name}")


if __name__ == "__main__":
    main()
