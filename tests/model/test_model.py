"""The protocol as models, each searched in all its states; and deliberate mistakes, each of which must be found.

``PYWINMMF_MODEL_LONG=1`` also searches the largest configurations: some minutes and 4 GB more.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import native
import pytest

HERE = Path(__file__).parent
SECONDS = 1200
SAFE = ["-DSAFETY"]
LIVE = ["-DNP"]

LONG = "PYWINMMF_MODEL_LONG"
long = pytest.mark.skipif(LONG not in os.environ, reason=f"a long search: set {LONG}")


def exclusion(rounds: int, deaths: int, *, readers: int = 2, garbage: int | None = None) -> str:
    people = f"-DWRITERS=2 -DREADERS={readers} -DROUNDS={rounds} -DDEATHS={deaths}"
    return people if garbage is None else f"{people} -DHOLDS -DGARBAGE={garbage}"


def waking(writers: int, readers: int, *, changes: int = 0, auditors: int = 0, hasty: int = 0, deaths: int = 0) -> str:
    people = f"-DWRITERS={writers} -DREADERS={readers} -DCHANGES={changes} -DAUDITORS={auditors}"
    return f"{people} -DHASTY={hasty} -DDEATHS={deaths}"


def reading(cells: int, span: int, writes: int, deaths: int) -> str:
    return f"-DCELLS={cells} -DSPAN={span} -DWRITES={writes} -DDEATHS={deaths}"


def pinning(
    slots: int,
    writers: int,
    pinners: int,
    frames: int,
    *,
    history: int = 0,
    generations: int = 1,
    copiers: int = 0,
    deaths: int = 0,
    garbage: int = 0,
    taken_back: int = 0,
    poisoners: int = 0,
) -> str:
    people = f"-DWRITERS={writers} -DPINNERS={pinners} -DCOPIERS={copiers} -DPOISONERS={poisoners}"
    size = f"-DSLOTS={slots} -DHISTORY={history} -DFRAMES={frames} -DGENERATIONS={generations}"
    return f"{people} {size} -DDEATHS={deaths} -DGARBAGE={garbage} -DTAKEN_BACK={taken_back}"


def joining(people: int, rounds: int, deaths: int) -> str:
    return f"-DPEOPLE={people} -DROUNDS={rounds} -DDEATHS={deaths}"


EXCLUSION = {
    "2 writers, 2 readers, 2 deaths": exclusion(1, 2),
    "2 writers, 2 readers, twice, 1 death": exclusion(2, 1),
    "2 writers, 1 reader, 1 death, written over: owned by a writer": exclusion(1, 1, readers=1, garbage=0),
    "2 writers, 1 reader, 1 death, written over: owned by a reader": exclusion(1, 1, readers=1, garbage=2),
}
JOINING = {
    "2 people, twice, 1 death": joining(2, 2, 1),
    "2 people, 2 deaths": joining(2, 1, 2),
}
JOINING_LONG = {"3 people": joining(3, 1, 0), "3 people, 1 death": joining(3, 1, 1)}
LOOKING = "-DWAITERS=2"
# Without deaths no process looks again by itself.
WAKING = {
    "2 writers, 2 readers": waking(2, 2),
    "2 writers, 2 readers, 2 give up": waking(2, 2, hasty=1),
    "2 writers, 2 readers, 1 waits for a change": waking(2, 2, changes=1),
    "2 writers, 2 readers, 1 poisons": waking(2, 2, auditors=1),
    "2 writers, 2 readers, 2 give up, 2 deaths": waking(2, 2, hasty=1, deaths=2),
    "2 writers, 1 reader, 1 waits for a change, 2 deaths": waking(2, 1, changes=1, deaths=2),
    "2 writers, 1 reader, 1 poisons, 2 deaths": waking(2, 1, auditors=1, deaths=2),
}
WAKING_LONG = {
    "2 writers, 2 readers, 1 waits for a change, 1 death": waking(2, 2, changes=1, deaths=1),
    "2 writers, 2 readers, 1 poisons, 1 death": waking(2, 2, auditors=1, deaths=1),
}
RECOVERY = {
    "2 writers, 2 readers, 1 death": waking(2, 2, deaths=1),
    "2 writers, 1 reader, 1 waits for a change, 1 death": waking(2, 1, changes=1, deaths=1),
    "2 writers, 1 reader, 1 poisons, 1 death": waking(2, 1, auditors=1, deaths=1),
}
READING = {
    "2 cells, 2 writes, 1 death": reading(2, 1, 2, 1),
    "3 cells, 2 writes": reading(3, 1, 2, 0),
    "3 cells, 2 at a time, 2 writes": reading(3, 2, 2, 0),
}
READING_LONG = {
    "2 cells, 2 writes, 2 deaths": reading(2, 1, 2, 2),
    "3 cells, 2 at a time, 2 writes, 1 death": reading(3, 2, 2, 1),
}
PINNING = {
    "3 slots, 2 pin": pinning(3, 1, 2, 4),
    "3 slots, 2 writers, 1 pins, 1 death": pinning(3, 2, 1, 4, deaths=1),
    "2 slots, 2 writers, 1 pins, 1 copies, 1 poisons, 1 death": pinning(2, 2, 1, 3, copiers=1, poisoners=1, deaths=1),
    "4 slots, 1 of history, 1 pins": pinning(4, 1, 1, 5, history=1),
    "3 slots, 1 pins, 1 copies, 2 generations": pinning(3, 1, 1, 4, copiers=1, generations=2),
    "3 slots, 1 pins, an enemy": pinning(3, 1, 1, 4, garbage=1),
    "3 slots, 1 pins, 1 slot taken back": pinning(3, 1, 1, 4, taken_back=1),
    "3 slots, 2 writers, 1 pins, 1 poisons, declared new": pinning(3, 2, 1, 3, poisoners=1, generations=2),
}
PINNING_LONG = {
    "3 slots, 2 writers, 2 pin, 1 death": pinning(3, 2, 2, 4, deaths=1),
    "4 slots, 2 writers, 1 pins, 1 poisons, 1 death": pinning(4, 2, 1, 5, poisoners=1, deaths=1),
    "4 slots, 1 of history, 1 pins, 2 generations, an enemy, 1 death": pinning(
        4, 1, 1, 4, history=1, generations=2, garbage=1, deaths=1
    ),
}
FRAMES = pinning(3, 2, 1, 4, copiers=1)
MISTAKES = {
    "exclusion BREAK_ANNOUNCE": exclusion(1, 1),
    "exclusion BREAK_FORGET": exclusion(1, 0, readers=1, garbage=0),
    "exclusion BREAK_NAME": exclusion(1, 0, readers=1, garbage=0),
    "exclusion BREAK_REAP": exclusion(1, 1),
    "exclusion BREAK_THREAD": exclusion(1, 0),
    "exclusion BREAK_TOKEN": exclusion(1, 1),
    "joining BREAK_LOAD": joining(2, 2, 0),
    "joining BREAK_ORDER": joining(2, 2, 0),
    "joining BREAK_SEAL": joining(3, 1, 1),
    "joining BREAK_TOKEN": joining(2, 2, 1),
    "joining BREAK_VERSION": joining(2, 2, 0),
    "looking BREAK_ORDER": LOOKING,
    "waking BREAK_ANNOUNCE": waking(2, 1),
    "waking BREAK_YIELDING": waking(2, 1),
    "waking BREAK_CANCEL": waking(2, 1),
    "waking BREAK_LOOK": waking(2, 1),
    "waking BREAK_PLACE": waking(3, 0, hasty=1),
    "waking BREAK_WAKE": waking(2, 1),
    "waking BREAK_POISON": waking(2, 1, auditors=1),
    "pinning BREAK_BURY": FRAMES,
    "pinning BREAK_GENERATION": pinning(3, 1, 1, 4, generations=2),
    "pinning BREAK_HISTORY": pinning(4, 1, 1, 5, history=1),
    "pinning BREAK_INTACT": pinning(3, 1, 1, 4, garbage=1),
    "pinning BREAK_POISON": pinning(3, 2, 1, 3, poisoners=1, generations=2),
    "pinning BREAK_RECHECK": FRAMES,
    "pinning BREAK_SCAN": FRAMES,
    "pinning BREAK_STAMP": FRAMES,
    "reading BREAK_END": reading(2, 1, 2, 1),
    "reading BREAK_JUDGE": reading(2, 1, 2, 1),
    "reading BREAK_REPAIR": reading(2, 1, 2, 1),
    "reading BREAK_SETTLED": reading(2, 1, 2, 1),
    "reading BREAK_TOUCHED": reading(2, 1, 2, 1),
}


def errors(model: str, options: str, folder: Path, *, live: bool = False) -> int:
    """Search all states, never a part of them, unless there is an error; return how many there are."""
    native.checked("spin", "-a", *options.split(), HERE / f"{model}.pml", cwd=folder)
    native.checked(
        "gcc", "-w", "-O2", "-DCOLLAPSE", "-DMEMLIM=5500", *(LIVE if live else SAFE), "-o", "pan", "pan.c", cwd=folder
    )
    report = native.checked(folder / "pan", "-m2000000", *(["-l", "-f"] if live else []), cwd=folder, timeout=SECONDS)
    found = re.search(r"errors: (\d+)", report)
    states = re.search(r"(\S+) states, stored", report)
    assert found and states, report
    assert "Search not completed" not in report or found[1] != "0", report
    assert "max search depth too small" not in report, report
    print(f"{states[1]} states")
    return int(found[1])


@pytest.mark.parametrize("who", EXCLUSION)
def test_a_writer_is_inside_alone_whoever_dies(who: str, tmp_path: Path) -> None:
    assert errors("exclusion", EXCLUSION[who], tmp_path) == 0


@pytest.mark.parametrize("who", [*JOINING, *(pytest.param(who, marks=long) for who in JOINING_LONG)])
def test_a_joining_handle_is_seen_by_writers_until_it_leaves(who: str, tmp_path: Path) -> None:
    assert errors("joining", {**JOINING, **JOINING_LONG}[who], tmp_path) == 0


def test_a_wait_for_a_change_looks_in_the_right_order(tmp_path: Path) -> None:
    assert errors("looking", LOOKING, tmp_path) == 0


@pytest.mark.parametrize("who", [*WAKING, *(pytest.param(who, marks=long) for who in WAKING_LONG)])
def test_no_wake_up_is_lost_and_nobody_waits_for_the_dead(who: str, tmp_path: Path) -> None:
    assert errors("waking", {**WAKING, **WAKING_LONG}[who], tmp_path) == 0


@pytest.mark.parametrize("who", RECOVERY)
def test_every_living_process_makes_progress(who: str, tmp_path: Path) -> None:
    assert errors("waking", f"{RECOVERY[who]} -DALWAYS", tmp_path, live=True) == 0


@pytest.mark.parametrize("what", [*READING, *(pytest.param(what, marks=long) for what in READING_LONG)])
def test_what_is_read_without_the_lock_is_one_version(what: str, tmp_path: Path) -> None:
    assert errors("reading", {**READING, **READING_LONG}[what], tmp_path) == 0


@pytest.mark.parametrize("what", [*PINNING, *(pytest.param(what, marks=long) for what in PINNING_LONG)])
def test_a_frame_that_is_read_does_not_change(what: str, tmp_path: Path) -> None:
    assert errors("pinning", {**PINNING, **PINNING_LONG}[what], tmp_path) == 0


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_found(mistake: str, tmp_path: Path) -> None:
    model, name = mistake.split()
    assert errors(model, f"{MISTAKES[mistake]} -D{name}", tmp_path) > 0


def test_that_nobody_notices_a_death_is_found(tmp_path: Path) -> None:
    assert errors("waking", f"{waking(2, 1, deaths=1)} -DBREAK_NOTICE", tmp_path, live=True) > 0


def test_every_mistake_is_searched_for() -> None:
    made = {
        f"{model.stem} {name}"
        for model in HERE.glob("*.pml")
        for name in re.findall(r"^#ifn?def (BREAK_\w+)", model.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert made == {*MISTAKES, "waking BREAK_NOTICE"}
