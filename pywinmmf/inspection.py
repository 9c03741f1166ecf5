"""Inspection: which sections exist, and which processes have them open."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ._core.binding import ffi, hold, lib, new_struct
from ._core.handle import Opened, open_native
from ._core.validation import choice, members
from .enums import Access, Namespace
from .errors import Error, InvalidArgumentError, NotSupportedError, native_error
from .records import AuditReport, Hold, LockState, Participant

_NO_OFFSET = 2**64 - 1


def audit_of(audit: Callable[[Any, Any], int], opened: Opened[Any]) -> AuditReport:
    """The report of wmmf_audit or wmmf_channel_audit."""
    report = new_struct("wmmf_audit_report")
    opened._must(opened._call(audit, report), "audit")
    return AuditReport.from_native(report)


def lock_state_of(opened: Opened[hold.Section], at: int | None = None) -> LockState:
    """The state of an open section's own lock, or of the lock at an offset."""
    state = new_struct("wmmf_lock_state")
    if at is None:
        opened._must(opened._call(lib.wmmf_get_lock_state, state), "look at the lock of")
    else:
        opened._must(opened._call(lib.wmmf_get_lock_state_at, at, state), f"look at offset {at} of")
    return LockState.from_native(state)


def _records(native: hold.Section | hold.Channel, get: Callable[..., int], kind: str, what: str) -> Iterator[Any]:
    """All that a call describes one by one, each in the same struct."""
    record = new_struct(kind)
    for index in itertools.count():
        status = get(native.pointer, index, record)
        if status == lib.WMMF_E_RANGE:
            return
        if status:
            raise native_error(status, f"look at the {what} of {native.what}")
        yield record


def holds_of(native: hold.Section) -> list[Hold]:
    """The holds of an open section that are in use."""
    records = _records(native, lib.wmmf_get_hold, "wmmf_hold", "holds")
    return [Hold.from_native(record) for record in records if record.offset != _NO_OFFSET]


def owner_of(opened: Opened[Any], get: Callable[..., int]) -> str:
    """The owner of an open section or channel; ``get`` is wmmf_get_owner or wmmf_channel_get_owner."""
    needed = ffi.new("uint64_t *")
    opened._call(get, ffi.NULL, 0, needed)
    name = ffi.new("char[]", needed[0])
    opened._must(opened._call(get, name, len(name), needed), "look up the owner of")
    owner: bytes = ffi.string(name)
    return owner.decode(errors="replace")


class PageSizes(NamedTuple):
    """How this system maps memory, in bytes."""

    page: int
    """A page."""
    granularity: int
    """Addresses and offsets of mappings are multiples of this number. This package takes care of that."""
    large: int
    """A large page; 0: there are none."""


def page_sizes() -> PageSizes:
    """The sizes of this system's pages."""
    sizes = ffi.new("uint64_t[3]")
    status = lib.wmmf_page_sizes(sizes, sizes + 1, sizes + 2)
    if status:
        raise native_error(status, "look up the sizes of pages")
    return PageSizes(*sizes)


def participants_of(native: hold.Section | hold.Channel, get: Callable[..., int]) -> list[Participant]:
    """The participants of an open section or channel; ``get`` is wmmf_get_participant or its channel form."""
    records = _records(native, get, "wmmf_participant", "participants")
    return [Participant.from_native(record) for record in records if record.pid != 0]


def creation_error(status: int, action: str, access: Access | str | int, namespace: Namespace, name: str) -> Error:
    """The exception for the status of a call that creates; its other arguments have been checked."""
    form = "a security descriptor (SDDL)" if sys.platform == "win32" else "permission bits"
    message = f"cannot {action}: access {access!r}: expected one of {members(Access)} or, on this system, {form}"
    if status == lib.WMMF_E_NOT_SUPPORTED and not isinstance(access, Access):
        return NotSupportedError(message, status)
    error = native_error(status, action, _holders(namespace, name) if status == lib.WMMF_E_EXISTS else "")
    if status == lib.WMMF_E_ARGUMENT and isinstance(access, str):
        return InvalidArgumentError(f"{message} (system error {error.os_error})", status, error.os_error)
    return error


def _holders(namespace: Namespace, name: str) -> str:
    """The processes that have the section or channel of this name open."""
    mine = [closed for key, closed in hold.all_open() if key == (namespace, name)]
    if mine:
        what = "has closed it, but still has views, frames or locks of it" if all(mine) else "has it open itself"
        return f": this process {what}"
    looking = hold.Section(f"section {name!r}", None)
    options = new_struct("wmmf_options", name_space=namespace, read_only=True)
    if open_native(looking, lambda cell: lib.wmmf_open(name.encode(), 0, options, cell)):
        return ""
    try:
        pids = sorted({one.pid for one in participants_of(looking, lib.wmmf_get_participant) if one.alive})
    except Error:
        return ""
    programs = ", ".join(f"{pid} ({program})" if (program := program_of(pid)) else f"{pid}" for pid in pids)
    return f" by process {programs}" if pids else ""


def list_sections(namespace: Namespace | str = Namespace.LOCAL) -> list[str]:
    """The sorted names of the sections and channels that are open in any process and that this user may read.

    On Linux these are sections of all layouts, on Windows native sections and channels. `NotSupportedError` if the
    system does not list its objects, `InvalidArgumentError` for ``Namespace.CUSTOM``.
    """
    namespace = choice(Namespace, namespace)
    needed = ffi.new("uint64_t *")
    capacity = 0
    while True:
        names = ffi.new("char[]", capacity)
        status = lib.wmmf_list(namespace, names, capacity, needed)
        if status != lib.WMMF_E_RANGE:
            break
        capacity = needed[0] + 1024  # more may be created before the next call
    if status:
        raise native_error(status, f"list the sections of Namespace.{namespace.name}")
    return sorted(name.decode() for name in ffi.buffer(names, needed[0])[:].split(b"\0") if name)


def program_of(pid: int) -> str:
    """The name of the program that a process runs; empty if unknown."""
    if sys.platform == "win32":
        return _program_on_windows(pid)
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _program_on_windows(pid: int) -> str:
    if sys.platform != "win32":
        return ""
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = ctypes.c_void_p
    query_limited_information = 0x1000
    process = kernel.OpenProcess(query_limited_information, False, pid)
    if not process:
        return ""
    path = ctypes.create_unicode_buffer(1024)
    size = ctypes.c_ulong(len(path))
    done = kernel.QueryFullProcessImageNameW(ctypes.c_void_p(process), 0, path, ctypes.byref(size))
    kernel.CloseHandle(ctypes.c_void_p(process))
    return Path(path.value).name if done else ""
