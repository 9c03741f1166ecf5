"""Frames of several cameras that were taken at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from numbers import Real
from typing import Any

from ._core.binding import ffi, lib
from ._core.callbacks import fail
from ._core.timeouts import seconds, slices
from .errors import InvalidArgumentError, LockTimeoutError, native_error
from .frame_channel import FrameChannel
from .frames import Frame, native_frame


def next_set(channels: Sequence[FrameChannel], tolerance: float, timeout: float | None = None) -> list[Frame]:
    """One frame of each channel, in their order, taken within ``tolerance`` seconds of each other: the newest such set
    of frames that these objects have not given yet. Waits for one; `LockTimeoutError` if there is none in time.

    Release each frame, as those of `FrameChannel.next`. They lie in place where those would. What is looked at are the
    frames that the channels still have: without a ``history`` that is the newest one of each, so give channels whose
    frames do not come together a history. Frames before those of a set are not given any more.
    """
    if not 1 <= len(channels) <= lib.WMMF_WAIT_MANY_MAX:
        raise InvalidArgumentError(f"{len(channels)} channels: expected 1 to {lib.WMMF_WAIT_MANY_MAX}")
    if not isinstance(tolerance, Real) or not tolerance >= 0:
        raise InvalidArgumentError(f"tolerance {tolerance!r}: expected at least 0 seconds")
    tolerance_ns = int(min(float(tolerance) * 1e9, 2**63))
    items = ffi.new("wmmf_set_item[]", len(channels))
    for slice_ns in chain([0], slices(seconds(timeout))):
        frames = [_frame_for(item, channel) for item, channel in zip(items, channels)]
        status = lib.wmmf_channel_acquire_set(items, len(channels), tolerance_ns, slice_ns)
        if status == lib.WMMF_OK:
            for channel, frame in zip(channels, frames):
                channel._native.had = frame.sequence
            return frames
        if status not in (lib.WMMF_E_TIMEOUT, lib.WMMF_E_RANGE):  # RANGE: a channel has larger frames now
            break
    for item, channel in zip(items, channels):
        if item.status:
            fail(channel._native, item.status, "get a frame of")
    if status == lib.WMMF_E_TIMEOUT:
        raise LockTimeoutError(f"no set of frames within {tolerance} seconds of each other came in time", status)
    raise native_error(status, "get a set of frames")


def _frame_for(item: Any, channel: FrameChannel) -> Frame:
    """What the item is to fill: a frame in place, or a copy where the channel gives copies."""
    channel._follow()
    buffer = None if channel._in_place else channel._buffer_for_copy()
    frame: Frame = channel._native.blank(buffer)
    item.channel = channel._native.pointer
    item.frame = native_frame(frame)
    item.after = channel._native.had
    if buffer is not None:
        item.buffer, item.length = ffi.from_buffer(buffer), len(buffer)
        channel._copy = buffer
    return frame
