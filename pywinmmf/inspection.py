"""Looking at what is there: which sections, and who has them open."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ._core.binding import ffi, lib, new_struct
from ._core.handle import Handle
from ._core.validation import choice
from .enums import Namespace
from .errors import native_error
from .records import AuditReport, Participant


def audit_of(audit: Callable[[Any, Any], int], handle: Handle) -> AuditReport:
    """What wmmf_audit, or its like, says of an open handle."""
    report = new_struct("wmmf_audit_report")
    status = audit(handle.native(), report)
    if status:
        raise native_error(status, f"audit {handle.what}")
    return AuditReport.from_native(report)


def participants_of(native: Any, what: str) -> list[Participant]:
    """Those of an open native section whose records are in use."""
    found = []
    record = new_struct("wmmf_participant")
    for index in range(lib.WMMF_PARTICIPANTS_MAX):
        status = lib.wmmf_get_participant(native, index, record)
        if status == lib.WMMF_E_RANGE:
            break
        if status:
            raise native_error(status, f"look at the participants of {what}")
        if record.pid != 0:
            found.append(Participant.from_native(record))
    return found


def list_sections(namespace: Namespace = Namespace.LOCAL) -> list[str]:
    """The names of the sections and channels that somebody has open now and that this user may read, sorted.

    On Linux those of all layouts, on Windows native ones. `NotSupportedError` where the
    system does not list its objects, `InvalidArgumentError` for ``Namespace.CUSTOM``.
    """
    needed = ffi.new("uint64_t *")
    capacity = 0
    while True:
        names = ffi.new("char[]", capacity)
        status = lib.wmmf_list(choice(Namespace, namespace), names, capacity, needed)
        if status != lib.WMMF_E_RANGE:
            break
        capacity = needed[0] + 1024  # more may come before the next look
    if status:
        raise native_error(status, f"list the sections of Namespace.{choice(Namespace, namespace).name}")
    return sorted(name.decode() for name in ffi.buffer(names, needed[0])[:].split(b"\0") if name)


def program_of(pid: int) -> str:
    """The name of the program that a process runs; empty if the system does not say."""
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
