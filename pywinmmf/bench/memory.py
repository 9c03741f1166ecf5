"""The memory of a channel, and how it grows while readers come, go and are killed: it should not."""

from __future__ import annotations

import itertools
import random
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple

import psutil

from pywinmmf import MemoryMappedFile

from .process import Process
from .runner import Subject, new_name
from .task import Task

SLOTS = 3
FPS = 60
AT_ONCE = 4
"""How many readers come and go at the same time."""
LONGEST_STAY = 10.0
"""Seconds; in a short soak a tenth of it."""
SHARE_KILLED = 0.5
SPARE = 5.0
"""Seconds for which the watched processes run after the last reader should have ended."""
WARM_UP_READERS = 2 * AT_ONCE


class Footprint(NamedTuple):
    """Usage at one moment: bytes (of processes without shared memory) and open descriptors (on Windows handles)."""

    section: int
    writer_memory: int
    reader_memory: int
    writer_handles: int
    reader_handles: int


class Soak(NamedTuple):
    """The result of a soak."""

    capacity: int
    """Bytes of a frame."""
    slots: int
    seconds: float
    readers: int
    """Readers that came and went, beside one that stayed."""
    killed: int
    torn: int
    start: Footprint
    """Usage after the first readers have come and gone."""
    end: Footprint


def soak(subject: Subject, size: int, seconds: float) -> Soak:
    """Watch a writer and a reader at the rate of a camera for some seconds, while other readers come and go."""
    name = new_name()
    longest_stay = min(LONGEST_STAY, seconds / 10)
    writer_task = Task("write", name, size, SLOTS + AT_ONCE, fps=FPS, seconds=seconds + longest_stay + SPARE)
    reader_task = replace(writer_task, role="read")
    with ExitStack() as stack:
        writer = stack.enter_context(Process(subject.command, writer_task))
        reader = stack.enter_context(Process(subject.command, reader_task))
        writer.begin()
        reader.begin()
        start = _footprint(name, writer, reader)
        guests: list[Process] = []
        killed = 0
        deadline = time.perf_counter() + seconds
        for came in itertools.count():
            if time.perf_counter() >= deadline:
                break
            if came == WARM_UP_READERS:
                start = _footprint(name, writer, reader)
            if len(guests) == AT_ONCE:
                killed += _end_guest(guests.pop(0))
            stay = replace(reader_task, seconds=random.uniform(0, longest_stay))
            guests.append(stack.enter_context(Process(subject.command, stay)))
            guests[-1].begin()
        end = _footprint(name, writer, reader)
        for guest in guests:
            guest.result()
        torn = reader.result().torn
        writer.result()
    return Soak(size, writer_task.slots, seconds, came, killed, torn, start, end)


def _end_guest(guest: Process) -> bool:
    """End it as it would, or kill it; returns whether it was killed."""
    if random.random() < SHARE_KILLED:
        guest.end()
        return True
    guest.result()
    return False


def _footprint(name: str, writer: Process, reader: Process) -> Footprint:
    processes = [psutil.Process(process.pid) for process in (writer, reader)]
    memory = [
        process.memory_info().private if psutil.WINDOWS else process.memory_full_info().uss for process in processes
    ]
    handles = [process.num_handles() if psutil.WINDOWS else process.num_fds() for process in processes]
    return Footprint(section_size(name), *memory, *handles)


def section_size(name: str) -> int:
    """Bytes of a channel's section."""
    with MemoryMappedFile.open(name, readonly=True) as section:
        return section.size
