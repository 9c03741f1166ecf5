"""Processes killed at random instants while they work on a section or a frame channel: the driver.

Some workers (worker.c, worker.py, Worker.cs: one program in three languages) survive, many others are killed, and a
keeper says at the end what is left.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import native
from csharp import programs
from lab import dotnet, wine, winpython

TESTS = Path(__file__).parents[1]
IN_CSHARP = [f"../stress/{source}.cs" for source in ("Worker", "Work", "OnSection", "OnChannel", "OnTable")]
KINDS = ["section", "channel", "table"]
LIFE_SECONDS = 0.01  # at most, from one death to the next
CROWD = 3  # victims at a time
MIXTURE = ["C"] * 18 + ["Python", "C#"]  # mostly C, which is quick to start, so that deaths are many
SURVIVORS = ["C", "C", "C", "Python", "C#"]
SOUND = "sound 1 gone"  # the keeper's word: no damage, no slot lost, one participant, no section left
NOT_STARTED = 1  # exit status, under Wine; a C worker has others of its own
LONG_TIMEOUT = 60  # seconds until a process that does not report as it should counts as stuck
OF_DOTNET = 1  # handle that .NET opens for itself some seconds after its start; a leak of ours is hundreds
OPERATIONS_PER_SECOND = 50_000  # of a C survivor, at the very least

Process = subprocess.Popen[str]


class Report(NamedTuple):
    """What a survivor says."""

    operations: int
    torn: int
    failed: int
    repairs: int
    leaked: int


def report_of(language: str, words: str) -> Report:
    """A survivor's report. It may have fewer handles than before, of its language's own, and a C# program one more."""
    report = Report(*map(int, words.split()))
    own = OF_DOTNET if language == "C#" else 0
    return report._replace(leaked=max(0, report.leaked - own))


class Outcome(NamedTuple):
    """What came of it."""

    killed: Counter[str]
    reports: list[Report]
    keeper: str
    files: list[str]
    seconds: float

    @property
    def total(self) -> Report:
        """All survivors together."""
        return Report(*map(sum, zip(*self.reports)))


class System(NamedTuple):
    """How to start a worker in each language, and the keeper."""

    workers: dict[str, Callable[[list[str]], Process]]
    keeper: Callable[[list[str]], Process]


def popen(*command: str | Path) -> Process:
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONSAFEPATH": "1"}
    return subprocess.Popen([str(part) for part in command], stdin=pipe, stdout=pipe, text=True, env=environment)


def linux() -> System:
    program = native.programs("gcc") / "worker"
    assembly = programs.for_linux(*IN_CSHARP)

    def python(module: str) -> Callable[[list[str]], Process]:
        return lambda arguments: popen(sys.executable, "-m", module, *arguments)

    workers = {
        "C": lambda arguments: popen(program, *arguments),
        "Python": python("stress.worker"),
        "C#": lambda arguments: dotnet.popen_linux(assembly, arguments),
    }
    return System(workers, python("stress.keeper"))


def windows() -> System:
    native.install_on_windows()
    program = native.programs("mingw64") / "worker.exe"
    assembly = programs.for_windows(*IN_CSHARP)

    def python(module: str) -> Callable[[list[str]], Process]:
        return lambda arguments: winpython.popen(
            ["-m", module, *arguments], env={"PYTHONPATH": wine.windows_path(TESTS), "PYTHONSAFEPATH": "1"}
        )

    workers = {
        "C": lambda arguments: wine.popen([program, *arguments]),
        "Python": python("stress.worker"),
        "C#": lambda arguments: dotnet.popen_wine(assembly, arguments),
    }
    return System(workers, python("stress.keeper"))


SYSTEMS = {"linux": linux, "wine": windows}


@contextlib.contextmanager
def alarmed(process: Process, timeout: float) -> Iterator[None]:
    """Kill the process if this takes too long."""
    alarm = threading.Timer(timeout, process.kill)
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()


def is_ready(process: Process) -> bool:
    assert process.stdout is not None
    with alarmed(process, LONG_TIMEOUT):
        return process.stdout.readline() == "ready\n"


def ready(process: Process) -> Process:
    assert is_ready(process), f"{process.args!r}: not ready, exit status {process.poll()}"
    return process


def was_not_started(language: str, victim: Process) -> bool:
    """While others are killed, Wine fails to start one program in some thousands, and does not report it."""
    return language == "C" and victim.wait() == NOT_STARTED


def dismiss(process: Process) -> None:
    """Tell it that the end has come."""
    assert process.stdin is not None
    process.stdin.close()


def last_words(process: Process, timeout: float = LONG_TIMEOUT) -> str:
    """The output of a process that ends. ``communicate`` would also read its errors, which under Wine another thread
    reads."""
    assert process.stdout is not None
    with alarmed(process, timeout), process.stdout:
        output = process.stdout.read()
    assert process.wait() == 0, f"{process.args!r}: {output!r}"
    return output.strip()


def kill_crowd(start: Callable[[str], Process], kills: int, seed: int) -> Counter[str]:
    """Start and kill as many; how many of each language."""
    chance = random.Random(seed)
    victims: list[tuple[str, Process]] = []
    killed: Counter[str] = Counter()

    def kill(index: int) -> None:
        language, victim = victims.pop(index)
        ended = victim.poll()
        wine.kill(victim)
        if ended is None:
            killed[language] += 1
        else:
            assert was_not_started(language, victim), f"{victim.args!r} ended before it was killed, exit status {ended}"

    try:
        for language in itertools.cycle(MIXTURE):
            while victims and sum(killed.values()) + len(victims) == kills:
                kill(-1)
            if sum(killed.values()) == kills:
                break
            victim = start(language)
            victims.append((language, victim))
            in_time = chance.random() < 0.9
            if in_time:
                assert is_ready(victim) or was_not_started(language, victim), f"{victim.args!r}: not ready"
            time.sleep(chance.random() * LIFE_SECONDS)
            if not in_time:  # it dies while it starts and opens
                kill(-1)
            elif len(victims) == CROWD:
                kill(chance.randrange(CROWD))
    finally:
        for _, victim in victims:
            wine.kill(victim)
    return killed


def run(system: str, kind: str, kills: int, operations: int = 0) -> Outcome:
    """Kill this many that work on a thing of this kind, while the survivors do at least this many operations."""
    name = f"wmmf-stress-{os.getpid()}"
    begin = time.monotonic()
    workers, keep = SYSTEMS[system]()
    seeds = itertools.count()
    share = max(1, operations // SURVIVORS.count("C"))

    def start(language: str, least: int = 0) -> Process:
        return workers[language]([kind, name, str(next(seeds)), str(least)])

    running = [ready(keep([kind, name]))]
    try:
        for language in SURVIVORS:
            running.append(ready(start(language, share if language == "C" else 1)))
        killed = kill_crowd(start, kills - CROWD, seed=kills)
        keeper, *survivors = running
        for survivor in survivors:
            dismiss(survivor)
        timeout = LONG_TIMEOUT + share / OPERATIONS_PER_SECOND
        reports = [
            report_of(language, last_words(survivor, timeout))
            for language, survivor in zip(SURVIVORS, survivors, strict=True)
        ]
        # Nobody comes after these and takes over their places: the keeper finds what they leave.
        killed += kill_crowd(start, CROWD, seed=CROWD)
        dismiss(keeper)
        verdict = last_words(keeper)
    finally:
        for process in running:
            if process.poll() is None:
                wine.kill(process)
    files = [file for file in os.listdir("/dev/shm") if name in file]
    return Outcome(killed, reports, verdict, files, time.monotonic() - begin)
