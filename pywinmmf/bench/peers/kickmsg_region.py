"""kickmsg: a pool of slots, and a ring of references for each subscriber."""

from __future__ import annotations

from typing import Any

import kickmsg

from ..transport import WAIT_SECONDS, Transport

RING = 4


class Adapter(Transport):
    """A publisher, and a subscriber when it is first needed."""

    _slot: Any
    _sample: Any

    def __init__(self, name: str, region: Any, spin: bool, owner: bool) -> None:
        super().__init__(name, spin)
        self._region = region
        self._owner = owner
        self._publisher: Any = kickmsg.Publisher(region) if owner else None
        self._subscriber: Any = None if owner else kickmsg.Subscriber(region)

    @classmethod
    def create(cls, name: str, size: int, slots: int) -> Adapter:
        """A region with a ring for each reader; the slots that rings refer to are not free, so there must be more."""
        config = kickmsg.Config()
        config.max_subscribers = slots
        config.sub_ring_capacity = RING
        config.pool_size = RING * slots
        config.max_payload_size = size
        return cls(name, kickmsg.SharedRegion.create(f"/{name}", kickmsg.ChannelType.PubSub, config), False, True)

    @classmethod
    def open(cls, name: str, size: int, slots: int, spin: bool) -> Adapter:
        """The same region."""
        return cls(name, kickmsg.SharedRegion.open(f"/{name}"), spin, False)

    def begin(self) -> memoryview:
        """A slot of the pool."""
        self._slot = self._publisher.allocate()
        if self._slot is None:
            raise BlockingIOError("no slot is free")
        return memoryview(self._slot)

    def publish(self) -> None:
        """Into all rings."""
        self._slot.publish(len(self._slot))

    def acquire(self) -> memoryview:
        """The next in the ring."""
        subscriber = self._subscriber
        sample = self.poll(subscriber.try_receive_view) if self.spin else subscriber.receive_view(WAIT_SECONDS)
        if sample is None:
            raise TimeoutError
        self._sample = sample
        return memoryview(sample)

    def release(self) -> None:
        """Drop the reference."""
        self._sample.release()

    def close(self) -> None:
        """The owner removes the name."""
        self._publisher = self._subscriber = None
        if self._owner:
            self._region.unlink()
        self._region = None
