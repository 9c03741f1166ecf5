"""Every code block of the README files is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from csharp import programs
from lab import csc, dotnet
from native import checked

PROJECT = Path(__file__).parents[1]
README_FILES = [PROJECT / "README.md", PROJECT / "bindings/csharp/README.md"]


def _readme(path: Path) -> str:
    """Its text, with names that no other run of these tests has."""
    return path.read_text(encoding="utf-8").replace("readme-", f"readme-{os.getpid()}-")


BLOCKS = [block for path in README_FILES for block in re.findall(r"^```(\w*)\n(.*?)^```$", _readme(path), re.M | re.S)]
STRICT = ["-Wall", "-Wextra", "-Werror"]


def run_python(text: str, folder: Path) -> str:
    (folder / "block.py").write_text(text)
    return checked(sys.executable, "block.py", cwd=folder)


def run_c(text: str, folder: Path) -> str:
    return run_compiled(text, folder, "cc", "-std=c99", "block.c")


def run_cpp(text: str, folder: Path) -> str:
    return run_compiled(text, folder, "c++", "-std=c++17", "block.cpp")


def run_compiled(text: str, folder: Path, compiler: str, standard: str, source: str) -> str:
    import pywinmmf

    library = pywinmmf.library_path()
    (folder / source).write_text(text)
    where = [f"-I{pywinmmf.include_dir()}", f"-L{library.parent}", f"-Wl,-rpath,{library.parent}"]
    checked(compiler, standard, *STRICT, source, *where, "-lwmmf", "-o", "block", cwd=folder)
    return checked(folder / "block", cwd=folder)


def run_csharp(text: str, folder: Path) -> str:
    import pywinmmf

    (folder / "block.cs").write_text(text)
    program = folder / "block.dll"
    csc.compile([*programs.LAYER, folder / "block.cs"], program, unsafe=True)
    done = dotnet.run_linux(program, env={"LD_LIBRARY_PATH": str(pywinmmf.library_path().parent)})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


RUNNERS = {"python": run_python, "c": run_c, "cpp": run_cpp, "csharp": run_csharp}


@pytest.mark.parametrize("language", RUNNERS)
def test_example_runs(language: str, tmp_path: Path) -> None:
    before = ["", *(tag for tag, _ in BLOCKS)]
    texts = [text for (tag, text), last in zip(BLOCKS, before) if tag == language and last != "console"]
    assert texts
    for text in texts:
        assert re.search("ello", RUNNERS[language](text, tmp_path))


def test_camera_is_shared(tmp_path: Path) -> None:
    """A command is followed by a program that needs it."""
    (at,) = [at for at, (tag, _) in enumerate(BLOCKS) if tag == "console"]
    prompt, program, *words = BLOCKS[at][1].split()
    assert (prompt, program) == ("$", "pywinmmf")
    log = tmp_path / "log"
    with open(log, "w") as file:
        sharing = subprocess.Popen([sys.executable, "-m", "pywinmmf", *words], cwd=tmp_path, stderr=file)
    try:
        deadline = time.monotonic() + 60
        while "sharing" not in log.read_text():
            assert time.monotonic() < deadline
            assert sharing.poll() is None, log.read_text()
            time.sleep(0.01)
        assert run_python(BLOCKS[at + 1][1], tmp_path) == "True (720, 1280, 3)\n"
    finally:
        sharing.terminate()
        sharing.wait(60)


def test_commands_are_those_of_run() -> None:
    commands = [line for tag, text in BLOCKS if tag == "sh" for line in text.splitlines()]
    usage = subprocess.run([PROJECT / "run"], capture_output=True, text=True)
    assert usage.returncode == 2
    assert commands == ["./run demo", "./run test", "./run test-windows"]
    for command in commands:
        assert f"{command} " in usage.stdout


def test_every_block_has_a_known_language() -> None:
    assert {tag for tag, _ in BLOCKS} <= {*RUNNERS, "console", "sh", "text"}
