"""What Microsoft's compiler builds (a stand-in: lab/msvc.py), in C and in Python, beside what others build."""

from __future__ import annotations

import pytest
from cross import test_channels, test_matrix
from cross.agents import Agent
from cross.protocol import LOCAL, NATIVE

BUILT_BY_MSVC = ["c-msvc", "python-msvc"]
OTHERS = ["c", "python", "csharp"]
PAIRS = [pair for one in BUILT_BY_MSVC for other in OTHERS for pair in ((one, other), (other, one))]

pytestmark = [
    pytest.mark.parametrize("system", ["wine"]),
    pytest.mark.parametrize(("creator_language", "opener_language"), PAIRS),
]


def test_bytes_go_both_ways(creator: Agent, opener: Agent, name: str) -> None:
    test_matrix.test_bytes_go_both_ways(creator, opener, name, NATIVE, LOCAL)


def test_each_waits_for_the_others_write_lock(creator: Agent, opener: Agent, name: str) -> None:
    test_matrix.test_each_waits_for_the_others_write_lock(creator, opener, name, NATIVE)


def test_frames_arrive(creator: Agent, opener: Agent, name: str) -> None:
    test_channels.share(creator, opener, name)
    for sequence in (1, 2, 3):
        test_channels.publish(creator, seed=sequence)
        test_channels.takes(opener, sequence, missed=0, seed=sequence)
