"""A program writes numbered records into a native file on Linux, hands each to the device, acknowledges it, and is
killed at a random instant. Every record that was acknowledged is there, also when it is read from the device again.

For an administrator the power is also cut: the file is in an ext4 of its own, in a loop device, which is told to stop
and to write nothing more, not even its journal (FS_IOC_SHUTDOWN). Only what had reached the device is left.

Not tried: a device that loses what it has not stored yet.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pywinmmf import Layout, MemoryMappedFile

RECORD = struct.Struct("<QQ")
"""A number from 1 on, and all its bits inverted."""
RECORDS = 4_000_000
NUMBER = struct.Struct("<Q")
LONGEST_LIFE = 0.01
"""Seconds after its first record until a writer is killed, at most."""
SECONDS = 60
IMAGE_MIB = 256
FS_IOC_SHUTDOWN = 0x8004587D
NOTHING_MORE = struct.pack("=I", 2)
"""Not even the journal (FS_SHUTDOWN_FLAGS_NOLOGFLUSH)."""


@dataclass
class Outcome:
    """What was seen."""

    kills: int = 0
    acknowledged: int = 0
    owner_died: int = 0
    """Writers that died inside the lock."""
    lost: int = 0
    """Acknowledged records that were not there."""


def record(number: int) -> bytes:
    return RECORD.pack(number, ~number & 2**64 - 1)


def opened(path: Path) -> MemoryMappedFile:
    return MemoryMappedFile.open_file(path, layout=Layout.NATIVE)


def repaired(path: Path) -> bool:
    """Whether the last writer died inside the lock. A record that it had not finished is written again."""
    with opened(path) as table, table.write_lock(SECONDS, repair=True) as guard:
        if guard.owner_died:
            table.mark_consistent()
        return guard.owner_died


def write_until_killed(path: Path, first: int, acknowledge: int) -> None:
    with opened(path) as table:
        for number in itertools.count(first):
            offset = number * RECORD.size
            table.write(record(number), offset, timeout=SECONDS)
            table.flush(offset, RECORD.size)
            os.write(acknowledge, NUMBER.pack(number))


def start_writer(path: Path, first: int) -> tuple[int, int]:
    """Its process id, and where it acknowledges."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read_end)
            write_until_killed(path, first, write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    return pid, read_end


def acknowledged_until_killed(path: Path, first: int) -> int:
    """The last number that a writer acknowledged in its life."""
    pid, acknowledged = start_writer(path, first)
    try:
        if not select.select([acknowledged], [], [], SECONDS)[0]:
            raise TimeoutError(f"the writer has acknowledged nothing for {SECONDS} seconds")
        time.sleep(random.uniform(0, LONGEST_LIFE))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            raise RuntimeError(f"the writer ended by itself: status {status}")
        data = b""
        while piece := os.read(acknowledged, 65536):
            data += piece
        return int(NUMBER.unpack(data[-NUMBER.size :])[0])
    finally:
        os.close(acknowledged)


def drop_from_cache(path: Path) -> None:
    """Forget the pages that are on the device; the others stay."""
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def missing(path: Path, first: int, last: int) -> int:
    """How many of these records are not there."""
    with opened(path) as table:
        data = table.read((last - first + 1) * RECORD.size, first * RECORD.size)
    return sum(
        data[(number - first) * RECORD.size : (number - first + 1) * RECORD.size] != record(number)
        for number in range(first, last + 1)
    )


def power_can_be_cut() -> bool:
    """Whether this process can mount a file system of its own."""
    return os.geteuid() == 0 and Path("/dev/loop-control").exists() and shutil.which("mkfs.ext4") is not None


@contextlib.contextmanager
def file_system(folder: Path) -> Iterator[Path]:
    """One of its own, in a file of this folder; where it is mounted."""
    mounted = folder / "device"
    image = image_of(mounted)
    mounted.mkdir()
    image.touch()
    os.truncate(image, IMAGE_MIB << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    mount(mounted)
    try:
        yield mounted
    finally:
        unmount(mounted)


def mount(mounted: Path) -> None:
    subprocess.run(["mount", "-o", "loop", image_of(mounted), mounted], check=True)


def image_of(mounted: Path) -> Path:
    return mounted.with_suffix(".img")


def unmount(mounted: Path) -> None:
    """A process that has just got mounts of its own has this one as well, until it ends. To mount the image meanwhile
    would give the file system that was stopped."""
    subprocess.run(["umount", mounted], check=True)
    deadline = time.monotonic() + SECONDS
    while subprocess.run(["losetup", "-j", image_of(mounted)], capture_output=True, check=True).stdout:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{image_of(mounted)} is still in use")
        time.sleep(0.01)


def cut_power(path: Path) -> None:
    """Of the device with this file. The file system is then mounted again, and finds what had reached the device."""
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.ioctl(directory, FS_IOC_SHUTDOWN, NOTHING_MORE)
    finally:
        os.close(directory)
    unmount(path.parent)
    mount(path.parent)


def run(kills: int, folder: Path, forget: Callable[[Path], None] = drop_from_cache) -> Outcome:
    """Kill this many writers of one file in this folder, one after the other. ``forget`` is what the system does to the
    file's pages in memory after each."""
    path = folder / "records.bin"
    outcome = Outcome()
    last = 0
    MemoryMappedFile.open_file(path, "x", size=(RECORDS + 1) * RECORD.size, layout=Layout.NATIVE).close()
    for _ in range(kills):
        first, last = last + 1, acknowledged_until_killed(path, last + 1)
        outcome.kills += 1
        forget(path)
        outcome.owner_died += repaired(path)
        outcome.lost += missing(path, first, last)
    outcome.acknowledged = last
    outcome.lost += missing(path, 1, last)
    return outcome
