"""The program that holds what artefacts are tried against; it is made of the archives for C users."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab import cache, wine

from ..source import DIST, VERSION, WORK, run

SOURCE = Path(__file__).with_name("holder.c")
SMOKE = Path(__file__).with_name("smoke.py")
_numbers = itertools.count()


def unpacked(archive: str) -> Path:
    """Unpack an archive for C users afresh and return its folder."""
    (file,) = DIST.glob(f"wmmf-{VERSION}-{archive}.*")
    folder = WORK / "check/archives" / archive
    shutil.rmtree(folder, ignore_errors=True)
    if file.suffix == ".gz":
        shutil.unpack_archive(file, folder, filter="data")
    else:
        shutil.unpack_archive(file, folder)
    return folder / f"wmmf-{VERSION}-{archive}"


def linux_program() -> Path:
    """Build the holder with what the .tar.gz says through pkg-config."""
    prefix = unpacked("linux-x86_64")
    flags = run("pkg-config", "--cflags", "--libs", "wmmf", env={"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")})
    program = prefix / "holder"
    run("cc", SOURCE, *flags.split(), f"-Wl,-rpath,{prefix / 'lib'}", "-o", program)
    return program


def windows_program() -> Path:
    """Build the holder with the headers and the import library of the .zip."""
    prefix = unpacked("windows-x64")
    program = prefix / "bin/holder.exe"
    compiler = cache.tool("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64")
    run(compiler, SOURCE, f"-I{prefix / 'include'}", prefix / "lib/wmmf.lib", "-o", program)
    return program


@contextlib.contextmanager
def holding(program: Path) -> Iterator[str]:
    """Run the holder and give the name that it holds; at the end somebody must have been there."""
    name = f"wmmf-dist-{os.getpid()}-{next(_numbers)}"
    pipe = subprocess.PIPE
    if program.suffix == ".exe":
        process = wine.popen([program, name])
    else:
        process = subprocess.Popen([program, name], stdin=pipe, stdout=pipe, encoding="utf-8")
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
