"""Sections without a name, handed to other processes."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from pywinmmf import (
    ClosedError,
    Error,
    FormatError,
    InvalidArgumentError,
    Layout,
    MemoryMappedFile,
    NotSupportedError,
)
from pywinmmf._core.handing import close_handle

# A forked child gets no arguments: it has its parent's objects (see test_processes.py).
each_start_method = pytest.mark.parametrize("method", sorted({*multiprocessing.get_all_start_methods()} - {"fork"}))


# What another process does with the section that it is given.
DOUBLE = "section.write(section.read(5), 5)"
DIE_INSIDE = """
import os
with section.write_lock():
    os._exit(0)
"""
BE_KEPT_OUT = """
import pywinmmf
try:
    section.read(timeout=0)
except pywinmmf.LockTimeoutError:
    raise SystemExit(0)
raise SystemExit(1)
"""
ONLY_READ = """
import pywinmmf
section.read()
try:
    section.write(b"x")
except pywinmmf.AccessDeniedError:
    raise SystemExit(0)
raise SystemExit(1)
"""


def in_a_process(method: str, code: str, section: MemoryMappedFile) -> None:
    context: Any = multiprocessing.get_context(method)
    process = context.Process(target=exec, args=(code, {"section": section}))
    process.start()
    process.join(60)
    assert process.exitcode == 0


@each_start_method
def test_an_argument_of_a_process(method: str) -> None:
    with MemoryMappedFile.create_unnamed(1000) as section:
        section.write(b"hello")
        for _ in range(2):
            in_a_process(method, DOUBLE, section)
        assert section.read(11) == b"hellohello\0"
        assert [participant.pid for participant in section.participants() if participant.alive] == [os.getpid()]


@each_start_method
def test_a_child_dies_with_the_lock(method: str) -> None:
    with MemoryMappedFile.create_unnamed(1000) as section:
        in_a_process(method, DIE_INSIDE, section)
        with section.write_lock(timeout=30, repair=True) as guard:
            assert guard.owner_died
            section.mark_consistent()


@each_start_method
def test_a_child_is_kept_out(method: str) -> None:
    with MemoryMappedFile.create_unnamed(1000) as section, section.write_lock():
        in_a_process(method, BE_KEPT_OUT, section)


@each_start_method
def test_a_child_that_only_reads(method: str) -> None:
    with MemoryMappedFile.create_unnamed(1000) as section:
        handle = section.share(readonly=True)
        with MemoryMappedFile.open_handle(handle, readonly=True) as reader:
            in_a_process(method, ONLY_READ, reader)
        close_handle(handle)


USE_EACH = """
pair[0].write(b"once", 10)
assert pair[1].read(4, 10) == nested["some"][0].read(4, 10) == b"once"
"""


def test_a_task_of_a_pool() -> None:
    section = MemoryMappedFile.create_unnamed(1000)
    context = multiprocessing.get_context("spawn")
    with section, ProcessPoolExecutor(1, context, MemoryMappedFile.write, (section, b"hello")) as pool:
        pool.submit(exec, USE_EACH, {"pair": [section, section], "nested": {"some": (section,)}}).result(60)
        assert section.read(4, 10) == b"once"
        assert pool.submit(MemoryMappedFile.read, section, 5).result(60) == b"hello"
        assert pool.submit(MemoryMappedFile.write, section, b"J").result(60) == 1
        assert section.read(5) == b"Jello"


CHILD = """
import sys
from pywinmmf import MemoryMappedFile
with MemoryMappedFile.open_handle(int(input())) as section:
    section.write(b"from the child")
"""


def test_a_handle_for_any_process() -> None:
    """Inherited where descriptors are inherited, else copied into the process."""
    windows = sys.platform == "win32"
    with MemoryMappedFile.create_unnamed(1000) as section:
        handle = -1 if windows else section.share()
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, text=True, pass_fds=() if windows else (handle,)
        )
        if windows:
            handle = section.share(child.pid)
        child.communicate(f"{handle}\n", timeout=60)
        assert child.returncode == 0
        assert section.read(14) == b"from the child"
        if not windows:
            close_handle(handle)


@pytest.mark.skipif(sys.platform == "win32", reason="sections of Windows have the size that they were made with")
def test_nobody_cuts_it() -> None:
    with MemoryMappedFile.create_unnamed(10000) as section:
        handle = section.share()
        with pytest.raises(PermissionError):
            os.ftruncate(handle, 1)
        with pytest.raises(PermissionError):
            os.ftruncate(handle, 1 << 20)
        close_handle(handle)


def test_it_has_no_name() -> None:
    with MemoryMappedFile.create_unnamed(10, layout=Layout.RAW) as section:
        assert (section.name, section.size, section.layout) == ("", 10, Layout.RAW)
        handle = section.share()
        with MemoryMappedFile.open_handle(handle, layout="raw", size=10) as other:
            section[3] = 65
            assert other[3] == 65
        close_handle(handle)
    with pytest.raises(ClosedError):
        section.share()
    with pytest.raises(ClosedError):
        section.__reduce__()


def test_bad_handles(section: MemoryMappedFile) -> None:
    with pytest.raises(NotSupportedError):
        section.share()
    with pytest.raises(InvalidArgumentError, match="2147483632"):
        MemoryMappedFile.open_handle(2147483632)
    with pytest.raises(InvalidArgumentError, match="handle -1"):
        MemoryMappedFile.open_handle(-1)
    with pytest.raises(NotSupportedError):
        MemoryMappedFile.create_unnamed(10, layout=Layout.WINMMF)
    with pytest.raises(InvalidArgumentError, match="size 0"):
        MemoryMappedFile.create_unnamed(0)
    with MemoryMappedFile.create_unnamed(100, layout=Layout.RAW) as raw:
        handle = raw.share()
        with pytest.raises(Error):  # zeros: nobody has made a header
            MemoryMappedFile.open_handle(handle)
        raw[0] = 1
        with pytest.raises(FormatError):
            MemoryMappedFile.open_handle(handle)
        with pytest.raises(InvalidArgumentError, match="size 1000000"):
            MemoryMappedFile.open_handle(handle, layout=Layout.RAW, size=1000000)
        close_handle(handle)


@pytest.mark.skipif(sys.platform == "win32", reason="a memfd is a thing of Linux")
def test_only_memory_that_cannot_be_cut_is_opened() -> None:
    memory = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, 4096)
    with pytest.raises(FormatError, match="shorter"):
        MemoryMappedFile.open_handle(memory, layout=Layout.RAW)
    import fcntl

    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    with MemoryMappedFile.open_handle(memory, layout=Layout.RAW) as section, mmap.mmap(memory, 4096) as other:
        other[5] = 66
        assert section[5] == 66
    os.close(memory)
