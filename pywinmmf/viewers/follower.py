"""The frames of a channel as they come, whatever happens to its writer."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator

from pywinmmf import Frame, FrameChannel, LockTimeoutError, Namespace, NotFoundError, PoisonedError

from .state import State, most_seconds_between, state_of

TICK = 0.25  # seconds without news after which a follower yields its state


News = tuple[State, Frame | None]


class Follower:
    """Iterates for ever over the state of a channel, with each new frame, or with none every quarter of a second.

    A frame that comes during a wait belongs to a live channel; an earlier frame belongs to a stalled one. A frame is
    valid until the next step. A stalled or poisoned channel is opened only from time to time: if it stayed open, its
    writer could not create another one with the same name.

    ``every``: each frame in order, as far as the channel's history reaches, instead of the newest one. The first is the
    newest frame, or the first that is not older than ``since_ns``.

    ``channel``: a handle that is already open. The follower begins with it, and closes it.
    """

    def __init__(
        self,
        name: str,
        namespace: Namespace,
        *,
        every: bool = False,
        since_ns: int | None = None,
        channel: FrameChannel | None = None,
    ) -> None:
        self.name = name
        self._namespace = namespace
        self._every = every
        self._since_ns = since_ns
        self._channel = channel
        self._newest = (0, 0)  # sequence and time of the last frame

    def __iter__(self) -> Iterator[News]:
        while True:
            try:
                channel = self._channel or FrameChannel.open(self.name, namespace=self._namespace, readonly=True)
            except NotFoundError:
                yield State.ABSENT, None
            else:
                with channel:
                    ended = yield from self._frames(channel)
                self._channel = None
                yield ended, None
            time.sleep(TICK)

    def _frames(self, channel: FrameChannel) -> Generator[News, None, State]:
        """Yields frames until there are no more; returns why."""
        wait, came = 0.0, -math.inf
        while True:
            try:
                frame = self._news(channel, wait)
            except PoisonedError:
                return State.POISONED
            if frame is not None:
                state = State.LIVE if wait else State.STALLED
                came = time.perf_counter()
            else:
                state = state_of(channel, self.name, self._namespace)
                quiet = time.perf_counter() - came
                if state is not State.LIVE and quiet >= most_seconds_between(self.name, self._namespace):
                    return state
            yield state, frame
            if frame is not None:
                frame.release()
            wait = TICK

    def _news(self, channel: FrameChannel, wait: float) -> Frame | None:
        every = self._every and (self._since_ns is not None or self._newest != (0, 0))
        while True:
            try:
                frame = channel.next(wait, every=every)
            except LockTimeoutError:
                return None
            if self._is_new(frame):
                self._newest = (frame.sequence, frame.timestamp_ns)
                return frame
            frame.release()
            wait = 0.0

    def _is_new(self, frame: Frame) -> bool:
        """Whether it had not come yet when the channel was last open."""
        sequence, timestamp_ns = self._newest
        if not self._every:
            return (frame.sequence, frame.timestamp_ns) != (sequence, timestamp_ns)
        is_later = frame.sequence > sequence or frame.timestamp_ns > timestamp_ns
        return is_later and (self._since_ns is None or frame.timestamp_ns >= self._since_ns)
