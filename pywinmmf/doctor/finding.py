"""The result of one check."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["fine", "note", "problem"]


REPORT = "please report this, with the output of pywinmmf doctor --json"
"""The advice where the library is at fault."""


class Finding(NamedTuple):
    """What was found, and what to do about it."""

    subject: str
    state: State
    """``fine``; ``note``: works, with a limit that you should know; ``problem``: does not work."""
    found: str
    advice: str = ""
    """What to do; empty if nothing is needed."""
