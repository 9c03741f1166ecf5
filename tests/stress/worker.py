"""The same as worker.c, in Python."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import threading

from pywinmmf import AlreadyExistsError, LockTimeoutError, MemoryMappedFile, NotFoundError, OwnerDiedError

WORDS = 32
SIZE = WORDS * 8
TIMEOUT = 10.0


class Worker:
    """Random operations on one section, and what came of them."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.random = random.Random(seed)
        self.section = MemoryMappedFile.open(name)
        self.window = MemoryMappedFile.open(name, readonly=True)
        self.torn = self.repairs = 0

    def look(self, payload: bytes) -> None:
        self.torn += payload[8:] != payload[:-8]

    def value(self) -> bytes:
        return self.random.getrandbits(64).to_bytes(8, "little") * WORDS

    def write_in_place(self, section: MemoryMappedFile) -> None:
        with section.write_lock(TIMEOUT) as guard:
            if not guard.owner_died:
                self.look(bytes(section.view()))
            value = self.value()
            section.view()[: SIZE // 2] = value[: SIZE // 2]
            section.view()[SIZE // 2 :] = value[SIZE // 2 :]
            if guard.owner_died:
                section.mark_consistent()
                self.repairs += 1

    def read_in_place(self) -> None:
        with self.section.read_lock(TIMEOUT):
            self.look(bytes(self.section.view()))

    def write_copy(self) -> None:
        self.section.write(self.value(), timeout=TIMEOUT)

    def read_copy(self) -> None:
        self.look(self.section.read(timeout=TIMEOUT))

    def read_only_copy(self) -> None:
        self.look(self.window.read(timeout=TIMEOUT))

    def wait(self) -> None:
        with contextlib.suppress(LockTimeoutError):
            self.section.wait(self.section.sequence, 0.001)

    def come_and_go(self) -> None:
        self.section.close()
        self.window.close()
        self.section = MemoryMappedFile.create(self.name, SIZE, exist_ok=True)
        self.window = MemoryMappedFile.open(self.name, readonly=True)

    def enter_short_lived(self) -> MemoryMappedFile:
        name = self.name + "-short-lived"
        try:
            return MemoryMappedFile.create(name, SIZE, exist_ok=self.random.random() < 0.5)
        except AlreadyExistsError:
            return MemoryMappedFile.open(name)

    def visit_short_lived(self) -> None:
        with contextlib.suppress(NotFoundError), self.enter_short_lived() as section:
            self.write_in_place(section)
            with contextlib.suppress(OwnerDiedError):
                self.look(section.read(timeout=TIMEOUT))

    def operate(self) -> None:
        often = [
            lambda: self.write_in_place(self.section),
            self.read_in_place,
            self.write_copy,
            self.read_copy,
            self.read_only_copy,
        ]
        seldom = [self.come_and_go, self.visit_short_lived, self.wait]
        try:
            self.random.choice(often * 30 + seldom)()
        except OwnerDiedError:
            self.write_in_place(self.section)


def handles_in_use() -> int:
    """How many descriptors this process has; on Windows, how far its table of handles is filled."""
    if sys.platform != "win32":
        return len(os.listdir("/proc/self/fd"))
    import ctypes

    handle: int = ctypes.windll.kernel32.CreateEventW(None, False, False, None)
    ctypes.windll.kernel32.CloseHandle(handle)
    return handle // 4


def main() -> None:
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    least = int(sys.argv[3])
    stop = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    print("ready", flush=True)
    before = handles_in_use()
    operations = 0
    while operations < least or not stop.is_set():
        worker.operate()
        operations += 1
    print(operations, worker.torn, 0, worker.repairs, handles_in_use() - before)


main()
