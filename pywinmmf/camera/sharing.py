"""What is shared, and how: the wishes of ``pywinmmf camera share``, checked before any camera is opened."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

from pywinmmf import Access, Error, FrameChannel, InvalidArgumentError, MemoryMappedFile, Namespace
from pywinmmf.registry import claim_name

from .source_names import for_opencv

Size = tuple[int, int]  # width, height, as OpenCV has it

LARGEST_SIZE = (1920, 1080)  # of pictures that are published as they come
USUAL_FPS = 30.0


class PixelFormat(NamedTuple):
    """What a picture of OpenCV becomes."""

    conversion: str | None
    """The name of OpenCV's conversion; None: none is needed."""
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
    """What is shared, and how."""

    source: str
    """See `open_source`."""
    name: str
    """Of the channel."""
    size: Size | None = None
    """Width and height. None: as the pictures come, but at most LARGEST_SIZE."""
    pixel_format: str = "BGR3"
    """One of PIXEL_FORMATS."""
    most_fps: float | None = None
    """The most pictures a second. None: all that the camera gives; a video file at its own pace."""
    every: int = 1
    """Only every N-th picture is published."""
    drop_every: int | None = None
    """Every N-th picture is left out."""
    slots: int = 4
    history: int = 0
    """Frames that stay readable after newer ones."""
    standby: bool = False
    """Wait until nobody else shares under the name."""
    namespace: Namespace | None = None
    """None: global where the rights allow, else local."""
    access: Access | str | int = Access.USERS_READ

    @property
    def capacity(self) -> int:
        """Bytes of the largest picture."""
        width, height = self.size or LARGEST_SIZE
        return height * width * PIXEL_FORMATS[self.pixel_format].channels

    @property
    def seconds_between_pictures(self) -> float:
        """The rate of pictures that is asked for, from a camera of the usual rate; 0: all that it gives."""
        slowed = self.every / USUAL_FPS if self.every > 1 else 0.0
        return max(slowed, 1 / self.most_fps if self.most_fps else 0.0)


def check(sharing: Sharing) -> None:
    """Refuse what no channel can have (`InvalidArgumentError`), without creating one."""
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
            pass  # there is nothing, or it is not ours; either way the name is a valid one


def check_text(what: str, text: str) -> None:
    """Refuse what would break a line of a list, a log or a unit of systemd."""
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise InvalidArgumentError(f"{what} {text!r}: expected no control characters")


def rehearse(sharing: Sharing) -> None:
    """Check whether the machine has room for the channel, by creating one of another name."""
    name = f"pywinmmf-rehearsal-{os.getpid()}"
    FrameChannel.create(name, capacity=sharing.capacity, slots=sharing.slots, history=sharing.history).close()
