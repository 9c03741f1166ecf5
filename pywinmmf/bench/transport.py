"""A way to pass frames from one process to others, which is measured. All roles work with any of them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

WAIT_SECONDS = 10.0
"""Seconds to wait for a frame, on a machine that is busy with something else; then `TimeoutError`."""

ATTEMPTS = 100
"""Attempts to get a frame between two looks at the clock."""


class Transport(ABC):
    """One end. Release everything from `begin` or `acquire` before the call that ends it."""

    def __init__(self, name: str, spin: bool) -> None:
        self.name = name
        self.spin = spin
        """Never sleep while waiting."""

    @classmethod
    @abstractmethod
    def create(cls, name: str, size: int, slots: int) -> Transport:
        """Create the writer's end; from now on readers can open theirs."""

    @classmethod
    @abstractmethod
    def open(cls, name: str, size: int, slots: int, spin: bool) -> Transport:
        """A reader's end."""

    @abstractmethod
    def begin(self) -> memoryview:
        """The bytes of a frame to fill in place."""

    @abstractmethod
    def publish(self) -> None:
        """Pass on the frame of `begin`."""

    @abstractmethod
    def acquire(self) -> memoryview:
        """Wait for a frame that this end has not returned yet; in place."""

    @abstractmethod
    def release(self) -> None:
        """Release the frame of `acquire`."""

    def write(self, picture: memoryview) -> None:
        """Copy a frame in and pass it on."""
        self.begin()[:] = picture
        self.publish()

    def read_into(self, buffer: memoryview) -> None:
        """Copy a frame out; waits for one."""
        buffer[:] = self.acquire()
        self.release()

    def poll(self, attempt: Callable[[], Any]) -> Any:
        """Spin until the attempt returns something."""
        deadline = time.perf_counter() + WAIT_SECONDS
        while time.perf_counter() < deadline:
            for _ in range(ATTEMPTS):
                found = attempt()
                if found is not None:
                    return found
        raise TimeoutError

    @abstractmethod
    def close(self) -> None:
        """Leave nothing behind."""
