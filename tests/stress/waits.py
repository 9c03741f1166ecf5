"""Measures what waiting costs, and how soon waiters go on after a death."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from cross import agents
from cross.agents import Agent
from cross.protocol import LOCAL, LONG_TIMEOUT, NATIVE, OWNER, OWNER_DIED, SECONDS, TIMEOUT

LANGUAGES = {"C": "c", "Python": "python", "C#": "csharp"}
WAITS = ["to read", "to write", "for a change"]
NAME = f"wmmf-waits-{os.getpid()}".encode().hex()


@contextmanager
def started(system: str, language: str) -> Iterator[Agent]:
    agent = agents.start(system, LANGUAGES[language])
    try:
        yield agent
    finally:
        agent.kill()


@contextmanager
def opener(system: str, language: str) -> Iterator[Agent]:
    with started(system, language) as agent:
        agent.does("open", NAME, 0, LOCAL, NATIVE, 0)
        yield agent


@contextmanager
def creator(system: str, language: str) -> Iterator[Agent]:
    with started(system, language) as agent:
        agent.does("create", NAME, 1000, LOCAL, NATIVE, OWNER)
        yield agent


def send_wait(agent: Agent, wait: str, timeout: int) -> None:
    """Have the agent wait; another has the write lock."""
    if wait == "for a change":
        agent.send("wait", agent.does("sequence"), timeout)
    else:
        agent.send("lock_read" if wait == "to read" else "lock_write", timeout)


def recovery(system: str, language: str, wait: str, deaths: int) -> list[float]:
    """Milliseconds from before a writer is killed until a waiting process reports it, for each death.

    The first one does not count: .NET then compiles what it takes to throw an exception.
    """
    chance = random.Random(deaths)
    times = []
    with creator(system, language) as waiter:
        for _ in range(deaths + 1):
            with opener(system, "C") as holder:
                holder.does("lock_write", LONG_TIMEOUT)
                send_wait(waiter, wait, LONG_TIMEOUT)
                time.sleep(0.02 + chance.random() / 50)  # by now it sleeps in the kernel
                begin = time.perf_counter()
                holder.kill()
                assert waiter.answer() == f"error {OWNER_DIED}"
                times.append((time.perf_counter() - begin) * 1000)
            if wait != "to write":
                assert waiter.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"
            waiter.does("mark_consistent")
            waiter.does("unlock_write")
    return times[1:]


class Cost(NamedTuple):
    """Of a wait that ran into its timeout."""

    processor: float  # per cent of a core
    late: float  # milliseconds


def costs(system: str, language: str, seconds: float) -> dict[str, Cost]:
    """What each kind of wait costs a process; three do it at the same time."""
    found = {}
    with ExitStack() as stack:
        stack.enter_context(creator(system, "C")).does("lock_write", LONG_TIMEOUT)
        waiters = {wait: stack.enter_context(opener(system, language)) for wait in WAITS}
        before = {wait: waiter.processor_seconds() for wait, waiter in waiters.items()}
        begin = time.perf_counter()
        for wait, waiter in waiters.items():
            send_wait(waiter, wait, int(seconds * SECONDS))
        for wait, waiter in waiters.items():
            assert waiter.answer() == f"error {TIMEOUT}"
            late = time.perf_counter() - begin - seconds
            processor = waiter.processor_seconds() - before[wait]
            found[wait] = Cost(processor / seconds * 100, late * 1000)
    return found


def stopped(system: str, seconds: float) -> None:
    """A writer that is stopped for this long keeps its lock, and its write is whole."""
    with creator(system, "C") as survivor, opener(system, "C") as victim:
        victim.does("lock_write", LONG_TIMEOUT)
        with victim.stopped():
            assert survivor.ask("lock_write", int(seconds * SECONDS)) == f"error {TIMEOUT}"
        victim.does("poke", 0, "c0de")
        survivor.send("lock_write", LONG_TIMEOUT)
        victim.does("unlock_write")
        assert survivor.answer() == "ok"
        assert survivor.does("peek", 0, 2) == "c0de"
