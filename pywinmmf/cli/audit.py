"""``pywinmmf audit``: whether a section or channel is sound."""

from __future__ import annotations

import argparse

from pywinmmf import AuditReport, Error, FormatError, FrameChannel, MemoryMappedFile, Namespace

from .facts import print_facts, sequence_of, with_hint
from .options import add_json, add_name
from .terminal import UNREADABLE

SOUND, UNSOUND = 0, 1  # exit codes, beside UNREADABLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.description = (
        f"Exit code {SOUND}: sound; {UNSOUND}: damaged or poisoned; {UNREADABLE}: it could not be opened."
    )
    add_name(parser, "section")
    add_json(parser)
    parser.set_defaults(run=f"{__name__}:run")


def run(arguments: argparse.Namespace) -> int:
    """Audit, and print the verdict."""
    name = arguments.name

    try:
        audited = _open_to_audit(name, arguments.namespace)
    except FormatError as error:
        hint = "only the native layout can be audited: for others use pywinmmf info --layout winmmf or --layout raw"
        raise with_hint(error, hint) from None
    with audited:
        report = audited.audit()
        facts = {"name": name, "verdict": _verdict(report), **report._asdict()}
        if isinstance(audited, FrameChannel):
            facts["sequence"] = sequence_of(audited)  # of its frames, not of its lock
    print_facts(facts, arguments.json)
    return UNSOUND if report.damaged or report.poisoned else SOUND


def _open_to_audit(name: str, namespace: Namespace) -> MemoryMappedFile | FrameChannel:
    """Writable if possible, so that damage poisons it."""
    for kind in (FrameChannel, MemoryMappedFile):
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
        return "sound, but a writer died while it held the lock: the payload needs repair"
    return "sound"
