"""The settings of ``pywinmmf camera share``, checked before any camera is opened."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

from pywinmmf import Access, Error, FrameChannel, InvalidArgumentError, MemoryMappedFile, Namespace
from pywinmmf.registry import claim_name

from .source_names import for_opencv

Size = tuple[int, int]  # width, height, as in OpenCV

LARGEST_SIZE = (1920, 1080)  # of pictures that are published unchanged
USUAL_FPS = 30.0


class PixelFormat(NamedTuple):
    """A published pixel format, made from an OpenCV picture."""

    conversion: str | None
    """The name of OpenCV's conversion; None: not needed."""
    channels: int


PIXEL_FORMATS = {
    "BGR3": PixelFormat(None, 3),
    "RGB3": PixelFormat("COLOR_BGR2RGB", 3),
    "BGRA": PixelFormat("COLOR_BGR2BGRA", 4),
    "RGBA": PixelFormat("COLOR_BGR2RGBA", 4),
    "GREY": PixelFormat("COLOR_BGR2GRAY", 1),
}


@dataclass(frozen=True)
class Sharing:
    """One source and how it is shared."""

    source: str
    """See `open_source`."""
    name: str
    """The name of the channel."""
    size: Size | None = None
    """Width and height. None: unchanged, but at most LARGEST_SIZE."""
    pixel_format: str = "BGR3"
    """One of PIXEL_FORMATS."""
    most_fps: float | None = None
    """The limit of pictures per second. None: all pictures of a camera; a video file at its own pace."""
    every: int = 1
    """Only every N-th picture is published."""
    drop_every: int | None = None
    """Every N-th picture is skipped."""
    slots: int = 4
    history: int = 0
    """How many older frames stay readable."""
    standby: bool = False
    """Wait until no other program shares under the name."""
    namespace: Namespace | None = None
    """None: global if this user has the right, else local."""
    access: Access | str | int = Access.USERS_READ

    @property
    def capacity(self) -> int:
        """Bytes of the largest picture."""
        width, height = self.size or LARGEST_SIZE
        return height * width * PIXEL_FORMATS[self.pixel_format].channels

    @property
    def seconds_between_pictures(self) -> float:
        """The intended interval, assuming a camera of the usual rate; 0: every picture."""
        slowed = self.every / USUAL_FPS if self.every > 1 else 0.0
        return max(slowed, 1 / self.most_fps if self.most_fps else 0.0)


def check(sharing: Sharing) -> None:
    """Refuse impossible settings (`InvalidArgumentError`), without creating a channel."""
    for_opencv("source", sharing.source)
    for what, count, allowed in (
        ("slots", sharing.slots, FrameChannel.SLOTS),
        ("history", sharing.history, FrameChannel.HISTORY),
    ):
        if count not in allowed:
            raise InvalidArgumentError(f"{what} {count}: expected {allowed[0]} to {allowed[-1]}")
    check_text("camera name", sharing.name)
    for name in (sharing.name, claim_name(sharing.name)):
        try:
            MemoryMappedFile.open(name, readonly=True).close()
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"camera name {sharing.name!r}: {error}", error.status) from None
        except Error:
            pass  # it does not exist, or is not accessible; in both cases the name is valid


def check_text(what: str, text: str) -> None:
    """Refuse text that would break a line of a list, a log or a systemd unit."""
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise InvalidArgumentError(f"{what} {text!r}: expected no control characters")


def rehearse(sharing: Sharing) -> None:
    """Check that the machine has memory for the channel, by creating one with another name."""
    name = f"pywinmmf-rehearsal-{os.getpid()}"
    FrameChannel.create(name, capacity=sharing.capacity, slots=sharing.slots, history=sharing.history).close()
