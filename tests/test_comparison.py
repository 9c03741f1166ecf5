"""The comparison of mapped files in docs/comparison.md: each cell of its tables is what this machine answers."""

from __future__ import annotations

import mmap
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

import numpy
import pytest
from csharp import programs
from lab import dotnet

from pywinmmf import Layout, MemoryMappedFile

PAGE = Path(__file__).parent.parent / "docs/comparison.md"
SIZE = 10000
COLUMNS = ["pywinmmf", "mmap", "numpy.memmap", "SharedMemory"]
NOT_OF_FILES = "-"

Openers = dict[str, Callable[[Path], Any]]
OPENERS: Openers = {
    "pywinmmf": lambda path: MemoryMappedFile.open_file(path),
    "mmap": lambda path: mapped(path),
    "numpy.memmap": lambda path: numpy.memmap(path, numpy.uint8, "r+"),
    "SharedMemory": lambda path: shared_memory.SharedMemory(create=True, size=SIZE),
}


def mapped(path: Path, **how: Any) -> mmap.mmap:
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 0, **how)


def works(attempt: Callable[[], object]) -> bool:
    """Whether it is done without an exception."""
    try:
        attempt()
    except (TypeError, ValueError, OSError, BufferError, AttributeError, SystemError):
        return False
    return True


def at_any_offset(column: str, path: Path) -> bool | str:
    def with_mmap() -> None:
        with open(path, "r+b") as file:
            mmap.mmap(file.fileno(), 10, offset=4097)

    attempts = {
        "pywinmmf": lambda: MemoryMappedFile.open_file(path, offset=4097, size=10),
        "mmap": with_mmap,
        "numpy.memmap": lambda: numpy.memmap(path, numpy.uint8, "r+", 4097, 10),
    }
    return works(attempts[column]) if column in attempts else NOT_OF_FILES


def copies_on_write(column: str, path: Path) -> bool | str:
    attempts: dict[str, Callable[[], Any]] = {
        "pywinmmf": lambda: MemoryMappedFile.open_file(path, "c").view(),
        "mmap": lambda: mapped(path, access=mmap.ACCESS_COPY),
        "numpy.memmap": lambda: numpy.memmap(path, numpy.uint8, "c"),
    }
    if column not in attempts:
        return NOT_OF_FILES
    memory = attempts[column]()
    memory[0] = 77
    return int(memory[0]) == 77 and path.read_bytes()[0] == 0


def closes_under_a_view(column: str, path: Path) -> bool:
    opened = OPENERS[column](path)
    view = opened.buf[:1] if column == "SharedMemory" else memoryview(opened)
    done = works(lambda: opened.close()) and view[0] == 0
    view.release()
    if column == "SharedMemory":
        opened.close()
        opened.unlink()
    return done


def resizes(column: str, path: Path) -> bool | str:
    if column == "SharedMemory":
        return NOT_OF_FILES
    opened = OPENERS[column](path)
    return works(lambda: opened.resize(2 * SIZE)) and path.stat().st_size == 2 * SIZE


def grows_for_others(column: str, path: Path) -> bool:
    """Two have the same memory open, as two processes do: one makes it larger, and the other sees that."""
    if column == "pywinmmf":
        path.unlink()
        first: Any = MemoryMappedFile.open_file(path, "x", size=SIZE, layout=Layout.NATIVE)
        second: Any = MemoryMappedFile.open_file(path, layout=Layout.NATIVE)
    elif column == "SharedMemory":
        first = shared_memory.SharedMemory(create=True, size=SIZE)
        second = shared_memory.SharedMemory(first.name)
    else:
        first, second = OPENERS[column](path), OPENERS[column](path)
    memory = second.buf if column == "SharedMemory" else second
    view = memoryview(memory)
    try:
        return works(lambda: first.resize(2 * SIZE)) and len(memory) == 2 * SIZE and view[0] == 0
    finally:
        view.release()
        if column == "SharedMemory":
            second.close()
            first.close()
            first.unlink()


def flushes_any_range(column: str, path: Path) -> bool | str:
    if column == "SharedMemory":
        return NOT_OF_FILES
    opened = OPENERS[column](path)
    return works(lambda: opened.flush(4097, 10))


CUT = """
import mmap, os, sys
import numpy
from pywinmmf import Error, MemoryMappedFile
column, path = sys.argv[1:]
if column == "pywinmmf":
    file = MemoryMappedFile.open_file(path)
    read = lambda: file.read(1, 9000)
elif column == "mmap":
    file = mmap.mmap(os.open(path, os.O_RDWR), 0)
    read = lambda: file[9000:9001]
else:
    file = numpy.memmap(path, numpy.uint8, "r+")
    read = lambda: bytes(file[9000:9001])
os.truncate(path, 1)
try:
    read()
except (Error, OSError, ValueError):
    print("an error")
"""


def says_that_a_file_was_cut(column: str, path: Path) -> bool | str:
    if column == "SharedMemory":
        return NOT_OF_FILES
    done = subprocess.run([sys.executable, "-c", CUT, column, path], capture_output=True, text=True, timeout=60)
    assert done.stdout == "an error\n" or done.returncode == -signal.SIGBUS, done
    return done.returncode == 0


READ = "import pickle, sys; opened = pickle.load(open(sys.argv[1], 'rb')); {store}"
STORES = {"SharedMemory": "opened.buf[5] = 66", "pywinmmf": "opened[5] = 66"}


def travels_to_another_process(column: str, path: Path) -> bool:
    opened = OPENERS[column](path)
    try:
        pickled = path.with_suffix(".pickled")
        with suppress(TypeError):
            pickled.write_bytes(pickle.dumps(opened))
        if not pickled.exists():
            return False
        store = STORES.get(column, "opened[5] = 66")
        subprocess.run([sys.executable, "-c", READ.format(store=store), pickled], check=True, timeout=60)
        memory = opened.buf if column == "SharedMemory" else opened
        return int(memory[5]) == 66
    finally:
        if column == "SharedMemory":
            opened.close()
            with suppress(FileNotFoundError):  # the child's resource tracker took it
                opened.unlink()


ROWS: dict[str, Callable[[str, Path], bool | str]] = {
    "maps a part at any offset": at_any_offset,
    "copies on write": copies_on_write,
    "`close` while a view exists; the view stays valid": closes_under_a_view,
    "`resize`": resizes,
    "`resize` makes it larger for every process that has it open; views stay valid": grows_for_others,
    "`flush` of a range at any offset": flushes_any_range,
    "reading a file that another program has truncated is an error, not a crash": says_that_a_file_was_cut,
    "unpickling in another process gives the same memory": travels_to_another_process,
}


def table(heading: str, columns: list[str]) -> dict[str, list[str]]:
    lines = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", lines, re.M)]
    assert [cell.strip("`") for cell in cells[0][1:]] == columns
    return {row[0]: row[1:] for row in cells[2:]}


def python_table() -> dict[str, list[str]]:
    return table("Mapped files in Python", COLUMNS)


def test_the_table_has_these_rows() -> None:
    assert list(python_table()) == list(ROWS)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("row", ROWS)
def test_a_cell_is_what_happens(row: str, column: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(SIZE))
    said = python_table()[row][COLUMNS.index(column)]
    seen = ROWS[row](column, path)
    assert said == (seen if isinstance(seen, str) else "yes" if seen else "no")


DOTNET_COLUMNS = ["Wmmf", ".NET"]
DOTNET_CUT = "reading a file that another program has truncated is an error, not a crash"


def answers_of_dotnet(system: str, folder: Path) -> dict[str, list[str]]:
    """What csharp/Compared.cs finds, row by row, and which column survives a file that is cut."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        if system == "linux":
            return dotnet.run_linux(programs.for_linux("Compared.cs"), [str(argument) for argument in arguments])
        return dotnet.run_wine(programs.for_windows("Compared.cs"), arguments)

    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    answers = {row: cells.split("\t") for row, cells in rows.items()}
    answers[DOTNET_CUT] = []
    for column in DOTNET_COLUMNS:
        path = folder / "cut"
        path.write_bytes(bytes(SIZE))
        done = run("cut", column, path)
        assert done.returncode == 0 or "AccessViolationException" in done.stderr, done.stderr
        answers[DOTNET_CUT].append("yes" if done.stdout.split() == ["an", "error"] else "no")
    return answers


@pytest.mark.parametrize("system", ["linux", "wine"])
def test_the_cells_of_dotnet_are_what_happens(system: str, tmp_path: Path) -> None:
    here = {"yes": "yes", "no": "no", "Windows only": "no" if system == "linux" else "yes"}
    said = table("Mapped files in .NET", DOTNET_COLUMNS)
    assert {row: [here[cell] for cell in cells] for row, cells in said.items()} == answers_of_dotnet(system, tmp_path)
