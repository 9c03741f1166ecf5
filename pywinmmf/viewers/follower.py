"""The frames of a channel as they come, whatever becomes of its writer."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator

from pywinmmf import Frame, FrameChannel, LockTimeoutError, Namespace, NotFoundError, PoisonedError

from .state import State, is_stalled

TICK = 0.25  # seconds without news after which a follower says so


News = tuple[State, Frame | None]


class Follower:
    """Iterates for ever over the state of a channel, with each new frame, or with none every quarter of a second.

    A frame that comes during a wait belongs to a live channel; a frame that was there before belongs to a stalled one.
    A frame is valid until the next step. A stalled or poisoned channel is not kept open, but opened now and then:
    keeping it open would keep its writer from creating another one of the same name.
    """

    def __init__(self, name: str, namespace: Namespace) -> None:
        self.name = name
        self._namespace = namespace
        self._newest = (0, 0)  # sequence and time of the last frame

    def __iter__(self) -> Iterator[News]:
        while True:
            try:
                channel = FrameChannel.open(self.name, namespace=self._namespace, readonly=True)
            except NotFoundError:
                yield State.ABSENT, None
            else:
                with channel:
                    ended = yield from self._frames(channel)
                yield ended, None
            time.sleep(TICK)

    def _frames(self, channel: FrameChannel) -> Generator[News, None, State]:
        """Until there are none any more; why."""
        state, wait, came = State.STALLED, 0.0, -math.inf
        while True:
            try:
                frame = self._news(channel, wait)
            except PoisonedError:
                return State.POISONED
            if frame is not None:
                state = State.LIVE if wait else State.STALLED
                came = time.perf_counter()
            elif is_stalled(self.name, self._namespace, time.perf_counter() - came):
                return State.STALLED
            yield state, frame
            if frame is not None:
                frame.release()
            wait = TICK

    def _news(self, channel: FrameChannel, wait: float) -> Frame | None:
        try:
            frame = channel.next(wait)
        except LockTimeoutError:
            return None
        before, self._newest = self._newest, (frame.sequence, frame.timestamp_ns)
        return frame if self._newest != before else None
