"""What all work of the kill stress has in common."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

TIMEOUT = 10.0  # longer than any wait here should take: running into it counts as a hang
MOMENT = 0.001  # for waits that may well time out


class Work:
    """Random operations on the thing of this name, and what came of them."""

    often: Sequence[Callable[[], None]]
    seldom: Sequence[Callable[[], None]]

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.short_lived_name = name + "-short-lived"
        self.random = random.Random(seed)
        self.torn = self.repairs = 0

    def operate(self) -> None:
        """Do one of them."""
        self.random.choice(self.seldom if self.random.randrange(50) == 0 else self.often)()

    def value(self, words: int) -> bytes:
        """Make a version: one random number in all words."""
        return self.random.getrandbits(64).to_bytes(8, "little") * words

    def look(self, version: bytes) -> None:
        """See whether it is one."""
        self.torn += version[8:] != version[:-8]
