"""The frames of a channel as they come, whatever becomes of its writer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Optional

from pywinmmf import Frame, FrameChannel, LockTimeoutError, Namespace, NotFoundError

from .namespaces import first_found
from .state import PATIENCE, State

TICK = 0.25  # seconds without news after which a follower says so


News = tuple[State, Optional[Frame]]


class Follower:
    """Iterates for ever over the state of a channel, with each new frame, or with none every quarter of a second.

    The picture that is there at first comes as that of a stalled channel, those that come while we wait as those of
    a live one. A frame is valid until the next step. While no frames come the channel is opened again and
    again: whoever kept it open would keep its writer from making another one of the same name.
    """

    def __init__(self, name: str, namespaces: tuple[Namespace, ...]) -> None:
        self.name = name
        self._namespaces = namespaces
        self._newest: tuple[int, int] | None = None  # sequence and time of the last frame
        self._arrived = 0.0

    def __iter__(self) -> Iterator[News]:
        while True:
            try:
                channel = first_found(self._namespaces, self._open)
            except NotFoundError:
                self._newest = None
                yield State.ABSENT, None
                time.sleep(TICK)
                continue
            with channel:
                yield from self._frames_until_stalled(channel)

    def _open(self, namespace: Namespace) -> FrameChannel:
        return FrameChannel.open(self.name, namespace=namespace, readonly=True)

    def _frames_until_stalled(self, channel: FrameChannel) -> Iterator[News]:
        standing = channel.sequence
        while True:
            try:
                frame = channel.next(TICK)
            except LockTimeoutError:
                if time.perf_counter() - self._arrived > PATIENCE:
                    yield State.STALLED, None
                    return
                yield State.LIVE, None
                continue
            newest = (frame.sequence, frame.timestamp_ns)
            if newest == self._newest:
                continue
            self._newest = newest
            if frame.sequence <= standing:
                yield State.STALLED, frame
            else:
                self._arrived = time.perf_counter()
                yield State.LIVE, frame
            frame.release()
