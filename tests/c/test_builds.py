"""The C library builds as its users build it: its folder alone, shared and static, whatever the compiler warns of."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import native
import pytest
from lab import cache, wine

EXTERNAL = Path(__file__).parent / "external"


def build(source: Path, folder: Path, *options: str) -> Path:
    """Configure, build and install with CMake; the prefix."""
    native.checked("cmake", "-S", source, "-B", folder, *options)
    native.checked("cmake", "--build", folder, "--parallel", "2")
    native.checked("cmake", "--install", folder, "--prefix", folder / "prefix")
    return folder / "prefix"


def test_folder_builds_alone(tmp_path: Path) -> None:
    vendored = shutil.copytree(native.CSRC, tmp_path / "vendored")
    prefix = build(vendored, tmp_path / "build")
    assert f"Version: {native.VERSION}\n" in (prefix / "lib/pkgconfig/wmmf.pc").read_text()
    assert (prefix / f"lib/libwmmf.so.{native.VERSION}").exists()


def test_a_users_warnings_are_no_errors(tmp_path: Path) -> None:
    vendored = shutil.copytree(native.CSRC, tmp_path / "vendored")
    with open(vendored / "src/status.c", "a") as source:
        source.write("static int unused(void) { int nothing; return 0; }\n")
    build(vendored, tmp_path / "build")
    with pytest.raises(AssertionError, match="unused"):
        build(vendored, tmp_path / "strict", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON")


@pytest.mark.parametrize("build_type", ["Debug", "Release", "MinSizeRel"])
@pytest.mark.parametrize("target", ["gcc", "mingw64"])
def test_no_build_type_has_a_warning(target: str, build_type: str, tmp_path: Path) -> None:
    """The other tests have only RelWithDebInfo."""
    strict = ("-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", f"-DCMAKE_BUILD_TYPE={build_type}")
    build(native.CSRC, tmp_path / "build", *strict, *native.TARGETS[target])


@pytest.mark.parametrize("target", ["gcc", "mingw64"])
def test_static_library_is_found_and_linked(target: str, tmp_path: Path) -> None:
    prefix = build(native.CSRC, tmp_path / "library", "-DBUILD_SHARED_LIBS=OFF", *native.TARGETS[target])
    assert (prefix / "lib/libwmmf.a").exists()
    assert not list(prefix.rglob("*.so*")) + list(prefix.rglob("*.dll"))
    folder = tmp_path / "program"
    native.checked(
        "cmake", "-S", EXTERNAL, "-B", folder, f"-Dwmmf_DIR={prefix}/lib/cmake/wmmf", *native.TARGETS[target]
    )
    native.checked("cmake", "--build", folder)
    name = f"wmmf-static-{tmp_path.name}"
    if target == "gcc":
        output = native.checked(folder / "program-c", name)
    else:
        output = wine.run([folder / "program-c.exe", name]).stdout
    assert output.strip() == f"{native.VERSION} success hello"


@pytest.mark.windows
def test_static_library_is_found_by_pkg_config(tmp_path: Path) -> None:
    prefix = build(native.CSRC, tmp_path / "library", "-DBUILD_SHARED_LIBS=OFF", *native.TARGETS["mingw64"])
    flags = native.checked(
        "pkg-config", "--cflags", "--libs", "wmmf", env={"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    )
    program = tmp_path / "program.exe"
    compiler = cache.tool("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64")
    native.checked(compiler, EXTERNAL / "program.c", *flags.split(), "-o", program)
    assert wine.run([program, f"wmmf-pc-{tmp_path.name}"]).returncode == 0


@pytest.mark.windows
@pytest.mark.parametrize("target", ["mingw64", "mingw32"])
def test_dll_needs_nothing_newer_than_windows_8(target: str) -> None:
    """Windows 8 and Server 2012 have every function that it imports; they are listed beside this file."""
    dumped = native.checked("x86_64-w64-mingw32-objdump", "-p", native.installed(target) / "bin/wmmf.dll")
    assert set(re.findall(r"DLL Name: (\S+)", dumped)) == {"KERNEL32.dll", "ADVAPI32.dll", "msvcrt.dll"}
    system, _, _ = dumped.partition("DLL Name: msvcrt.dll")
    imported = set(re.findall(r"^\s+[0-9a-f]+\s+\d+\s+(\w+)$", system, re.M))
    assert "CreateFileMappingW" in imported
    allowed = (Path(__file__).parent / "windows_8_imports.txt").read_text().splitlines()
    assert imported - {line for line in allowed if not line.startswith("#")} == set()


def test_only_atomic_h_knows_compilers() -> None:
    """Code for one compiler only is in that file alone."""
    special = re.compile(
        r"__atomic_|__sync_|__builtin_|__attribute__|__thread\b|_Interlocked|__declspec|_MSC_VER|__asm"
    )
    found = [
        f"{path.name}: {line.strip()}"
        for path in sorted((native.CSRC / "src").glob("*.[ch]"))
        if not path.name.startswith("atomic")
        for line in path.read_text().splitlines()
        if special.search(line) and not line.lstrip().startswith(("*", "/*"))
    ]
    assert found == []


def test_nothing_is_called_that_microsoft_calls_unsafe() -> None:
    """Microsoft's headers warn of these functions (C4996), unless a macro is defined, as pip does not."""
    unsafe = re.compile(
        r"\b(strn?cpy|strn?cat|strtok|strerror|strdup|wcsn?cpy|wcsn?cat|wcstok|wcsdup|v?sprintf|_snw?printf|sscanf|"
        r"fopen|freopen|getenv|gmtime|localtime|asctime|ctime|mbstowcs|wcstombs)\("
    )
    sources = [*(native.CSRC / "src").glob("*.[ch]"), *(native.TESTS.parent / "pywinmmf/_core").glob("*.[ch]")]
    found = [
        f"{path.name}: {match[1]}"
        for path in sorted(sources)
        if "posix" not in path.name
        for match in unsafe.finditer(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("compiler", "said"),
    [("sh", "no /nowhere/Python.h: install"), ("no-gcc", "no compiler no-gcc and no /nowhere/Python.h: install")],
)
def test_missing_tools_are_named(compiler: str, said: str) -> None:
    """As on a Debian without python3-dev, and perhaps without gcc."""
    setup = (native.TESTS.parent / "setup.py").read_text()
    pretend = "import sysconfig\nsysconfig.get_path = lambda *_, **__: '/nowhere'\n"
    code = setup.replace("import sysconfig\n", pretend)
    done = subprocess.run(
        ["python3", "-c", code.split("\nsetup(")[0] + f"\ncheck_tools({compiler!r})\n"],
        capture_output=True,
        text=True,
        cwd=native.TESTS.parent,
    )
    assert done.returncode == 1
    assert said in done.stderr and "python3-dev" in done.stderr


def test_editable_installation_has_its_library(tmp_path: Path) -> None:
    source = native.source_copy(tmp_path / "source")
    native.checked(sys.executable, "-m", "pip", "install", "-I", "--no-deps", "--prefix", tmp_path / "at", "-e", source)
    (packages,) = (tmp_path / "at").rglob("site-packages")
    question = (
        "import _cffi_backend, ctypes, site, sys;"
        "sys.path = [folder for folder in sys.path if 'site-packages' not in folder];"  # it may be there as well
        f"site.addsitedir({str(packages)!r}); import pywinmmf as p;"
        "print(p.__file__, (p.include_dir() / 'wmmf.h').exists(), ctypes.CDLL(p.library_path()).wmmf_abi_version())"
    )
    answer = native.checked(sys.executable, "-c", question, cwd=tmp_path).split()
    assert answer == [str(source / "pywinmmf/__init__.py"), "True", "1"]


def test_every_place_that_repeats_the_version_agrees() -> None:
    """csrc/VERSION is its home; these cannot read it."""
    root = native.TESTS.parent
    project = (root / "bindings/csharp/Wmmf/Wmmf.csproj").read_text()
    assert f"<Version>{native.VERSION}</Version>" in project
    assert f"## {native.VERSION} " in (root / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(("free_threaded", "limited"), [(0, {"py_limited_api": "cp311"}), (1, {})])
def test_free_threaded_python_gets_no_stable_abi(free_threaded: int, limited: dict[str, str]) -> None:
    """It has none; the build asks the interpreter."""
    setup = (native.TESTS.parent / "setup.py").read_text()
    pretend = f"import sysconfig\nsysconfig.get_config_var = lambda name: {free_threaded} if 'GIL' in name else None\n"
    code = setup.replace("import sysconfig\n", pretend).split("\nsetup(")[0] + "\nprint(options()['bdist_wheel'])\n"
    said = native.checked(sys.executable, "-c", code, cwd=native.TESTS.parent, env={"PYWINMMF_CROSS": ""})
    assert said.strip().splitlines()[-1] == str(limited)
