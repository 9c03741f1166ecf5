"""The kernel says whether an owner lives. Process ids prove nothing: they are reused and differ between containers."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Callable, Iterator

import native
import pytest
from cross import agents
from cross.agents import SYSTEMS, Agent
from cross.protocol import LOCAL, LONG_TIMEOUT, NATIVE, OWNER, OWNER_DIED, RAW, TIMEOUT

SHORT = 100_000_000

on_each_system = pytest.mark.parametrize("system", SYSTEMS)


def recorded_pid(participant: int) -> int:
    """Where it is, from the start of a native section."""
    layout = (native.CSRC / "src" / "layout.h").read_text()
    asserted = re.search(r"LAYOUT_ASSERT\(participant_pid, .* == (\d+)\)", layout)
    assert asserted
    return 512 + participant * 64 + int(asserted[1])


def share(creator: Agent, opener: Agent, name: str) -> None:
    creator.does("create", name, 1000, LOCAL, NATIVE, OWNER)
    opener.does("open", name, 0, LOCAL, NATIVE, 0)


@pytest.fixture
def vandal(seat: Callable[[str, str], Agent], name: str) -> Callable[..., str]:
    """Asks an agent that has the section open as raw bytes."""

    def ask(*request: object) -> str:
        agent = seat("c", "vandal")
        agent.does("open", name, 0, LOCAL, RAW, 0)
        answer = agent.does(*request)
        agent.does("close")
        return answer

    return ask


@on_each_system
def test_the_dead_ones_number_is_that_of_a_living(
    seat: Callable[[str, str], Agent], name: str, vandal: Callable[..., str]
) -> None:
    survivor, victim = seat("c", "creator"), seat("c", "opener")
    share(survivor, victim, name)
    victim.does("lock_write", LONG_TIMEOUT)
    vandal("poke", recorded_pid(1), vandal("peek", recorded_pid(0), 4))
    victim.kill()
    assert survivor.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"


@on_each_system
def test_the_living_ones_number_is_nobodys(
    seat: Callable[[str, str], Agent], name: str, vandal: Callable[..., str]
) -> None:
    survivor, owner = seat("c", "creator"), seat("c", "opener")
    share(survivor, owner, name)
    owner.does("lock_write", LONG_TIMEOUT)
    vandal("poke", recorded_pid(1), "feffff7f")
    assert survivor.ask("lock_write", SHORT) == f"error {TIMEOUT}"
    owner.does("unlock_write")
    survivor.does("lock_write", LONG_TIMEOUT)


@functools.cache
def unshare() -> list[str]:
    """The command that runs another in a namespace of process numbers of its own."""
    command = ["unshare", "--pid", "--fork", "--kill-child"]
    return command if os.geteuid() == 0 else [*command, "--user", "--map-current-user"]


@pytest.fixture
def insider() -> Iterator[Agent]:
    """An agent in such a namespace, whose number there is 1."""
    if subprocess.run([*unshare(), "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("this system does not permit a new namespace of process numbers")
    agent = Agent(agents.popen(*unshare(), native.programs("gcc") / "agent-c"), "the agent in a namespace")
    yield agent
    agent.kill()


@pytest.mark.parametrize("system", ["linux"])
def test_an_owner_in_another_namespace(
    seat: Callable[[str, str], Agent], insider: Agent, name: str, vandal: Callable[..., str]
) -> None:
    survivor = seat("c", "creator")
    share(survivor, insider, name)
    assert vandal("peek", recorded_pid(1), 4) == "01000000"
    insider.does("lock_write", LONG_TIMEOUT)
    assert survivor.ask("lock_write", SHORT) == f"error {TIMEOUT}"
    insider.kill()
    assert survivor.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"


@pytest.mark.parametrize("system", ["linux"])
def test_an_owner_outside_of_the_namespace(seat: Callable[[str, str], Agent], insider: Agent, name: str) -> None:
    owner = seat("c", "creator")
    share(owner, insider, name)
    owner.does("lock_write", LONG_TIMEOUT)
    assert insider.ask("lock_write", SHORT) == f"error {TIMEOUT}"
    owner.kill()
    assert insider.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"
