"""The same as on_section.c, in Python."""

from __future__ import annotations

import contextlib

from stress.work import MOMENT, TIMEOUT, Work

from pywinmmf import AlreadyExistsError, LockTimeoutError, MemoryMappedFile, NotFoundError, OwnerDiedError

WORDS = 32
SIZE = WORDS * 8


class OnSection(Work):
    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name, seed)
        self.section = MemoryMappedFile.open(name)
        self.window = MemoryMappedFile.open(name, readonly=True)
        self.often = [
            lambda: self.write_in_place(self.section),
            self.read_in_place,
            self.write_copy,
            self.read_copy,
            self.read_only_copy,
        ]
        self.seldom = [self.come_and_go, self.visit_short_lived, self.wait]

    def operate(self) -> None:
        try:
            super().operate()
        except OwnerDiedError:
            self.write_in_place(self.section)

    def write_in_place(self, section: MemoryMappedFile) -> None:
        with section.write_lock(TIMEOUT, repair=True) as guard:
            if not guard.owner_died:
                self.look(bytes(section.view()))
            value = self.value(WORDS)
            section.view()[: SIZE // 2] = value[: SIZE // 2]
            section.view()[SIZE // 2 :] = value[SIZE // 2 :]
            if guard.owner_died:
                section.mark_consistent()
                self.repairs += 1

    def read_in_place(self) -> None:
        with self.section.read_lock(TIMEOUT):
            self.look(bytes(self.section.view()))

    def write_copy(self) -> None:
        self.section.write(self.value(WORDS), timeout=TIMEOUT)

    def read_copy(self) -> None:
        self.look(self.section.read(timeout=TIMEOUT))

    def read_only_copy(self) -> None:
        self.look(self.window.read(timeout=TIMEOUT))

    def wait(self) -> None:
        with contextlib.suppress(LockTimeoutError):
            self.section.wait(self.section.sequence, MOMENT)

    def come_and_go(self) -> None:
        self.section.close()
        self.window.close()
        self.section = MemoryMappedFile.create(self.name, SIZE, exist_ok=True)
        self.window = MemoryMappedFile.open(self.name, readonly=True)

    def enter_short_lived(self) -> MemoryMappedFile:
        try:
            return MemoryMappedFile.create(self.short_lived_name, SIZE, exist_ok=self.random.random() < 0.5)
        except AlreadyExistsError:
            return MemoryMappedFile.open(self.short_lived_name)

    def visit_short_lived(self) -> None:
        # It may have ended before it could be opened.
        with contextlib.suppress(NotFoundError), self.enter_short_lived() as section:
            self.write_in_place(section)
            with contextlib.suppress(OwnerDiedError):
                self.look(section.read(timeout=TIMEOUT))
