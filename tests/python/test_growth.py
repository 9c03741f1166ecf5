"""Sections and native files that grow while others have them open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import Error, InvalidArgumentError, Layout, MemoryMappedFile, NotSupportedError, Status

SIZE, GROWN = 100_000, 5 << 20
RESERVE = 64 << 30 if sys.maxsize > 2**32 else 64 << 20


def test_a_section_grows_for_everybody(name: str) -> None:
    with (
        MemoryMappedFile.create(name, SIZE, reserve=RESERVE) as section,
        MemoryMappedFile.open(name, readonly=True) as reader,
    ):
        early = section.view()
        assert (section.size, section.reserved, reader.reserved) == (SIZE, RESERVE, RESERVE)
        with pytest.raises(InvalidArgumentError, match=f"within the {SIZE} bytes"):
            reader.read(1, SIZE)
        section.resize(GROWN)
        assert section.size == len(reader) == GROWN
        section.write(b"hello", GROWN - 5)
        assert reader.read(5, GROWN - 5) == b"hello"
        assert reader.rfind(b"hello") == GROWN - 5
        early[0] = 7  # addresses stay
        assert reader[0] == section.view()[0] == 7
        assert len(section.view()) == len(section.array(GROWN, "u1")) == GROWN
        early.release()
    assert section.size == reader.size == GROWN


def test_another_process_makes_it_larger(name: str, child: Callable[..., Any]) -> None:
    with MemoryMappedFile.create(name, SIZE, reserve=RESERVE) as section:
        code = """
section = MemoryMappedFile.create(sys.argv[1], 10, exist_ok=True)
section.resize(5 << 20)
section.write(b"theirs", section.size - 6)
print(section.size, section.reserved)
"""
        assert child(code, name).result() == f"{GROWN} {RESERVE}"
        assert section.read()[-6:] == b"theirs"


def test_an_unnamed_section_grows() -> None:
    with MemoryMappedFile.create_unnamed(SIZE, reserve=RESERVE) as section:
        section.resize(GROWN)
        section.write(b"x", GROWN - 1)
        assert section.size == GROWN


def test_a_native_file_grows_and_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "table"
    with MemoryMappedFile.open_file(path, "x", size=SIZE, layout=Layout.NATIVE) as file:
        early = file.view()
        with MemoryMappedFile.open_file(path, layout=Layout.NATIVE) as other:
            other.resize(GROWN)
            assert file.size == GROWN
            file.write(b"hello", GROWN - 5)
            file.write(b"begin", 0)
            assert bytes(other.view(GROWN - 5)) == b"hello"
            assert bytes(early[:5]) == b"begin"
            file.flush()
        early.release()
    with MemoryMappedFile.open_file(path, "r", layout=Layout.NATIVE) as file:
        assert file.size == GROWN
        assert file.read(5, GROWN - 5) == b"hello"


def test_what_cannot_grow_says_why(name: str, section: MemoryMappedFile) -> None:
    with pytest.raises(NotSupportedError, match="without addresses to grow into"):
        section.resize(2000)
    with pytest.raises(InvalidArgumentError, match=r"reserve 99: expected 100 \(its size\) to"):
        MemoryMappedFile.create(name + "-2", 100, reserve=99)
    with pytest.raises(InvalidArgumentError, match=r"reserve 18446744073709551615: expected 100 \(its size\) to \d+"):
        MemoryMappedFile.create(name + "-2", 100, reserve=2**64 - 1)
    with pytest.raises(NotSupportedError, match="only plain sections of the native layout can grow"):
        MemoryMappedFile.create(name + "-2", 100, reserve=200, layout=Layout.RAW)
    with MemoryMappedFile.create(name + "-2", 100, reserve=200) as growing:
        with pytest.raises(InvalidArgumentError, match="at most 200, its reserve"):
            growing.resize(201)
        with pytest.raises(InvalidArgumentError, match="does not get smaller"):
            growing.resize(99)
        assert growing.size == 100


linux_only = pytest.mark.skipif(sys.platform == "win32", reason="about /dev/shm")


@linux_only
def test_only_what_is_committed_takes_memory(name: str) -> None:
    with MemoryMappedFile.create(name, SIZE, reserve=RESERVE) as section:
        file = Path(f"/dev/shm/wmmf-{os.geteuid()}-{name}")
        assert file.stat().st_blocks * 512 < SIZE + 65536
        section.resize(GROWN)
        assert GROWN <= file.stat().st_blocks * 512 < GROWN + 65536


@linux_only
def test_memory_that_is_not_there_is_an_error(name: str) -> None:
    with MemoryMappedFile.create(name, SIZE, reserve=1 << 42) as section:
        with pytest.raises(Error, match="bytes are needed") as refused:
            section.resize(1 << 41)
        assert refused.value.status == Status.NO_MEMORY
        assert section.size == SIZE
        assert Path(f"/dev/shm/wmmf-{os.geteuid()}-{name}").stat().st_blocks * 512 < SIZE + 65536
        section.resize(GROWN)
