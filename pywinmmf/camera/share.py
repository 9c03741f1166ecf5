"""One source, published as a frame channel for as long as its thread runs, whatever becomes of the camera."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pywinmmf import Access, AccessDeniedError, FrameChannel, Namespace
from pywinmmf.demo.sources import pictures

logger = logging.getLogger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds between tries to get a camera
TEST_PICTURE = "test"

CONVERSIONS = {"BGR3": None, "RGB3": cv2.COLOR_BGR2RGB, "BGRA": cv2.COLOR_BGR2BGRA, "GREY": cv2.COLOR_BGR2GRAY}
CHANNELS = {"BGR3": 3, "RGB3": 3, "BGRA": 4, "GREY": 1}


@dataclass(frozen=True)
class Sharing:
    """What is shared, and how."""

    source: str
    """Camera number, video file, stream address, or ``test``."""
    name: str
    """Of the channel."""
    width: int = 640
    height: int = 480
    pixel_format: str = "BGR3"
    """One of CONVERSIONS."""
    most_fps: float = 30.0
    every: int = 1
    """Only each so many-th picture is published."""
    slots: int = 4
    namespace: Namespace | None = None
    """None: global where the rights allow, else local."""
    access: Access | str | int = Access.USERS_READ


class SharedCamera:
    """Publishes one source from a thread of its own. A camera that is missing, busy or unplugged is tried again, at
    longer and longer intervals; meanwhile readers see that the newest frame gets older."""

    def __init__(self, sharing: Sharing) -> None:
        self.sharing = sharing
        self.channel, self.namespace = _create(sharing)
        self.problem = ""
        """Why there are no pictures just now; empty if there are."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {sharing.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and the channel."""
        self._stop.set()
        self._thread.join()
        self.channel.close()

    def _run(self) -> None:
        pause = SHORTEST_PAUSE
        while not self._stop.is_set():
            try:
                for _ in self._publish_all():
                    pause = SHORTEST_PAUSE
                    if self._stop.is_set():
                        return
            except Exception as error:  # OpenCV raises its own; whatever it is, the service goes on
                if str(error) != self.problem:
                    logger.warning("%s: %s", self.sharing.name, error)
                self.problem = str(error)
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _publish_all(self) -> Iterator[int]:
        sharing = self.sharing
        source = None if sharing.source == TEST_PICTURE else sharing.source
        shortest = 1 / sharing.most_fps
        due = time.perf_counter()
        for number, picture in enumerate(pictures(source, sharing.width, sharing.height)):
            if self.problem:
                logger.info("%s: pictures again", sharing.name)
                self.problem = ""
            if number % sharing.every == 0:
                self._publish(picture)
            yield number
            due = max(due + shortest, time.perf_counter() - shortest)
            self._stop.wait(max(0.0, due - time.perf_counter()))

    def _publish(self, picture: npt.NDArray[np.uint8]) -> None:
        conversion = CONVERSIONS[self.sharing.pixel_format]
        if conversion is None:
            self.channel.publish(picture, fourcc=self.sharing.pixel_format)
            return
        shape = (self.sharing.height, self.sharing.width, CHANNELS[self.sharing.pixel_format])
        with self.channel.begin(shape, fourcc=self.sharing.pixel_format, timeout=1) as frame:
            target: Any = frame.array
            cv2.cvtColor(picture, conversion, dst=target)  # straight into the slot


def _create(sharing: Sharing) -> tuple[FrameChannel, Namespace]:
    capacity = (sharing.height, sharing.width, CHANNELS[sharing.pixel_format])
    choices = [sharing.namespace] if sharing.namespace is not None else [Namespace.GLOBAL, Namespace.LOCAL]
    for namespace in choices:
        try:
            channel = FrameChannel.create(
                sharing.name,
                capacity=capacity,
                slots=sharing.slots,
                namespace=namespace,
                access=sharing.access,
                exist_ok=True,
            )
        except AccessDeniedError:
            if namespace is choices[-1]:
                raise
        else:
            return channel, namespace
    raise AssertionError("one of the choices returns or raises")
