"""Agents for the tests, kept alive from test to test: starting them takes longer than the tests."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest
from cross import agents

_numbers = itertools.count()


@pytest.fixture(scope="session")
def pool() -> Iterator[dict[tuple[str, str, str], agents.Agent]]:
    """The agents that run: by system, language and seat (creator and opener may speak the same language)."""
    running: dict[tuple[str, str, str], agents.Agent] = {}
    yield running
    for agent in running.values():
        agent.kill()


@pytest.fixture
def seat(pool: dict[tuple[str, str, str], agents.Agent], system: str) -> Iterator[Callable[[str, str], agents.Agent]]:
    """Gives the agent of a language that has nothing open; one for each seat."""
    used: set[tuple[str, str, str]] = set()

    def take(language: str, place: str) -> agents.Agent:
        key = (system, language, place)
        if key not in pool:
            pool[key] = agents.start(system, language)
        used.add(key)
        return pool[key]

    yield take
    for key in used:
        # An agent that a test killed, or that cannot close what it has open, is not used again.
        if not pool[key].lets_go():
            pool.pop(key).kill()


@pytest.fixture
def creator(seat: Callable[[str, str], agents.Agent], creator_language: str) -> agents.Agent:
    """The agent that creates."""
    return seat(creator_language, "creator")


@pytest.fixture
def opener(seat: Callable[[str, str], agents.Agent], opener_language: str) -> agents.Agent:
    """The agent that opens."""
    return seat(opener_language, "opener")


@pytest.fixture
def name() -> str:
    """A name that nobody else uses, in several scripts, as agents take it."""
    return f"wmmf-камера-相机-📷-{os.getpid()}-{next(_numbers)}".encode().hex()
