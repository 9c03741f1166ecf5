"""When a recording with earlier seconds can begin: as far back as the channel's history reaches."""

from __future__ import annotations

from typing import NamedTuple

from pywinmmf import FrameChannel, FrameLostError, InvalidArgumentError, Namespace, NotSupportedError

ATTEMPTS = 100
SHOWN_NS = 1_000_000_000  # a frame that was the newest for this long is shown from the requested time on


class Beginning(NamedTuple):
    """The beginning of a recording, as ``time.perf_counter_ns()``."""

    at_ns: int
    first_ns: int
    """The time of the newest frame at that moment, or of the first frame after it."""


def beginning(name: str, namespace: Namespace, before: float, now_ns: int, *, partly: bool = False) -> Beginning:
    """``before`` seconds before ``now_ns``, or the oldest frame if the channel has not run for that long.

    `NotSupportedError` if the channel has no history, `InvalidArgumentError` if its history is too short; with
    ``partly`` it then begins with the oldest frame.
    """
    with FrameChannel.open(name, namespace=namespace, readonly=True) as channel:
        if not channel.history:
            raise NotSupportedError(
                f"channel {name!r} has no history, so its frames of {before:g} s ago are gone: expected a channel "
                f"with a history, such as from: pywinmmf camera share --history {before:g}s"
            )
        oldest, oldest_ns = _oldest(channel)
        at_ns = now_ns - round(before * 1e9)
        if not oldest:
            return Beginning(now_ns, now_ns)
        if oldest_ns <= at_ns:
            first_ns = _newest_at(channel, at_ns)
            return Beginning(first_ns if at_ns - first_ns < SHOWN_NS else at_ns, first_ns)
        if not partly and channel.sequence - oldest + 1 >= channel.history:
            seconds = (now_ns - oldest_ns) / 1e9
            raise InvalidArgumentError(
                f"the history of channel {name!r}, {channel.history} frames, reaches back {seconds:.1f} s: expected "
                f"{before:g} s; use a longer history or a shorter time"
            )
        return Beginning(min(oldest_ns, now_ns), oldest_ns)


def _newest_at(channel: FrameChannel, at_ns: int) -> int:
    """The time of the newest frame at that moment. If it has just left the history, the next one is good enough."""
    try:
        with channel.at(timestamp_ns=at_ns) as frame:
            return frame.timestamp_ns
    except FrameLostError:
        return at_ns


def _oldest(channel: FrameChannel) -> tuple[int, int]:
    """Sequence and time of the oldest frame; 0: none yet. `FrameLostError` if frames come faster than we can look at
    them."""
    for attempts in reversed(range(ATTEMPTS)):
        oldest = channel.oldest
        if not oldest:
            break
        try:
            with channel.at(oldest) as frame:
                return oldest, frame.timestamp_ns
        except FrameLostError:  # another frame has become the oldest
            if not attempts:
                raise
    return 0, 0
