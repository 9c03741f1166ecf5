"""The same as worker.c, in Python."""

import contextlib
import random
import sys
import threading

from pywinmmf import LockTimeoutError, MemoryMappedFile, OwnerDiedError

SIZE = 256
TIMEOUT = 10.0


class Worker:
    """Random operations on one section, and what came of them."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.random = random.Random(seed)
        self.section = MemoryMappedFile.open(name)
        self.torn = self.repairs = 0

    def look(self, payload: bytes) -> None:
        self.torn += len(set(payload)) != 1

    def value(self) -> bytes:
        return bytes([self.random.randrange(256)]) * SIZE

    def write_in_place(self) -> None:
        with self.section.write_lock(TIMEOUT) as guard:
            if not guard.owner_died:
                self.look(bytes(self.section.view()))
            self.section.view()[:] = self.value()
            if guard.owner_died:
                self.section.mark_consistent()
                self.repairs += 1

    def read_in_place(self) -> None:
        with self.section.read_lock(TIMEOUT):
            self.look(bytes(self.section.view()))

    def write_copy(self) -> None:
        self.section.write(self.value(), timeout=TIMEOUT)

    def read_copy(self) -> None:
        self.look(self.section.read(timeout=TIMEOUT))

    def come_and_go(self) -> None:
        self.section.close()
        self.section = MemoryMappedFile.create(self.name, SIZE, exist_ok=True)

    def wait(self) -> None:
        with contextlib.suppress(LockTimeoutError):
            self.section.wait(self.section.sequence, 0.001)

    def operate(self) -> None:
        operations = [self.write_in_place, self.read_in_place, self.write_copy, self.read_copy] * 16
        try:
            self.random.choice([*operations, self.come_and_go, self.wait])()
        except OwnerDiedError:
            self.write_in_place()


def main() -> None:
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    stop = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    print("ready", flush=True)
    operations = 0
    while not stop.is_set():
        worker.operate()
        operations += 1
    print(operations, worker.torn, 0, worker.repairs, 0)


main()
