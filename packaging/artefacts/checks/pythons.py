"""Wheels and the source distribution, in every CPython that is here."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from lab import debian, winbinaries, wine, wine32, winpython

from ..source import DIST, ROOT, WORK, cleared, run
from .holder import SMOKE, holding, linux_program, windows_program
from .trying import must_be_for, run_under_wine, unpacked_wheel

FAR = Path(__file__).with_name("far.py")


def interpreters() -> dict[str, Path]:
    """Return the CPythons of this machine that the wheel is for, by release: of PATH and of pyenv."""
    found: dict[str, Path] = {}
    candidates = [Path(path) for minor in range(11, 16) if (path := shutil.which(f"python3.{minor}"))]
    candidates += sorted(Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python"))
    for candidate in [Path(sys.executable), *candidates]:
        asked = subprocess.run([candidate, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True)
        release = asked.stdout.decode().split()
        if asked.returncode == 0 and release[0] == "3" and int(release[1]) >= 11:
            found.setdefault(".".join(release), candidate)
    return found


def check_wheel(pattern: str) -> str:
    """Install the wheel for this machine into an environment of its own for each CPython, and smoke it."""
    (wheel,) = DIST.glob(pattern)
    program = linux_program()
    tried = [_smoke(interpreter, wheel, program) for interpreter in interpreters().values()]
    return f"pip install, smoke against the archive's C program: {', '.join(tried)}"


def check_newest() -> str:
    """The wheel in CPython 3.14 with cffi, both of a later Debian: this machine has no other."""
    root = debian.newest()
    environment = {"PYTHONHOME": str(root / "usr"), "PYTHONPATH": _paths("*manylinux2014_x86_64.whl", root)}
    with holding(linux_program()) as name:
        said = run(*debian.newest_python(), SMOKE, name, cwd=WORK, env=environment)
    return f"Debian's, smoke against the archive's C program: {said.split()[3]}"


def check_emulated_wheel() -> str:
    """The wheel for ARM64 in Debian's Python for it, by qemu, against a program of this machine's processor."""
    root = debian.arm64()
    environment = {"PYTHONPATH": _paths("*manylinux2014_aarch64.whl", root)}
    with holding(linux_program()) as name:
        said = run("qemu-aarch64", "-L", root, root / "usr/bin/python3", SMOKE, name, cwd=WORK, env=environment)
    return f"Debian's, qemu-aarch64, smoke against the x86-64 archive's C program: {said.split()[3]}"


def _paths(pattern: str, root: Path) -> str:
    """Unpack a wheel and return what PYTHONPATH needs to find it and Debian's packages."""
    return f"{unpacked_wheel(pattern)}:{root / 'usr/lib/python3/dist-packages'}"


def check_sdist() -> str:
    """Build and install from the source distribution."""
    (sdist,) = DIST.glob("pywinmmf-*.tar.gz")
    return f"pip install from source, smoke: {_smoke(Path(sys.executable), sdist, linux_program())}"


def check_compile_line(pattern: str) -> str:
    """A program that is compiled and linked with the options of pywinmmf --cflags and --ldflags runs."""
    (wheel,) = DIST.glob(pattern)
    python = _environment(Path(sys.executable), wheel)
    command = python.with_name("pywinmmf")
    program, source = WORK / "check/by-flags", ROOT / "tests/c/external/program.c"
    compiling, linking = (shlex.split(run(command, option)) for option in ("--cflags", "--ldflags"))
    run("cc", *compiling, source, *linking, "-o", program)
    return f"cc with --cflags --ldflags: {run(program, 'wmmf-flags').strip()}"


def check_windows_compile_line() -> str:
    """The same for Windows and mingw. There is no rpath there: the program finds the DLL through PATH."""
    folder = unpacked_wheel("*win_amd64.whl", WORK / "check/win_amd64-for-c")
    environment = {**winpython.ENVIRONMENT, "PYTHONPATH": wine.windows_path(folder), "PYTHONSAFEPATH": "1"}
    python = winpython.home() / "python.exe"
    said = [run_under_wine(python, "-m", "pywinmmf", option, env=environment) for option in ("--cflags", "--ldflags")]
    options = shlex.split(" ".join(said).replace("Z:", ""))
    program = folder / "by-flags.exe"
    run("x86_64-w64-mingw32-gcc", ROOT / "tests/c/external/program.c", *options, "-o", program)
    said_by_it = run_under_wine(program, "wmmf-flags", env={"WINEPATH": wine.windows_path(folder / "pywinmmf")})
    return f"mingw with --cflags --ldflags under Wine, the DLL's folder in PATH: {said_by_it}"


def check_windows_wheel() -> str:
    """python.org's CPython 3.11 under Wine, with the wheel unpacked alone."""
    return _smoke_windows([winpython.home()])


def check_later_windows() -> str:
    """The same in python.org's later CPythons."""
    return _smoke_windows([_windows_python(release) for release in ("3.12", "3.13", "3.14")])


def _smoke_windows(homes: list[Path]) -> str:
    folder = unpacked_wheel("*win_amd64.whl", WORK / "check/win_amd64")
    program = windows_program()
    environment = {**winpython.ENVIRONMENT, "PYTHONPATH": wine.windows_path(folder)}
    tried = []
    for home in homes:
        with holding(program) as name:
            done = wine.run([home / "python.exe", SMOKE, name], env=environment, cwd=folder, timeout=180)
        tried.append(_release(done, home))
    return f"python.org's CPython under Wine, smoke against the zip's C program: {', '.join(tried)}"


def check_win32_wheel() -> str:
    """python.org's 32-bit CPython in a 32-bit Wine, against C programs of both Windows archives for Intel."""
    if not wine32.available():
        return wine32.NOT_RUN
    inside = cleared(WORK / "check/win32")
    unpacked_wheel("*win32.whl", inside / "wheel")
    shutil.copytree(_windows_python("3.11", "win32"), inside / "python")
    for script in (SMOKE, FAR):
        shutil.copy(script, inside)
    programs = [windows_program(), windows_program("windows-x86", "i686")]
    with wine32.session(inside) as start:
        tried = [_smoke_win32(inside, start, program) for program in programs]
        _python_win32(inside, start, FAR, f"{wine32.FOLDER}\\far.bin")
    return f"python.org's CPython in a 32-bit Wine, smoke: {', '.join(tried)}; windows of a file of 64 GiB"


def _smoke_win32(inside: Path, start: wine32.Start, program: Path) -> str:
    archive = program.parents[1].name
    shutil.copytree(program.parent, inside / archive)

    def hold(name: str) -> subprocess.Popen[str]:
        return start([f"{wine32.FOLDER}\\{archive}\\{program.name}", name])

    with holding(program, hold) as name:
        release = _python_win32(inside, start, SMOKE, name)
    return f"{release} against the C program of {archive}"


def _python_win32(inside: Path, start: wine32.Start, script: Path, argument: str) -> str:
    command = [f"{wine32.FOLDER}\\python\\python.exe", f"{wine32.FOLDER}\\{script.name}", argument]
    process = start(command, env={"PYTHONPATH": f"{wine32.FOLDER}\\wheel"})
    said, errors = process.communicate(timeout=120)
    return _release(subprocess.CompletedProcess(command, process.returncode, said, errors), inside)


def _windows_python(release: str, platform: str = "win_amd64") -> Path:
    """Return the folder of a python.exe; its standard library is that of a Python of this release for Linux."""
    ask = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    here = interpreters().get(release)
    library = Path(run(here, "-c", ask).strip()) if here else debian.newest() / f"usr/lib/python{release}"
    return winbinaries.home(release.replace(".", ""), platform, library, winpython.libs() / "python3.def")


def _release(done: subprocess.CompletedProcess[str], home: Path) -> str:
    if "smoke passed" not in done.stdout:
        raise SystemExit(f"the wheel in {home}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.split()[3]


def check_machine(pattern: str, member: str, machine: str) -> str:
    """For a processor that this machine cannot run: the files inside are for it."""
    return must_be_for(machine, unpacked_wheel(pattern) / member)


def check_readme() -> str:
    """The README's lines that install from dist/ work as they stand, from the folder that holds dist/."""
    lines = re.findall(r"^pip install .*dist.*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    if len(lines) != 1:
        raise SystemExit(f"README.md: expected one line that installs from dist/, found {lines}")
    folder = cleared(WORK / "check/readme")
    run(sys.executable, "-m", "venv", folder)
    said = run("sh", "-ec", lines[0], cwd=ROOT, env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin"})
    if "Successfully installed" not in said:
        raise SystemExit(f"README.md: {lines[0]}\n{said}")
    run(folder / "bin/pywinmmf", "doctor", cwd=WORK)
    return f"{lines[0]}; then pywinmmf doctor"


def _environment(interpreter: Path, package: Path) -> Path:
    folder = cleared(WORK / "check/environment")
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
