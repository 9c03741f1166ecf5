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


def test_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    outcome = durability.run(30, tmp_path)
    print(outcome)
    assert outcome.kills == 30 <= outcome.acknowledged
    assert outcome.lost == 0
