"""What describes a section: snapshots. Written by bindings/generate.py from wmmf.h: do not edit."""

from __future__ import annotations

from typing import Any, NamedTuple


class Participant(NamedTuple):
    """A handle that a program in any language has or had open on a native section (writable ones only) or on a
    channel."""

    record: int
    """The index of its record in the section."""
    pid: int
    """Its process id, in its own pid namespace."""
    alive: bool
    """Whether its process lives, or the system cannot tell."""
    readers: int
    """Read locks that its threads hold or try to take."""
    waiting_readers: int
    """How many of its threads wait to read."""
    waiting_writer: bool
    """Whether one of its threads waits to write."""
    writing: bool
    """Whether it holds the write lock or is about to, or fills a slot of a channel."""
    reads: int
    """Read locks released, modulo 2^32."""
    writes: int
    """Write locks released, or frames published; modulo 2^32."""
    joined_unix_ns: int
    """When it opened the section: nanoseconds since 1970."""
    writing_since_unix_ns: int
    """When it took the write lock, to some milliseconds; 0 if it has not yet."""
    pins: int
    """How many frames of a channel it holds in place."""
    read_only: bool
    """Whether it only reads the channel; a reader can forge this."""
    oldest_pinned: int
    """The sequence of the oldest frame that it holds in place; 0: none."""

    @classmethod
    def from_native(cls, native: Any) -> Participant:
        """Return what a ``wmmf_participant`` holds."""
        return cls(
            record=native.index,
            pid=native.pid,
            alive=bool(native.alive),
            readers=native.readers,
            waiting_readers=native.waiting_readers,
            waiting_writer=bool(native.waiting_writer),
            writing=bool(native.writing),
            reads=native.reads,
            writes=native.writes,
            joined_unix_ns=native.joined_unix_ns,
            writing_since_unix_ns=native.writing_since_unix_ns,
            pins=native.pins,
            read_only=bool(native.read_only),
            oldest_pinned=native.oldest_pinned,
        )


class Hold(NamedTuple):
    """A lock in the payload that one thread of a participant holds or waits for."""

    participant: int
    """The index of the participant's record in the section."""
    pid: int
    """Its process id, in its own pid namespace."""
    reading: bool
    """Whether the thread holds the lock for reading, or tries to take it."""
    writing: bool
    """Whether it holds the lock for writing."""
    waiting: bool
    """Whether it waits for the lock."""
    offset: int
    """Offset of the lock in the payload."""
    writing_since_unix_ns: int
    """When it took the write lock, to some milliseconds; 0 if it has not yet."""

    @classmethod
    def from_native(cls, native: Any) -> Hold:
        """Return what a ``wmmf_hold`` holds."""
        return cls(
            participant=native.participant,
            pid=native.pid,
            reading=bool(native.reading),
            writing=bool(native.writing),
            waiting=bool(native.waiting),
            offset=native.offset,
            writing_since_unix_ns=native.writing_since_unix_ns,
        )


class AuditReport(NamedTuple):
    """What an audit of a section or channel found."""

    damaged: bool
    """Whether header, counts or lock state contradict each other."""
    participants: int
    """Writable handles whose process lives."""
    dead: int
    """Dead participants whose records are not cleared yet."""
    readers: int
    """Read locks that are held."""
    writer: int
    """1 + index of the participant that holds the write lock, 0 if none."""
    writer_pid: int
    """Its process id, in its own pid namespace; 0 if none."""
    owner_died: bool
    """Whether a writer died and no other has repaired the payload yet."""
    poisoned: bool
    """Whether the section is poisoned."""
    sequence: int
    """The section's sequence."""

    @classmethod
    def from_native(cls, native: Any) -> AuditReport:
        """Return what a ``wmmf_audit_report`` holds."""
        return cls(
            damaged=bool(native.damaged),
            participants=native.participants,
            dead=native.dead,
            readers=native.readers,
            writer=native.writer,
            writer_pid=native.writer_pid,
            owner_died=bool(native.owner_died),
            poisoned=bool(native.poisoned),
            sequence=native.sequence,
        )


class LockState(NamedTuple):
    """The state of a lock."""

    initialised: bool
    """Whether its creator has finished it; 0 only in the winmmf layout."""
    readers: int
    """Read locks that threads hold or try to take."""
    writing: bool
    """Whether a writer holds the lock, or will once those readers have left."""
    writer: int
    """1 + index of that writer's participant; 0: none, or unknown in this layout."""
    writer_pid: int
    """Its process id, in its own pid namespace; 0: none, or unknown in this layout."""
    waiting: bool
    """Whether a thread may be waiting for the lock."""
    owner_died: bool
    """Whether a writer died while it held the lock, and no other has repaired the payload yet."""
    poisoned: bool
    """Whether the lock is poisoned; poison of the section's own lock is that of the section."""

    @classmethod
    def from_native(cls, native: Any) -> LockState:
        """Return what a ``wmmf_lock_state`` holds."""
        return cls(
            initialised=bool(native.initialised),
            readers=native.readers,
            writing=bool(native.writing),
            writer=native.writer,
            writer_pid=native.writer_pid,
            waiting=bool(native.waiting),
            owner_died=bool(native.owner_died),
            poisoned=bool(native.poisoned),
        )
