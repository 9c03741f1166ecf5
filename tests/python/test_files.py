"""Files: modes, offsets, windows, growth, flush; what programs know from mmap and memmap."""

from __future__ import annotations

import asyncio
import copy
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import (
    AccessDeniedError,
    AlreadyExistsError,
    ClosedError,
    Error,
    FileShare,
    FormatError,
    FrameChannel,
    InUseError,
    InvalidArgumentError,
    Layout,
    LockTimeoutError,
    MemoryMappedFile,
    NotFoundError,
    NotSupportedError,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "data.bin"
    file.write_bytes(bytes(range(256)) * 1024)
    return file


@pytest.mark.skipif(sys.platform != "win32", reason="POSIX has no share modes")
def test_what_others_may_do_with_a_file(path: Path) -> None:
    with MemoryMappedFile.open_file(path, share=FileShare.NONE), pytest.raises(AccessDeniedError, match=r"\b32\b"):
        MemoryMappedFile.open_file(path, "r")
    with MemoryMappedFile.open_file(path, share="read") as file, MemoryMappedFile.open_file(path, "r") as reader:
        file.write(b"all")
        assert reader.read(3) == b"all"
        with pytest.raises(AccessDeniedError, match=r"\b32\b"):
            MemoryMappedFile.open_file(path)
    with (
        MemoryMappedFile.open_file(path),
        pytest.raises(AccessDeniedError, match=r"\b32\b"),
    ):
        MemoryMappedFile.open_file(path, share="read")


@pytest.mark.skipif(sys.platform != "win32", reason="POSIX has no names for sections over files")
def test_a_name_for_the_section_over_a_file(path: Path, name: str) -> None:
    with (
        MemoryMappedFile.open_file(path, size=1001, offset=1, name=name) as file,
        MemoryMappedFile.open(name, layout=Layout.RAW) as other,
    ):
        file.write(b"all")
        assert other.size == path.stat().st_size
        assert other.read(4, 0) == b"\0all"
        with pytest.raises(AlreadyExistsError):
            MemoryMappedFile.open_file(path, name=name)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has both")
@pytest.mark.parametrize("option", [{"share": "none"}, {"share": FileShare.READ}, {"name": "x"}])
def test_posix_has_neither_share_modes_nor_names(path: Path, option: dict[str, Any]) -> None:
    with pytest.raises(NotSupportedError, match="only Windows has that for files"):
        MemoryMappedFile.open_file(path, **option)


def test_bad_share_modes_and_names(path: Path) -> None:
    for option, expected in [
        ({"share": "rubbish"}, "rubbish"),
        ({"share": 3}, "3"),
        ({"name": ""}, "name is empty"),
        ({"name": "Global\\x"}, "namespace"),
        ({"name": "x", "namespace": "any"}, "name_space 3"),
        ({"participants": 4097}, "4097"),
    ]:
        with pytest.raises(InvalidArgumentError, match=expected):
            MemoryMappedFile.open_file(path, **option)  # type: ignore[arg-type]


def test_modes(path: Path, tmp_path: Path) -> None:
    with MemoryMappedFile.open_file(path, "r") as file:
        assert file.readonly
        assert file.size == 256 * 1024
        with pytest.raises(AccessDeniedError):
            file.write(b"x")
    with MemoryMappedFile.open_file(path, "c") as file:
        file.view()[0:3] = b"own"
        assert file.read(3) == b"own"
    assert path.read_bytes()[:3] == bytes(range(3))
    with MemoryMappedFile.open_file(path) as file:
        file.write(b"all")
    assert path.read_bytes()[:3] == b"all"
    with pytest.raises(AlreadyExistsError):
        MemoryMappedFile.open_file(path, "x", size=10)
    with MemoryMappedFile.open_file(path, "w+", size=10) as file:
        assert file.read() == bytes(10)
    assert path.stat().st_size == 10
    for mode in ("x", "a+"):
        with MemoryMappedFile.open_file(tmp_path / mode, mode, size=5) as file:
            file[0:5] = b"12345"
        assert (tmp_path / mode).read_bytes() == b"12345"
    with MemoryMappedFile.open_file(tmp_path / "x", "a+") as file:
        assert file.read() == b"12345"
    with pytest.raises(NotFoundError):
        MemoryMappedFile.open_file(tmp_path / "none", "r")
    with pytest.raises(InvalidArgumentError, match="mode 'rw': expected one of r, r"):
        MemoryMappedFile.open_file(path, "rw")


def test_a_good_file_is_not_emptied_in_vain(path: Path) -> None:
    before = path.read_bytes()
    for size in (None, 2**62, 2**64 - 1):
        with pytest.raises(Error):
            MemoryMappedFile.open_file(path, "w+", size=size)
        assert path.read_bytes() == before


def test_what_does_not_fit_is_named(path: Path, tmp_path: Path) -> None:
    def expect(message: str, mode: str | None = None, file: Path = path, **options: Any) -> None:
        with pytest.raises(Error) as caught:
            MemoryMappedFile.open_file(file, mode, **options)
        assert message in str(caught.value)
        assert not (tmp_path / "new").exists()

    new = tmp_path / "new"
    expect("mode 'r+': expected 'r' or none with readonly=True", "r+", readonly=True)
    expect("size None: expected a number of bytes, because mode 'x' makes a file that has none yet", "x", new)
    expect("size None: expected a number of bytes, because mode 'w+'", "w+")
    expect("size 0: expected at least 1, because the file has 0 bytes", "a+", new)
    expect("size 0: expected at least 1, because the file is new", "a+", new, layout="native")
    expect("because the file has 262144 bytes and the offset is 300000", offset=300_000)
    expect("size 2: expected at most 1, because the file has 262144", "r", offset=262_143, size=2)
    expect("offset 1: expected 0, where a native file has its header", offset=1, layout="native")
    expect("file_size 9: expected 0, because the protection does not let", "r", file_size=9)
    expect("protection 2: expected 0 or 1, because all programs must see", "c", layout="native")
    table = tmp_path / "table"
    MemoryMappedFile.open_file(table, "x", size=100, layout="native").close()
    expect("size 101: expected at most 100, the size of the payload", file=table, size=101, layout="native")
    with MemoryMappedFile.open_file(path, "c") as file:
        with pytest.raises(AccessDeniedError, match="this handle copies on write"):
            file.resize(10)
        with pytest.raises(AccessDeniedError, match="because this handle copies on write"):
            file.window(0, 10)
        for size in (0, 2**63, 2**64, -1):
            with pytest.raises(InvalidArgumentError, match=f"size {size}: expected"):
                file.window(0, size)
        with pytest.raises(InvalidArgumentError):
            file.window(0, 2**63 - 1, copy_on_write=True)


def test_any_offset_and_growth(path: Path) -> None:
    with MemoryMappedFile.open_file(path, "r", offset=100_001, size=5) as file:
        assert file.read() == bytes((100_001 + i) % 256 for i in range(5))
    with MemoryMappedFile.open_file(path, file_size=1 << 20) as file:
        assert file.size == 1 << 20
    assert path.stat().st_size == 1 << 20


def test_windows_outlive_the_object(path: Path) -> None:
    with MemoryMappedFile.open_file(path, size=10) as file:
        window = file.window(200_003, 1000)
        assert bytes(window[:2]) == bytes([200_003 % 256, 200_004 % 256])
        window[:3] = b"win"
        own = file.window(0, 10, copy_on_write=True)
        own[:] = bytes(10)
        assert file.read(3) == bytes(range(3))
        with pytest.raises(InvalidArgumentError):
            file.window(10**12, 10)
    assert bytes(window[:3]) == b"win"
    assert path.read_bytes()[200_003:200_006] == b"win"
    with MemoryMappedFile.open_file(path, "r", size=10) as file:
        assert file.window(0, 10).readonly


def test_resize_waits_for_nobody_and_moves_no_view(path: Path) -> None:
    with MemoryMappedFile.open_file(path) as file:
        view: memoryview | None = file.view()
        with pytest.raises(InUseError, match="views or locks of it exist") as caught:
            file.resize(1 << 20)
        assert isinstance(caught.value, BufferError)
        assert view is not None
        view = None
        file.resize(1 << 20)
        assert file.size == len(file) == 1 << 20
        file[-1] = 7
        file.resize(100)
        assert file.read() == bytes(range(100))
    assert path.stat().st_size == 100
    with MemoryMappedFile.create(f"pywinmmf-{path.parent.name}", 10) as section, pytest.raises(NotSupportedError):
        section.resize(20)


def test_flush(path: Path) -> None:
    with MemoryMappedFile.open_file(path) as file:
        file[0:5] = b"flush"
        file.flush()
        file.flush(10, 100, to_device=False)
        with pytest.raises(InvalidArgumentError):
            file.flush(0, 10**9)
    assert path.read_bytes()[:5] == b"flush"


def test_a_native_file_has_a_lock_and_is_found_again(tmp_path: Path) -> None:
    table = tmp_path / "table"
    with MemoryMappedFile.open_file(table, "x", size=100, layout="native") as file:
        with file.write_lock():
            file.write(b"record")
        assert file.layout is Layout.NATIVE
    with (
        MemoryMappedFile.open_file(table, layout="native") as file,
        MemoryMappedFile.open_file(table, layout="native") as other,
    ):
        assert (file.size, file.sequence, file.read(6)) == (100, 1, b"record")
        with file.write_lock(), pytest.raises(Error, match="already holds"):
            other.read(timeout=0)


def test_finding(path: Path) -> None:
    with MemoryMappedFile.open_file(path) as file:
        data = path.read_bytes()
        for wanted in (bytes([5, 6, 7]), b"nowhere", bytes([255, 0, 1]), b""):
            for start, end in ((0, None), (6, None), (-300, None), (1000, 1255)):
                assert file.find(wanted, start, end) == data.find(wanted, start, end), (wanted, start, end)
                assert file.rfind(wanted, start, end) == data.rfind(wanted, start, end), (wanted, start, end)
    with MemoryMappedFile.create(f"pywinmmf-{path.parent.name}", 3 << 20) as section:
        section.write(b"across", (1 << 20) - 3)
        section.write(b"across", (2 << 20) + 3)
        assert section.find(b"across") == (1 << 20) - 3
        assert section.rfind(b"across") == (2 << 20) + 3
        assert (b"across" in section, b"long" in section, ord("c") in section, ord("g") in section) == (1, 0, 1, 0)
        with pytest.raises(InvalidArgumentError, match="256"):
            assert 256 in section


# As multiprocessing does with arguments of a spawned process.
UNPICKLE = """
import pickle
for opened in pickle.load(open(sys.argv[1], "rb")):
    with opened:
        if isinstance(opened, FrameChannel):
            with opened.latest(0) as frame:
                print(frame.data[0], opened.readonly)
        else:
            print(opened[0], opened.readonly)
"""


def test_arguments_of_another_process(name: str, path: Path, tmp_path: Path, child: Callable[..., Any]) -> None:
    with (
        MemoryMappedFile.create(name, 10) as section,
        MemoryMappedFile.open(name, readonly=True) as reader,
        FrameChannel.create(name + "-channel", capacity=10) as channel,
        FrameChannel.open(name + "-channel", readonly=True) as guest,
        MemoryMappedFile.open_file(path, "r") as file,
    ):
        section[0] = 65
        channel.publish(b"B")
        pickled = tmp_path / "pickled"
        pickled.write_bytes(pickle.dumps([section, reader, channel, guest, file]))
        process = child(UNPICKLE, str(pickled))
        assert [process.line() for _ in range(5)] == ["65 False", "65 True", "66 False", "66 True", "0 True"]
        with pytest.raises(TypeError, match="open it again"):
            copy.copy(section)
    with pytest.raises(ClosedError):
        pickle.dumps(section)


def test_asyncio_locks_are_waited_for(section: MemoryMappedFile) -> None:
    done: list[str] = []

    async def first(inside: asyncio.Event, refused: asyncio.Event) -> None:
        async with section.write_lock_async():
            section.write(b"half")
            inside.set()
            await refused.wait()
            section.write(b"done")
            done.append("first")

    async def all_of_them() -> None:
        inside, refused = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(first(inside, refused))
        await inside.wait()
        with pytest.raises(LockTimeoutError):
            await section.read_async(4, timeout=0.02)
        with pytest.raises(LockTimeoutError):
            async with section.write_lock_async(0.02):
                pass
        refused.set()
        assert await section.read_async(4) == b"done"
        async with section.read_lock_async():
            done.append("second")
        assert await section.write_async(b"more") == 4
        await task

    asyncio.run(all_of_them())
    assert done == ["first", "second"]
    assert section.read(4) == b"more"


def test_a_cancelled_lock_is_not_held(section: MemoryMappedFile) -> None:
    async def work() -> None:
        async with section.write_lock_async():
            waiting = asyncio.create_task(section.write_lock_async().__aenter__())
            await asyncio.sleep(0.05)
            waiting.cancel()
            assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)

    asyncio.run(work())
    with MemoryMappedFile.open(section.name) as other:
        assert other.write(b"free", timeout=0) == 4


if sys.platform == "win32":

    def test_a_file_of_others(path: Path) -> None:
        with path.open("rb+") as _, MemoryMappedFile.open_file(path) as file:
            assert file.size

    @pytest.mark.parametrize("device", ["CON", "con.txt", "NUL", "AUX", "COM1", "PRN"])
    @pytest.mark.parametrize("mode", ["x", "w+", "a+", "r+", "r"])
    def test_the_name_of_a_device(device: str, mode: str, tmp_path: Path) -> None:
        for path in (device, tmp_path / device):
            with pytest.raises(FormatError, match="it is a device, not an ordinary file"):
                MemoryMappedFile.open_file(path, mode, size=None if mode == "r" else 10)
