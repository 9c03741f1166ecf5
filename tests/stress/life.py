"""The life of a channel: its publisher is killed, stopped, restarted, and makes new pictures, at random, while others
read, in three languages, and one stands by. The driver; publisher.py and reader.c, reader.py, Reader.cs are the
processes."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import native
from csharp import programs
from lab import dotnet, wine, winpython
from stress import kills
from stress.processes import LONG_TIMEOUT, Process, expect, processes, start

EVENTS = ["kill", "stop", "resize", "restart"]
IN_CSHARP = "../stress/Reader.cs"
STOPPED = 0.03  # seconds
APART = (0.15, 0.2)  # seconds from one event to the next, so that each gap has one cause

Start = Callable[[str], Process]
"""Starts a program on the channel of this name."""


class System(NamedTuple):
    """How to start a publisher, and a reader in each language."""

    publisher: Start
    readers: dict[str, Start]


class Life(NamedTuple):
    """What the readers saw."""

    totals: dict[str, tuple[int, int, int]]  # of each language: frames, torn ones, failures
    gaps: dict[str, list[float]]  # seconds: the longest gap between two frames after each event, for each reader


def linux() -> System:
    program = native.programs("gcc") / "reader"
    assembly = programs.for_linux(IN_CSHARP)

    def python(module: str) -> Start:
        return lambda name: start(name, module=module)

    readers: dict[str, Start] = {
        "C": lambda name: kills.popen(program, name),
        "Python": python("stress.reader"),
        "C#": lambda name: dotnet.popen_linux(assembly, [name]),
    }
    return System(python("stress.publisher"), readers)


def windows() -> System:
    native.install_on_windows()
    program = native.programs("mingw64") / "reader.exe"
    assembly = programs.for_windows(IN_CSHARP)
    environment = {"PYTHONPATH": wine.windows_path(kills.TESTS), "PYTHONSAFEPATH": "1"}

    def python(module: str) -> Start:
        return lambda name: winpython.popen(["-m", module, name], env=environment)

    readers: dict[str, Start] = {
        "C": lambda name: wine.popen([program, name]),
        "Python": python("stress.reader"),
        "C#": lambda name: dotnet.popen_wine(assembly, [name]),
    }
    return System(python("stress.publisher"), readers)


SYSTEMS = {"linux": linux, "wine": windows}


class Reader:
    """One that has begun to read: when it told of which gaps, and what it said at its end."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.gaps: list[tuple[float, float]] = []
        self.said = ""
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if " " in line:
                self.said = line
            else:
                self.gaps.append((time.monotonic(), float(line)))

    def total(self) -> tuple[int, int, int]:
        """Ends it."""
        kills.dismiss(self.process)
        with kills.alarmed(self.process, LONG_TIMEOUT):
            self._listener.join()
        frames, torn, failed = (int(number) for number in self.said.split())
        return frames, torn, failed


def run(system: str, events: int, seed: int = 1) -> Life:
    """Run this many events."""
    chance = random.Random(seed)
    name = f"wmmf-life-{os.getpid()}"
    begins, reads = SYSTEMS[system]()
    happened: list[tuple[float, str]] = []
    with processes() as running:

        def started(program: Start) -> Process:
            running.append(program(name))
            expect(running[-1], "ready")
            return running[-1]

        publisher = started(begins)
        expect(publisher, "publishing")
        standby = started(begins)
        readers = {language: Reader(started(program)) for language, program in reads.items()}
        for _ in range(events):
            time.sleep(chance.uniform(*APART))
            event = chance.choice(EVENTS)
            assert publisher.poll() is None, "the publisher ended by itself, which looks like a gap"
            happened.append((time.monotonic(), event))
            assert publisher.stdin is not None
            if event == "stop":
                publisher.send_signal(signal.SIGSTOP)
                time.sleep(STOPPED)
                publisher.send_signal(signal.SIGCONT)
            elif event == "resize":
                publisher.stdin.write("\n")
                publisher.stdin.flush()
            else:
                publisher.kill() if event == "kill" else publisher.stdin.close()
                expect(standby, "publishing")
                publisher.wait(LONG_TIMEOUT)
                running.remove(publisher)
                publisher, standby = standby, started(begins)
        time.sleep(APART[0])
        totals = {language: reader.total() for language, reader in readers.items()}
    return Life(totals, gaps_after(happened, list(readers.values())))


def gaps_after(happened: list[tuple[float, str]], readers: list[Reader]) -> dict[str, list[float]]:
    """A gap is due to the event before its end."""
    gaps: dict[str, list[float]] = {event: [] for event in EVENTS}
    ends = [began for began, _ in happened[1:]] + [float("inf")]
    for reader in readers:
        for (began, event), end in zip(happened, ends):
            gaps[event].append(max((gap for told, gap in reader.gaps if began <= told < end), default=0.0))
    return gaps
