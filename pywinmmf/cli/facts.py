"""The output of ``info`` and ``audit``: names and values, as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pywinmmf import FormatError, FrameChannel, Hold, MemoryMappedFile, Namespace, Participant
from pywinmmf.inspection import program_of

from .terminal import shown


def print_facts(facts: Mapping[str, Any], as_json: bool) -> None:
    """Print one fact per line, and one participant per line."""
    if as_json:
        print(json.dumps(facts))
        return
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        lines = value if isinstance(value, list) else [value]
        for number, line in enumerate(lines or [None]):
            label = name.replace("_", " ") if number == 0 else ""
            print(f"{label:<{width}}  {shown(_sentence(line) if isinstance(line, dict) else line)}")


def described(participant: Participant, holds: Sequence[Hold] = ()) -> dict[str, Any]:
    """A participant with the name of its program and, out of ``holds``, its locks in the payload."""
    # Another process may have the number of a dead one by now.
    program = program_of(participant.pid) if participant.alive else ""
    locks = [hold._asdict() for hold in holds if hold.participant == participant.record]
    return {"pid": participant.pid, "program": program or "unknown", **participant._asdict(), "locks": locks}


def _sentence(described: Mapping[str, Any]) -> str:
    """A participant in words."""
    parts = [f"pid {described['pid']} ({described['program']}) since {_time(described['joined_unix_ns'])}"]
    if not described["alive"]:
        parts.append("dead")
    if described["writing"]:
        since = described["writing_since_unix_ns"]
        parts.append(f"writing since {_time(since)}" if since else "about to write")
    if described["readers"]:
        parts.append(f"reading: {described['readers']}")
    waiting = described["waiting_readers"] + described["waiting_writer"]
    if waiting:
        parts.append(f"waiting: {waiting}")
    return ", ".join(parts + [_lock_sentence(hold) for hold in described["locks"]])


def _lock_sentence(hold: Mapping[str, Any]) -> str:
    """A lock in the payload that a participant holds or waits for, in words."""
    what = "writing" if hold["writing"] else "reading" if hold["reading"] else "waiting"
    return f"{what} at offset {hold['offset']}"


def _time(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns / 1e9).isoformat(" ", "milliseconds")


def channel_of(name: str, namespace: Namespace) -> FrameChannel | None:
    """The channel behind a section, read-only; None if it is not a channel."""
    try:
        return FrameChannel.open(name, namespace=namespace, readonly=True)
    except FormatError:
        return None


def sequence_of(counter: MemoryMappedFile | FrameChannel) -> int:
    """The sequence of a section; a poisoned one gives it only to an audit."""
    return counter.sequence if isinstance(counter, FrameChannel) else counter.audit().sequence


class OtherLayoutError(FormatError):
    """A section that was opened with another layout than its own."""


def with_hint(error: FormatError, hint: str) -> FormatError:
    """The error with advice."""
    return OtherLayoutError(f"{error}; {hint}", error.status, error.os_error)
