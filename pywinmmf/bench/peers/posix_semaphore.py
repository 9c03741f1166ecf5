"""posix_ipc: shared memory and a semaphore that counts frames; one buffer, which nothing protects."""

from __future__ import annotations

import mmap

import posix_ipc

from ..transport import WAIT_SECONDS, Transport


class Adapter(Transport):
    """One end of both."""

    def __init__(self, name: str, size: int, owner: bool) -> None:
        super().__init__(name, False)
        flags = posix_ipc.O_CREX if owner else 0
        self._owner = owner
        self._memory = posix_ipc.SharedMemory(f"/{name}", flags, size=size if owner else 0)
        self._published = posix_ipc.Semaphore(f"/{name}", flags)
        self._map = mmap.mmap(self._memory.fd, size)
        self._memory.close_fd()

    @classmethod
    def create(cls, name: str, size: int, slots: int) -> Adapter:
        """Both, new."""
        return cls(name, size, True)

    @classmethod
    def open(cls, name: str, size: int, slots: int, spin: bool) -> Adapter:
        """Both, once more."""
        return cls(name, size, False)

    def begin(self) -> memoryview:
        """The buffer."""
        return memoryview(self._map)

    def publish(self) -> None:
        """Count."""
        self._published.release()

    def acquire(self) -> memoryview:
        """Wait for the count."""
        try:
            self._published.acquire(WAIT_SECONDS)
        except posix_ipc.BusyError as error:
            raise TimeoutError from error
        return memoryview(self._map)

    def release(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """The owner removes the names."""
        self._map.close()
        if self._owner:
            self._memory.unlink()
            self._published.unlink()
        self._published.close()
