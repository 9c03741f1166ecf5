"""What is measured: the rows of the table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .task import Result, Task

CAMERA_FPS = 60
MANY = 8
"""Readers."""
ASLEEP_NS = 100_000
"""Longer than pywinmmf and bare C spin before they sleep, but too short for a deep sleep of the processor."""

Runs = Sequence[Sequence[Result]]
"""For each run, the results of its processes."""


@dataclass(frozen=True)
class Figure:
    """A number that comes out of a row."""

    unit: str
    more_is_better: bool
    of: Callable[[Runs], float]
    label: str = ""
    """A title, if the row has several figures."""


@dataclass(frozen=True)
class Row:
    """Runs, one after the other. The processes of a run work together: the first creates a channel, the others open
    it."""

    key: str
    title: str
    runs: tuple[tuple[Task, ...], ...]
    figures: tuple[Figure, ...]


def _stream(readers: int, *, copy_in: bool = True, copy_out: bool = False, fps: float = 0) -> tuple[Task, ...]:
    """A writer and readers. Each reader may hold a slot; besides those there is one to write and one that is the
    newest."""
    writer = Task("write", slots=readers + 3, copy=copy_in, fps=fps)
    return (writer, *[replace(writer, role="read", copy=copy_out)] * readers)


def _round_trip(*, spin: bool = False, pause_ns: int = 0) -> tuple[Task, ...]:
    asker = Task("ask", size=64, spin=spin, pause_ns=pause_ns)
    return (asker, replace(asker, role="answer"))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def _read_per_second(runs: Runs) -> float:
    _, *readers = runs[0]
    return sum(reader.rate for reader in readers)


def _written_per_second(runs: Runs) -> float:
    return runs[0][0].rate


def _median_us(process: int) -> Callable[[Runs], float]:
    return lambda runs: statistics.median(runs[0][process].sample_ns) / 1000


def _seen(runs: Runs) -> float:
    """The percentage of frames that the slowest reader saw."""
    _, *readers = runs[0]
    return min(100 * reader.count / (reader.count + reader.missed) for reader in readers)


def _p99_us(run: int) -> Callable[[Runs], float]:
    return lambda runs: percentile(runs[run][0].sample_ns, 0.99) / 1000


def _p99_moves(runs: Runs) -> float:
    return _p99_us(0)(runs) / _p99_us(1)(runs)


READ = Figure("frames/s", True, _read_per_second)
LATENCY = Figure("us", False, _median_us(1))
TIME = Figure("us", False, _median_us(0))

ROWS = (
    Row("copy-copy", "copy in, copy out, unpaced", (_stream(1, copy_out=True),), (READ,)),
    Row("copy-view", "copy in, zero-copy read, unpaced", (_stream(1),), (READ,)),
    Row(
        "no-copies",
        "no copies, unpaced",
        (_stream(1, copy_in=False),),
        (
            replace(READ, label="read"),
            Figure("frames/s", True, _written_per_second, "written"),
        ),
    ),
    Row(
        "latency",
        f"no copies, {CAMERA_FPS} frames/s: publish to frame in hand, p50",
        (_stream(1, copy_in=False, fps=CAMERA_FPS),),
        (LATENCY,),
    ),
    Row(
        "roundtrip-sleeping",
        "64-byte round trip, each side woken after 0.1 ms, p50",
        (_round_trip(pause_ns=ASLEEP_NS),),
        (TIME,),
    ),
    Row(
        "roundtrip-spinning", "64-byte round trip, spinning on two processors, p50", (_round_trip(spin=True),), (TIME,)
    ),
    Row("readers-unpaced", f"{MANY} zero-copy readers, unpaced, all reads", (_stream(MANY),), (READ,)),
    Row(
        "readers-paced",
        f"{MANY} zero-copy readers, {CAMERA_FPS} frames/s",
        (_stream(MANY, fps=CAMERA_FPS), _stream(0, fps=CAMERA_FPS)),
        (
            Figure("% of frames", True, _seen, "seen by each"),
            Figure("us", False, _p99_us(0), "publish, p99"),
            Figure("x", False, _p99_moves, "the same, against no readers"),
        ),
    ),
    Row("create", "create a channel of 3 slots, p50", ((Task("create", slots=3),),), (TIME,)),
    Row("open", "open it, p50", ((Task("open", slots=3),),), (TIME,)),
)
