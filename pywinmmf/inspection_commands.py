"""``pywinmmf ls``, ``info`` and ``audit``: what is there, who has it, and whether it is sound.

They open read-only where that is enough, so looking changes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from .audit_report import AuditReport
from .enums import Layout, Namespace
from .errors import Error, FormatError, LockTimeoutError, NotSupportedError
from .frame_channel import FrameChannel
from .inspection import Participant, list_sections, program_of
from .memory_mapped_file import MemoryMappedFile

SOUND, UNSOUND, UNREADABLE = 0, 1, 2  # exit codes

NAMESPACES = {"local": Namespace.LOCAL, "global": Namespace.GLOBAL, "custom": Namespace.CUSTOM}
LAYOUTS = {layout.name.lower(): layout for layout in Layout}


def add_parsers(subcommands: Any) -> None:
    """The three commands."""
    ls = subcommands.add_parser("ls", help="list the sections and channels that are open")
    ls.add_argument("--namespace", choices=["local", "global"], help="only this one; default: both")
    ls.set_defaults(run=_ls)

    info = subcommands.add_parser("info", help="what a section is, who holds it, how often it changes")
    info.add_argument("--layout", choices=LAYOUTS, default="native")
    info.add_argument("--interval", type=float, default=0.5, metavar="SECONDS", help="of measuring the rate")
    info.set_defaults(run=_info)

    audit = subcommands.add_parser(
        "audit",
        help="compare header, lock and tallies; damage poisons the section",
        description=f"Exit code {SOUND}: sound; {UNSOUND}: damaged or poisoned; {UNREADABLE}: cannot be opened.",
    )
    audit.set_defaults(run=_audit)

    for command in (info, audit):
        command.add_argument("name")
        command.add_argument("--namespace", choices=NAMESPACES, default="local")
    for command in (ls, info, audit):
        command.add_argument("--json", action="store_true", help="for programs")


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        lines = value if isinstance(value, list) else [value]
        for number, line in enumerate(lines or ["none"]):
            print(f"{(name if number == 0 else ''):<{width}}  {line}")


def _refused(error: Error) -> int:
    print(f"pywinmmf: {error}", file=sys.stderr)
    return UNREADABLE


def _since(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns / 1e9).isoformat(" ", "milliseconds")


def _process(participant: Participant) -> str:
    return f"pid {participant.pid} ({program_of(participant.pid) or 'unknown'})"


# ls


def _ls(arguments: argparse.Namespace) -> int:
    chosen = [arguments.namespace] if arguments.namespace else ["local", "global"]
    rows = []
    for namespace in chosen:
        try:
            names = list_sections(NAMESPACES[namespace])
        except NotSupportedError as error:
            return _refused(error)
        rows += [{"name": name, "namespace": namespace, **_in_short(name, namespace)} for name in names]
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        _print_table(["name", "namespace", "kind", "size", "sequence", "participants"], rows)
    return SOUND


def _in_short(name: str, namespace: str) -> dict[str, Any]:
    try:
        with FrameChannel.open(name, namespace=NAMESPACES[namespace], readonly=True) as channel:
            size: Any = f"{channel.slots} x {channel.capacity}"
            return {"kind": "channel", "size": size, "sequence": channel.sequence, **_count(name, namespace)}
    except Error:
        pass
    try:
        with MemoryMappedFile.open(name, namespace=NAMESPACES[namespace], readonly=True) as section:
            return {
                "kind": "section",
                "size": section.size,
                "sequence": section.sequence,
                "participants": len(section.participants()),
            }
    except FormatError:
        return {"kind": "other layout"}
    except Error as error:
        return {"kind": f"unreadable: {type(error).__name__}"}


def _count(name: str, namespace: str) -> dict[str, int]:
    with MemoryMappedFile.open(name, namespace=NAMESPACES[namespace], readonly=True) as section:
        return {"participants": len(section.participants())}


def _print_table(columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
    cells = [columns, *([str(row.get(column, "-")) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


# info


def _info(arguments: argparse.Namespace) -> int:
    layout = LAYOUTS[arguments.layout]
    try:
        with MemoryMappedFile.open(
            arguments.name, namespace=NAMESPACES[arguments.namespace], layout=layout, readonly=True
        ) as section:
            facts: dict[str, Any] = {
                "name": section.name,
                "namespace": arguments.namespace,
                "layout": arguments.layout,
                "size": section.size,
            }
            if layout is Layout.NATIVE:
                facts |= _channel_facts(arguments)
                facts |= _native_facts(section, arguments.interval)
    except Error as error:
        return _refused(error)
    _print(facts, arguments.json)
    return SOUND


def _channel_facts(arguments: argparse.Namespace) -> dict[str, Any]:
    try:
        with FrameChannel.open(arguments.name, namespace=NAMESPACES[arguments.namespace], readonly=True) as channel:
            facts: dict[str, Any] = {"slots": channel.slots, "capacity": channel.capacity, "frames": channel.sequence}
            if channel.age is not None:
                facts["seconds since last frame"] = round(channel.age, 3)
            return facts
    except (FormatError, LockTimeoutError):
        return {}


def _native_facts(section: MemoryMappedFile, interval: float) -> dict[str, Any]:
    report = section.audit()
    people = section.participants()
    before = _writes(people)
    start = time.perf_counter()
    time.sleep(max(0.0, interval))
    rate = (_writes(section.participants()) - before) % 2**32 / max(time.perf_counter() - start, 1e-9)
    return {
        "lock": _lock_state(report, people),
        "holder": [f"{_process(one)} since {_since(one.writing_since_unix_ns)}" for one in people if one.writing],
        "participants": [
            f"{_process(one)} since {_since(one.joined_unix_ns)}{'' if one.alive else ', dead'}" for one in people
        ],
        "sequence": report.sequence,
        "writes per second": round(rate, 1),
    }


def _writes(people: list[Participant]) -> int:
    return sum(one.writes for one in people)


def _lock_state(report: AuditReport, people: list[Participant]) -> str:
    if report.poisoned:
        return "poisoned"
    if report.writer:
        writer = next((one for one in people if one.writing), None)
        return "held for writing" + ("" if writer is None or writer.alive else " by a dead process")
    if report.owner_died:
        return "free, but its last writer died inside: the payload may be half written"
    return f"held by {report.readers} for reading" if report.readers else "free"


# audit


def _audit(arguments: argparse.Namespace) -> int:
    namespace = NAMESPACES[arguments.namespace]
    try:
        try:
            section = MemoryMappedFile.open(arguments.name, namespace=namespace)
        except Error:
            section = MemoryMappedFile.open(arguments.name, namespace=namespace, readonly=True)
        with section:
            report = section.audit()
            poisons = not section.readonly
    except Error as error:
        return _refused(error)
    sound = not report.damaged and not report.poisoned
    verdict = "sound"
    if report.poisoned:
        verdict = "damaged: poisoned, for everybody" if report.damaged and poisons else "poisoned"
    elif report.damaged:
        verdict = "damaged"
    elif report.owner_died:
        verdict = "sound, but a writer died inside: the payload waits for repair"
    _print({"name": arguments.name, "verdict": verdict, **report._asdict()}, arguments.json)
    return SOUND if sound else UNSOUND
