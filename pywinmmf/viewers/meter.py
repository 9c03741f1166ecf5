"""Measures a channel from a reader's side: rate, latency, missed frames."""

from __future__ import annotations

import bisect
import itertools
import threading
import time
from collections import deque
from typing import Any

from pywinmmf import Namespace

from .follower import Follower
from .state import State, problem_of

RECENT_FRAMES = 1000  # for the latency
RATE_SECONDS = 2.0  # to measure the rate, or the time between two frames if that is longer
RETRY_SECONDS = 0.5
BOUNDS_MS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)  # of the histogram; one more bar follows


class Meter:
    """Reads every frame that it can get, in its own thread, and keeps the figures; any thread may get them."""

    def __init__(self, name: str, namespace: Namespace) -> None:
        self._follower = Follower(name, namespace)
        self._lock = threading.Lock()  # protects the following attributes
        self._state = State.ABSENT
        self._problem = ""
        self._frames = 0
        self._missed = 0
        self._last = 0  # sequence
        self._latencies_ms: deque[float] = deque(maxlen=RECENT_FRAMES)
        self._arrivals: deque[tuple[float, int, int]] = deque()  # time, sequence, bytes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except Exception as error:  # report any error instead of frozen figures
                with self._lock:
                    self._state, self._problem = State.STALLED, problem_of(error)
                self._stop.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        for state, frame in self._follower:
            now_ns = time.perf_counter_ns()
            with self._lock:
                self._state, self._problem = state, ""
                if frame is not None:
                    self._count(frame.sequence)
                    self._arrivals.append((now_ns / 1e9, frame.sequence, frame.used))
                    if state is State.LIVE:  # earlier ones were published before we looked
                        self._latencies_ms.append(max(0.0, (now_ns - frame.timestamp_ns) / 1e6))
                elif state is not State.LIVE:
                    self._arrivals.clear()
                while len(self._arrivals) > 2 and self._arrivals[0][0] < now_ns / 1e9 - RATE_SECONDS:
                    self._arrivals.popleft()
            if self._stop.is_set():
                return

    def _count(self, sequence: int) -> None:
        """Count a frame, and the missed ones before it, unless it is the first of a channel."""
        self._frames += 1
        if 0 < self._last < sequence:
            self._missed += sequence - self._last - 1
        self._last = sequence

    def report(self) -> dict[str, Any]:
        """The current figures, for JSON."""
        with self._lock:
            latencies, arrivals = sorted(self._latencies_ms), list(self._arrivals)
            report = {
                "state": self._state.value,
                "problem": self._problem,
                "frames": self._frames,
                "missed": self._missed,
            }
        return {**report, **_rates(arrivals), "latency_ms": _latency(latencies)}


def _rates(arrivals: list[tuple[float, int, int]]) -> dict[str, float]:
    """Rates of all published frames, whether we read them or not."""
    fps = bytes_per_second = 0.0
    if len(arrivals) > 1:
        (start, first, _), (end, last, size) = arrivals[0], arrivals[-1]
        fps = max(0, last - first) / max(end - start, 1e-9)
        bytes_per_second = fps * size
    return {"frames_per_second": round(fps, 1), "megabytes_per_second": round(bytes_per_second / 1e6, 1)}


def _latency(latencies_ms: list[float]) -> dict[str, Any]:
    """Quantiles of sorted latencies, from publication until we have the frame."""
    ends = [*(bisect.bisect_left(latencies_ms, bound) for bound in BOUNDS_MS), len(latencies_ms)]
    counts = [end - start for start, end in zip([0, *ends], ends)]
    return {
        "median": _quantile(latencies_ms, 0.5),
        "p99": _quantile(latencies_ms, 0.99),
        "worst": _quantile(latencies_ms, 1),
        "histogram": [
            {"below_ms": bound, "frames": count} for bound, count in itertools.zip_longest(BOUNDS_MS, counts)
        ],
    }


def _quantile(ordered: list[float], part: float) -> float | None:
    return round(ordered[min(int(part * len(ordered)), len(ordered) - 1)], 3) if ordered else None
