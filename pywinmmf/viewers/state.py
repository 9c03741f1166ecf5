"""The state of a channel."""

from __future__ import annotations

import enum

from pywinmmf import ChannelState, Error, FrameChannel, Namespace
from pywinmmf.registry import seconds_between_pictures

STALLED_SECONDS = 2.0  # seconds without a frame after which a channel counts as stalled
INTERVALS = 3  # intervals of a slowly shared camera that must also have passed


class State(enum.Enum):
    """The state, as readers of the channel see it."""

    LIVE = "live"
    STALLED = "stalled"
    """It is there, but no frame has come for some time, or none has come yet."""
    HUNG_UP = "hung up"
    """The program that published has died, and none took over."""
    GONE = "gone"
    """The program that published has closed it; readers still have it open."""
    POISONED = "poisoned"
    """It is there, but damaged, and gives no more frames, until its owner declares it new."""
    ABSENT = "absent"


ENDED = {ChannelState.HUNG_UP: State.HUNG_UP, ChannelState.GONE: State.GONE}


def ended_state(channel: FrameChannel) -> State | None:
    """Hung up or gone, by the kernel's word; None if a program is there to publish."""
    return ENDED.get(channel.state(stalled=None))


def state_of(channel: FrameChannel, name: str, namespace: Namespace) -> State:
    """Live, stalled, hung up or gone, by the age of its newest frame."""
    age = channel.age
    stalled = age is None or is_stalled(name, namespace, age)
    return ended_state(channel) or (State.STALLED if stalled else State.LIVE)


def is_stalled(name: str, namespace: Namespace, age: float) -> bool:
    """Whether a channel whose newest frame is ``age`` seconds old counts as stalled."""
    return age >= STALLED_SECONDS and age >= INTERVALS * seconds_between_pictures(name, namespace)


def problem_of(error: Exception) -> str:
    """The error for people. Our errors and those of the system explain themselves; others need their class name."""
    return str(error) if isinstance(error, (Error, OSError)) else f"{type(error).__name__}: {error}"
