"""Every code block of the documentation is run, page by page, in the order of the page.

- ``python``, ``c``, ``cpp`` and ``csharp`` blocks are whole programs. A block whose first line is a comment with a file
  name is saved under that name.
- An ``output`` block is what the program before it prints.
- ``console`` blocks are commands after ``$``, each with some of the lines that it prints; numbers may differ. A command
  with ``&`` at its end runs until the page ends.
- ``sh`` blocks install or build something: of those, only ``./run`` commands are checked. ``text`` is not code.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from csharp import programs
from lab import csc, dotnet
from native import checked

import pywinmmf

PROJECT = Path(__file__).parents[1]
SOURCES = (
    "README.md",
    "bindings/csharp/README.md",
    "docs/*.md",
    "docs/how-to/*.md",
)  # docs/reference/*.md is generated
PAGES = [path.relative_to(PROJECT).as_posix() for pattern in SOURCES for path in sorted(PROJECT.glob(pattern))]
# The names that the pages give to sections and channels; here they get names that no other run of these tests has.
NAMES = ("front", "rear", "settings", "frames", "tensors", "table", "counter", "state")
LANGUAGES = {"python", "c", "cpp", "csharp", "console", "output"}
STRICT = ("-Wall", "-Wextra", "-Werror")
SECONDS = 60


def blocks(page: str) -> list[tuple[str, str]]:
    """The language and the text of each fenced block."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    text = re.sub(rf"""(?<=["' ])({"|".join(NAMES)})(?=["' \n])""", rf"\1-{os.getpid()}", text)
    return re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.M | re.S)


def is_run(page: str) -> bool:
    return any(language in LANGUAGES for language, _ in blocks(page))


def test_the_readme_names_each_page() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert [page for page in PAGES if page.startswith("docs/how-to/") and f"({page})" not in readme] == []


@pytest.mark.parametrize("page", [page for page in PAGES if is_run(page)])
def test_page_runs(page: str, tmp_path: Path) -> None:
    printed = ""
    with ExitStack() as background:
        for language, text in blocks(page):
            if language == "console":
                for command, expected in commands(text):
                    run_command(command, expected, tmp_path, background)
            elif language == "output":
                assert printed == text
            elif language in RUNNERS:
                printed = RUNNERS[language](text, tmp_path)


def test_every_block_has_a_known_language() -> None:
    for page in PAGES:
        assert {language for language, _ in blocks(page)} <= {*LANGUAGES, "sh", "text"}, page


def test_commands_are_those_of_run() -> None:
    usage = subprocess.run([PROJECT / "run"], capture_output=True, text=True)
    assert usage.returncode == 2
    named = {command for page in PAGES for _, text in blocks(page) for command in re.findall(r"\./run [a-z-]+", text)}
    assert {"./run demo", "./run test"} <= named
    for command in named:
        assert f"{command} " in usage.stdout


def test_the_reference_has_each_public_name() -> None:
    page = (PROJECT / "docs/reference/python.rst").read_text(encoding="utf-8")
    named = {*re.findall(r"^\.\. auto(?:class|function):: (\w+)", page, re.M), *vars(pywinmmf.errors)}
    assert set(pywinmmf.__all__) - named == {"__version__"}


def test_every_status_has_a_cure() -> None:
    header = (PROJECT / "csrc/include/wmmf.h").read_text(encoding="utf-8")
    cures = tomllib.loads((PROJECT / "docs/reference/cures.toml").read_text(encoding="utf-8"))
    assert list(cures) == re.findall(r"^ +(WMMF_E_\w+) = -", header, re.M)


def run_python(text: str, folder: Path) -> str:
    return checked(sys.executable, saved(text, folder, "block.py"), cwd=folder)


def run_c(text: str, folder: Path) -> str:
    return run_compiled(saved(text, folder, "block.c"), folder, "cc", "-std=c99")


def run_cpp(text: str, folder: Path) -> str:
    return run_compiled(saved(text, folder, "block.cpp"), folder, "c++", "-std=c++17")


def run_compiled(source: Path, folder: Path, compiler: str, standard: str) -> str:
    library = pywinmmf.library_path()
    where = [f"-I{pywinmmf.include_dir()}", f"-L{library.parent}", f"-Wl,-rpath,{library.parent}"]
    checked(compiler, standard, *STRICT, source, *where, "-lwmmf", "-o", "block", cwd=folder)
    return checked(folder / "block", cwd=folder)


def run_csharp(text: str, folder: Path) -> str:
    source = saved(text, folder, "block.cs")
    program = source.with_suffix(".dll")
    csc.compile([*programs.LAYER, source], program, unsafe=True, defines=programs.DEFINES)
    done = dotnet.run_linux(program, env={"LD_LIBRARY_PATH": str(pywinmmf.library_path().parent)})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def example_of(header: str) -> str:
    """The lines of code in the comment at the top of a header."""
    comment = (Path(pywinmmf.include_dir()) / header).read_text(encoding="utf-8").partition("*/")[0]
    return "\n".join(re.findall(r"^ \*     (.*)$", comment, re.M))


def test_the_example_of_wmmf_h(tmp_path: Path) -> None:
    name = f"greeting-{os.getpid()}"
    lines = example_of("wmmf.h").replace("greeting", name)
    text = f"#include <stdio.h>\n#include <wmmf.h>\nint main(void) {{\n{lines}\nputs(text);\nreturn 0;\n}}\n"
    assert run_c(text, tmp_path) == "hello\n"


def test_the_example_of_wmmf_hpp(tmp_path: Path) -> None:
    """It is compiled only, as it shows frames of a camera without end."""
    declared = "void look_at(wmmf::span<const std::byte> bytes, uint32_t width, uint32_t height, uint32_t stride);"
    text = f"#include <cstring>\n#include <wmmf.hpp>\n{declared}\nint main() {{\n{example_of('wmmf.hpp')}\n}}\n"
    source = saved(text, tmp_path, "block.cpp")
    checked("c++", "-std=c++17", *STRICT, "-fsyntax-only", source, f"-I{pywinmmf.include_dir()}")


RUNNERS = {"python": run_python, "c": run_c, "cpp": run_cpp, "csharp": run_csharp}


def saved(text: str, folder: Path, name: str) -> Path:
    """The program in a file of the name that its first line gives it."""
    named = re.match(r"(?:#|//|/\*) (\w+\.\w+)", text)
    path = folder / (named[1] if named else name)
    path.write_text(text, encoding="utf-8")
    return path


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console, with the lines under it."""
    for part in re.split(r"^ *\$ ", text, flags=re.M)[1:]:
        command, *expected = part.strip().splitlines()
        yield command.split("  #")[0].strip(), expected


def run_command(command: str, expected: list[str], folder: Path, background: ExitStack) -> None:
    """Run a command of the installed package and compare what it prints."""
    words = shlex.split(command.removesuffix("&"))
    assert words[0] in ("pywinmmf", "python"), command
    words = [sys.executable, *(["-m", "pywinmmf"] if words[0] == "pywinmmf" else []), *words[1:]]
    if command.endswith("&"):
        start(words, folder, background)
    else:
        masked = [mask(line) for line in checked(*words, cwd=folder).splitlines()]
        for line in expected:
            assert mask(line) in masked, f"{command}: no line {line!r} in {masked}"


def mask(line: str) -> str:
    """A line without its numbers and without the width of its columns."""
    return " ".join(re.sub(r"\d[\d.,]*", "0", line.replace(f"-{os.getpid()}", "")).split())


def start(words: list[str], folder: Path, background: ExitStack) -> None:
    """Start a program and wait until it prints something; it is ended with the page."""
    log = folder / "log"
    with open(log, "w") as file:
        process = subprocess.Popen(words, cwd=folder, stdout=file, stderr=file)
    background.callback(process.wait, SECONDS)
    background.callback(process.terminate)
    deadline = time.monotonic() + SECONDS
    while not log.read_text():
        assert time.monotonic() < deadline, "it prints nothing"
        assert process.poll() is None, "it ended at once"
        time.sleep(0.01)
