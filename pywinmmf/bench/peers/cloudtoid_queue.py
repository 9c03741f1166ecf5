"""cloudtoid-interprocess: a queue of messages, copied in and out."""

from __future__ import annotations

import tempfile
from typing import Any

import cloudtoid_interprocess

from ..transport import WAIT_SECONDS, Transport

CAPACITY = 1 << 16


class Adapter(Transport):
    """One end of a queue."""

    def __init__(self, name: str, end: Any, size: int, spin: bool) -> None:
        super().__init__(name, spin)
        self._end = end
        self._message = memoryview(bytearray(size))

    @classmethod
    def create(cls, name: str, size: int, slots: int) -> Adapter:
        """The sending end."""
        return cls(name, cloudtoid_interprocess.Publisher(name, CAPACITY, tempfile.gettempdir()), size, False)

    @classmethod
    def open(cls, name: str, size: int, slots: int, spin: bool) -> Adapter:
        """The receiving end."""
        return cls(name, cloudtoid_interprocess.Subscriber(name, CAPACITY, tempfile.gettempdir()), size, spin)

    def begin(self) -> memoryview:
        """A buffer of this end's own: the queue gives none."""
        return self._message

    def publish(self) -> None:
        """Send a copy."""
        self.write(self._message)

    def acquire(self) -> memoryview:
        """The next message, which is a copy."""
        message = self.poll(self._end.try_receive) if self.spin else self._end.receive(WAIT_SECONDS)
        if message is None:
            raise TimeoutError
        return memoryview(message)

    def release(self) -> None:
        """Nothing to do."""

    def write(self, picture: memoryview) -> None:
        """Send it."""
        if not self._end.try_send(picture):
            raise BlockingIOError("the queue is full")

    def close(self) -> None:
        """Close this end."""
        self._end.close()
