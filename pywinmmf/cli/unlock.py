"""``pywinmmf unlock``: free the lock of a killed process, in a layout that cannot detect the death."""

from __future__ import annotations

import argparse
import ctypes
import sys
from pathlib import Path

from pywinmmf import Layout, MemoryMappedFile

from .options import add_name

DONE, REFUSED = 0, 1  # exit codes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.description = f"""The winmmf layout does not name the holder of its lock, so the lock of a killed process
        stays held. This command shows which processes have the section open, and frees the lock with --yes. The
        payload may be half written. Sections of the native layout recover by themselves. Exit code {DONE}: the lock
        is free; {REFUSED}: nothing was changed."""
    add_name(parser, "section")
    parser.add_argument("--layout", choices=["winmmf"], default="winmmf", help="the layout (default: winmmf)")
    parser.add_argument("--yes", action="store_true", help="free the lock, whichever process holds it")
    parser.set_defaults(run=f"{__name__}:run")


def run(arguments: argparse.Namespace) -> int:
    """Show which processes have it open, and free the lock."""
    with MemoryMappedFile.open(arguments.name, namespace=arguments.namespace, layout=Layout.WINMMF) as section:
        print(f"{arguments.name} is open in: {_processes_with(section)}")
        if not arguments.yes:
            print("nothing was changed: add --yes if none of them holds the lock")
            return REFUSED
        section.break_lock()
    print("the lock is free; the payload may be half written")
    return DONE


def _processes_with(section: MemoryMappedFile) -> str:
    """The processes that have it mapped, as far as this user may know."""
    if sys.platform == "win32":
        return "unknown: Windows does not report it"
    address = ctypes.addressof(ctypes.c_char.from_buffer(section))
    file = next((file for start, end, file in _mapped_files("self") if start <= address < end), None)
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and any(other == file for _, _, other in _mapped_files(folder.name)):
            found.append(_described(folder))
    return ", ".join(found)


def _mapped_files(process: str) -> list[tuple[int, int, tuple[str, str]]]:
    """Start and end of the mappings of a process, with device and inode of the file; empty if not accessible."""
    try:
        lines = Path("/proc", process, "maps").read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        span, _rights, _offset, device, inode, *_path = line.split(None, 5)
        start, end = (int(address, 16) for address in span.split("-"))
        if inode != "0":
            found.append((start, end, (device, inode)))
    return found


def _described(folder: Path) -> str:
    try:
        command = (folder / "comm").read_text(errors="replace").strip()
    except OSError:
        command = "ended"
    own = ", this command" if folder.name == str(Path("/proc/self").resolve().name) else ""
    return f"{folder.name} ({command}{own})"
