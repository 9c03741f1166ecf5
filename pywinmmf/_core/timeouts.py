"""Timeouts: from the caller's seconds to short native waits.

A native wait cannot be interrupted, so a long one is cut into slices. Between them Python runs signal handlers (Ctrl-C)
and notices if the object was closed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from ..errors import ArgumentTypeError, InvalidArgumentError
from .binding import lib

SLICE_NS: int = lib.WMMF_WAIT_SLICE_NS


def seconds(timeout: float | None, what: str = "timeout") -> float:
    """The checked timeout; None waits for ever, and so does a number that is too large for a clock."""
    if timeout is None:
        return math.inf
    value = timeout if type(timeout) is float else _as_float(timeout, what)
    if not value >= 0:
        raise InvalidArgumentError(f"{what} {timeout!r}: expected None or at least 0 seconds")
    return value


def _as_float(timeout: float, what: str) -> float:
    if isinstance(timeout, bool) or not hasattr(timeout, "__float__"):
        raise ArgumentTypeError(f"{what} {timeout!r}: expected seconds or None, not {type(timeout).__name__}")
    try:
        return float(timeout)
    except OverflowError:  # an integer that no float can hold
        return math.inf if timeout > 0 else -math.inf
    except TypeError:  # such as of a NumPy array of more than one number
        raise ArgumentTypeError(f"{what} {timeout!r}: expected seconds or None") from None


def nanoseconds(timeout: float | None, what: str = "timeout") -> int:
    """The timeout in the form of the native library: -1 is for ever."""
    ns = seconds(timeout, what) * 1e9
    return int(ns) if ns < 2**63 else -1


def slices(timeout: float, copied: int = 0) -> Iterator[int]:
    """Nanoseconds for one native call after another, until ``timeout`` seconds have passed. Each slice is long enough
    to copy the bytes again."""
    slice_ns = SLICE_NS + copied * lib.WMMF_COPY_NS_PER_BYTE
    remaining = timeout * 1e9
    # Not time.monotonic_ns(), which moves in steps of 16 ms on Windows.
    deadline = time.perf_counter_ns() + remaining
    while remaining > 0:
        yield int(min(remaining, slice_ns))
        remaining = deadline - time.perf_counter_ns()
