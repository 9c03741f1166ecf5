"""The newest picture of a channel as JPEG, for any number of viewers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

from pywinmmf import FormatError, Namespace, NotSupportedError
from pywinmmf.opencv import cv2
from pywinmmf.video_capture import bgr

from .follower import Follower
from .pictures import encoded
from .state import problem_of

SHORTEST_SECONDS = 1 / 30  # between two pictures
RETRY_SECONDS = 0.5
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 85]


class LivePicture:
    """Follows the channel and encodes each picture once, in its own thread, while there are viewers.

    It is made, used and closed in one event loop. A slow viewer gets fewer pictures.
    """

    def __init__(self, name: str, namespace: Namespace) -> None:
        self.problem = ""
        """The reason why there is no picture although frames come; else empty."""
        self._name = name
        self._namespace = namespace
        self._loop = asyncio.get_running_loop()
        self._newest: bytes | None = None
        self._news = asyncio.Event()
        self._viewers = 0
        self._watched = threading.Event()  # also set to end the thread
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="live picture", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._watched.set()
        self._thread.join()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Counts a viewer while this context manager is active."""
        self._viewers += 1
        self._watched.set()
        try:
            yield
        finally:
            self._viewers -= 1
            if self._viewers == 0:
                self._watched.clear()

    async def other_than(self, had: bytes) -> bytes:
        """Wait for a newer picture than the viewer's last one, and return the newest."""
        while self._newest is None or self._newest is had:
            await self._news.wait()
        return self._newest

    def _publish(self, picture: bytes | None, problem: str = "") -> None:
        self.problem = problem
        if picture is not None:
            self._newest = picture
            news, self._news = self._news, asyncio.Event()
            news.set()

    def _tell(self, picture: bytes | None, problem: str = "") -> None:
        self._loop.call_soon_threadsafe(self._publish, picture, problem)

    def _run(self) -> None:
        while self._watched.wait() and not self._closed:
            try:
                self._follow()
            except Exception as error:  # the page shows any error instead of a frozen picture
                self._tell(None, problem_of(error))
                time.sleep(RETRY_SECONDS)

    def _follow(self) -> None:
        for _, frame in Follower(self._name, self._namespace):
            if frame is not None:
                try:
                    self._tell(encoded(bgr(frame), ".jpg", QUALITY))
                except (FormatError, NotSupportedError) as error:  # the next frame may be a picture again
                    self._tell(None, f"frame {frame.sequence}: {error}")
                time.sleep(SHORTEST_SECONDS)
            if self._closed or not self._watched.is_set():
                return
