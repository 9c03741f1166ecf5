"""A reader that was there before gets every frame that was published, whole, while writers are killed. The long form is
part of ``./run stress``."""

from __future__ import annotations

from stress import every


def test_no_frame_is_lost_when_writers_are_killed(name: str) -> None:
    outcome = every.run(2.0, name)
    assert outcome.kills >= 1
    assert outcome.published > 100
    assert outcome.read >= outcome.published
    assert (outcome.lost, outcome.torn, outcome.out_of_order) == (0, 0, 0)
