"""Creates what the kill stress works on and keeps it. At the end it says whether it is sound, and which processes have
it open."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

from stress import on_channel, on_section, on_table

from pywinmmf import AlreadyExistsError, FrameChannel, MemoryMappedFile, PayloadLock, list_sections

SECONDS = 10  # that the system may take to clear away what the last ones killed had

Kept = MemoryMappedFile | FrameChannel


def in_time(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def create(kind: str, name: str) -> Kept:
    if kind == "channel":
        return FrameChannel.create(name, capacity=on_channel.SIZE, slots=on_channel.SLOTS)
    if kind == "table":
        return MemoryMappedFile.create(name, on_table.SIZE, locks=on_table.LOCKS)
    return MemoryMappedFile.create(name, on_section.SIZE)


def publish(channel: FrameChannel) -> bool:
    """Publish a frame as the workers do; whether there was a slot for it."""
    return channel.publish(bytes(on_channel.SIZE), user=bytes(8), timeout=1) != 0


def slots_left(channel: FrameChannel) -> int:
    """How many can be filled and held, when nobody else has any."""
    held = 0
    with contextlib.ExitStack() as stack:
        while held <= on_channel.SLOTS and publish(channel):
            stack.enter_context(channel.latest(0))
            held += 1
    return held


def recover(lock: MemoryMappedFile | PayloadLock) -> None:
    with lock.write_lock(SECONDS, repair=True) as guard:
        if guard.owner_died:
            lock.mark_consistent()


def works(kept: Kept, kind: str) -> bool:
    if isinstance(kept, FrameChannel):
        return slots_left(kept) == on_channel.SLOTS
    with MemoryMappedFile.open(kept.name) as again:
        if kind == "table":
            for row in range(on_table.ROWS):
                recover(again.lock_at(row * on_table.ROW))
        recover(again)
        return again.write(b"still there", on_table.LOCK) != 0


def is_free(kind: str, name: str) -> bool:
    try:
        create(kind, name).close()
    except AlreadyExistsError:
        return False
    return True


def living(name: str) -> int:
    with MemoryMappedFile.open(name, readonly=True) as window:
        return sum(participant.alive for participant in window.participants())


def main() -> None:
    kind, name = sys.argv[1:]
    short_lived_name = name + "-short-lived"
    with create(kind, name) as kept:
        if isinstance(kept, FrameChannel):
            publish(kept)  # so that nobody waits for a first one
        print("ready", flush=True)
        sys.stdin.read()
        sound = works(kept, kind) and not kept.audit().damaged
        in_time(lambda: living(name) == 1)
        participants = living(name)
    sound = sound and in_time(lambda: is_free(kind, short_lived_name))
    left = {name, short_lived_name} & set(list_sections())
    print("sound" if sound else "damaged", participants, "left behind" if left else "gone")


main()
