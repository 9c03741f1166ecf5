"""What an error says: the cause, and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import (
    Access,
    AlreadyExistsError,
    ArgumentTypeError,
    Error,
    FrameChannel,
    Layout,
    MemoryMappedFile,
    Namespace,
    NotFoundError,
    Status,
    list_sections,
)
from pywinmmf._native import ffi, lib

Child = Callable[..., Any]


HOLD = """
import os, time
section = MemoryMappedFile.create(sys.argv[1], 10)
print(os.getpid(), flush=True)
time.sleep(600)
"""


def test_the_name_is_taken_by_views_of_this_process(name: str) -> None:
    channel = FrameChannel.create(name, capacity=100)
    channel.publish(b"frame")
    frame = channel.latest()
    view: memoryview | None = frame.data
    channel.close()
    with pytest.raises(AlreadyExistsError, match="this process has closed it, but still has views"):
        FrameChannel.create(name, capacity=100)
    frame.release()
    assert view is not None
    with pytest.raises(AlreadyExistsError, match="this process has closed it, but still has views"):
        FrameChannel.create(name, capacity=100)
    view = None
    FrameChannel.create(name, capacity=100).close()


def test_the_name_is_taken_by_this_process(section: MemoryMappedFile) -> None:
    with pytest.raises(AlreadyExistsError, match="this process has it open itself"):
        MemoryMappedFile.create(section.name, 100)


def test_the_name_is_taken_by_another_process(name: str, child: Child) -> None:
    holder = child(HOLD, name)
    pid = holder.line()
    with pytest.raises(AlreadyExistsError, match=f"by process {pid}"):
        MemoryMappedFile.create(name, 10)
    holder.kill()


def test_constructors_say_how_objects_are_made() -> None:
    with pytest.raises(ArgumentTypeError, match=r"MemoryMappedFile\.create\(name, size\).*MemoryMappedFile\.open"):
        MemoryMappedFile("n", 10)
    with pytest.raises(TypeError, match=r"FrameChannel\.create\(name, capacity=.*FrameChannel\.open"):
        FrameChannel("n")


def test_names_of_choices_as_on_the_command_line(name: str) -> None:
    with MemoryMappedFile.create(name, 10, namespace="local", layout="raw", access="users-read") as section:
        assert section.layout is Layout.RAW
        if os.name == "posix":
            file = next(one for one in Path("/dev/shm").iterdir() if name in one.name)
            assert file.stat().st_mode & 0o777 == 0o644
    with FrameChannel.create(name, capacity=10, namespace="global", access="users-write") as channel:
        assert channel.namespace is Namespace.GLOBAL
        FrameChannel.open(name, namespace="Global").close()
        assert name in list_sections("global")
    with pytest.raises(NotFoundError):
        FrameChannel.open(name, namespace="global")
    assert Access["USERS_READ"] is Access.USERS_READ


def test_an_os_error_is_not_that_of_an_older_call(name: str) -> None:
    with pytest.raises(NotFoundError) as missing:
        MemoryMappedFile.open(name)
    assert missing.value.os_error != 0
    with MemoryMappedFile.create(name, 10) as section, section.read_lock(), pytest.raises(Error) as held:
        section.read_lock().__enter__()
    assert held.value.os_error == 0


CALLS = [
    name
    for name in dir(lib)
    if name.startswith("wmmf_")
    and ffi.typeof(getattr(lib, name)).result.cname == "int32_t"
    and name not in ("wmmf_abi_version", "wmmf_last_os_error")  # which return no status
]


@pytest.mark.parametrize("call", CALLS)
def test_every_call_clears_the_error_of_the_one_before(name: str, call: str) -> None:
    function = getattr(lib, call)
    nothing = [ffi.NULL if argument.kind == "pointer" else 0 for argument in ffi.typeof(function).args]
    out = ffi.new("wmmf_section **")
    assert lib.wmmf_open(name.encode(), 0, ffi.NULL, out) == Status.NOT_FOUND
    assert lib.wmmf_last_os_error() != 0
    function(*nothing)
    assert lib.wmmf_last_os_error() == 0


def test_a_channels_participants_and_audit(name: str) -> None:
    with FrameChannel.create(name, capacity=10) as channel, FrameChannel.open(name) as reader:
        assert [one.pid for one in channel.participants()] == [os.getpid()] * 2
        for number in range(1, 4):
            channel.publish(b"x")
            assert channel.audit().sequence == number
        with reader.latest():
            assert any(one.pins for one in channel.participants())


WITHOUT_DESCRIPTORS = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
try:
    while True:
        os.open(os.devnull, os.O_RDONLY)
except OSError:
    pass
calls = [
    lambda: MemoryMappedFile.create(sys.argv[1], 10),
    lambda: MemoryMappedFile.open(sys.argv[2]),
    lambda: MemoryMappedFile.open_file(os.devnull),
    lambda: FrameChannel.create(sys.argv[1], capacity=10),
]
for call in calls:
    try:
        call()
    except Exception as error:
        print(error, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_lack_of_file_descriptors_is_named(name: str, section: MemoryMappedFile, child: Child) -> None:
    limited = child(WITHOUT_DESCRIPTORS, name, section.name)
    for _ in range(4):
        assert "this process has no file descriptor left (ulimit -n)" in limited.line()


COLLECTION = """
import gc, sys
from pywinmmf import MemoryMappedFile
from pywinmmf._core.binding import hold

class Circle:
    pass

gc.disable()
for number in range(100):
    circle = Circle()
    circle.itself, circle.section = circle, MemoryMappedFile.create(f"{sys.argv[1]}-{number}", 1)
del circle
kept = [tuple([number, number]) for number in range(5000)]  # then Python has a list to use again, and no tuple
gc.set_threshold(1)
gc.enable()
found = hold.all_open()
gc.disable()
print(all(name.startswith(sys.argv[1]) for (_, name), _ in found))
"""


def test_garbage_is_collected_while_it_looks_for_the_holders(name: str) -> None:
    """The garbage has sections, among which it looks. Memory that was freed is overwritten."""
    environment = {**os.environ, "PYTHONMALLOC": "debug"}
    command = [sys.executable, "-c", COLLECTION, name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
