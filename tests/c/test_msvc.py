"""The C library as Microsoft's compiler sees it (a stand-in for it: lab/msvc.py), warnings being errors."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import native
import pytest
from lab import msvc, wine

pytestmark = pytest.mark.windows

SECONDS = 300


@pytest.mark.parametrize("program", ["unit.exe", "faults.exe"])
def test_contract(program: str, tmp_path: Path) -> None:
    done = wine.run([native.msvc_programs("x64") / program], timeout=SECONDS, cwd=tmp_path)
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", done.stdout.splitlines()[-1]), done.stdout + done.stderr
    assert done.returncode == 0


def test_everything_compiles_for_arm64() -> None:
    """Nothing here can run it."""
    for file in ("wmmf.dll", "unit.exe", "faults.exe", "agent-c.exe"):
        program = native.msvc_programs("arm64") / file
        assert "file format coff-arm64" in native.checked("llvm-objdump", "--file-headers", program).lower()


def test_library_compiles_for_x86(tmp_path: Path) -> None:
    """Nothing here can link it. A 64-bit load must not write, for the page may be read-only."""
    for source in sorted((native.CSRC / "src").glob("*.c")):
        if "posix" not in source.name:
            options = [
                "/nologo",
                "/c",
                "/O2",
                "/W4",
                "/WX",
                f"/I{native.CSRC / 'include'}",
            ]
            options += ["/DWMMF_BUILD", f'/DWMMF_VERSION_STRING="{native.VERSION}"', f"/Fo{tmp_path / source.stem}.obj"]
            native.checked(msvc.home() / "bin/x86-cl", *options, "--", source)
    reader = native.checked("llvm-objdump", "-d", "--no-show-raw-insn", tmp_path / "seqlock_read.obj")
    assert re.search(r"\bmovq\t\d+\(%e\w\w\), %xmm", reader)
    assert "cmpxchg8b" not in reader


def test_there_is_nothing_that_clang_alone_accepts(tmp_path: Path) -> None:
    """cl.exe warns of a local that hides something outside (C4459), and has no __atomic_load_n and the like."""
    options = [*native.cmake_options("msvc-x64"), "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
    native.checked("cmake", "-S", native.TESTS, "-B", tmp_path, *options)
    commands = json.loads((tmp_path / "compile_commands.json").read_text())
    sources = {entry["file"]: shlex.split(entry["command"]) for entry in commands if entry["file"].endswith(".c")}
    assert str(native.CSRC / "src/platform_win.c") in sources
    found = [
        f"{Path(source).name}: {complaint}"
        for source, (compiler, *options) in sources.items()
        for complaint in complaints(native.checked(compiler, "/Zs", "-Xclang", "-ast-dump", *options))
    ]
    assert found == []


def complaints(tree: str) -> list[str]:
    """Return the functions with atomic operations of clang's, and with locals that hide something outside."""
    parts = re.split(r"\n(?=[|`]-)", tree)
    outside = {found[1] for part in parts if (found := re.match(r"[|`]-(?:Function|Var)Decl .*? (\w+) '", part))}
    outside |= set(re.findall(r"^[|`][ -].*EnumConstantDecl .*? (\w+) '", tree, re.M))
    functions = {
        found[1]: part
        for part in parts
        if "CompoundStmt" in part and (found := re.match(r"[|`]-FunctionDecl .*? (\w+) '.*(?<!inline)\n", part))
    }
    atomic = [f"{function}: __atomic_" for function, part in functions.items() if "-AtomicExpr " in part]
    return atomic + [
        f"{function}: {name}"
        for function, part in functions.items()
        for name in re.findall(r"\n\W+(?:Parm)?VarDecl .*? (\w+) '", part)
        if name in outside
    ]


@pytest.mark.parametrize("arch", ["x86", "x64"])
def test_giving_a_pin_back_has_a_full_fence(arch: str, tmp_path: Path) -> None:
    """On ARM64 each load of order seq begins with one."""
    library = tmp_path / "pins.obj"
    compiler, source = msvc.home() / f"bin/{arch}-cl", native.CSRC / "src/pins.c"
    native.checked(compiler, "/nologo", "/c", "/O2", f"/I{native.CSRC / 'include'}", f"/Fo{library}", "--", source)
    code = native.checked("llvm-objdump", "-d", "--no-show-raw-insn", library)
    give = re.search(r"^[0-9a-f]+ <_?pins_give>:\n(.*?)(?:^$|\Z)", code, re.MULTILINE | re.DOTALL)
    assert give and "mfence" in give[1], code


def test_library_installs_with_an_import_library_and_without_the_builders_paths() -> None:
    prefix = native.installed("msvc-x64")
    for file in ("bin/wmmf.dll", "lib/wmmf.lib", "include/wmmf.h", "lib/cmake/wmmf/wmmf-config.cmake"):
        assert (prefix / file).is_file()
    dll = (prefix / "bin/wmmf.dll").read_bytes()
    assert re.search(rb"RSDS.{20}wmmf\.pdb\0", dll, re.DOTALL)
    assert b"wmmf-build-" not in dll
    exported = native.checked("llvm-readobj", "--coff-exports", prefix / "bin/wmmf.dll")
    expected = (native.TESTS / "abi/exports.txt").read_text().split()
    assert sorted(re.findall(r"Name: (\w+)", exported)) == sorted(expected)


def test_library_is_hardened_and_keeps_the_runtime_inside() -> None:
    """By what the linker is told: there is no runtime of Microsoft here that could be inside."""
    build = native.configure_and_build(native.CSRC, "msvc-x64")
    link = (build / "CMakeFiles/wmmf.dir/link.txt").read_text()
    for option in ("/guard:cf", "/CETCOMPAT", "/INCREMENTAL:NO", "/OPT:REF,ICF", "/DEFAULTLIB:ucrt.lib"):
        assert option in link
    flags = (build / "CMakeFiles/wmmf.dir/flags.make").read_text()
    assert "-MT " in flags and "/guard:cf" in flags and "/W4" in flags
    assert not re.search("-M[DT]d|-MD ", flags)


def test_whoever_chooses_a_runtime_gets_it(tmp_path: Path) -> None:
    """vcpkg and Conan do."""
    chosen = "-DCMAKE_MSVC_RUNTIME_LIBRARY=MultiThreadedDLL"
    native.checked("cmake", "-S", native.CSRC, "-B", tmp_path, *native.cmake_options("msvc-x64"), chosen)
    flags = (tmp_path / "CMakeFiles/wmmf.dir/flags.make").read_text()
    assert "-MD " in flags and "-MT" not in flags
    assert "LIB:" not in (tmp_path / "CMakeFiles/wmmf.dir/link.txt").read_text()


def test_static_library_is_of_the_users_runtime() -> None:
    build = native.configure_and_build(native.CSRC, "msvc-x64", "-DBUILD_SHARED_LIBS=OFF")
    assert (build / "wmmf.lib").is_file()
    assert "-MD " in (build / "CMakeFiles/wmmf.dir/flags.make").read_text()
