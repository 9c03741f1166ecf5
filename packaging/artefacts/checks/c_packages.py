"""The archives, the .debs and Conan's recipe: an external CMake project for each."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab import debian, msvc, wine, zig

from ..source import DIST, ROOT, VERSION, WORK, run
from .holder import unpacked

EXTERNAL = ROOT / "tests/c/external"


def check_linux_archive() -> str:
    """find_package and run, with the compiler of this machine."""
    said = _external("linux", unpacked("linux-x86_64") / "lib/cmake/wmmf")
    return f"external CMake project, gcc: {said}"


def check_emulated_archive() -> str:
    """An external program for ARM64, by qemu, with Debian's C library for it."""
    prefix = unpacked("linux-aarch64")
    said = _emulated("aarch64-linux-gnu.2.17", prefix / "include", prefix / "lib")
    return f"C program under qemu-aarch64: {said}"


def check_wheels_library(pattern: str, target: str) -> str:
    """The library in a wheel for which there is no Python here, in a program in C."""
    (wheel,) = DIST.glob(pattern)
    folder = WORK / f"check/{wheel.stem}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.unpack_archive(wheel, folder, "zip")
    said = _emulated(target, folder / "pywinmmf/include", folder / "pywinmmf")
    return f"no such Python here; its library in a C program: {said}"


def _emulated(target: str, include: Path, library: Path) -> str:
    runner = ["qemu-aarch64", "-L", str(debian.arm64())] if target.startswith("aarch64") else []
    program = library / "program"
    options = ["-dynamic", f"-I{include}", f"-L{library}", "-lwmmf", f"-Wl,-rpath,{library}"]
    run(*zig.command(target), EXTERNAL / "program.c", *options, "-o", program)
    return run(*runner, program, f"wmmf-emulated-{os.getpid()}").strip()


def check_foreign_archive(archive: str, file: str, machine: str) -> str:
    """For a processor that nothing here runs."""
    header = run("llvm-readobj-14", "--file-headers", unpacked(archive) / file)
    if machine not in header:
        raise SystemExit(f"{archive}: {file} is not for {machine}:\n{header}")
    return f"not run here; inspected: {machine}"


def check_windows_archive() -> str:
    """mingw's linker and Microsoft's (a stand-in) both link with the import libraries, and the programs run."""
    prefix = unpacked("windows-x64")
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
    done = wine.run([program, f"wmmf-msvc-{os.getpid()}"])
    if done.returncode != 0:
        raise SystemExit(f"the program that lld-link linked with wmmf.lib:\n{done.stdout}{done.stderr}")
    said.append(f"lld-link, /nodefaultlib: {done.stdout.strip()}")
    return f"external CMake project, {'; '.join(said)}"


def check_debs() -> str:
    """Unpacked into a folder that stands for /usr; and lintian has nothing to say."""
    root = WORK / "check/deb"
    shutil.rmtree(root, ignore_errors=True)
    packages = sorted(DIST.glob("*.deb"))
    for package in packages:
        run("dpkg-deb", "-x", package, root)
    complaints = run("lintian", "--allow-root", "--fail-on", "error,warning", *packages).strip()
    (config,) = root.rglob("wmmf-config.cmake")
    said = _external("deb", config.parent)
    return f"lintian{': ' + complaints if complaints else ' clean'}; external CMake project: {said}"


def check_conan() -> str:
    """Conan create, with a home of its own."""
    folder = WORK / "check/conan"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.unpack_archive(DIST / f"wmmf-{VERSION}-conan.zip", folder)
    home = {"CONAN_HOME": str(folder / "home")}
    run("conan", "profile", "detect", cwd=folder, env=home)
    for shared in ("True", "False"):
        run("conan", "create", ".", "-o", f"wmmf/*:shared={shared}", cwd=folder / f"wmmf-{VERSION}-conan", env=home)
    return "conan create, shared and static"


def _external(what: str, config: Path, *options: str) -> str:
    folder = WORK / f"check/external-{what}"
    shutil.rmtree(folder, ignore_errors=True)
    run("cmake", "-S", EXTERNAL, "-B", folder, f"-Dwmmf_DIR={config}", *options)
    run("cmake", "--build", folder)
    name = f"wmmf-external-{os.getpid()}"
    if (folder / "program-c.exe").exists():
        done = wine.run([folder / "program-c.exe", name])
        if done.returncode != 0:
            raise SystemExit(f"the external program of {what}:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()
    return run(folder / "program-c", name).strip()
