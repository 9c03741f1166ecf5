"""The same as on_table.c, in Python."""

from __future__ import annotations

import contextlib

from stress.work import MOMENT, TIMEOUT, Work

from pywinmmf import LockTimeoutError, MemoryMappedFile, OwnerDiedError

ROWS = 5
LOCK = 64
VERSION = 24 * 8
ROW = LOCK + VERSION
SIZE = ROWS * ROW
LOCKS = 3


class OnTable(Work):
    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name, seed)
        self.table = MemoryMappedFile.open(name)
        self.often = [
            lambda: self.write_row(self.any_row()),
            self.read_row,
            self.read_one_and_write_another,
            self.write_two,
        ]
        self.seldom = [self.come_and_go, self.read_as_many_as_possible, self.wait_for_row]

    def any_row(self) -> int:
        return self.random.randrange(ROWS)

    def two_rows(self) -> list[int]:
        return sorted(self.random.sample(range(ROWS), 2))

    def version(self, row: int) -> memoryview:
        return self.table.view(row * ROW + LOCK, VERSION)

    def write_row(self, row: int) -> None:
        lock = self.table.lock_at(row * ROW)
        with lock.write_lock(TIMEOUT, repair=True) as guard:
            self.change(row, repairing=guard.owner_died)

    def change(self, row: int, *, repairing: bool) -> None:
        version = self.version(row)
        if not repairing:
            self.look(bytes(version))
        value = self.value(VERSION // 8)
        version[: VERSION // 2] = value[: VERSION // 2]
        version[VERSION // 2 :] = value[VERSION // 2 :]
        if repairing:
            self.table.lock_at(row * ROW).mark_consistent()
            self.repairs += 1

    def read(self, rows: list[int], *, stack: contextlib.ExitStack) -> bool:
        """Lock rows, from the lowest on, and look at them; False: one was left by a dead writer, and is repaired."""
        for row in rows:
            try:
                stack.enter_context(self.table.lock_at(row * ROW).read_lock(TIMEOUT))
            except OwnerDiedError:
                self.write_row(row)
                return False
            self.look(bytes(self.version(row)))
        return True

    def read_row(self) -> None:
        with contextlib.ExitStack() as stack:
            self.read([self.any_row()], stack=stack)

    def read_one_and_write_another(self) -> None:
        low, high = self.two_rows()
        with contextlib.ExitStack() as stack:
            if self.read([low], stack=stack):
                self.write_row(high)

    def write_two(self) -> None:
        low, high = self.two_rows()
        with self.table.lock_at(low * ROW).write_lock(TIMEOUT, repair=True) as guard:
            self.write_row(high)
            self.change(low, repairing=guard.owner_died)

    def read_as_many_as_possible(self) -> None:
        with contextlib.ExitStack() as stack:
            self.read(list(range(LOCKS)), stack=stack)

    def wait_for_row(self) -> None:
        lock = self.table.lock_at(self.any_row() * ROW)
        with contextlib.suppress(LockTimeoutError, OwnerDiedError):
            lock.wait(lock.sequence, MOMENT)

    def come_and_go(self) -> None:
        self.table.close()
        self.table = MemoryMappedFile.create(self.name, SIZE, locks=LOCKS, exist_ok=True)
