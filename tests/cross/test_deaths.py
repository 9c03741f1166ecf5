"""A process is killed, or stopped, in each state that it can have with a lock, in each language.

The dead leave only what they were writing; a stopped process keeps what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from cross.agents import LANGUAGES, SYSTEMS, Agent
from cross.protocol import LOCAL, LONG_TIMEOUT, NATIVE, OWNER, OWNER_DIED, TIMEOUT

SHORT = 300_000_000


class State(NamedTuple):
    """What the victim is doing then, and what that means for the others."""

    request: tuple[object, ...] = ()
    waits: bool = False
    """It cannot get that, because the survivor has the lock."""
    keeps_readers_out: bool = False
    keeps_writers_out: bool = False


STATES = {
    "idle": State(),
    "reading": State(("lock_read", LONG_TIMEOUT), keeps_writers_out=True),
    "writing": State(("lock_write", LONG_TIMEOUT), keeps_readers_out=True, keeps_writers_out=True),
    "waiting to read": State(("lock_read", LONG_TIMEOUT), waits=True),
    "waiting to write": State(("lock_write", LONG_TIMEOUT), waits=True),
    "waiting for a change": State(("wait", 0, LONG_TIMEOUT), waits=True),
}

pytestmark = [
    pytest.mark.parametrize("system", SYSTEMS),
    pytest.mark.parametrize("language", LANGUAGES),
    pytest.mark.parametrize("state", STATES),
]


@pytest.fixture
def victim(seat: Callable[[str, str], Agent], language: str) -> Agent:
    return seat(language, "opener")


@pytest.fixture
def survivor(seat: Callable[[str, str], Agent]) -> Agent:
    return seat("c", "creator")


def enter(state: State, victim: Agent, survivor: Agent, name: str) -> None:
    """Bring both into the state."""
    survivor.does("create", name, 1000, LOCAL, NATIVE, OWNER)
    victim.does("open", name, 0, LOCAL, NATIVE, 0)
    if state.waits:
        survivor.does("lock_write", LONG_TIMEOUT)
        victim.send(*state.request)
    elif state.request:
        victim.does(*state.request)


def test_killed(state: str, victim: Agent, survivor: Agent, name: str) -> None:
    what = STATES[state]
    enter(what, victim, survivor, name)
    victim.kill()
    if what.waits:
        survivor.does("unlock_write")
    if what.keeps_readers_out:
        assert survivor.ask("lock_read", LONG_TIMEOUT) == f"error {OWNER_DIED}"
        assert survivor.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"
        survivor.does("mark_consistent")
        survivor.does("unlock_write")
    survivor.does("fill", 0, 1000, 1)
    survivor.does("check", 0, 1000, 1)
    assert survivor.does("audit") == "0 0"


def test_stopped(state: str, victim: Agent, survivor: Agent, name: str) -> None:
    what = STATES[state]
    enter(what, victim, survivor, name)
    with victim.stopped():
        if what.waits:
            survivor.does("unlock_write")
        for lock, kept_out in (("read", what.keeps_readers_out), ("write", what.keeps_writers_out)):
            if kept_out:
                assert survivor.ask(f"lock_{lock}", SHORT) == f"error {TIMEOUT}"
            else:
                survivor.does(f"lock_{lock}", LONG_TIMEOUT)
                survivor.does(f"unlock_{lock}")
    if what.waits:
        assert victim.answer().startswith("ok")
    if what.request[:1] in (("lock_read",), ("lock_write",)):
        victim.does(str(what.request[0]).replace("lock", "unlock"))
    survivor.does("fill", 0, 1000, 1)
    victim.does("check", 0, 1000, 1)
    assert survivor.does("audit") == "0 0"
