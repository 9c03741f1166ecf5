"""The matrix's agent in Python: does with pywinmmf what its standard input asks for (README.md has the protocol)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

import pywinmmf
from pywinmmf import (
    Access,
    Frame,
    FrameChannel,
    Layout,
    MemoryMappedFile,
    Namespace,
    NewFrame,
    PayloadLock,
    ReadLock,
    WriteLock,
)
from pywinmmf._core.handing import close_handle
from pywinmmf._native import lib

ARGUMENT, TIMEOUT, OWNER_DIED, NOT_OWNER = -1, -20, -21, -25
LONG_TIMEOUT = 10.0


class RefusedError(Exception):
    """The agent itself says no, with this status."""


def seconds(timeout_ns: str) -> float | None:
    """Return a timeout as Python's API takes it."""
    return None if int(timeout_ns) < 0 else int(timeout_ns) / 1e9


def pattern(length: int, seed: int) -> bytes:
    return bytes((seed + i * 7 + (i >> 8)) & 0xFF for i in range(length))


def compare(found: bytes, expected: bytes) -> str:
    """Return an empty answer, or where they differ."""
    if found == expected:
        return ""
    shorter = min(len(found), len(expected))
    return f"mismatch {next((i for i in range(shorter) if found[i] != expected[i]), shorter)}"


class Agent:
    """Each method is a request; its parameters are the request's fields."""

    def __init__(self) -> None:
        self.section: MemoryMappedFile | None = None
        self.guards: dict[type[ReadLock | WriteLock], ReadLock | WriteLock] = {}
        self.channel: FrameChannel | None = None
        self.begun: NewFrame | None = None
        self.taken: Frame | None = None

    def current(self) -> MemoryMappedFile:
        if self.section is None:
            raise RefusedError(ARGUMENT)
        return self.section

    def current_channel(self) -> FrameChannel:
        if self.channel is None:
            raise RefusedError(ARGUMENT)
        return self.channel

    def none_open(self) -> None:
        if self.section is not None or self.channel is not None:
            raise RefusedError(ARGUMENT)

    def version(self) -> str:
        return f"{lib.wmmf_abi_version()} {pywinmmf.__version__}"

    def create(self, name: str, size: str, namespace: str, layout: str, access: str) -> None:
        self.none_open()
        self.section = MemoryMappedFile.create(
            bytes.fromhex(name).decode(),
            int(size),
            namespace=Namespace(int(namespace)),
            layout=Layout(int(layout)),
            access=Access(int(access)),
        )

    def create_growing(self, name: str, size: str, reserve: str) -> None:
        self.none_open()
        self.section = MemoryMappedFile.create(bytes.fromhex(name).decode(), int(size), reserve=int(reserve))

    def resize(self, size: str) -> None:
        self.current().resize(int(size))

    def size(self) -> str:
        return str(self.current().size)

    def open(self, name: str, size: str, namespace: str, layout: str, readonly: str) -> str:
        self.none_open()
        self.section = MemoryMappedFile.open(
            bytes.fromhex(name).decode(),
            namespace=Namespace(int(namespace)),
            layout=Layout(int(layout)),
            size=int(size) or None,
            readonly=readonly == "1",
        )
        return str(self.section.size)

    def process(self) -> str:
        return str(os.getpid())

    def create_unnamed(self, size: str) -> None:
        self.none_open()
        self.section = MemoryMappedFile.create_unnamed(int(size))

    def share(self, process: str) -> str:
        return str(self.current().share(int(process)))

    def open_handle(self, process: str, handle: str) -> str:
        self.none_open()
        windows = sys.platform == "win32"
        number = int(handle) if windows else os.open(f"/proc/{process}/fd/{handle}", os.O_RDWR)
        self.section = MemoryMappedFile.open_handle(number)
        close_handle(number)
        return str(self.section.size)

    def close(self) -> None:
        if self.section is not None:
            self.section.close()
        if self.begun is not None:
            self.begun.cancel()
        if self.channel is not None:
            self.channel.close()
        self.section = self.channel = self.begun = self.taken = None

    def lock_read(self, timeout: str) -> None:
        self.read_locked(self.current(), timeout)

    def read_locked(self, what: MemoryMappedFile | PayloadLock, timeout: str) -> None:
        self.guards[ReadLock] = what.read_lock(seconds(timeout)).__enter__()

    def lock_write(self, timeout: str) -> None:
        self.write_locked(self.current(), timeout)

    def write_locked(self, what: MemoryMappedFile | PayloadLock, timeout: str) -> None:
        guard = what.write_lock(seconds(timeout), repair=True).__enter__()
        self.guards[WriteLock] = guard
        if guard.owner_died:
            raise RefusedError(OWNER_DIED)

    def unlock(self, kind: type[ReadLock | WriteLock]) -> None:
        self.current()
        if kind not in self.guards:
            raise RefusedError(NOT_OWNER)
        self.guards.pop(kind).__exit__(None, None, None)

    def unlock_read(self) -> None:
        self.unlock(ReadLock)

    def unlock_write(self) -> None:
        self.unlock(WriteLock)

    def mark_consistent(self) -> None:
        self.current().mark_consistent()

    def fill(self, offset: str, length: str, seed: str) -> None:
        self.current().write(pattern(int(length), int(seed)), int(offset), timeout=LONG_TIMEOUT)

    def check(self, offset: str, length: str, seed: str) -> str:
        found = self.current().read(int(length), int(offset), timeout=LONG_TIMEOUT)
        return compare(found, pattern(int(length), int(seed)))

    def poke(self, offset: str, content: str) -> None:
        data = bytes.fromhex(content)
        self.current().view(int(offset), len(data))[:] = data

    def peek(self, offset: str, length: str) -> str:
        return self.current().view(int(offset), int(length)).hex()

    def sequence(self) -> str:
        return str(self.current().sequence)

    def wait(self, sequence: str, timeout: str) -> str:
        return str(self.current().wait(int(sequence), seconds(timeout)))

    def notify(self) -> None:
        self.current().notify()

    def create_with_locks(self, name: str, size: str, locks: str) -> None:
        self.none_open()
        self.section = MemoryMappedFile.create(bytes.fromhex(name).decode(), int(size), locks=int(locks))

    def lock_at(self, offset: str) -> PayloadLock:
        return self.current().lock_at(int(offset))

    def lock_read_at(self, offset: str, timeout: str) -> None:
        self.read_locked(self.lock_at(offset), timeout)

    def unlock_read_at(self, _offset: str) -> None:
        self.unlock(ReadLock)

    def lock_write_at(self, offset: str, timeout: str) -> None:
        self.write_locked(self.lock_at(offset), timeout)

    def unlock_write_at(self, _offset: str) -> None:
        self.unlock(WriteLock)

    def mark_consistent_at(self, offset: str) -> None:
        self.lock_at(offset).mark_consistent()

    def poison_at(self, offset: str) -> None:
        self.lock_at(offset).poison()

    def notify_at(self, offset: str) -> None:
        self.lock_at(offset).notify()

    def wait_at(self, offset: str, sequence: str, timeout: str) -> str:
        return str(self.lock_at(offset).wait(int(sequence), seconds(timeout)))

    def audit(self) -> str:
        report = self.current().audit()
        return f"{report.damaged:d} {report.poisoned:d}"

    def channel_create(self, name: str, capacity: str, slots: str, namespace: str, access: str) -> None:
        self.none_open()
        self.channel = FrameChannel.create(
            bytes.fromhex(name).decode(),
            capacity=int(capacity),
            slots=int(slots),
            namespace=Namespace(int(namespace)),
            access=Access(int(access)),
        )

    def channel_open(self, name: str, namespace: str, readonly: str) -> str:
        self.none_open()
        self.channel = FrameChannel.open(
            bytes.fromhex(name).decode(), namespace=Namespace(int(namespace)), readonly=readonly == "1"
        )
        return f"{self.channel.capacity} {self.channel.slots}"

    def channel_resize(self, capacity: str) -> None:
        self.current_channel().resize(int(capacity))

    def begin(self, timeout: str) -> None:
        self.begun = self.current_channel().begin(timeout=seconds(timeout))

    def publish(self, *fields: str) -> str:
        length, seed, width, height, stride, fourcc, timestamp, user = fields
        frame = self.begun
        if frame is None:
            raise RefusedError(NOT_OWNER)
        frame.data[: int(length)] = pattern(int(length), int(seed))
        frame.used = int(length)
        frame.width, frame.height, frame.stride = int(width), int(height), int(stride)
        frame.fourcc, frame.timestamp_ns, frame.user = fourcc, int(timestamp), bytes.fromhex(user)
        sequence = frame.publish()
        self.begun = None
        return str(sequence)

    def drop(self) -> None:
        frame, self.begun = self.begun, None
        if frame is None:
            raise RefusedError(NOT_OWNER)
        frame.cancel()

    def copy(self, *fields: str) -> str:
        length, seed, width, height, stride, fourcc, timestamp, user = fields
        picture = memoryview(pattern(int(length), int(seed))).cast(
            "B", (int(height), int(width), int(stride) // int(width))
        )
        sequence = self.current_channel().publish(
            picture, fourcc=fourcc, timestamp_ns=int(timestamp), user=bytes.fromhex(user)
        )
        if sequence == 0:
            raise RefusedError(TIMEOUT)
        return str(sequence)

    def next(self, timeout: str) -> str:
        if self.taken is not None:
            self.release()
        frame = self.taken = self.current_channel().next(seconds(timeout))
        numbers = (frame.sequence, frame.missed, frame.timestamp_ns, frame.width, frame.height, frame.stride)
        return f"{' '.join(map(str, numbers))} {frame.fourcc} {frame.user.hex()}"

    def picture(self, length: str, seed: str) -> str:
        if self.taken is None:
            raise RefusedError(NOT_OWNER)
        return compare(bytes(self.taken.data), pattern(int(length), int(seed)))

    def release(self) -> None:
        frame, self.taken = self.taken, None
        if frame is None:
            raise RefusedError(NOT_OWNER)
        frame.release()

    def quit(self) -> NoReturn:
        raise EOFError


HELPERS = ("__init__", "current", "current_channel", "none_open", "read_locked", "write_locked", "unlock", "lock_at")
REQUESTS = [name for name in vars(Agent) if name not in HELPERS]


def serve(agent: Agent, request: str) -> str:
    """Return the answer to one request."""
    name, *fields = request.split(" ")
    run: Callable[..., str | None] | None = getattr(agent, name) if name in REQUESTS else None
    try:
        if run is None:
            raise RefusedError(ARGUMENT)
        result = run(*fields) or ""
    except RefusedError as refused:
        return f"error {refused}"
    except pywinmmf.Error as error:
        return f"error {error.status}"
    except (TypeError, ValueError):
        return f"error {ARGUMENT}"
    if not result:
        return "ok"
    return result if result.startswith("mismatch") else f"ok {result}"


def main() -> None:
    agent = Agent()
    for line in sys.stdin:
        try:
            answer = serve(agent, line.rstrip("\n"))
        except EOFError:
            print("ok", flush=True)
            return
        print(answer, flush=True)


if __name__ == "__main__":
    main()
