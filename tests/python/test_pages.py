"""The memory of a section: large pages, locked memory and hints. Linux is made to grant large pages."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pywinmmf import Advice, Error, InvalidArgumentError, MemoryMappedFile, NotSupportedError, page_sizes

SIZE = 3_000_000
OVERCOMMIT = Path("/proc/sys/vm/nr_overcommit_hugepages")
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="the settings of Linux")
only_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount and set limits"
)

CHECK = """
import sys
from pathlib import Path
from pywinmmf import MemoryMappedFile, page_sizes

def in_large_pages(view):
    "What the kernel says of the mapping that holds this address, in kilobytes."
    import ctypes
    address, found = ctypes.addressof(ctypes.c_char.from_buffer(view)), 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if line[0] in "0123456789abcdef":
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
        elif begin <= address < end and line.startswith(("ShmemPmdMapped", "Shared_Hugetlb", "Private_Hugetlb")):
            found += int(line.split()[1])
    return found
"""


def granted() -> str | None:
    """Why this machine cannot mount a /dev/shm with large pages; None if it can."""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o huge=advise,size=1g none /dev/shm"],
        capture_output=True,
        text=True,
    )
    return None if done.returncode == 0 else done.stderr.strip()


@contextmanager
def pool(pages: int) -> Iterator[None]:
    """Large pages that the kernel makes while they are used."""
    before = OVERCOMMIT.read_text()
    OVERCOMMIT.write_text(str(pages))
    try:
        yield
    finally:
        OVERCOMMIT.write_text(before)


@only_root
def test_a_section_with_a_name_is_in_large_pages_for_everybody(name: str) -> None:
    why = granted()
    if why:
        pytest.skip(f"no /dev/shm with large pages can be mounted here: {why}")
    opened = f"""
with MemoryMappedFile.open({name!r}) as section:
    assert section.page_size == page_sizes().large, section.page_size
    view = section.view()
    bytes(view)
    print("opened", in_large_pages(view))
"""
    code = f"""
import subprocess
with MemoryMappedFile.create({name!r}, {SIZE}, large_pages=True) as section:
    assert section.page_size == page_sizes().large, section.page_size
    assert section.size == {SIZE} and section.read() == bytes({SIZE})
    print("created", in_large_pages(section.view()), flush=True)
    subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
    with MemoryMappedFile.create({name!r} + "2", 1, large_pages="try") as other:
        print("tried", other.page_size == section.page_size)
"""
    done = subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c"),
            'mount -t tmpfs -o huge=advise,size=1g none /dev/shm && exec "$@"',
            *("sh", sys.executable, "-c", CHECK + code, CHECK + opened),
        ],
        capture_output=True,
        text=True,
    )
    large = page_sizes().large // 1024
    whole = -(-SIZE // (large * 1024)) * large
    assert done.stdout.splitlines() == [f"created {whole}", f"opened {whole}", "tried True"], done.stderr


@only_root
def test_a_section_without_a_name_takes_them_from_the_pool() -> None:
    if not OVERCOMMIT.exists():
        pytest.skip("this kernel has no pool of large pages")
    code = f"""
import os
with MemoryMappedFile.create_unnamed({SIZE}, large_pages=True, locked=True, participants=3) as section:
    assert section.page_size == page_sizes().large and section.locked, section
    section.write(b"hello", {SIZE} - 5)
    handle = section.share()
    with MemoryMappedFile.open_handle(handle) as other:
        assert other.read(5, {SIZE} - 5) == b"hello" and other.page_size == section.page_size
        view = other.view()
        bytes(view)
        print(in_large_pages(view))
        assert bytes(other.window({SIZE} - 5, 5, advice="sequential")) == b"hello"
        other.advise("dont-need")
        assert other.read(5, {SIZE} - 5) == b"hello"
        del view
    os.close(handle)
"""
    with pool(16):
        done = subprocess.run([sys.executable, "-c", CHECK + code], capture_output=True, text=True)
    large = page_sizes().large // 1024
    assert done.stdout.split() == [str(-(-SIZE // (large * 1024)) * large)], done.stderr


def check_granted_or_named(setting: str, create: Callable[[], MemoryMappedFile]) -> None:
    """This machine grants large pages, or the error names what to set."""
    try:
        section = create()
    except NotSupportedError as error:
        assert setting in str(error)
    else:
        assert section.page_size == page_sizes().large
        section.close()


@only_linux
def test_what_the_system_does_not_grant_is_named(name: str) -> None:
    check_granted_or_named("huge=advise", lambda: MemoryMappedFile.create(name, SIZE, large_pages=True))
    check_granted_or_named("/proc/sys/vm/nr_hugepages", lambda: MemoryMappedFile.create_unnamed(SIZE, large_pages=True))
    with MemoryMappedFile.create_unnamed(SIZE, large_pages="try") as section:
        assert section.page_size in (page_sizes().page, page_sizes().large)


@only_root
def test_a_limit_of_locked_memory_is_named(name: str) -> None:
    code = f"""
import os, resource
from pywinmmf import Error, MemoryMappedFile
resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
os.setresuid(65534, 65534, 65534)
before = len(os.listdir("/proc/self/fd"))
try:
    MemoryMappedFile.create({name!r}, {SIZE}, locked=True)
except Error as error:
    print(error)
assert len(os.listdir("/proc/self/fd")) == before
MemoryMappedFile.create({name!r}, 20000, locked=True).close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert "may lock 65536 in all (RLIMIT_MEMLOCK, ulimit -l)" in done.stdout, done.stderr
    assert done.returncode == 0, done.stderr


def test_locked_is_told_and_belongs_to_the_object(name: str) -> None:
    with (
        MemoryMappedFile.create(name, 1000, locked=True) as section,
        MemoryMappedFile.open(name) as other,
        MemoryMappedFile.open(name, locked=True, readonly=True) as third,
    ):
        assert [one.locked for one in (section, other, third)] == [True, False, True]
        assert section.page_size == other.page_size >= mmap.PAGESIZE
        with pytest.raises(NotSupportedError, match="locked memory cannot be released"):
            section.advise(Advice.DONT_NEED)


def test_what_does_not_fit_together_is_refused(name: str) -> None:
    with pytest.raises(NotSupportedError, match="reserve"):
        MemoryMappedFile.create(name, 1000, reserve=2000, locked=True)
    with pytest.raises(InvalidArgumentError, match="large_pages 'yes': expected False, True or 'try'"):
        MemoryMappedFile.create(name, 1000, large_pages="yes")  # type: ignore[arg-type]


def test_hints_change_no_byte(section: MemoryMappedFile) -> None:
    section.write(b"x" * 1000)
    for advice in Advice:
        section.advise(advice)
        section.advise(advice.name.lower(), 500, 10)
        assert bytes(section.window(10, 90, advice=advice)) == b"x" * 90
    section.advise("normal", 1000)
    assert section.read() == b"x" * 1000
    with pytest.raises(InvalidArgumentError, match=r"advice 'soon': expected one of Advice\.NORMAL"):
        section.advise("soon")
    with pytest.raises(InvalidArgumentError, match="expected to end within the 1000 bytes"):
        section.advise("normal", 0, 1001)


def test_what_a_copy_has_is_not_given_away(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"theirs" * 1000)
    with MemoryMappedFile.open_file(path, "c") as copy:
        copy.write(b"mine")
        with pytest.raises(NotSupportedError, match="would be lost"):
            copy.advise("dont-need")
        with pytest.raises(NotSupportedError, match="would be lost"):
            copy.window(0, 4, copy_on_write=True, advice="dont-need")
        assert copy.read(4) == b"mine"
    with pytest.raises(Error), MemoryMappedFile.open_file(path) as file:
        file.advise("will-need", size=10_000)
