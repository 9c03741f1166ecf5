"""Timeouts: from the caller's seconds to native waits that are never long.

A native wait cannot be interrupted, so a long one is cut into slices, between which Python runs signal
handlers (Ctrl-C) and notices that the object was closed. An uncontended call is still one native call. The
price: a slice that ends without the lock gives up its place in the queue of writers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from .errors import InvalidArgumentError

SLICE_NS = 100_000_000


def slices(timeout: float | None) -> Iterator[int]:
    """Nanoseconds for one native call after another, at least one, until ``timeout`` seconds are over."""
    if timeout is None:
        while True:
            yield SLICE_NS
    if isinstance(timeout, bool) or not hasattr(timeout, "__float__"):
        raise TypeError(f"timeout {timeout!r}: expected seconds or None, not {type(timeout).__name__}")
    seconds = float(timeout)
    if not seconds >= 0:
        raise InvalidArgumentError(f"timeout {timeout!r}: expected None or at least 0 seconds")
    if math.isinf(seconds):
        yield from slices(None)
    remaining = int(seconds * 1e9)
    # Not time.monotonic_ns(), which moves in steps of 16 ms on Windows.
    deadline = time.perf_counter_ns() + remaining
    while True:
        yield min(remaining, SLICE_NS)
        remaining = deadline - time.perf_counter_ns()
        if remaining <= 0:
            return
