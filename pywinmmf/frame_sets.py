"""Frames of several cameras that were taken at the same time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import chain
from numbers import Real
from typing import Any, NoReturn

from ._core.binding import ffi, lib
from ._core.callbacks import fail
from ._core.timeouts import seconds, slices
from .errors import ArgumentTypeError, InvalidArgumentError, LockTimeoutError, native_error
from .frame_channel import FrameChannel
from .frames import Frame, native_frame


def next_set(channels: Sequence[FrameChannel], tolerance: float, timeout: float | None = None) -> list[Frame]:
    """One frame of each channel, in their order, taken within ``tolerance`` seconds of each other: the newest such set
    of frames that these objects have not returned yet. Waits for one; `LockTimeoutError` if there is none in time.

    Release each frame, like those of `FrameChannel.next`; they are in place in the same cases. A set can contain only
    frames that the channels still have. Without a ``history`` that is the newest one of each, so give the channels a
    history if their frames do not come at the same time. Later sets contain only newer frames.
    """
    search = _Search(channels, tolerance)
    for slice_ns in chain([0], slices(seconds(timeout))):
        if frames := search.take(slice_ns):
            return frames
    search.fail()


async def next_set_async(
    channels: Sequence[FrameChannel], tolerance: float, timeout: float | None = None
) -> list[Frame]:
    """`next_set` for asyncio: it waits like `FrameChannel.wait_async`."""
    search, deadline = _Search(channels, tolerance), time.perf_counter() + seconds(timeout)
    while True:
        newest = [channel.sequence for channel in channels]
        if frames := search.take(0):
            return frames
        left = deadline - time.perf_counter()
        if left <= 0:
            search.fail()
        await _until_newer(channels, newest, left)


async def _until_newer(channels: Sequence[FrameChannel], sequences: list[int], timeout: float) -> None:
    """Wait until the newest sequence of a channel differs from the given one, or until the timeout."""
    import asyncio

    waits = [asyncio.ensure_future(channel.wait_async(sequence)) for channel, sequence in zip(channels, sequences)]
    try:
        limit = None if timeout == float("inf") else timeout
        done, _ = await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for wait in done:
            wait.result()
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


class _Search:
    """One call. The channels then count the frames that it finds as returned."""

    def __init__(self, channels: Sequence[FrameChannel], tolerance: float) -> None:
        if not 1 <= len(channels) <= lib.WMMF_WAIT_MANY_MAX:
            raise InvalidArgumentError(f"{len(channels)} channels: expected 1 to {lib.WMMF_WAIT_MANY_MAX}")
        for channel in channels:
            if not isinstance(channel, FrameChannel):
                raise ArgumentTypeError(f"channel {channel!r}: expected a FrameChannel, not {type(channel).__name__}")
        if not isinstance(tolerance, (float, Real)) or not tolerance >= 0:
            raise InvalidArgumentError(f"tolerance {tolerance!r}: expected at least 0 seconds")
        self._channels = channels
        self._tolerance = float(tolerance)
        self._items = ffi.new("wmmf_set_item[]", len(channels))
        self._status = lib.WMMF_OK

    def take(self, timeout_ns: int) -> list[Frame] | None:
        """A set; None: there is none in time, or a channel has larger frames now."""
        frames = [_frame_for(item, channel) for item, channel in zip(self._items, self._channels)]
        tolerance_ns = int(min(self._tolerance * 1e9, 2**63))
        self._status = lib.wmmf_channel_acquire_set(self._items, len(frames), tolerance_ns, timeout_ns)
        if self._status in (lib.WMMF_E_TIMEOUT, lib.WMMF_E_RANGE):
            return None
        if self._status:
            self.fail()
        for item, channel, frame in zip(self._items, self._channels, frames):
            channel._native.note_returned(frame.sequence, item.after)
        return frames

    def fail(self) -> NoReturn:
        """Raise the last error of `take`."""
        for item, channel in zip(self._items, self._channels):
            if item.status:
                fail(channel._native, item.status, "get a frame of")
        if self._status == lib.WMMF_E_TIMEOUT:
            raise LockTimeoutError(
                f"no set of frames within {self._tolerance} seconds of each other came in time", self._status
            )
        raise native_error(self._status, "get a set of frames")


def _frame_for(item: Any, channel: FrameChannel) -> Frame:
    """The frame that the item fills: in place, or a copy if the channel gives copies."""
    channel._follow()
    buffer = None if channel._in_place else channel._buffer_for_copy()
    frame: Frame = channel._native.new_frame(buffer)
    item.channel = channel._native.pointer
    item.frame = native_frame(frame)
    item.after = channel._native.last_returned
    if buffer is not None:
        item.buffer, item.length = ffi.from_buffer(buffer), len(buffer)
        channel._copy = buffer
    return frame
