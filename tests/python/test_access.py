"""What a handle may do, and which users the security descriptors of Windows admit.

That other users are kept out is in tests/access: Wine knows one user only. That a write to read-only pages ends a
process is in tests/c/test_sections.c."""

from __future__ import annotations

import ctypes
import mmap
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from pywinmmf import (
    Access,
    AccessDeniedError,
    AlreadyExistsError,
    FormatError,
    FrameChannel,
    InvalidArgumentError,
    Layout,
    MemoryMappedFile,
    Namespace,
    NotFoundError,
    NotSupportedError,
)
from pywinmmf._native import ffi, lib

windows_only = pytest.mark.skipif(sys.platform != "win32", reason="about Windows security descriptors")


def can_be_made_writable(section: MemoryMappedFile) -> bool:
    """Whether the system lets this process lift the protection of the first page."""
    address = int(ffi.cast("uintptr_t", ffi.from_buffer(section.view())))
    page = ctypes.c_void_p(address // mmap.PAGESIZE * mmap.PAGESIZE)
    if sys.platform == "win32":
        page_readwrite, before = 0x04, ctypes.c_ulong()
        return bool(ctypes.windll.kernel32.VirtualProtect(page, 1, page_readwrite, ctypes.byref(before)))
    read_and_write = 0x1 | 0x2
    return bool(ctypes.CDLL(None).mprotect(page, ctypes.c_size_t(1), read_and_write) == 0)


@pytest.mark.parametrize("layout", list(Layout))
def test_read_only_pages_stay_read_only(name: str, layout: Layout) -> None:
    with MemoryMappedFile.create(name, 100, layout=layout) as section:
        assert can_be_made_writable(section)
        with MemoryMappedFile.open(name, layout=layout, readonly=True) as reader:
            assert not can_be_made_writable(reader)


# Windows: what the kernel's objects got.

READ_CONTROL, FILE_MAP_WRITE, FILE_MAP_READ = 0x20000, 0x2, 0x4
PAGE_READWRITE, SEC_RESERVE = 0x4, 0x4000000
DACL_SECURITY_INFORMATION, SE_DACL_PROTECTED = 0x4, 0x1000

SID_START = b"\x01\x01" + bytes(5)
WELL_KNOWN = {
    SID_START + b"\x01" + struct.pack("<I", 0): "everyone",
    SID_START + b"\x05" + struct.pack("<I", 11): "users",
    SID_START + b"\x05" + struct.pack("<I", 18): "system",
    b"\x01\x02" + bytes(5) + b"\x0f" + struct.pack("<II", 2, 1): "app containers",
}
SECTION, SEMAPHORE = 0, 1
ALLOWED, DENIED = 0, 1
# What the kernel makes of the generic rights all, execute, write and read, of a section and of a semaphore.
MEANINGS = {
    0x10000000: (0xF001F, 0x1F0003),
    0x20000000: (0x20008, 0x120000),
    0x40000000: (0x20002, 0x20002),
    0x80000000: (0x20005, 0x20001),
}
ALL, EXECUTE, WRITE, READ = MEANINGS
OWN = [(ALLOWED, "me", ALL), (ALLOWED, "system", ALL)]


def specific(mask: int, kind: int) -> int:
    """Rights without generic ones. Wine keeps those in a DACL, Windows stores what they mean."""
    result = mask & 0x0FFFFFFF
    for generic, meaning in MEANINGS.items():
        if mask & generic:
            result |= meaning[kind]
    return result


class Windows:
    """The calls that these tests need."""

    def __init__(self) -> None:
        handle, number, text = ctypes.c_void_p, ctypes.c_ulong, ctypes.c_wchar_p
        self.kernel: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
        self.security: Any = ctypes.WinDLL("advapi32")  # type: ignore[attr-defined,unused-ignore]
        self.opens = (self.kernel.OpenFileMappingW, self.kernel.OpenSemaphoreW)
        for function in self.opens:
            function.restype, function.argtypes = handle, [number, number, text]
        self.kernel.CreateFileMappingW.restype = handle
        self.kernel.CreateFileMappingW.argtypes = [handle, handle, number, number, number, text]
        self.kernel.MapViewOfFile.restype = handle
        self.kernel.MapViewOfFile.argtypes = [handle, number, number, number, ctypes.c_size_t]
        for function in (self.kernel.UnmapViewOfFile, self.kernel.CloseHandle):
            function.argtypes = [handle]

    def descriptor(self, name: str, kind: int) -> bytes:
        """The DACL of a named object, in a security descriptor."""
        handle = ctypes.c_void_p(self.opens[kind](READ_CONTROL, False, name))
        assert handle, name
        needed = ctypes.c_ulong()
        self.security.GetKernelObjectSecurity(handle, DACL_SECURITY_INFORMATION, None, 0, ctypes.byref(needed))
        descriptor = ctypes.create_string_buffer(needed.value)
        assert self.security.GetKernelObjectSecurity(
            handle, DACL_SECURITY_INFORMATION, descriptor, needed, ctypes.byref(needed)
        )
        self.kernel.CloseHandle(handle)
        return descriptor.raw

    def dacl(self, name: str, kind: int) -> dict[str, int]:
        """The rights of each user to a named object; a user without a known name is "me"."""
        found = entries(self.descriptor(name, kind), kind)
        assert all(ace == ALLOWED for ace, _, _ in found)
        assert len({who for _, who, _ in found}) == len(found)
        return {who: mask for _, who, mask in found}

    def begins_with(self, handle: int, content: bytes) -> bool:
        """Whether a number is this process's handle of a section with such a beginning."""
        view = self.kernel.MapViewOfFile(handle, FILE_MAP_READ, 0, 0, 0)
        if not view:
            return False
        found = ctypes.string_at(view, len(content)) == content
        self.kernel.UnmapViewOfFile(view)
        return found

    def maps_for_writing(self, handle: int) -> bool:
        view = self.kernel.MapViewOfFile(handle, FILE_MAP_WRITE, 0, 0, 0)
        if view:
            self.kernel.UnmapViewOfFile(view)
        return bool(view)


def entries(descriptor: bytes, kind: int) -> list[tuple[int, str, int]]:
    """Type, who and rights of each entry of a security descriptor's protected DACL, in order; that is all it has."""
    control, start = struct.unpack_from("<2xH12xI", descriptor)
    assert control & SE_DACL_PROTECTED
    assert start, "no DACL: everybody may do everything"
    (count,) = struct.unpack_from("<4xH", descriptor, start)
    found: list[tuple[int, str, int]] = []
    at = start + 8
    for _ in range(count):
        ace, size, mask = struct.unpack_from("<BxHI", descriptor, at)
        found.append((ace, WELL_KNOWN.get(descriptor[at + 8 : at + size], "me"), specific(mask, kind)))
        at += size
    return found


@pytest.fixture
def windows() -> Windows:
    return Windows()


@windows_only
@pytest.mark.parametrize("namespace", [Namespace.LOCAL, Namespace.GLOBAL])
@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (Access.OWNER, {"me": ALL, "system": ALL}),
        (Access.USERS_READ, {"me": ALL, "system": ALL, "users": READ, "app containers": READ}),
        (
            Access.USERS_WRITE,
            {
                "me": ALL,
                "system": ALL,
                "users": READ | WRITE | EXECUTE,
                "app containers": READ | WRITE | EXECUTE,
            },
        ),
        ("D:P(A;;GR;;;WD)(A;;GA;;;SY)", {"everyone": READ, "system": ALL}),
    ],
)
def test_access_becomes_the_dacl_of_the_section_and_its_semaphores(
    name: str, windows: Windows, namespace: Namespace, access: Access | str, expected: dict[str, int]
) -> None:
    prefix = "Global\\" if namespace is Namespace.GLOBAL else "Local\\"
    with MemoryMappedFile.create(name, 100, namespace=namespace, access=access):
        with MemoryMappedFile.open(name, namespace=namespace, layout=Layout.RAW, readonly=True) as raw:
            (section_id,) = struct.unpack("<Q", raw.read(8, 32))
        objects = [(prefix + name, SECTION)]
        objects += [(f"{prefix}wmmf-{section_id:016x}-g{event}", SEMAPHORE) for event in range(3)]
        for full_name, kind in objects:
            meant = {who: specific(mask, kind) for who, mask in expected.items()}
            assert windows.dacl(full_name, kind) == meant, full_name


# What other programs ask for: WinMMF asks for FILE_MAP_ALL_ACCESS, even to read; Python's mmap(tagname=) and .NET's
# CreateOrOpen ask for what CreateFileMapping takes by itself.
ALL_ACCESS, AS_CREATED = 0xF001F, 0xF0007


@windows_only
@pytest.mark.parametrize("namespace", [Namespace.LOCAL, Namespace.GLOBAL])
@pytest.mark.parametrize(
    ("layout", "access", "expected"),
    [
        (Layout.WINMMF, Access.OWNER, {}),
        (Layout.WINMMF, Access.USERS_WRITE, {"users": ALL_ACCESS, "app containers": ALL_ACCESS}),
        (Layout.RAW, Access.OWNER, {}),
        (Layout.RAW, Access.USERS_READ, {"users": READ, "app containers": READ}),
        (Layout.RAW, Access.USERS_WRITE, {"users": AS_CREATED, "app containers": AS_CREATED}),
    ],
)
def test_other_layouts_grant_what_their_programs_ask_for(
    name: str, windows: Windows, namespace: Namespace, layout: Layout, access: Access, expected: dict[str, int]
) -> None:
    with MemoryMappedFile.create(name, 100, namespace=namespace, layout=layout, access=access):
        meant = {who: specific(mask, SECTION) for who, mask in {"me": ALL, "system": ALL, **expected}.items()}
        assert windows.dacl(f"{namespace.name.capitalize()}\\{name}", SECTION) == meant


@pytest.mark.parametrize("create", [MemoryMappedFile.create, partial(MemoryMappedFile.create, exist_ok=True)])
def test_winmmf_has_no_read_only_access(name: str, create: Callable[..., MemoryMappedFile]) -> None:
    with pytest.raises(NotSupportedError, match="all rights even to read"):
        create(name, 100, layout=Layout.WINMMF, access=Access.USERS_READ)


@windows_only
def test_a_read_only_handle_has_no_write_rights(name: str, windows: Windows) -> None:
    with MemoryMappedFile.create(name, 100) as section:
        with MemoryMappedFile.open(name, layout=Layout.RAW, readonly=True) as raw:
            start = raw.read(40)
        places = range(4, 4096, 4)  # of the table of handles
        mine = [handle for handle in places if windows.begins_with(handle, start)]
        assert [windows.maps_for_writing(handle) for handle in mine] == [True]
        with MemoryMappedFile.open(section.name, readonly=True):
            (reader,) = (place for place in places if place not in mine and windows.begins_with(place, start))
            assert not windows.maps_for_writing(reader)


@windows_only
def test_a_user_who_is_denied_everything_gets_nothing(name: str) -> None:
    with MemoryMappedFile.create(name, 100, access="D:P"):
        for readonly in (False, True):
            with pytest.raises(AccessDeniedError) as refused:
                MemoryMappedFile.open(name, readonly=readonly)
            assert (refused.value.status, refused.value.os_error) == (lib.WMMF_E_ACCESS, 5)
        with pytest.raises(AccessDeniedError):
            MemoryMappedFile.create(name, 100, exist_ok=True)
        with pytest.raises(AlreadyExistsError):
            MemoryMappedFile.create(name, 100)
    with pytest.raises(NotFoundError):
        MemoryMappedFile.open(name)


def parts(name: str) -> dict[str, str]:
    """The names of the sections that a channel consists of, from its header."""
    with MemoryMappedFile.open(name, layout=Layout.RAW, readonly=True) as raw:
        (payload,) = struct.unpack("<Q", raw.read(8, 16))
        readers, pictures = (struct.unpack("<Q", raw.read(8, payload + offset))[0] for offset in (8, 64))
    return {
        "channel": f"Local\\{name}",
        "pictures": f"Local\\wmmf-{pictures:016x}-i",
        "readers": f"Local\\wmmf-{readers:016x}-i",
    }


@windows_only
@pytest.mark.parametrize(
    ("access", "meant", "meant_for_readers"),
    [
        (Access.OWNER, OWN, OWN),
        (
            Access.USERS_READ,
            [*OWN, (ALLOWED, "users", READ), (ALLOWED, "app containers", READ)],
            [*OWN, (ALLOWED, "users", READ | WRITE | EXECUTE), (ALLOWED, "app containers", READ | WRITE | EXECUTE)],
        ),
        (  # What is denied stays denied; a right to write does not become a right to read.
            "D:P(D;;GW;;;WD)(A;;GR;;;AU)(A;;GW;;;SY)",
            [(DENIED, "everyone", WRITE), (ALLOWED, "users", READ), (ALLOWED, "system", WRITE)],
            [(DENIED, "everyone", WRITE), (ALLOWED, "users", READ | WRITE | EXECUTE), (ALLOWED, "system", WRITE)],
        ),
    ],
)
def test_users_who_may_read_a_channel_may_write_what_its_readers_write(
    name: str,
    windows: Windows,
    access: Access | str,
    meant: list[tuple[int, str, int]],
    meant_for_readers: list[tuple[int, str, int]],
) -> None:
    with FrameChannel.create(name, capacity=100, access=access) as channel:
        channel.publish(b"first")
        for part, full_name in parts(name).items():
            expected = meant_for_readers if part == "readers" else meant
            found = entries(windows.descriptor(full_name, SECTION), SECTION)
            assert found == [(ace, who, specific(mask, SECTION)) for ace, who, mask in expected], part


@windows_only
def test_a_writer_that_is_denied_reads_copies(name: str) -> None:
    """The denial holds for every part of the channel, so the user reads nothing in place."""
    with FrameChannel.create(name, capacity=100, access="D:P(D;;GW;;;WD)(A;;GR;;;WD)") as channel:
        channel.publish(b"first")
        with FrameChannel.open(name, readonly=True) as reader:
            assert not reader.in_place
            assert bytes(reader.latest().data) == b"first"
        with pytest.raises(AccessDeniedError):
            FrameChannel.open(name)


@windows_only
def test_a_channel_that_denies_everything_lets_nobody_in(name: str) -> None:
    with FrameChannel.create(name, capacity=100, access="D:P") as channel:
        assert channel.publish(b"first") == 1
        assert bytes(channel.latest().data) == b"first"
        for readonly in (False, True):
            with pytest.raises(AccessDeniedError) as refused:
                FrameChannel.open(name, readonly=readonly)
            assert (refused.value.status, refused.value.os_error) == (lib.WMMF_E_ACCESS, 5)
    with pytest.raises(NotFoundError):
        FrameChannel.open(name)


@windows_only
@pytest.mark.parametrize("sddl", ["no SDDL", "D:(A;;ZZ;;;WD)", "D:(A;;GA;;;somebody)"])
def test_what_is_no_sddl_is_named(name: str, sddl: str) -> None:
    for create in (
        lambda: MemoryMappedFile.create(name, 100, access=sddl),
        lambda: FrameChannel.create(name, capacity=100, access=sddl),
    ):
        with pytest.raises(InvalidArgumentError) as refused:
            create()
        assert f"access {sddl!r}: expected" in str(refused.value)
        assert refused.value.os_error != 0


@windows_only
@pytest.mark.parametrize("layout", list(Layout))
def test_a_section_without_memory_is_not_ready(name: str, windows: Windows, layout: Layout) -> None:
    """Planted under our name, with pages that are only reserved: touching them would be an access violation."""
    nothing = ctypes.c_void_p(-1)
    planted = windows.kernel.CreateFileMappingW(nothing, None, PAGE_READWRITE | SEC_RESERVE, 0, 1 << 16, name)
    assert planted
    try:
        for readonly in (False, True):
            with pytest.raises(FormatError) as refused:
                MemoryMappedFile.open(name, layout=layout, readonly=readonly)
            assert refused.value.status == lib.WMMF_E_NOT_READY
    finally:
        windows.kernel.CloseHandle(planted)
