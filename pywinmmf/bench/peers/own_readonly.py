"""pywinmmf's frame channel with readers that may only read it, as other users may. They read in place as well."""

from __future__ import annotations

from pywinmmf import Access, FrameChannel

from . import own


class Adapter(own.Adapter):
    """As a service shares pictures with ordinary users."""

    @classmethod
    def create(cls, name: str, size: int, slots: int) -> Adapter:
        """A new channel that all users may read."""
        return cls(FrameChannel.create(name, capacity=size, slots=slots, access=Access.USERS_READ), False)

    @classmethod
    def open(cls, name: str, size: int, slots: int, spin: bool) -> Adapter:
        """The same channel, read-only."""
        return cls(FrameChannel.open(name, readonly=True), spin)
