"""Facts of the machine that matter for shared memory: versions, rights, session, memory, clock, cameras."""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pywinmmf
from pywinmmf import registry

from .finding import REPORT, Finding

ROOM_MIN = 256 << 20  # bytes; a few channels of full HD pictures
COARSE_SLEEP = 0.005  # seconds
CAMERA_SECONDS = 30.0  # until all drivers have listed their cameras
NAME_CAMERAS = "from pywinmmf.camera.devices import devices\nfor device in devices(): print(device.name)"


def findings() -> Iterator[Finding]:
    """Check everything."""
    yield _versions()
    yield from _windows() if sys.platform == "win32" else _linux()
    yield _large_pages()
    yield _clock()
    yield _cameras()


def _versions() -> Finding:
    known = [f"pywinmmf {pywinmmf.__version__}", f"Python {platform.python_version()}", platform.platform()]
    for package in ("cffi", "numpy", "opencv-python", "opencv-python-headless", "av", "aiohttp", "pywin32"):
        try:
            known.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return Finding("versions", "fine", ", ".join(known))


def _clock() -> Finding:
    lengths = []
    for _ in range(20):
        begin = time.monotonic()
        time.sleep(0.001)
        lengths.append(time.monotonic() - begin)
    length = statistics.median(lengths)
    found = f"a sleep of 1 ms takes {length * 1e3:.1f} ms"
    if length < COARSE_SLEEP:
        return Finding("clock", "fine", found)
    return Finding("clock", "note", found, "shorter timeouts are rounded up; wake-ups are not delayed")


def _cameras() -> Finding:
    shared = sorted(pywinmmf.shared_cameras())
    found = f"shared: {', '.join(shared) or 'none'}"
    if unreadable := registry.unreadable():
        advice = "remove that file, or make it readable for this user"
        return Finding("cameras", "problem", "; ".join(unreadable), advice)
    if importlib.util.find_spec("cv2_enumerate_cameras") is None:  # readers do not need this package
        advice = "to share cameras: pip install 'pywinmmf[camera]'"
        return Finding("cameras", "note", f"{found}; the machine's cameras cannot be listed", advice)
    try:
        seen = _devices()
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(
            "cameras", "problem", f"{found}; listing all cameras failed: {error}", "check OpenCV and the driver"
        )
    return Finding("cameras", "fine", f"{found}; of the machine: {', '.join(seen) or 'none'}")


def _devices() -> list[str]:
    """The names of the machine's cameras. Another process lists them, because a driver may crash or hang."""
    done = subprocess.run(
        [sys.executable, "-c", NAME_CAMERAS],
        input="",  # there may be no /dev/null
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=CAMERA_SECONDS,
        env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"},
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"the process ended with exit status {done.returncode}"]
        raise ChildProcessError(said[-1])
    return done.stdout.splitlines()


def _large_pages() -> Finding:
    """Which kinds of sections get large pages: it creates one of each."""
    kinds: dict[str, Callable[[], pywinmmf.MemoryMappedFile]] = {
        "with a name": lambda: pywinmmf.MemoryMappedFile.create(f"pywinmmf-doctor-{os.getpid()}", 1, large_pages=True),
        "without": lambda: pywinmmf.MemoryMappedFile.create_unnamed(1, large_pages=True),
    }
    found, advice = [], ""
    for kind, create in kinds.items():
        try:
            create().close()
        except pywinmmf.Error as error:
            found.append(f"{kind}: no")
            advice = advice or str(error)
        else:
            found.append(f"{kind}: yes")
    return Finding("large pages", "fine", f"sections {', '.join(found)}", advice)


def _room(where: str, free: int, advice: str) -> Finding:
    found = f"{free >> 20} MB free in {where}"
    return Finding("memory", "fine", found) if free >= ROOM_MIN else Finding("memory", "note", found, advice)


def _linux() -> Iterator[Finding]:
    yield _folder(Path("/dev/shm"))
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text().strip()) != "max":
        advice = "shared memory counts against this limit: a section that does not fit is refused"
        yield Finding("control group", "note", f"memory limit {int(text) >> 20} MB", advice)
    if os.getuid() >= 1000 and Path("/run/systemd/seats").exists() and not _keeps_memory_of_users():
        advice = "RemoveIPC=no in logind.conf, or loginctl enable-linger, or run the service as a system user"
        yield Finding("logging out", "note", "systemd removes your sections when your last session ends", advice)


def _folder(memory: Path) -> Finding:
    """Where Linux keeps sections."""
    if not memory.is_dir():
        advice = "mount a tmpfs there; containers: --tmpfs /dev/shm or --ipc"
        return Finding("memory", "problem", f"there is no folder {memory}", advice)
    system = os.statvfs(memory)
    if system.f_flag & os.ST_RDONLY:
        advice = f"mount -o remount,rw {memory}; containers: --tmpfs {memory}"
        return Finding("memory", "problem", f"{memory} is mounted read-only", advice)
    if not os.access(memory, os.W_OK | os.X_OK):
        advice = f"its mode is usually 1777: chmod 1777 {memory}"
        return Finding("memory", "problem", f"this user may not write in {memory}", advice)
    if system.f_files and not system.f_favail:
        advice = f"remove unused files there, or mount -o remount,nr_inodes=... {memory}"
        return Finding("memory", "problem", f"{memory} cannot hold another file: all its inodes are used", advice)
    if not system.f_blocks:
        return Finding("memory", "fine", f"{memory} has no limit of its own")
    advice = "sections live there: make it larger (mount -o remount,size=...; docker run --shm-size=1g)"
    return _room(str(memory), system.f_bavail * system.f_frsize, advice)


def _keeps_memory_of_users() -> bool:
    files = [Path("/etc/systemd/logind.conf"), *Path("/etc/systemd/logind.conf.d").glob("*.conf")]
    texts = [file.read_text(errors="replace") for file in files if file.exists()]
    lingers = Path("/var/lib/systemd/linger", os.environ.get("USER", "-")).exists()
    return lingers or any(line.strip().lower() == "removeipc=no" for text in texts for line in text.splitlines())


def _windows() -> Iterator[Finding]:
    yield _privileges()
    yield _session()
    yield _asked("memory", _windows_room)


def _privileges() -> Finding:
    try:
        said = subprocess.run(
            ["whoami", "/priv", "/fo", "csv", "/nh"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("privileges", "note", f"whoami /priv failed: {error}", "run whoami /priv yourself")
    held = {row[0] for row in csv.reader(said.splitlines()) if row}
    found = ", ".join(
        f"{name} {'held' if name in held else 'missing'}"
        for name in ("SeCreateGlobalPrivilege", "SeLockMemoryPrivilege")
    )
    if "SeCreateGlobalPrivilege" in held:
        return Finding("privileges", "fine", found)
    advice = "only services and administrators can create in Global\\: use the namespace LOCAL, or run as one of them"
    return Finding("privileges", "note", found, advice)


def _session() -> Finding:
    import ctypes

    session = ctypes.c_uint32()
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    if not kernel.ProcessIdToSessionId(os.getpid(), ctypes.byref(session)):
        return Finding("session", "note", "Windows did not report the session", REPORT)
    if session.value:
        return Finding("session", "fine", f"session {session.value}, of a user")
    advice = "this is the session of services: users' programs see names in GLOBAL, but not in LOCAL"
    return Finding("session", "note", "session 0", advice)


def _windows_room() -> Finding:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *((f"f{i}", ctypes.c_uint64) for i in range(7)),
        ]

    status = Status(length=ctypes.sizeof(Status))
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel.GlobalMemoryStatusEx(ctypes.byref(status))
    free = int(status.f3)  # ullAvailPageFile: bytes that can still be committed
    return _room("the paging file", free, "sections need space in the paging file: make it larger, or close programs")


def _asked(subject: str, ask: Callable[[], Finding]) -> Finding:
    try:
        return ask()
    except OSError as error:
        return Finding(subject, "note", f"Windows did not report it: {error}", REPORT)
