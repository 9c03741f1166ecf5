"""The lock of a killed holder, in the winmmf layout, until somebody frees it; and sections that are poisoned."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pywinmmf import Layout, LockTimeoutError, MemoryMappedFile, NotSupportedError, PoisonedError
from pywinmmf.cli import main

HOLDER = """
section = MemoryMappedFile.open(sys.argv[1], layout=Layout.WINMMF)
guard = section.write_lock()
guard.__enter__()
section.write(b"half")
print("inside")
import time
time.sleep(600)
"""


@pytest.fixture
def stuck(name: str, child: Callable[..., Any]) -> Iterator[MemoryMappedFile]:
    """A section of the winmmf layout whose lock a process took that was killed."""
    with MemoryMappedFile.create(name, 100, layout=Layout.WINMMF) as section:
        holder = child(HOLDER, name)
        assert holder.line() == "inside"
        holder.kill()
        with pytest.raises(LockTimeoutError):
            section.read(timeout=0)
        yield section


def test_a_broken_lock_is_free(stuck: MemoryMappedFile) -> None:
    stuck.break_lock()
    assert stuck.read(4, timeout=0) == b"half"
    with stuck.write_lock(0):
        stuck.write(b"done")
    assert stuck.read(4, timeout=0) == b"done"


def test_the_command_shows_who_has_it_open_first(stuck: MemoryMappedFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unlock", stuck.name, "--layout", "winmmf"]) == 1
    said = capsys.readouterr().out
    assert "unknown" in said if sys.platform == "win32" else f"{os.getpid()} (" in said
    with pytest.raises(LockTimeoutError):
        stuck.read(timeout=0)
    assert main(["unlock", stuck.name, "--yes"]) == 0
    assert stuck.read(4, timeout=0) == b"half"


@pytest.mark.parametrize("layout", [Layout.NATIVE, Layout.RAW])
def test_other_layouts_have_no_lock_to_break(name: str, layout: Layout) -> None:
    with MemoryMappedFile.create(name, 10, layout=layout) as section, pytest.raises(NotSupportedError):
        section.break_lock()


def test_a_poisoned_section_is_useless_for_everybody(section: MemoryMappedFile) -> None:
    with MemoryMappedFile.open(section.name) as other:
        section.poison()
        for use in (section.read, other.read, other.write_lock().__enter__, lambda: other.wait(0)):
            with pytest.raises(PoisonedError):
                use()
