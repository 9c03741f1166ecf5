"""Medians of interleaved rounds, and their ratios."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable

ROUNDS = 15


def median_ns(subjects: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Nanoseconds of each subject; the rounds of all are interleaved."""
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            start = time.perf_counter_ns()
            for _ in range(repeat):
                subject()
            times[name].append((time.perf_counter_ns() - start) / repeat)
    return {name: statistics.median(values) for name, values in times.items()}


def show(title: str, times: dict[str, float], unit: str) -> None:
    """Print a table of ratios to the entry ``unit``."""
    print(f"\n{title}")
    for name, value in times.items():
        print(f"  {name:32} {value:12.1f} ns {value / times[unit]:8.2f} x")
