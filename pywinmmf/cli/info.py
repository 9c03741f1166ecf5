"""``pywinmmf info``: describes a section, its lock and its participants, and how often it changes."""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from typing import Any

from pywinmmf import AuditReport, FormatError, FrameChannel, Layout, LockState, MemoryMappedFile, Namespace, Participant
from pywinmmf.viewers.state import State, state_of

from .facts import channel_of, described, print_facts, sequence_of, with_hint
from .options import add_json, add_name

LAYOUTS = {layout.name.lower(): layout for layout in Layout}
LONGEST_INTERVAL = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    add_name(parser, "section")
    parser.add_argument(
        "--layout", choices=LAYOUTS, default="native", help="what the section's bytes mean (default: native)"
    )
    parser.add_argument(
        "--interval",
        type=_interval,
        default=0.5,
        metavar="SECONDS",
        help="how long to measure the rate (default: 0.5)",
    )
    add_json(parser)
    parser.set_defaults(run=f"{__name__}:run")


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_INTERVAL:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0 to {LONGEST_INTERVAL:g} seconds")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Print everything that is known. This opens the section read-only and changes nothing."""
    name, layout = arguments.name, LAYOUTS[arguments.layout]

    try:
        section = MemoryMappedFile.open(name, namespace=arguments.namespace, layout=layout, readonly=True)
    except FormatError as error:
        others = " or ".join(f"--layout {other}" for other in LAYOUTS if other != arguments.layout)
        raise with_hint(error, f"if it has another layout, try {others}") from None
    namespace = section.namespace
    with section:
        facts = {
            "name": name,
            "namespace": namespace.name.lower(),
            "layout": arguments.layout,
            "size": section.size,
            "reserved": section.reserved,
            "page_size": section.page_size,
        }
        if layout is Layout.NATIVE:
            with channel_of(name, namespace) or nullcontext() as channel:
                if channel:
                    facts |= _channel_facts(channel, namespace)
                facts |= _native_facts(section)
                facts |= _rate(channel or section, arguments.interval)
        elif layout is Layout.WINMMF:
            facts["lock"] = _winmmf_lock_state(section.lock_state())
    print_facts(facts, arguments.json)
    return 0


def _channel_facts(channel: FrameChannel, namespace: Namespace) -> dict[str, Any]:
    age = channel.age
    poisoned = channel.audit().poisoned
    return {
        "state": (State.POISONED if poisoned else state_of(channel, channel.name, namespace)).value,
        "slots": channel.slots,
        "history": channel.history,
        "capacity": channel.capacity,
        "in_place": channel.in_place,
        "seconds_since_last_frame": None if age is None else round(age, 3),
    }


def _native_facts(section: MemoryMappedFile) -> dict[str, Any]:
    report = section.audit()
    people, holds = section.participants(), section.holds()
    return {
        "lock": _lock_state(report, people),
        "holder": next((described(one) for one in people if one.writing), None),
        "participants": [described(one, holds) for one in people],
    }


def _rate(counter: MemoryMappedFile | FrameChannel, interval: float) -> dict[str, Any]:
    """Its sequence, and how fast that grows: writes of a section, frames of a channel."""
    before, start = sequence_of(counter), time.perf_counter()
    time.sleep(interval)
    after, end = sequence_of(counter), time.perf_counter()
    return {"sequence": after, "rate_per_second": round((after - before) / max(end - start, 1e-9), 1)}


def _lock_state(report: AuditReport, people: list[Participant]) -> str:
    if report.poisoned:
        return "poisoned"
    if report.writer:
        writer = next((one for one in people if one.writing), None)
        return "held for writing" + ("" if writer is None or writer.alive else " by a dead process")
    if report.owner_died:
        return "free, but the last writer died while it held it: the payload may be half written"
    return _readers(report.readers)


def _readers(count: int) -> str:
    return f"held by {count} for reading" if count else "free"


def _winmmf_lock_state(state: LockState) -> str:
    """This layout does not name the holder of the lock."""
    if not state.initialised:
        return "not initialised"
    return "held for writing" if state.writing else _readers(state.readers)
