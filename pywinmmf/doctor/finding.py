"""The result of one check."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["fine", "note", "problem"]


class Finding(NamedTuple):
    """What was found, and what to do about it."""

    subject: str
    state: State
    """``fine``; ``note``: works, with a limit that you should know; ``problem``: does not work."""
    found: str
    advice: str = ""
    """What to do; empty if nothing is needed."""
