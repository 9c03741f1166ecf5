"""The archives, the .debs and Conan's recipe: an external CMake project for each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import native
from lab import debian, msvc, wine32, zig

from ..source import DIST, ROOT, VERSION, WORK, cleared, run
from .trying import must_be_for, run_under_wine, unpacked_archive, unpacked_wheel

EXTERNAL = ROOT / "tests/c/external"
SUITE_SECONDS = 600


def check_linux_archive() -> str:
    """find_package and run, with the compiler of this machine."""
    said = _external("linux", unpacked_archive("linux-x86_64") / "lib/cmake/wmmf")
    return f"external CMake project, gcc: {said}"


def check_emulated_archive() -> str:
    """An external program for ARM64, by qemu, with Debian's C library for it."""
    prefix = unpacked_archive("linux-aarch64")
    said = _emulated("aarch64-linux-gnu.2.17", prefix / "include", prefix / "lib")
    return f"C program under qemu-aarch64: {said}"


def check_wheels_library(pattern: str, target: str) -> str:
    """The library in a wheel for which there is no Python here, in a program in C."""
    folder = unpacked_wheel(pattern)
    said = _emulated(target, folder / "pywinmmf/include", folder / "pywinmmf")
    return f"no such Python here; its library in a C program: {said}"


def _emulated(target: str, include: Path, library: Path) -> str:
    runner = ["qemu-aarch64", "-L", str(debian.arm64())] if target.startswith("aarch64") else []
    program = library / "program"
    options = ["-dynamic", f"-I{include}", f"-L{library}", "-lwmmf", f"-Wl,-rpath,{library}"]
    run(*zig.command(target), EXTERNAL / "program.c", *options, "-o", program)
    return run(*runner, program, f"wmmf-emulated-{os.getpid()}").strip()


def check_foreign_archive(archive: str, file: str, machine: str) -> str:
    """For a processor that this machine cannot run."""
    return must_be_for(machine, unpacked_archive(archive) / file)


def check_windows_archive() -> str:
    """mingw's linker and Microsoft's (a stand-in) both link with the import libraries, and the programs run."""
    prefix = unpacked_archive("windows-x64")
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={ROOT / 'csrc/cmake/mingw64.cmake'}"
    said = [f"mingw: {_external('mingw', prefix / 'lib/cmake/wmmf', toolchain)}"]
    program = prefix / "bin/program-msvc.exe"
    compiler = msvc.home() / "bin/x64-cl"
    libraries = [msvc.home() / f"x64/{name}.lib" for name in msvc.DLLS]
    objects = WORK / "check/program-msvc.obj"
    run(compiler, "/nologo", "/c", f"/I{prefix / 'include'}", f"/Fo{objects}", "--", EXTERNAL / "program.c")
    run(
        *("lld-link", f"/out:{program}", "/nodefaultlib", "/subsystem:console", objects, prefix / "lib/wmmf.lib"),
        *libraries,
        msvc.home() / "x64/standin.obj",
    )
    said.append(f"lld-link, /nodefaultlib: {run_under_wine(program, f'wmmf-msvc-{os.getpid()}')}")
    return f"external CMake project, {'; '.join(said)}"


def check_win32_suite() -> str:
    """The tests of the C library as 32-bit programs, by the compiler that makes the archive and the wheel."""
    if not wine32.available():
        return wine32.NOT_RUN
    inside = cleared(WORK / "check/win32-suite")
    inside.mkdir(parents=True)
    programs = [native.zig_programs("x86-windows-gnu") / f"{name}.exe" for name in ("unit", "faults")]
    for program in programs:
        shutil.copy(program, inside)
    with wine32.session(inside) as start:
        tried = [_suite_win32(start, program) for program in programs]
    return f"in a 32-bit Wine: {', '.join(tried)}"


def _suite_win32(start: wine32.Start, program: Path) -> str:
    process = start([f"{wine32.FOLDER}\\{program.name}"])
    said, errors = process.communicate(timeout=SUITE_SECONDS)
    if process.returncode != 0:
        raise SystemExit(f"exit status {process.returncode} from {program.name}\n{said}{errors}")
    return f"{program.stem}: {said.splitlines()[-1]}"


def check_debs() -> str:
    """Unpacked into a folder that stands for /usr; and lintian has nothing to say."""
    root = cleared(WORK / "check/deb")
    packages = sorted(DIST.glob("*.deb"))
    for package in packages:
        run("dpkg-deb", "-x", package, root)
    complaints = run("lintian", "--allow-root", "--fail-on", "error,warning", *packages).strip()
    (config,) = root.rglob("wmmf-config.cmake")
    said = _external("deb", config.parent)
    return f"lintian{': ' + complaints if complaints else ' clean'}; external CMake project: {said}"


def check_conan() -> str:
    """Conan create, with a home of its own."""
    folder = cleared(WORK / "check/conan")
    shutil.unpack_archive(DIST / f"wmmf-{VERSION}-conan.zip", folder)
    home = {"CONAN_HOME": str(folder / "home")}
    run("conan", "profile", "detect", cwd=folder, env=home)
    for shared in ("True", "False"):
        run("conan", "create", ".", "-o", f"wmmf/*:shared={shared}", cwd=folder / f"wmmf-{VERSION}-conan", env=home)
    return "conan create, shared and static"


def _external(what: str, config: Path, *options: str) -> str:
    folder = cleared(WORK / f"check/external-{what}")
    run("cmake", "-S", EXTERNAL, "-B", folder, f"-Dwmmf_DIR={config}", *options)
    run("cmake", "--build", folder)
    name = f"wmmf-external-{os.getpid()}"
    if (folder / "program-c.exe").exists():
        return run_under_wine(folder / "program-c.exe", name)
    return run(folder / "program-c", name).strip()
