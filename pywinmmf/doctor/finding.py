"""The result of one check."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["fine", "note", "problem"]


REPORT = "please report this, with the output of pywinmmf doctor --json"
"""The advice for a fault of the library."""


class Finding(NamedTuple):
    """A result, and the advice for it."""

    subject: str
    state: State
    """``fine``; ``note``: works, with a limit that you should know about; ``problem``: does not work."""
    found: str
    advice: str = ""
    """What to do; empty: nothing."""
