"""Memory that runs out: a shared-memory file system of a few megabytes, in a namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

OWN_MOUNTS = (
    ["unshare", "--mount"] if os.name == "posix" and os.geteuid() == 0 else ["unshare", "--map-root-user", "-m"]
)

SCRIPT = """
import os
from pywinmmf import Error, FrameChannel, MemoryMappedFile

MEGABYTE = 1 << 20

def refused(action):
    try:
        action()
    except Error as error:
        assert "reserve" in str(error), error
        return True
    return False

def leave_free(size):
    room = os.statvfs("/dev/shm")
    with open("/dev/shm/ballast", "wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, room.f_bavail * room.f_frsize - size)

picture = bytes(2 * MEGABYTE)
with FrameChannel.create("full", capacity=len(picture), slots=3) as channel:
    reader = FrameChannel.open("full")
    assert channel.publish(picture) == 1
    leave_free(3 * MEGABYTE)
    assert refused(lambda: MemoryMappedFile.create("one more", 4 * MEGABYTE))
    assert refused(lambda: FrameChannel.create("another", capacity=MEGABYTE, slots=3))
    assert channel.publish(picture) == 2
    for channel_of_its_own in (channel, FrameChannel.open("full")):
        assert channel_of_its_own.publish(picture) >= 3  # into memory that there is
    with reader.next(0) as one, reader.latest(0) as same:
        first = channel.publish(picture)
        with reader.next(0) as other:
            assert other.sequence == first
            assert refused(lambda: channel.publish(picture))  # the third slot has no memory
            assert refused(channel.begin)
            assert bytes(one.data) == bytes(other.data) == picture
            os.unlink("/dev/shm/ballast")
            assert channel.publish(picture) == first + 1
print("as it should be")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Windows reserves all memory when it creates")
def test_memory_that_runs_out_is_an_error_and_no_signal() -> None:
    if not shutil.which("unshare") or subprocess.run([*OWN_MOUNTS, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this system does not permit a new namespace of mounts")
    mount = 'mount -t tmpfs -o size=9m tmpfs /dev/shm && exec "$0" -c "$1"'
    done = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", mount, sys.executable, SCRIPT], cwd="/", capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "as it should be\n"), done.stderr
