"""The program that holds the sections that artefacts are tried with; it is built from the archives for C users."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import cache, wine

from ..source import run
from .trying import unpacked_archive

SOURCE = Path(__file__).with_name("holder.c")
SMOKE = Path(__file__).with_name("smoke.py")
_numbers = itertools.count()


def linux_program() -> Path:
    """Build the holder with the options that pkg-config gives for the .tar.gz."""
    prefix = unpacked_archive("linux-x86_64")
    # A relative path: pkg-config does not manage every name that the folder of this tree may have.
    asked = ("pkg-config", "--cflags", "--libs", "wmmf")
    flags = run(*asked, cwd=prefix, env={"PKG_CONFIG_PATH": "lib/pkgconfig"})
    program = prefix / "holder"
    run("cc", SOURCE, *flags.split(), f"-Wl,-rpath,{prefix / 'lib'}", "-o", program, cwd=prefix)
    return program


def windows_program(archive: str = "windows-x64", processor: str = "x86_64") -> Path:
    """Build the holder with the headers and the import library of the .zip."""
    prefix = unpacked_archive(archive)
    program = prefix / "bin/holder.exe"
    compiler = cache.tool(f"{processor}-w64-mingw32-gcc", f"gcc-mingw-w64-{processor.replace('_', '-')}")
    run(compiler, SOURCE, f"-I{prefix / 'include'}", prefix / "lib/wmmf.lib", "-o", program)
    return program


def _start(program: Path, name: str) -> subprocess.Popen[str]:
    if program.suffix == ".exe":
        return wine.popen([program, name])
    return subprocess.Popen([program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")


@contextlib.contextmanager
def holding(program: Path, start: Callable[[str], subprocess.Popen[str]] | None = None) -> Iterator[str]:
    """Run the holder and yield the name that it holds; at the end another program must have used it.

    ``start`` starts it with that name elsewhere than on this machine.
    """
    name = f"wmmf-dist-{os.getpid()}-{next(_numbers)}"
    process = start(name) if start else _start(program, name)
    assert process.stdin is not None and process.stdout is not None
    try:
        ready = process.stdout.readline().strip()
        if ready != "ready":
            raise SystemExit(f"{program} does not hold anything: {ready}")
        yield name
        process.stdin.write("end\n")
        process.stdin.flush()
        said = process.stdout.readline().strip()
        if said != "seen":
            raise SystemExit(f"{program}: nobody wrote into the section that it holds: {said!r}")
    finally:
        process.kill()
        process.wait()
