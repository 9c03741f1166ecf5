"""``pywinmmf ls``, ``info`` and ``audit``: what is there, who has it, and whether it is sound.

They open read-only where that is enough, so looking changes nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from .enums import Layout, Namespace
from .errors import Error, FormatError, NotFoundError
from .frame_channel import FrameChannel
from .inspection import list_sections, program_of
from .memory_mapped_file import MemoryMappedFile
from .records import AuditReport, Participant
from .terminal import UNREADABLE, print_table, shown

SOUND, UNSOUND = 0, 1  # exit codes, beside UNREADABLE
LONGEST_INTERVAL = 3600.0

NAMESPACES = {namespace.name.lower(): namespace for namespace in Namespace}
LAYOUTS = {layout.name.lower(): layout for layout in Layout}


def add_parsers(subcommands: Any) -> None:
    """The three commands."""
    ls = subcommands.add_parser("ls", help="list the sections and channels that are open")
    ls.add_argument("--namespace", choices=["local", "global"], help="only this one; default: both")
    ls.set_defaults(run=_ls)

    info = subcommands.add_parser("info", help="what a section is, who holds it, how often it changes")
    info.add_argument("--layout", choices=LAYOUTS, default="native")
    info.add_argument("--interval", type=_interval, default=0.5, metavar="SECONDS", help="of measuring the rate")
    info.set_defaults(run=_info)

    audit = subcommands.add_parser(
        "audit",
        help="compare header, lock and tallies; damage poisons the section",
        description=f"Exit code {SOUND}: sound; {UNSOUND}: damaged or poisoned; {UNREADABLE}: cannot be told.",
    )
    audit.set_defaults(run=_audit)

    for command in (info, audit):
        command.add_argument("name")
        command.add_argument("--namespace", choices=NAMESPACES, default="local")
    for command in (ls, info, audit):
        command.add_argument("--json", action="store_true", help="for programs")


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_INTERVAL:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0 to {LONGEST_INTERVAL:g} seconds")
    return seconds


# Printing.


def _print(facts: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts))
        return
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        lines = value if isinstance(value, list) else [value]
        for number, line in enumerate(lines or [None]):
            label = name.replace("_", " ") if number == 0 else ""
            print(f"{label:<{width}}  {shown(_sentence(line) if isinstance(line, dict) else line)}")


def _described(participant: Participant) -> dict[str, Any]:
    # The number of a dead process may be another's by now.
    program = program_of(participant.pid) if participant.alive else ""
    return {"pid": participant.pid, "program": program or "unknown", **participant._asdict()}


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
    return ", ".join(parts)


def _time(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns / 1e9).isoformat(" ", "milliseconds")


# ls


def _ls(arguments: argparse.Namespace) -> int:
    rows = []
    for namespace in [arguments.namespace] if arguments.namespace else ["local", "global"]:
        for name in list_sections(NAMESPACES[namespace]):
            try:
                rows.append({"name": name, "namespace": namespace, **_in_short(name, NAMESPACES[namespace])})
            except NotFoundError:
                continue  # closed since
    if arguments.json:
        print(json.dumps(rows))
    else:
        print_table(["name", "namespace", "kind", "size", "sequence", "participants"], rows)
    return SOUND


def _in_short(name: str, namespace: Namespace) -> dict[str, Any]:
    try:
        with (
            MemoryMappedFile.open(name, namespace=namespace, readonly=True) as section,
            _channel(name, namespace) or nullcontext() as channel,
        ):
            return {
                "kind": "channel" if channel else "section",
                "size": f"{channel.slots} x {channel.capacity}" if channel else section.size,
                "sequence": _sequence(channel or section),
                "participants": len(section.participants()),
            }
    except FormatError:
        return {"kind": "other layout"}
    except NotFoundError:
        raise
    except Error as error:
        return {"kind": f"unreadable: {type(error).__name__}"}


def _channel(name: str, namespace: Namespace) -> FrameChannel | None:
    """The channel that a section is, read-only; None: it is none."""
    try:
        return FrameChannel.open(name, namespace=namespace, readonly=True)
    except FormatError:
        return None


# info


def _info(arguments: argparse.Namespace) -> int:
    name, namespace, layout = arguments.name, NAMESPACES[arguments.namespace], LAYOUTS[arguments.layout]
    with MemoryMappedFile.open(name, namespace=namespace, layout=layout, readonly=True) as section:
        facts = {
            "name": name,
            "namespace": arguments.namespace,
            "layout": arguments.layout,
            "size": section.size,
        }
        if layout is Layout.NATIVE:
            with _channel(name, namespace) or nullcontext() as channel:
                if channel:
                    facts |= _channel_facts(channel)
                facts |= _native_facts(section)
                facts |= _rate(channel or section, arguments.interval)
        elif layout is Layout.WINMMF:
            facts["lock"] = _winmmf_lock_state(name, namespace)
    _print(facts, arguments.json)
    return SOUND


def _channel_facts(channel: FrameChannel) -> dict[str, Any]:
    age = channel.age
    return {
        "slots": channel.slots,
        "capacity": channel.capacity,
        "seconds_since_last_frame": None if age is None else round(age, 3),
    }


def _native_facts(section: MemoryMappedFile) -> dict[str, Any]:
    report = section.audit()
    people = section.participants()
    return {
        "lock": _lock_state(report, people),
        "holder": next((_described(one) for one in people if one.writing), None),
        "participants": [_described(one) for one in people],
    }


def _sequence(counter: MemoryMappedFile | FrameChannel) -> int:
    """Also of a section that is poisoned, which gives it to audits only."""
    return counter.sequence if isinstance(counter, FrameChannel) else counter.audit().sequence


def _rate(counter: MemoryMappedFile | FrameChannel, interval: float) -> dict[str, Any]:
    """Its sequence, and how fast that grows: writes of a section, frames of a channel."""
    before, start = _sequence(counter), time.perf_counter()
    time.sleep(interval)
    after, end = _sequence(counter), time.perf_counter()
    return {"sequence": after, "rate_per_second": round((after - before) / max(end - start, 1e-9), 1)}


def _lock_state(report: AuditReport, people: list[Participant]) -> str:
    if report.poisoned:
        return "poisoned"
    if report.writer:
        writer = next((one for one in people if one.writing), None)
        return "held for writing" + ("" if writer is None or writer.alive else " by a dead process")
    if report.owner_died:
        return "free, but its last writer died inside: the payload may be half written"
    return _readers(report.readers)


def _readers(count: int) -> str:
    return f"held by {count} for reading" if count else "free"


def _winmmf_lock_state(name: str, namespace: Namespace) -> str:
    """What the 4 bytes before the payload say; whose lock it is, nobody knows in this layout."""
    with MemoryMappedFile.open(name, namespace=namespace, layout=Layout.RAW, readonly=True) as raw:
        word = int.from_bytes(raw.read(4), "little")
    if word >> 24 == 0xFF:
        return "not initialised"
    return "held for writing" if word >> 31 else _readers(word & 0xFFFFFF)


# audit


def _audit(arguments: argparse.Namespace) -> int:
    with _open_to_audit(arguments.name, NAMESPACES[arguments.namespace]) as audited:
        report = audited.audit()
    _print({"name": arguments.name, "verdict": _verdict(report), **report._asdict()}, arguments.json)
    return UNSOUND if report.damaged or report.poisoned else SOUND


def _open_to_audit(name: str, namespace: Namespace) -> MemoryMappedFile | FrameChannel:
    """Writable if that can be, so that damage poisons."""
    for kind in (MemoryMappedFile, FrameChannel):
        try:
            return kind.open(name, namespace=namespace)
        except Error:
            continue
    return MemoryMappedFile.open(name, namespace=namespace, readonly=True)


def _verdict(report: AuditReport) -> str:
    if report.damaged:
        return "damaged: poisoned, for everybody" if report.poisoned else "damaged"
    if report.poisoned:
        return "poisoned"
    if report.owner_died:
        return "sound, but a writer died inside: the payload waits for repair"
    return "sound"
