"""The binary interface is pinned: lines of the golden files beside this one do not change; additions are appended.

exports.txt: the exported symbols. constants.txt: every enumerator and its value. layout.json: sizes and offsets of
the public structs on 64-bit systems.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import native
import pytest
from cffi import FFI
from lab import wine

HERE = Path(__file__).parent
HEADER = native.CSRC / "include/wmmf.h"
Layout = dict[str, dict[str, int]]


def declarations() -> str:
    """Return what the header says between its two markers, without the export macro."""
    text = HEADER.read_text(encoding="utf-8")
    body = text.partition("/* -- begin declarations -- */")[2].partition("/* -- end declarations -- */")[0]
    return body.replace("WMMF_API ", "")


@pytest.fixture(scope="module")
def ffi() -> FFI:
    """The header as CFFI reads it."""
    result = FFI()
    result.cdef(declarations())
    return result


@pytest.fixture(scope="module")
def library(ffi: FFI) -> Any:
    """The installed shared library."""
    return ffi.dlopen(str(native.installed("gcc") / "lib/libwmmf.so"))


def golden_exports() -> list[str]:
    return (HERE / "exports.txt").read_text().split()


def golden_layout() -> Layout:
    layout: Layout = json.loads((HERE / "layout.json").read_text())
    return layout


def golden_constants() -> dict[str, int]:
    lines = (line.split() for line in (HERE / "constants.txt").read_text().splitlines())
    return {name: int(value) for name, value in lines}


def test_exports_are_the_prototypes() -> None:
    prototypes = re.findall(r"^WMMF_API [\w ]+[ *](\w+)\(", HEADER.read_text(), re.M)
    assert sorted(prototypes) == golden_exports()


@pytest.mark.parametrize("target", ["gcc", "clang"])
def test_exports_of_the_shared_object(target: str) -> None:
    library = native.installed(target) / "lib/libwmmf.so"
    symbols = native.checked("nm", "-D", "--defined-only", "--format=posix", library)
    assert sorted(line.split()[0] for line in symbols.splitlines()) == golden_exports()
    assert re.search(r"SONAME +libwmmf\.so\.0$", native.checked("objdump", "-p", library), re.M)


@pytest.mark.parametrize("target", ["mingw64", "mingw32"])
def test_exports_of_the_dll(target: str) -> None:
    headers = native.checked("x86_64-w64-mingw32-objdump", "-p", native.installed(target) / "bin/wmmf.dll")
    table = headers.partition("[Ordinal/Name Pointer] Table")[2].partition("\n\n")[0]
    assert re.findall(r"^\s*\[ *\d+\] (?:\+base\[ *\d+\] +[0-9a-f]+ )?(\S+)$", table, re.M) == golden_exports()


def test_constants_are_pinned(ffi: FFI) -> None:
    enums = [ffi.typeof(f"enum {name}") for name in enum_names()]
    found = {name: value for enum in enums for name, value in enum.relements.items()}
    assert found == golden_constants()


def enum_names() -> list[str]:
    return re.findall(r"^enum (\w+) \{", declarations(), re.M)


def test_each_status_has_its_name_and_sentence(ffi: FFI, library: Any) -> None:
    statuses = {name: value for name, value in golden_constants().items() if re.match("WMMF_(OK$|E_)", name)}
    sentences = {ffi.string(library.wmmf_strerror(value)) for value in statuses.values()}
    assert len(sentences) == len(statuses) == len(set(statuses.values()))
    for name, value in statuses.items():
        assert ffi.string(library.wmmf_status_name(value)).decode() == name
    for value in {*range(-50, 2), -(2**31), 2**31 - 1} - set(statuses.values()):
        assert ffi.string(library.wmmf_strerror(value)) == b"unknown status"


def test_library_says_its_abi_version(ffi: FFI, library: Any) -> None:
    assert library.wmmf_abi_version() == library.WMMF_ABI_VERSION == 1


def public_structs(ffi: FFI) -> dict[str, Any]:
    """Return the structs that the header defines, by name."""
    types = {name: ffi.typeof(name) for name in ffi.list_types()[0]}
    return {name: kind for name, kind in types.items() if kind.kind == "struct" and kind.fields is not None}


def test_layout_as_cffi_sees_it(ffi: FFI) -> None:
    seen = {
        name: {"sizeof": ffi.sizeof(name), **{field: entry.offset for field, entry in kind.fields}}
        for name, kind in public_structs(ffi).items()
    }
    assert seen == golden_layout()


def layout_program(structs: dict[str, Any]) -> str:
    """Return a C program that prints the layout of the structs, as its compiler sees them, as JSON."""
    lines = []
    for name, kind in structs.items():
        fields = "".join(f', \\"{field}\\": %lu' for field, _ in kind.fields)
        values = ", ".join(f"(unsigned long)offsetof({name}, {field})" for field, _ in kind.fields)
        lines.append(f'    printf("%s\\"{name}\\": {{\\"sizeof\\": %lu{fields}}}", comma, ')
        lines[-1] += f'(unsigned long)sizeof({name}), {values});\n    comma = ", ";\n'
    head = (
        '#include <stddef.h>\n#include <stdio.h>\n#include "wmmf.h"\n\nint main(void) {\n    const char *comma = "{";\n'
    )
    return head + "".join(lines) + '    printf("}\\n");\n    return 0;\n}\n'


@pytest.mark.parametrize("compiler", ["gcc", "clang", "x86_64-w64-mingw32-gcc"])
def test_layout_as_c_compilers_see_it(compiler: str, ffi: FFI, tmp_path: Path) -> None:
    source, program = tmp_path / "layout.c", tmp_path / "layout.exe"
    source.write_text(layout_program(public_structs(ffi)))
    native.checked(compiler, "-I", HEADER.parent, source, "-o", program)
    done = wine.run([program]) if "mingw" in compiler else subprocess.run([program], capture_output=True, text=True)
    assert json.loads(done.stdout) == golden_layout()


def on_32_bit(entries: dict[str, int], kind: Any) -> dict[str, int]:
    """The layout for pointers of half the size; they stand in pairs, or last."""
    result, saved = {}, 0
    for name, field in kind.fields:
        result[name] = entries[name] - saved
        saved += 4 if field.type.kind == "pointer" else 0
    wide = any(field.type.cname == "uint64_t" for _, field in kind.fields)
    size = entries["sizeof"] - saved
    return {"sizeof": (size + 7) // 8 * 8 if wide else size, **result}


@pytest.mark.windows
def test_layout_on_32_bit_windows(ffi: FFI, tmp_path: Path) -> None:
    """The same, with smaller pointers."""
    checks = []
    for name, entries in golden_layout().items():
        expected = on_32_bit(entries, public_structs(ffi)[name])
        checks.append(f"sizeof({name}) == {expected.pop('sizeof')}")
        checks += [f"offsetof({name}, {field}) == {at}" for field, at in expected.items()]
    asserts = "".join(f'_Static_assert({check}, "{check}");\n' for check in checks)
    source = tmp_path / "layout.c"
    source.write_text(f'#include <stddef.h>\n#include "wmmf.h"\n{asserts}')
    native.checked("i686-w64-mingw32-gcc", "-fsyntax-only", "-I", HEADER.parent, source)
