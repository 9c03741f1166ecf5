"""Pictures are replaced again and again while readers of all languages hold frames: nobody reopens, none is torn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cross.agents import LANGUAGES, SYSTEMS, Agent
from cross.protocol import LOCAL, LONG_TIMEOUT, OWNER

RESIZES = 50  # by a creator in each language
SMALLEST, SIZES = 100, 5000  # bytes of the smallest frame; how many sizes there are


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("creator_language", LANGUAGES)
def test_readers_follow_and_what_they_hold_stays(
    creator: Agent, name: str, seat: Callable[[str, str], Agent], creator_language: str
) -> None:
    """Each reader takes a frame once in this many rounds, and holds it meanwhile."""
    readers = {rounds: seat(language, "opener") for rounds, language in enumerate(LANGUAGES, 1)}
    creator.does("channel_create", name, SMALLEST, 8, LOCAL, OWNER)
    for reader in readers.values():
        reader.does("channel_open", name, LOCAL, 0)
    held: dict[int, tuple[int, int]] = {}  # of each reader: the frame's length, and its sequence
    for sequence in range(1, RESIZES + 1):
        length = SMALLEST + sequence * 997 % SIZES
        creator.does("channel_resize", length)
        assert creator.does("copy", length, sequence, length, 1, length, "GREY", 0, "") == str(sequence)
        for rounds, reader in readers.items():
            if rounds in held:
                reader.does("picture", held[rounds][0], held[rounds][1])
            if sequence % rounds == 0:
                missed = rounds - 1 if rounds in held else 0
                assert reader.does("next", LONG_TIMEOUT).split(" ")[:2] == [str(sequence), str(missed)]
                reader.does("picture", length, sequence)
                held[rounds] = length, sequence
