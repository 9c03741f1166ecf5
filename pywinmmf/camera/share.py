"""Publishes one source as a frame channel as long as its thread runs, whatever happens to the camera."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import numpy as np

from pywinmmf import (
    AccessDeniedError,
    AlreadyExistsError,
    FrameChannel,
    LockTimeoutError,
    MemoryMappedFile,
    Namespace,
)
from pywinmmf.cli.terminal import shown
from pywinmmf.opencv import cv2
from pywinmmf.registry import CLAIM_ACCESS, claim_name, is_claimed

from .mjpeg_stream import BadPicture
from .sharing import LARGEST_SIZE, PIXEL_FORMATS, Sharing, Size
from .sources import Picture, Source, TestPicture, open_source

logger = logging.getLogger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # seconds between tries to open a camera
CLAIM_SECONDS = 1.0  # between checks that the name is still ours
PIN_LIMIT_SECONDS = 5.0  # after which a slot that a reader holds is taken back, if there is no other
BAD_SECONDS = 5.0  # without a decodable picture, until the source is opened again
STOP_SECONDS = 5.0  # to wait for a silent camera; its thread is then left alone
RENEW_SECONDS = 5.0  # to wait for a lock of a program that damaged the channel
STEADY_SECONDS = 3.0  # with pictures, until a source counts as recovered


class SharedCamera:
    """Publishes one source from its own thread.

    It keeps trying to open a camera that is missing, busy or unplugged, at growing intervals; meanwhile readers see the
    newest frame get older. A channel that is damaged, or too small for the pictures, gets new pictures, and its readers
    follow. A channel of another user, or with other access, is replaced when every program has closed it.

    Only one program at a time can share under a name (`AlreadyExistsError`).
    """

    def __init__(self, sharing: Sharing) -> None:
        self.sharing = sharing
        self.problem = ""
        """Why there are no pictures now; empty if there are."""
        self._logged = ""
        """The last logged problem; empty when pictures have come for STEADY_SECONDS."""
        self._well_since = 0.0
        self._had_pictures = False
        """Whether the source has given pictures since it was opened."""
        conversion, self._channels = PIXEL_FORMATS[sharing.pixel_format]
        self._conversion = getattr(cv2, conversion) if conversion else None
        self._claim, self._channel = self._create()
        self._claim_pace = Pace(1 / CLAIM_SECONDS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {sharing.name}", daemon=True)
        self._thread.start()

    @property
    def namespace(self) -> Namespace:
        """The namespace of the channel."""
        return self._namespace

    def stop(self) -> None:
        """Ask the thread to end; do not wait for it."""
        if not self._stop.is_set():
            self._given_up_at = time.monotonic() + STOP_SECONDS
            self._stop.set()

    def close(self) -> None:
        """End the thread and close the channel. Waits for a silent camera for at most STOP_SECONDS."""
        self.stop()
        self._thread.join(max(0.0, self._given_up_at - time.monotonic()))
        if self._channel is not None:
            self._channel.close()
        self._claim.close()

    def _create(self) -> tuple[MemoryMappedFile, FrameChannel | None]:
        if self.sharing.namespace is not None:
            return self._create_in(self.sharing.namespace)
        try:
            return self._create_in(Namespace.GLOBAL)
        except AccessDeniedError:
            return self._create_in(Namespace.LOCAL)

    def _create_in(self, namespace: Namespace) -> tuple[MemoryMappedFile, FrameChannel | None]:
        self._namespace = namespace
        claim = self._claimed()
        try:
            return claim, self._create_channel()
        except AccessDeniedError:  # this user may create here, but another user's channel has the name
            return claim, None  # the thread will report it, and try again
        except BaseException:
            claim.close()
            raise

    def _claimed(self) -> MemoryMappedFile:
        name = self.sharing.name
        try:
            return MemoryMappedFile.create(claim_name(name), 1, namespace=self._namespace, access=CLAIM_ACCESS)
        except AlreadyExistsError as error:
            raise AlreadyExistsError(f"camera {name!r} {self._why_taken()}", error.status) from None

    def _keep_claim(self) -> None:
        """Claim the name again if the claim was removed (on Linux by an administrator, or by systemd when the last
        session of the user ends). The channel does that by itself."""
        if not self._claim_pace.is_due():
            return
        self._claim_pace.step()
        if not self._claim.named:
            lost, self._claim = self._claim, self._claimed()
            lost.close()

    def _why_taken(self) -> str:
        if not is_claimed(self.sharing.name, self._namespace):  # no process has it open, but we may not remove it
            return (
                "is the name of a channel that a killed program of another user left behind: let that user, or root, "
                "run 'pywinmmf ls', which removes it, or give another --name"
            )
        return "is already shared by another program: expected another --name"

    def _create_channel(self) -> FrameChannel:
        """A new channel, or the existing one that readers have kept open."""
        sharing = self.sharing
        try:
            channel = FrameChannel.create(
                sharing.name,
                capacity=sharing.capacity,
                slots=sharing.slots,
                history=sharing.history,
                namespace=self._namespace,
                access=sharing.access,
                exist_ok=True,
                own_only=True,  # another owner could truncate it, and so crash programs that map it
                pin_limit=PIN_LIMIT_SECONDS,
            )
        except AccessDeniedError as error:
            raise AccessDeniedError(
                f"{error}; it will be created again when every program has closed it; or use another --name",
                error.status,
            ) from None
        try:
            self._renew_if_damaged(channel)
        except BaseException:
            channel.close()
            raise
        return channel

    def _usable_channel(self) -> FrameChannel:
        """The current channel, repaired if it was damaged meanwhile."""
        if self._channel is None:
            self._channel = self._create_channel()
        else:
            self._renew_if_damaged(self._channel)
        return self._channel

    def _renew_if_damaged(self, channel: FrameChannel) -> None:
        """Give a damaged channel new pictures. Its readers follow."""
        if channel.audit().poisoned:
            channel.resize(timeout=RENEW_SECONDS)

    def _run(self) -> None:
        pause = SHORTEST_PAUSE / 2
        while not self._stop.is_set():
            try:
                self._had_pictures = False
                self._keep_claim()
                channel = self._usable_channel()
                source = open_source(self.sharing.source, self.sharing.size)
                try:
                    self._publish_all(source, channel)
                finally:
                    source.release()
            except Exception as error:  # OpenCV raises its own errors; the service survives all of them
                pause = SHORTEST_PAUSE if self._had_pictures else min(2 * pause, LONGEST_PAUSE)
                self.problem = str(error) or type(error).__name__
                if self.problem != self._logged and not self._stop.is_set():
                    logger.warning("%s: %s", shown(self.sharing.name), shown(self.problem))
                self._logged = self.problem
            self._stop.wait(pause)

    def _publish_all(self, source: Source, channel: FrameChannel) -> None:
        own = Pace(source.fps)
        wanted = Pace(self.sharing.most_fps)
        number = 0
        last_good = time.monotonic()
        while not self._stop.wait(own.ahead()):
            own.step()
            self._keep_claim()
            source.grab()
            grabbed_ns = time.perf_counter_ns()
            number += 1
            if self._is_wanted(number) and wanted.is_due():
                wanted.step()
                try:
                    self._publish(source, channel, grabbed_ns)
                    last_good = time.monotonic()
                except BadPicture:  # the next one may be good
                    if time.monotonic() - last_good > BAD_SECONDS:
                        raise

    def _is_wanted(self, number: int) -> bool:
        every, drop_every = self.sharing.every, self.sharing.drop_every
        return (number - 1) % every == 0 and not (drop_every and number % drop_every == 0)

    def _publish(self, source: Source, channel: FrameChannel, grabbed_ns: int) -> None:
        width, height = self.sharing.size or fitting(source.size, LARGEST_SIZE)
        shape = (height, width, self._channels)
        if isinstance(source, TestPicture):
            source.number = channel.sequence + 1  # so that a test picture shows its own sequence
        try:
            with channel.begin(shape, fourcc=self.sharing.pixel_format) as frame:
                frame.timestamp_ns = grabbed_ns
                fill(frame.array, source, self._conversion)
                self._recovered()
        except LockTimeoutError:
            pass  # readers hold every slot: skip this picture

    def _recovered(self) -> None:
        self._had_pictures = True
        now = time.monotonic()
        if self.problem:
            self.problem = ""
            self._well_since = now
        if self._logged and now - self._well_since >= STEADY_SECONDS:
            logger.info("%s: pictures again", shown(self.sharing.name))
            self._logged = ""


class Pace:
    """Limits the pictures per second in the long run; None: no limit."""

    def __init__(self, fps: float | None) -> None:
        self._interval = 1 / fps if fps else 0.0
        self._due = time.perf_counter()

    def ahead(self) -> float:
        """Seconds until the next one is due."""
        return max(0.0, self._due - time.perf_counter())

    def is_due(self) -> bool:
        """Whether it is due, or almost, so that a camera with exactly this rate loses no pictures."""
        return self.ahead() <= self._interval / 4

    def step(self) -> None:
        """A picture was taken."""
        self._due = max(self._due, time.perf_counter() - self._interval) + self._interval


def fitting(size: Size, largest: Size) -> Size:
    """The size, or the largest size of the same shape that fits."""
    scale = min(1.0, largest[0] / max(1, size[0]), largest[1] / max(1, size[1]))
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def fill(target: Any, source: Source, conversion: int | None) -> None:
    """Put the source's picture into ``target``: the last step of decoding, resizing and converting writes there."""
    picture: Picture = source.retrieve(target if conversion is None else None)
    height, width = target.shape[:2]
    if picture.shape[:2] != (height, width):
        resized = cv2.resize(picture, (width, height), dst=target if conversion is None else None)
        picture = resized  # type: ignore[assignment]
    if conversion is not None:
        cv2.cvtColor(picture, conversion, dst=target)
    elif picture is not target:
        np.copyto(target, picture)
