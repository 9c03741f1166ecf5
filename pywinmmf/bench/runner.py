"""Runs the rows: rounds of all subjects, one after the other, so that other load on the machine affects all alike."""

from __future__ import annotations

import itertools
import os
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .peers import PEERS
from .process import Process, ProcessFailed
from .programs import NAMES, program
from .rows import Figure, Row
from .task import Result, Task

BARE_C = "bare C"
LABELS = {"bare": BARE_C, "wmmf": "pywinmmf C"}
_numbers = itertools.count()


def new_name() -> str:
    """A name for the channel of a run."""
    return f"{_prefix()}{next(_numbers)}"


def remove_leftovers() -> None:
    """Remove files that killed processes left in shared memory under our names. On Windows there are none."""
    for file in Path("/dev/shm").glob(f"*{_prefix()}*"):
        file.unlink(missing_ok=True)


def _prefix() -> str:
    return f"pywinmmf-bench-{os.getpid()}-"


@dataclass(frozen=True)
class Subject:
    """Something that is measured: a command that plays any role."""

    name: str
    command: tuple[str, ...]
    rows: frozenset[str] | None
    """What it can do; None: everything."""

    def can(self, row: Row) -> bool:
        """Whether it takes part in this row."""
        return self.rows is None or row.key in self.rows


@dataclass
class Measured:
    """The values of one figure of one subject, one for each round."""

    values: list[float] = field(default_factory=list)
    torn: int = 0

    @property
    def median(self) -> float:
        """Of all rounds."""
        return statistics.median(self.values)


@dataclass
class Outcome:
    """The values of one figure of a row by subject, and why a subject has none."""

    row: Row
    figure: Figure
    measured: dict[str, Measured] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Of the row, and of the figure if there are several."""
        return ": ".join(filter(None, (self.row.title, self.figure.label)))

    def ratio(self, subject: str) -> float | None:
        """The ratio to bare C; above 1 is better, whatever the unit."""
        bare = self.measured.get(BARE_C)
        if bare is None or not bare.median or not self.measured[subject].median:
            return None
        ratio = self.measured[subject].median / bare.median
        return ratio if self.figure.more_is_better else 1 / ratio


def subjects(programs: Path | None) -> Iterator[Subject]:
    """Everything that can be measured here. ``programs`` is the folder of the programs in C."""
    if programs is not None:
        for name in NAMES:
            yield Subject(LABELS[name], (str(program(programs, name)),), None)
    for name, peer in PEERS.items():
        if peer.installed:
            yield Subject(name, (sys.executable, "-m", "pywinmmf.bench.worker", name), peer.rows)


def spread(processes: Sequence[Process]) -> None:
    """Give each process its own processor, if there are enough: a spinning process blocks its processor."""
    processors = psutil.Process().cpu_affinity() or []
    for process, processor in zip(processes, processors):
        psutil.Process(process.pid).cpu_affinity([processor])


def run_together(subject: Subject, tasks: Sequence[Task]) -> list[Result]:
    """Run processes: each is ready before the next one starts, and all begin at the same time.

    The first one ends last: a writer writes as long as somebody reads."""
    with ExitStack() as stack:
        processes = [stack.enter_context(Process(subject.command, task)) for task in tasks]
        if tasks[0].spin:
            spread(processes)
        for process in processes:
            process.begin()
        try:
            return [process.result() for process in reversed(processes)][::-1]
        except ProcessFailed:
            if not processes[0].running:
                processes[0].result()  # it says why the others got nothing
            raise


def measure(row: Row, subjects: Iterable[Subject], rounds: int, seconds: float, size: int) -> list[Outcome]:
    """One outcome for each figure of the row."""
    outcomes = [Outcome(row, figure) for figure in row.figures]
    for _ in range(rounds):
        for subject in filter(lambda subject: subject.can(row), subjects):
            name = new_name()
            try:
                runs = [run_together(subject, [task.scaled(name, size, seconds) for task in run]) for run in row.runs]
            except ProcessFailed as error:
                for outcome in outcomes:
                    outcome.failures[subject.name] = str(error)
                continue
            torn = sum(result.torn for run in runs for result in run)
            for outcome in outcomes:
                measured = outcome.measured.setdefault(subject.name, Measured())
                measured.values.append(outcome.figure.of(runs))
                measured.torn += torn
    return outcomes
