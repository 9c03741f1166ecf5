"""What ``audit()`` answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ._core.binding import new_struct
from ._core.handle import Handle
from .errors import native_error


class AuditReport(NamedTuple):
    """The state of a section as its header, its lock and its participants' tallies tell it."""

    damaged: bool
    """Whether they contradict each other."""
    participants: int
    """Writable handles that are open, in all processes."""
    dead: int
    """Participants that died and whose records have not been cleared yet."""
    readers: int
    """Read locks held."""
    writer: int
    """1 + index of the participant that holds the write lock, 0 if none does."""
    writer_pid: int
    """Its process, as that process sees itself; 0 if none."""
    owner_died: bool
    """Whether a writer died and nobody has taken over yet."""
    poisoned: bool
    """Whether the section is poisoned."""
    sequence: int
    """The sequence number."""

    @classmethod
    def made_by(cls, audit: Callable[[Any, Any], int], handle: Handle) -> AuditReport:
        """What wmmf_audit, or its like, says of an open handle."""
        report = new_struct("wmmf_audit_report")
        status = audit(handle.native(), report)
        if status:
            raise native_error(status, f"audit {handle.what}")
        return cls(
            damaged=bool(report.damaged),
            participants=report.participants,
            dead=report.dead,
            readers=report.readers,
            writer=report.writer,
            writer_pid=report.writer_pid,
            owner_died=bool(report.owner_died),
            poisoned=bool(report.poisoned),
            sequence=report.sequence,
        )
