"""Wheels and the source distribution, in every CPython that is here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from lab import wine, winpython

from ..source import DIST, ROOT, WORK, run
from .holder import SMOKE, holding, linux_program, windows_program


def interpreters() -> list[Path]:
    """Return the CPythons of this machine that the wheel is for: of PATH and of pyenv, one of each release."""
    found: dict[str, Path] = {}
    candidates = [Path(path) for minor in range(11, 16) if (path := shutil.which(f"python3.{minor}"))]
    candidates += sorted(Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python"))
    for candidate in [Path(sys.executable), *candidates]:
        asked = subprocess.run([candidate, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True)
        release = asked.stdout.decode().split()
        if asked.returncode == 0 and release[0] == "3" and int(release[1]) >= 11:
            found.setdefault(".".join(release), candidate)
    return list(found.values())


def check_wheel(pattern: str) -> str:
    """Install the wheel for this machine into an environment of its own for each CPython, and smoke it."""
    (wheel,) = DIST.glob(pattern)
    program = linux_program()
    tried = [_smoke(interpreter, wheel, program) for interpreter in interpreters()]
    return f"pip install, smoke against the archive's C program: {', '.join(tried)}"


def check_sdist() -> str:
    """Build and install from the source distribution."""
    (sdist,) = DIST.glob("pywinmmf-*.tar.gz")
    return f"pip install from source, smoke: {_smoke(Path(sys.executable), sdist, linux_program())}"


def check_compile_line(pattern: str) -> str:
    """What pywinmmf --cflags and --ldflags say compiles and links a program that runs as it stands."""
    (wheel,) = DIST.glob(pattern)
    python = _environment(Path(sys.executable), wheel)
    command = python.with_name("pywinmmf")
    program, source = WORK / "check/by-flags", ROOT / "tests/c/external/program.c"
    run("sh", "-c", f"cc $({command} --cflags) {source} $({command} --ldflags) -o {program}")
    return f"cc with --cflags --ldflags: {run(program, 'wmmf-flags').strip()}"


def check_windows_wheel() -> str:
    """python.org's CPython under Wine, with the wheel unpacked where nothing else of ours is."""
    (wheel,) = DIST.glob("*win_amd64.whl")
    folder = WORK / "check/win_amd64"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    with holding(windows_program()) as name:
        done = winpython.run([SMOKE, name], env={"PYTHONPATH": wine.windows_path(folder)}, cwd=folder)
    if "smoke passed" not in done.stdout:
        raise SystemExit(f"{wheel.name} under Wine:\n{done.stdout}{done.stderr}")
    return f"python.org's CPython under Wine, smoke against the zip's C program: {done.stdout.split()[3]}"


def check_machine(pattern: str, member: str, machine: str) -> str:
    """For a processor that nothing here runs: what is inside is for it."""
    (wheel,) = DIST.glob(pattern)
    with zipfile.ZipFile(wheel) as packed:
        file = Path(packed.extract(member, WORK / f"check/{wheel.stem}"))
    header = run("llvm-readobj-14", "--file-headers", file)
    if machine not in header:
        raise SystemExit(f"{wheel.name}: {member} is not for {machine}:\n{header}")
    return f"not run here; inspected: {machine}"


def check_readme() -> str:
    """The README's lines that install from dist/ work as they stand, from the folder that holds dist/."""
    lines = re.findall(r"^pip install .*dist.*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    if len(lines) != 1:
        raise SystemExit(f"README.md: expected one line that installs from dist/, found {lines}")
    folder = WORK / "check/readme"
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "venv", folder)
    said = run("sh", "-ec", lines[0], cwd=ROOT, env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"})
    if "Successfully installed" not in said:
        raise SystemExit(f"README.md: {lines[0]}\n{said}")
    run(folder / "bin/pywinmmf", "doctor", cwd=WORK)
    return f"{lines[0]}; then pywinmmf doctor"


def _environment(interpreter: Path, package: Path) -> Path:
    folder = WORK / "check/environment"
    shutil.rmtree(folder, ignore_errors=True)
    run(interpreter, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "--disable-pip-version-check", "-q", package)
    return folder / "bin/python"


def _smoke(interpreter: Path, package: Path, program: Path) -> str:
    python = _environment(interpreter, package)
    with holding(program) as name:
        said = run(python, SMOKE, name, cwd=WORK)
    if "smoke passed" not in said:
        raise SystemExit(f"{package.name} with {interpreter}:\n{said}")
    return said.split()[3]
