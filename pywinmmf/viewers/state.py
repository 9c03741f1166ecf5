"""The state of a channel."""

from __future__ import annotations

import enum

from pywinmmf import Error, FrameChannel, Namespace
from pywinmmf.registry import seconds_between_pictures

STALLED_SECONDS = 2.0  # seconds without a frame after which a channel counts as stalled
INTERVALS = 3  # intervals of a slowly shared camera that must also pass


class State(enum.Enum):
    """The state, as readers of the channel see it."""

    LIVE = "live"
    STALLED = "stalled"
    """It exists, but no frame has come for some time, or none has come yet."""
    HUNG_UP = "hung up"
    """The publisher has died, and none took over."""
    GONE = "gone"
    """The publisher has closed it; readers still have it open."""
    POISONED = "poisoned"
    """It exists, but is damaged, and gives no more frames until its owner renews it."""
    ABSENT = "absent"


def state_of(channel: FrameChannel, name: str, namespace: Namespace) -> State:
    """Live, stalled, hung up or gone."""
    return State[channel.state(stalled=most_seconds_between(name, namespace)).name]


def most_seconds_between(name: str, namespace: Namespace) -> float:
    """The most seconds between two frames before the channel counts as stalled."""
    return max(STALLED_SECONDS, INTERVALS * seconds_between_pictures(name, namespace))


def problem_of(error: Exception) -> str:
    """The error as text. Our errors and those of the system explain themselves; others need their class name."""
    return str(error) if isinstance(error, (Error, OSError)) else f"{type(error).__name__}: {error}"
