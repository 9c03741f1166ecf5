"""How a channel does."""

from __future__ import annotations

import enum

PATIENCE = 2.0  # seconds without a frame after which a channel counts as stalled


class State(enum.Enum):
    """As its readers see it."""

    LIVE = "live"
    STALLED = "stalled"
    """It is there, but no frame has come for some time, or none has come yet."""
    ABSENT = "absent"
