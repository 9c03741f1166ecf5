"""The protocol as a model, checked exhaustively; and deliberate mistakes in it, each of which must be found."""

from __future__ import annotations

import re
from pathlib import Path

import native
import pytest

HERE = Path(__file__).parent
SAFE = ["-DSAFETY"]
LIVE = ["-DNP", "-DNFAIR=3"]

NO_DEATHS = "-DCRASHES=0"
ONE_DEATH = "-DCRASHES=1 -DRECHECK"
# Who is inside: deaths at every step.
EXCLUSION = {
    "2 writers, 2 readers, 2 deaths": "-DWRITERS=2 -DREADERS=2 -DROUNDS=1 -DDEATHS=2",
    "2 writers, 2 readers, twice, 1 death": "-DWRITERS=2 -DREADERS=2 -DROUNDS=2 -DDEATHS=1",
}
EXCLUSION_MISTAKES = ["BREAK_ANNOUNCE", "BREAK_BURY", "BREAK_TOKEN"]
# Who wakes whom: nobody looks again by himself.
WAKING = {
    "2 writers, 1 reader": "-DWRITERS=2 -DREADERS=1 -DCHANGES=0 -DROUNDS=1",
    "1 writer, 2 readers": "-DWRITERS=1 -DREADERS=2 -DCHANGES=0 -DROUNDS=1",
    "1 writer, 1 reader, 1 waits for a change": "-DWRITERS=1 -DREADERS=1 -DCHANGES=1 -DROUNDS=1",
    "1 writer, 1 reader, twice": "-DWRITERS=1 -DREADERS=1 -DCHANGES=0 -DROUNDS=2",
}
WAKING_MISTAKES = ["BREAK_GATE", "BREAK_LOOK", "BREAK_WAKE"]
# Who lives gets on: a sleeper looks again, and one process may die anywhere.
RECOVERY = {
    "1 writer, 1 reader": "-DWRITERS=1 -DREADERS=1 -DCHANGES=0 -DROUNDS=1",
    "2 writers": "-DWRITERS=2 -DREADERS=0 -DCHANGES=0 -DROUNDS=1",
    "1 writer, 1 waits for a change": "-DWRITERS=1 -DREADERS=0 -DCHANGES=1 -DROUNDS=1",
}


def check(model: str, options: str, folder: Path, *, live: bool = False) -> tuple[int, int]:
    """Search all states; how many there are, and how many errors were found; never a part of them."""
    native.checked("spin", "-a", *options.split(), HERE / f"{model}.pml", cwd=folder)
    native.checked(
        "gcc", "-O2", "-DCOLLAPSE", "-DMEMLIM=3000", *(LIVE if live else SAFE), "-o", "pan", "pan.c", cwd=folder
    )
    report = native.checked(folder / "pan", "-m2000000", *(["-l", "-f"] if live else []), cwd=folder)
    errors = re.search(r"errors: (\d+)", report)
    states = re.search(r"([\d.e+]+) states, stored", report)
    assert errors and states, report
    assert "Search not completed" not in report or errors[1] != "0", report
    assert "max search depth too small" not in report, report
    return int(float(states[1])), int(errors[1])


@pytest.mark.parametrize("who", EXCLUSION)
def test_a_writer_is_inside_alone_whoever_dies(who: str, tmp_path: Path) -> None:
    states, errors = check("exclusion", EXCLUSION[who], tmp_path)
    print(f"{who}: {states} states")
    assert errors == 0


@pytest.mark.parametrize("mistake", EXCLUSION_MISTAKES)
def test_mistakes_in_excluding_are_found(mistake: str, tmp_path: Path) -> None:
    options = "-DWRITERS=2 -DREADERS=2 -DROUNDS=1 -DDEATHS=1"
    assert check("exclusion", f"{options} -D{mistake}", tmp_path)[1] > 0


@pytest.mark.parametrize("who", WAKING)
def test_no_wake_up_is_lost(who: str, tmp_path: Path) -> None:
    states, errors = check("waking", f"{WAKING[who]} {NO_DEATHS}", tmp_path)
    print(f"{who}: {states} states")
    assert errors == 0


@pytest.mark.parametrize("mistake", WAKING_MISTAKES)
def test_mistakes_in_waking_are_found(mistake: str, tmp_path: Path) -> None:
    assert check("waking", f"{WAKING['2 writers, 1 reader']} {NO_DEATHS} -D{mistake}", tmp_path)[1] > 0


@pytest.mark.parametrize("who", RECOVERY)
def test_who_lives_gets_on(who: str, tmp_path: Path) -> None:
    states, errors = check("waking", f"{RECOVERY[who]} {ONE_DEATH}", tmp_path, live=True)
    print(f"{who}: {states} states")
    assert errors == 0
