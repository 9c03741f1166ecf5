"""Processes killed at random instants while they lock, read, write, wait, open and close; the others must not notice.

``PYWINMMF_KILLS`` says how many, on either system: by default 1500 on Linux and 60 under Wine.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import native
import pytest
from lab import wine, winpython

HERE = Path(__file__).parent
LIFE_SECONDS = 0.01  # at most, of a victim that is ready
END_SECONDS = 60

Start = Callable[[str, int], "subprocess.Popen[str]"]


class Report(NamedTuple):
    """What a survivor says."""

    operations: int
    torn: int
    failed: int
    repairs: int
    leaked: int


def popen(*command: str | Path | int) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([str(part) for part in command], stdin=pipe, stdout=pipe, text=True, cwd=HERE)


def linux() -> dict[str, Start]:
    program = native.programs("gcc") / "worker"
    return {
        "C": lambda name, seed: popen(program, name, seed),
        "Python": lambda name, seed: popen(sys.executable, HERE / "worker.py", name, seed),
        "keeper": lambda name, _: popen(sys.executable, HERE / "keeper.py", name),
    }


def windows() -> dict[str, Start]:
    native.install_on_windows()
    program = native.programs("mingw64") / "worker.exe"
    return {
        "C": lambda name, seed: wine.popen([program, name, str(seed)]),
        "Python": lambda name, seed: winpython.popen([HERE / "worker.py", name, str(seed)], cwd=HERE),
        "keeper": lambda name, _: winpython.popen([HERE / "keeper.py", name], cwd=HERE),
    }


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


def ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def last_words(process: subprocess.Popen[str]) -> str:
    """What it prints when its input ends; it is killed if it does not end then. Not ``communicate``: that would read
    the errors, too, which Wine's have a reader of their own for."""
    assert process.stdin is not None
    assert process.stdout is not None
    alarm = threading.Timer(END_SECONDS, process.kill)
    alarm.start()
    try:
        process.stdin.close()
        with process.stdout:
            output = process.stdout.read()
        assert process.wait() == 0, output
    finally:
        alarm.cancel()
    return output


def end(process: subprocess.Popen[str]) -> Report:
    return Report(*map(int, last_words(process).split()))


def languages(of: dict[str, Start]) -> Iterator[Start]:
    """Mostly C, which is quick to start, so that deaths are many."""
    while True:
        yield from [of["C"]] * 19
        yield of["Python"]


def run(start: dict[str, Start], name: str, kills: int, seed: int) -> list[Report]:
    """Kill as many; what the survivors say."""
    chance = random.Random(seed)
    survivors = [ready(start["C"](name, 1)), ready(start["C"](name, 2)), ready(start["Python"](name, 3))]
    victims: list[subprocess.Popen[str]] = []
    try:
        for number, begin in zip(range(kills), languages(start)):
            victims.append(begin(name, number))
            if chance.random() < 0.9:  # the others die while they start and open
                ready(victims[-1])
            time.sleep(chance.random() * LIFE_SECONDS)
            kill(victims.pop(0))
        return [end(survivor) for survivor in survivors]
    finally:
        for process in victims + survivors:
            if process.poll() is None:
                kill(process)


@pytest.mark.parametrize("system", ["linux", "wine"])
def test_survivors_do_not_notice(system: str) -> None:
    name = f"wmmf-stress-{os.getpid()}"
    kills = int(os.environ.get("PYWINMMF_KILLS") or {"linux": 1500, "wine": 60}[system])
    start = linux() if system == "linux" else windows()
    keeper = ready(start["keeper"](name, 0))
    reports = run(start, name, kills, seed=kills)
    assert last_words(keeper) == "sound 1 gone\n"
    assert not [file for file in os.listdir("/dev/shm") if name in file]
    total = Report(*map(sum, zip(*reports)))
    print(f"{kills} kills: {total}")
    assert (total.torn, total.failed, total.leaked) == (0, 0, 0)
    assert min(report.operations for report in reports) > 0
