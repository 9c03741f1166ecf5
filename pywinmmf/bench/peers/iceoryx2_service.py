"""iceoryx2: a publish-subscribe service; its readers poll, so an event service beside it wakes sleepers."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import iceoryx2 as iox2

from ..transport import WAIT_SECONDS, Transport

iox2.set_log_level(iox2.LogLevel.Error)


class Adapter(Transport):
    """A node with a publisher and a notifier, or a subscriber and a listener."""

    _slot: Any
    _sample: Any

    def __init__(self, name: str, size: int, slots: int, spin: bool, writer: bool) -> None:
        super().__init__(name, spin)
        self._size = size
        self._node: Any = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
        service_name = iox2.ServiceName.new(name)
        self._service: Any = (
            self._node.service_builder(service_name)
            .publish_subscribe(iox2.Slice[ctypes.c_uint8])
            .enable_safe_overflow(True)
            .subscriber_max_buffer_size(1)
            .subscriber_max_borrowed_samples(2)
            .history_size(0)
            .max_publishers(1)
            .max_subscribers(slots)
            .open_or_create()
        )
        self._event: Any = self._node.service_builder(service_name).event().max_listeners(slots).open_or_create()
        if writer:
            self._publisher: Any = self._service.publisher_builder().initial_max_slice_len(size).create()
            self._notifier: Any = self._event.notifier_builder().create()
        else:
            self._subscriber: Any = self._service.subscriber_builder().create()
            self._listener: Any = self._event.listener_builder().create()

    @classmethod
    def create(cls, name: str, size: int, slots: int) -> Adapter:
        """The writer's node."""
        return cls(name, size, slots, False, True)

    @classmethod
    def open(cls, name: str, size: int, slots: int, spin: bool) -> Adapter:
        """A reader's node."""
        return cls(name, size, slots, spin, False)

    def begin(self) -> memoryview:
        """A loaned sample."""
        self._slot = self._publisher.loan_slice_uninit(self._size)
        return _bytes_at(self._slot.payload_ptr, self._size)

    def publish(self) -> None:
        """Send it, and wake sleepers."""
        self._slot.assume_init().send()
        self._notifier.notify()

    def acquire(self) -> memoryview:
        """The newest sample."""
        receive = self._subscriber.receive
        sample = self.poll(receive) if self.spin else receive()
        deadline = time.perf_counter() + WAIT_SECONDS
        while sample is None:
            self._listener.timed_wait(iox2.Duration.from_millis(100))
            sample = receive()
            if sample is None and time.perf_counter() > deadline:
                raise TimeoutError
        self._sample = sample
        return _bytes_at(sample.payload_ptr, self._size)

    def release(self) -> None:
        """Give the sample back."""
        self._sample.delete()

    def close(self) -> None:
        """In the order of dependence."""
        self.__dict__.clear()


def _bytes_at(address: int, size: int) -> memoryview:
    return memoryview((ctypes.c_uint8 * size).from_address(address)).cast("B")
