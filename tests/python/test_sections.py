"""Creating, opening and closing; what a section is and how long it lives."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import (
    Access,
    AccessDeniedError,
    AlreadyExistsError,
    ClosedError,
    Error,
    FormatError,
    FrameChannel,
    InvalidArgumentError,
    Layout,
    MemoryMappedFile,
    Namespace,
    NotFoundError,
    NotSupportedError,
)

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="about POSIX permissions")
windows_only = pytest.mark.skipif(sys.platform != "win32", reason="about Windows security descriptors")
layouts = pytest.mark.parametrize("layout", list(Layout))


@layouts
@pytest.mark.parametrize("namespace", [n for n in Namespace if n != Namespace.ANY])
def test_what_one_writes_the_other_reads(name: str, layout: Layout, namespace: Namespace) -> None:
    with MemoryMappedFile.create(name, 100, layout=layout, namespace=namespace) as creator:
        assert (creator.name, creator.size, creator.layout) == (name, 100, layout)
        assert not creator.readonly
        assert creator.read() == bytes(100)
        with MemoryMappedFile.open(name, layout=layout, namespace=namespace, size=100) as opener:
            assert creator.write(b"there", 90) == 5
            assert opener.read(5, 90) == b"there"
            opener.write(b"and back")
            assert creator.read(8) == b"and back"
    with pytest.raises(NotFoundError):
        MemoryMappedFile.open(name, layout=layout, namespace=namespace)


def test_namespaces_are_apart(name: str) -> None:
    with MemoryMappedFile.create(name, 10), MemoryMappedFile.create(name, 20, namespace=Namespace.GLOBAL):
        assert MemoryMappedFile.open(name).size == 10
        assert MemoryMappedFile.open(name, namespace=Namespace.GLOBAL).size == 20


@pytest.mark.parametrize("size", [1, 63, 64, 4095, 4096, 4097, 5000])
def test_the_opener_sees_the_exact_size(name: str, size: int) -> None:
    """Not rounded up to pages: CPython #101623."""
    with MemoryMappedFile.create(name, size):
        for readonly in (False, True):
            with MemoryMappedFile.open(name, readonly=readonly) as opener:
                assert opener.size == len(opener.read()) == opener.view().nbytes == size


def test_an_opener_may_look_at_less(section: MemoryMappedFile) -> None:
    section.write(b"0123456789")
    with MemoryMappedFile.open(section.name, size=4) as opener:
        assert opener.size == 4
        assert opener.read() == b"0123"
        with pytest.raises(InvalidArgumentError):
            opener.read(5)


def test_a_name_that_is_taken_is_refused_and_nothing_changes(section: MemoryMappedFile) -> None:
    section.write(b"mine")
    for layout in Layout:
        with pytest.raises(AlreadyExistsError, match=section.name) as caught:
            MemoryMappedFile.create(section.name, 5, layout=layout)
        assert isinstance(caught.value, FileExistsError)
    assert section.read() == b"mine" + bytes(996)
    assert not section.audit().damaged


def test_exist_ok_creates_or_opens(name: str) -> None:
    with MemoryMappedFile.create(name, 100, exist_ok=True) as first:
        first.write(b"kept")
        with MemoryMappedFile.create(name, 50, exist_ok=True) as second:
            assert second.read(4) == b"kept"
            assert second.size == 50
        with pytest.raises(InvalidArgumentError, match=r"size 101: expected at most 100, the size of the payload"):
            MemoryMappedFile.create(name, 101, exist_ok=True)
        assert first.read(4) == b"kept"


def test_own_only_opens_what_this_user_made_with_this_access(name: str) -> None:
    with MemoryMappedFile.create(name, 100, exist_ok=True, own_only=True, access=Access.USERS_READ) as first:
        first.write(b"first")
        with MemoryMappedFile.create(name, 100, exist_ok=True, own_only=True, access=Access.USERS_READ) as second:
            assert second.read(5) == b"first"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows compares the owner only")
def test_own_only_refuses_another_access(name: str) -> None:
    expected = r"cannot create .*access denied: it was created with other access \(mode 0644\), expected 0600"
    with MemoryMappedFile.create(name, 100, access=Access.USERS_READ), pytest.raises(AccessDeniedError, match=expected):
        MemoryMappedFile.create(name, 100, exist_ok=True, own_only=True)
    channel = FrameChannel.create(name, capacity=100, access=Access.USERS_READ)
    with channel, pytest.raises(AccessDeniedError, match=expected):
        FrameChannel.create(name, capacity=100, exist_ok=True, own_only=True)


@windows_only
def test_own_only_refuses_another_owner(name: str) -> None:
    guests = "O:BGD:(A;;GA;;;WD)"
    with MemoryMappedFile.create(name, 100, access=guests) as section:
        print(section.owner)
        with pytest.raises(AccessDeniedError, match="it belongs to another user"):
            MemoryMappedFile.create(name, 100, exist_ok=True, own_only=True)


def test_exist_ok_wants_the_same_layout(name: str) -> None:
    with (
        MemoryMappedFile.create(name, 5000, layout=Layout.RAW) as raw,
        pytest.raises(FormatError),
    ):
        raw.write(b"\xff" * 5000)
        MemoryMappedFile.create(name, 50, exist_ok=True)


def test_what_is_not_there_is_not_found(name: str) -> None:
    for readonly in (False, True):
        with pytest.raises(NotFoundError, match=name) as caught:
            MemoryMappedFile.open(name, readonly=readonly)
        assert isinstance(caught.value, FileNotFoundError)


def test_a_failed_opening_leaves_the_section_alone(section: MemoryMappedFile) -> None:
    """CPython #153279."""
    section.write(b"untouched")
    with pytest.raises(InvalidArgumentError, match=r"size 1001: expected at most 1000, the size of the payload"):
        MemoryMappedFile.open(section.name, size=1001)
    assert MemoryMappedFile.open(section.name).read(9) == b"untouched"


@pytest.mark.parametrize("size", [1, 511, 512, 5000])
def test_other_peoples_bytes_are_not_a_native_section(name: str, size: int) -> None:
    with MemoryMappedFile.create(name, size, layout=Layout.RAW) as raw:
        raw.write(b"?" * size)
        for readonly in (False, True):
            with pytest.raises(FormatError) as caught:
                MemoryMappedFile.open(name, readonly=readonly)
            assert isinstance(caught.value, ValueError)
        assert raw.read() == b"?" * size


def test_a_header_that_claims_too_much_is_refused(name: str) -> None:
    """Whatever field of the header is overwritten with ones: an error or a section, never a crash."""
    with MemoryMappedFile.create(name, 100) as native:
        raw = MemoryMappedFile.open(name, layout=Layout.RAW)
        header = raw.read(48)
        for offset in range(0, 48, 4):
            raw.write(b"\xff\xff\xff\x7f", offset)
            try:
                opened = MemoryMappedFile.open(name, readonly=True)
            except FormatError:
                pass
            else:
                assert opened.size == 100
                opened.close()
            raw.write(header)
        assert native.read() == bytes(100)
        raw.close()


def test_the_last_one_to_close_ends_it(name: str) -> None:
    first = MemoryMappedFile.create(name, 10)
    second = MemoryMappedFile.open(name)
    first.close()
    third = MemoryMappedFile.open(name)
    second.close()
    third.close()
    with pytest.raises(NotFoundError):
        MemoryMappedFile.open(name)
    MemoryMappedFile.create(name, 20).close()


def test_to_forget_is_to_close(name: str) -> None:
    made = MemoryMappedFile.create(name, 10)
    del made
    with pytest.raises(NotFoundError):
        MemoryMappedFile.open(name)


CLOSED_USES: dict[str, Callable[[MemoryMappedFile], Any]] = {
    "sequence": lambda m: m.sequence,
    "write": lambda m: m.write(b"x"),
    "read": lambda m: m.read(),
    "read_into": lambda m: m.read_into(bytearray(1)),
    "read_lock": lambda m: m.read_lock().__enter__(),
    "write_lock": lambda m: m.write_lock().__enter__(),
    "view": lambda m: m.view(),
    "wait": lambda m: m.wait(0),
    "mark_consistent": lambda m: m.mark_consistent(),
    "poison": lambda m: m.poison(),
    "break_lock": lambda m: m.break_lock(),
    "audit": lambda m: m.audit(),
    "enter": lambda m: m.__enter__(),
}


@pytest.mark.parametrize("use", CLOSED_USES.values(), ids=list(CLOSED_USES))
def test_after_close_every_use_is_refused(section: MemoryMappedFile, use: Callable[..., Any]) -> None:
    section.close()
    section.close()
    assert section.closed
    with pytest.raises(ClosedError, match="closed") as caught:
        use(section)
    assert isinstance(caught.value, ValueError)
    assert (section.size, section.layout, section.readonly) == (1000, Layout.NATIVE, False)


def test_readonly_cannot_change_anything(section: MemoryMappedFile) -> None:
    section.write(b"original")
    with MemoryMappedFile.open(section.name, readonly=True) as reader:
        assert reader.readonly
        for use in (lambda: reader.write(b"x"), reader.read_lock().__enter__, reader.write_lock().__enter__):
            with pytest.raises(AccessDeniedError, match="read-only") as caught:
                use()
            assert isinstance(caught.value, PermissionError)
        assert reader.read(8) == b"original"
        assert reader.sequence == 1


def test_raw_has_no_lock(name: str) -> None:
    with MemoryMappedFile.create(name, 10, layout=Layout.RAW) as raw:
        uses: list[Callable[[], Any]] = [
            raw.read_lock().__enter__,
            raw.write_lock().__enter__,
            lambda: raw.sequence,
            lambda: raw.wait(0),
            raw.audit,
            raw.mark_consistent,
        ]
        for use in uses:
            with pytest.raises(NotSupportedError):
                use()


def test_winmmf_has_no_sequence(name: str) -> None:
    with MemoryMappedFile.create(name, 10, layout=Layout.WINMMF) as made:
        with made.write_lock(), pytest.raises(NotSupportedError):
            _ = made.sequence
        with MemoryMappedFile.open(name, layout=Layout.RAW) as raw:
            assert raw.read(4) == bytes(4)  # unlocked
            with made.read_lock():
                assert raw.read(4) == (1).to_bytes(4, "little")
            with made.write_lock():
                assert raw.read(4) == (1 << 31).to_bytes(4, "little")


def test_a_file_is_mapped_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "données-数据.bin"
    path.write_bytes(b"0123456789")
    with MemoryMappedFile.open_file(path) as mapped:
        assert (mapped.size, mapped.layout, mapped.name) == (10, Layout.RAW, str(path))
        mapped.write(b"ab", 8)
    with MemoryMappedFile.open_file(str(path), readonly=True, size=9) as mapped:
        assert mapped.read() == b"01234567a"
        with pytest.raises(AccessDeniedError):
            mapped.write(b"x")
    assert path.read_bytes() == b"01234567ab"


def test_any_namespace_is_the_global_one_first(name: str) -> None:
    with MemoryMappedFile.create(name, 10) as local:
        with MemoryMappedFile.open(name, namespace="any") as found:
            found.write(b"local")
        assert local.read(5) == b"local"
        with MemoryMappedFile.create(name, 10, namespace=Namespace.GLOBAL) as everybodys:
            with MemoryMappedFile.open(name, namespace=Namespace.ANY) as found:
                found.write(b"globe")
            assert everybodys.read(5) == b"globe"
    with pytest.raises(NotFoundError):
        MemoryMappedFile.open(name, namespace=Namespace.ANY)
    with pytest.raises(InvalidArgumentError, match="for opening only"):
        MemoryMappedFile.create(name, 10, namespace=Namespace.ANY)


def test_files_that_cannot_be_mapped(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing"):
        MemoryMappedFile.open_file(tmp_path / "nothing")
    with pytest.raises(FormatError, match="it is a folder, not an ordinary file"):
        MemoryMappedFile.open_file(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises(InvalidArgumentError, match="size 0: expected at least 1, because the file has 0 bytes"):
        MemoryMappedFile.open_file(tmp_path / "empty")
    (tmp_path / "short").write_bytes(b"123")
    with pytest.raises(InvalidArgumentError, match="size 4: expected at most 3, because the file has 3"):
        MemoryMappedFile.open_file(tmp_path / "short", "r", size=4)


def test_more_memory_than_there_is_fails_at_once(name: str) -> None:
    """When creating, not later with SIGBUS in the middle of a write."""
    with pytest.raises(Error, match="reserve") as caught:
        MemoryMappedFile.create(name, 1 << 46)
    assert caught.value.os_error != 0
    with pytest.raises(NotFoundError):
        MemoryMappedFile.open(name)


def test_a_size_beyond_the_address_space(name: str) -> None:
    for size in (2**63, 2**64 - 1, 2**64, 10**30):
        with pytest.raises(InvalidArgumentError, match=str(size)):
            MemoryMappedFile.create(name, size)


def test_the_number_of_participants_is_limited(name: str) -> None:
    with MemoryMappedFile.create(name, 10, participants=2) as first:
        with MemoryMappedFile.open(name) as second:
            assert first.audit().participants == 2
            with pytest.raises(Error, match="in use"):
                MemoryMappedFile.open(name)
            with MemoryMappedFile.open(name, readonly=True) as reader:
                second.write(b"x")
                assert reader.read(1) == b"x"
        MemoryMappedFile.open(name).close()


def test_repr_says_what_it_is(section: MemoryMappedFile) -> None:
    assert repr(section) == f"<MemoryMappedFile {section.name!r}: 1000 bytes, native, open>"
    section.close()
    assert repr(section).endswith("closed>")


@posix_only
@pytest.mark.parametrize(
    ("access", "mode"),
    [(Access.OWNER, 0o600), (Access.USERS_READ, 0o644), (Access.USERS_WRITE, 0o666), (0o640, 0o640)],
)
def test_access_becomes_permission_bits(name: str, access: Access | int, mode: int) -> None:
    umask = os.umask(0o077)
    try:
        with MemoryMappedFile.create("/" + name, 10, namespace=Namespace.CUSTOM, access=access):
            assert os.stat(f"/dev/shm/{name}").st_mode & 0o777 == mode
    finally:
        os.umask(umask)


@posix_only
def test_sddl_is_not_for_posix(name: str) -> None:
    with pytest.raises(NotSupportedError):
        MemoryMappedFile.create(name, 10, access="D:(A;;GA;;;WD)")


@windows_only
def test_sddl_is_enforced(name: str) -> None:
    with MemoryMappedFile.create(name, 10, access="D:(A;;GR;;;WD)"):
        assert MemoryMappedFile.open(name, readonly=True).size == 10
        with pytest.raises(AccessDeniedError):
            MemoryMappedFile.open(name)


@windows_only
def test_a_mode_is_not_for_windows(name: str) -> None:
    with pytest.raises(NotSupportedError):
        MemoryMappedFile.create(name, 10, access=0o644)


@pytest.mark.skipif(sys.platform != "win32", reason="only Windows' mmap has names")
@pytest.mark.parametrize("prefix", ["", "Local\\", "Global\\"])
def test_raw_layout_is_that_of_mmap(name: str, prefix: str) -> None:
    """Python's own named mmap and ours open what the other created."""
    tag = prefix + name
    with mmap.mmap(-1, 5000, tagname=tag) as theirs:  # type: ignore[call-arg,unused-ignore]
        with MemoryMappedFile.open(tag, namespace=Namespace.CUSTOM, layout=Layout.RAW, size=5000) as ours:
            theirs[4990:5000] = b"0123456789"
            assert ours.read(10, 4990) == b"0123456789"
            ours.write(b"back")
        assert theirs[:4] == b"back"
    namespace = Namespace.GLOBAL if prefix == "Global\\" else Namespace.LOCAL
    with MemoryMappedFile.create(name, 5000, namespace=namespace, layout=Layout.RAW) as ours:
        ours.write(b"first")
        with mmap.mmap(-1, 5000, tagname=tag) as theirs:  # type: ignore[call-arg,unused-ignore]
            assert theirs[:5] == b"first"
            theirs[0:1] = b"F"
        assert ours.read(5) == b"First"


@posix_only
@pytest.mark.parametrize("readonly", [False, True])
def test_a_file_cut_short_is_an_error_and_no_signal(tmp_path: Path, readonly: bool) -> None:
    path = tmp_path / "cut"
    path.write_bytes(b"x" * 100_000)
    with MemoryMappedFile.open_file(path, readonly=readonly) as mapped:
        os.truncate(path, 10)
        assert mapped.read(10) == b"x" * 10
        with pytest.raises(FormatError, match="smaller"):
            mapped.read(1, 50_000)
        with pytest.raises(FormatError, match="smaller"):
            mapped.read_into(bytearray(11))
        if not readonly:
            with pytest.raises(FormatError, match="smaller"):
                mapped.write(b"y", 99_999)
    assert path.read_bytes() == b"x" * 10


@windows_only
def test_windows_does_not_let_a_mapped_file_be_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "uncut"
    path.write_bytes(b"x" * 100_000)
    with MemoryMappedFile.open_file(path) as mapped:
        with pytest.raises(OSError), open(path, "r+b") as file:
            file.truncate(10)
        assert mapped.write(b"y", 99_999) == 1
        assert mapped.read(1, 99_999) == b"y"
