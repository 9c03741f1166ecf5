"""Processes die at random instants; the others must not notice. ``python -m stress`` does more of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from stress import durability, kills


@pytest.mark.parametrize(("system", "number"), [("linux", 600), ("wine", 60)])
@pytest.mark.parametrize("kind", kills.KINDS)
def test_survivors_do_not_notice(system: str, kind: str, number: int) -> None:
    outcome = kills.run(system, kind, number)
    print(outcome)
    assert sum(outcome.killed.values()) == number
    for report in outcome.reports:
        assert report.operations > 0
        assert (report.torn, report.failed, report.leaked) == (0, 0, 0)
    assert outcome.keeper == kills.SOUND
    assert outcome.files == []


def check_nothing_is_lost(outcome: durability.Outcome, kills: int) -> None:
    print(outcome)
    assert outcome.kills == kills <= outcome.acknowledged
    assert outcome.lost == 0


def test_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    check_nothing_is_lost(durability.run(30, tmp_path), 30)


@pytest.mark.skipif(not durability.power_can_be_cut(), reason="takes root, a loop device and mkfs.ext4")
def test_what_was_acknowledged_outlives_a_power_cut(tmp_path: Path) -> None:
    with durability.file_system(tmp_path) as mounted:
        check_nothing_is_lost(durability.run(5, mounted, durability.cut_power), 5)
