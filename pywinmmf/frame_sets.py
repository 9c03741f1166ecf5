"""Frames of several cameras that were taken at the same time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from numbers import Real
from typing import TypeAlias

from ._core.binding import ffi, lib
from ._core.callbacks import fail
from ._core.timeouts import seconds, slices
from .errors import FrameLostError, InvalidArgumentError, LockTimeoutError, native_error
from .frame_channel import FrameChannel
from .frames import Frame

Moment: TypeAlias = tuple[int, int]
"""Timestamp in nanoseconds, and sequence."""


def newest_set(moments: Sequence[Sequence[Moment]], tolerance_ns: float) -> list[Moment] | None:
    """One of each, all within the tolerance of each other, and as new as can be; None: there is no such set.

    As long as the newest of each do not agree, the latest of them is later than every frame of the channel with the
    earliest one by more than the tolerance. Hence it is in no set, and is left out. What remains in the end is at
    least as new, in each channel, as in any other set.
    """
    left = [sorted(of_one) for of_one in moments]
    while all(left):
        latest = max(left, key=lambda of_one: of_one[-1][0])
        if latest[-1][0] - min(of_one[-1][0] for of_one in left) <= tolerance_ns:
            return [of_one[-1] for of_one in left]
        latest.pop()
    return None


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
    tolerance_ns = float(tolerance) * 1e9
    deadline = time.perf_counter() + seconds(timeout)
    while True:
        looked_at = [channel.sequence for channel in channels]
        found = newest_set([_moments(*one) for one in zip(channels, looked_at)], tolerance_ns)
        if found and (frames := _taken(channels, [sequence for _, sequence in found])):
            return frames
        left = max(0.0, deadline - time.perf_counter())
        if not _wait(channels, looked_at, left):
            raise LockTimeoutError(
                f"no set of frames within {tolerance} seconds of each other came in time", lib.WMMF_E_TIMEOUT
            )


def _moments(channel: FrameChannel, newest: int) -> list[Moment]:
    """Those of the frames that are still there and were not given yet."""
    found = []
    for sequence in range(max(channel.oldest, channel._native.had + 1), newest + 1):
        try:
            found.append((channel._native.read(lib.WMMF_PICK_AT, sequence, None, 0).timestamp_ns, sequence))
        except (FrameLostError, LockTimeoutError):  # its slot was taken for a newer one
            continue
    return found


def _taken(channels: Sequence[FrameChannel], sequences: Sequence[int]) -> list[Frame] | None:
    """These frames; None if one is no longer there."""
    with ExitStack() as stack:
        frames = []
        for channel, sequence in zip(channels, sequences):
            try:
                frames.append(channel.at(sequence))
            except (FrameLostError, LockTimeoutError):
                return None
            stack.callback(frames[-1].release)
        stack.pop_all()
    for channel, sequence in zip(channels, sequences):
        channel._native.had = sequence
    return frames


def _wait(channels: Sequence[FrameChannel], sequences: Sequence[int], timeout: float) -> bool:
    """Wait until a channel has a newer frame than that with its sequence; one wait for all. False after the timeout."""
    natives = [channel._native for channel in channels]  # kept open until the call returns
    items = ffi.new("wmmf_wait_item[]", [{"channel": native.pointer} for native in natives])
    for item, sequence in zip(items, sequences):
        item.sequence = sequence
    for slice_ns in slices(timeout):
        status = lib.wmmf_wait_many(items, len(natives), ffi.NULL, slice_ns)
        if status == lib.WMMF_E_TIMEOUT:
            continue
        if status:
            raise native_error(status, "wait for frames")
        for item, native in zip(items, natives):
            if item.status not in (lib.WMMF_OK, lib.WMMF_E_TIMEOUT):
                fail(native, item.status, "wait for a frame of")
        return True
    return False
