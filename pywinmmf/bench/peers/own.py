"""pywinmmf's frame channel."""

from __future__ import annotations

from pywinmmf import FrameChannel, NewFrame
from pywinmmf.frames import Frame

from ..transport import WAIT_SECONDS, Transport


class Adapter(Transport):
    """A channel object. It always spins before it sleeps."""

    _new: NewFrame
    _frame: Frame

    def __init__(self, channel: FrameChannel, spin: bool) -> None:
        super().__init__(channel.name, spin)
        self._channel = channel

    @classmethod
    def create(cls, name: str, size: int, slots: int) -> Adapter:
        """A new channel."""
        return cls(FrameChannel.create(name, capacity=size, slots=slots), False)

    @classmethod
    def open(cls, name: str, size: int, slots: int, spin: bool) -> Adapter:
        """The same channel."""
        return cls(FrameChannel.open(name), spin)

    def begin(self) -> memoryview:
        """The slot."""
        self._new = self._channel.begin()
        return self._new.data

    def publish(self) -> None:
        """Make it the newest."""
        self._new.publish()

    def acquire(self) -> memoryview:
        """Pin the newest."""
        self._frame = self._channel.next(WAIT_SECONDS)
        return self._frame.data

    def release(self) -> None:
        """Unpin it."""
        self._frame.release()

    def write(self, picture: memoryview) -> None:
        """One call."""
        if not self._channel.publish(picture):
            raise BlockingIOError("no slot is free")

    def read_into(self, buffer: memoryview) -> None:
        """One call."""
        self._channel.read_into(buffer, timeout=WAIT_SECONDS)

    def close(self) -> None:
        """Close the channel object."""
        self._channel.close()
