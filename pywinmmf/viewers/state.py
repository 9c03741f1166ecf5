"""How a channel does."""

from __future__ import annotations

import enum

from pywinmmf import Error, Namespace
from pywinmmf.registry import seconds_between_pictures

PATIENCE = 2.0  # seconds without a frame after which a channel counts as stalled
INTERVALS = 3  # of a camera that is shared more slowly, which also must be over then


class State(enum.Enum):
    """As its readers see it."""

    LIVE = "live"
    STALLED = "stalled"
    """It is there, but no frame has come for some time, or none has come yet."""
    POISONED = "poisoned"
    """It is there, but damaged, and gives no frame any more. Once all have let go of it, a new one may come."""
    ABSENT = "absent"


def is_stalled(name: str, namespace: Namespace, age: float) -> bool:
    """Whether a channel whose newest frame is ``age`` seconds old counts as stalled."""
    return age >= PATIENCE and age >= INTERVALS * seconds_between_pictures(name, namespace)


def problem_of(error: Exception) -> str:
    """For who looks on: errors of ours, and of the system, speak for themselves, others need their names."""
    return str(error) if isinstance(error, (Error, OSError)) else f"{type(error).__name__}: {error}"
