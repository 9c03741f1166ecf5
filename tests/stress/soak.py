"""A channel over a long time, on Linux: readers come, half of them are killed, and its pictures are replaced. What its
publisher and one reader that stays need must not grow."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import NamedTuple

from stress import kills, life
from stress.processes import LONG_TIMEOUT, Process, expect, processes

VISITORS = 4  # at a time
MIXTURE = ["C"] * 18 + ["Python", "C#"]
LIFE_SECONDS = 0.1  # at most, from one end to the next
RESIZE_SECONDS = 1.0
SAMPLE_SECONDS = 2.0
SLACK = {"memory": 512, "descriptors": 2, "mappings": 2}  # what may come and go


class Need(NamedTuple):
    """Of one process."""

    memory: int  # private, KiB
    descriptors: int
    mappings: int


class Soak(NamedTuple):
    """What came of it."""

    ended: int
    killed: int
    torn: int
    failed: int
    needs: dict[str, list[Need]]  # of those that stay, over the time
    files: list[str]  # of the shared memory, left behind

    def grown(self) -> list[str]:
        """The resources of which the last third of the run used more than the third before."""
        found = []
        for who, needs in self.needs.items():
            third = len(needs) // 3
            for what, slack in SLACK.items():
                before, after = (
                    max(getattr(need, what) for need in part) for part in (needs[third : 2 * third], needs[2 * third :])
                )
                if after > before + slack:
                    found.append(f"{what} of the {who}: {before}, then {after}")
        return found


def need(process: Process) -> Need:
    folder = Path(f"/proc/{process.pid}")
    memory = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("RssAnon:"))
    mappings = (folder / "maps").read_text().count("\n")
    return Need(int(memory.split()[1]), len(os.listdir(folder / "fd")), mappings)


def shared_files(process: Process) -> set[str]:
    """The files of shared memory that it has open."""
    links = set()
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            links.add(os.readlink(descriptor))
        except FileNotFoundError:  # closed meanwhile
            continue
    return {link for link in links if link.startswith("/dev/shm/") and "(deleted)" not in link}


def run(seconds: float, seed: int = 1) -> Soak:
    chance = random.Random(seed)
    name = f"wmmf-soak-{os.getpid()}"
    start_publisher, start_reader = life.linux()
    files: set[str] = set()
    killed = 0
    totals: list[tuple[int, int, int]] = []
    with processes() as running:

        def started(program: life.Start) -> Process:
            running.append(program(name))
            expect(running[-1], "ready")
            return running[-1]

        def end(visitor: life.Reader) -> None:
            nonlocal killed
            if chance.random() < 0.5:
                visitor.process.kill()
                killed += 1
            else:
                totals.append(visitor.total())
            visitor.process.wait(LONG_TIMEOUT)
            running.remove(visitor.process)

        publisher = started(start_publisher)
        expect(publisher, "publishing")
        witness = life.Reader(started(start_reader["Python"]))
        stay = {"publisher": publisher, "reader": witness.process}
        needs: dict[str, list[Need]] = {who: [] for who in stay}
        visitors: list[life.Reader] = []
        began = resized = sampled = time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            visitors.append(life.Reader(started(start_reader[chance.choice(MIXTURE)])))
            time.sleep(chance.uniform(0, LIFE_SECONDS))
            if len(visitors) > VISITORS:
                end(visitors.pop(chance.randrange(len(visitors))))
            if now > resized + RESIZE_SECONDS:
                resized = now
                assert publisher.stdin is not None
                publisher.stdin.write("\n")
                publisher.stdin.flush()
            if now > sampled + SAMPLE_SECONDS:
                sampled = now
                for who, process in stay.items():
                    needs[who].append(need(process))
                    files |= shared_files(process)
        for visitor in visitors:
            end(visitor)
        totals.append(witness.total())
        kills.dismiss(publisher)
        publisher.wait(LONG_TIMEOUT)
    left = sorted(file for file in files if os.path.exists(file))
    _, torn, failed = (sum(column) for column in zip(*totals))
    return Soak(len(totals) - 1, killed, torn, failed, needs, left)
