"""A snapshot of a channel: its properties, its newest frame, and the programs that have it open."""

from __future__ import annotations

import time
from typing import NamedTuple

from pywinmmf import FrameChannel, MemoryMappedFile, Namespace, Participant
from pywinmmf.inspection import program_of

from .state import State, state_of

PEEK_SECONDS = 0.1


class User(NamedTuple):
    """A program that has the channel open."""

    pid: int
    program: str
    """The name of the program; empty if unknown."""
    joined_unix_ns: int
    frames_written: int
    frames_held: int
    """How many frames it reads now."""
    lag: int
    """How many frames are newer than the oldest that it reads; 0 if it reads none."""


class Observation(NamedTuple):
    """A snapshot, already old when you read it."""

    namespace: Namespace
    at: float
    """The time of the snapshot, as ``time.perf_counter()``."""
    slots: int
    capacity: int
    sequence: int
    age: float | None
    """Seconds since the newest frame; None: none yet."""
    width: int
    height: int
    fourcc: str
    used: int
    """Bytes of the newest frame."""
    users: list[User]
    state: State
    """Live, stalled, hung up or gone."""

    @property
    def readers(self) -> list[User]:
        """Programs that have published nothing yet."""
        return [user for user in self.users if user.frames_written == 0]


def observe(name: str, namespace: Namespace) -> Observation:
    """Take a snapshot of a channel, read-only."""
    with MemoryMappedFile.open(name, namespace=namespace, readonly=True) as section:
        found, participants = section.namespace, section.participants()  # before this process becomes one of them
    with FrameChannel.open(name, namespace=found, readonly=True) as channel:
        sequence = channel.sequence
        newest = channel.peek(PEEK_SECONDS) if sequence else None
        return Observation(
            namespace=found,
            at=time.perf_counter(),
            slots=channel.slots,
            capacity=channel.capacity,
            sequence=sequence,
            age=channel.age,
            width=newest.width if newest else 0,
            height=newest.height if newest else 0,
            fourcc=newest.fourcc.strip() if newest else "",
            used=newest.used if newest else 0,
            users=[_user(one, sequence) for one in participants if one.alive],
            state=state_of(channel, name, found),
        )


def _user(one: Participant, sequence: int) -> User:
    return User(
        pid=one.pid,
        program=program_of(one.pid),
        joined_unix_ns=one.joined_unix_ns,
        frames_written=one.writes,
        frames_held=one.pins,
        lag=max(0, sequence - one.oldest_pinned) if one.oldest_pinned else 0,
    )


def frames_per_second(before: Observation, after: Observation) -> float:
    """Frames per second between the two; 0 if another channel has taken its place."""
    return max(0, after.sequence - before.sequence) / max(after.at - before.at, 1e-9)
