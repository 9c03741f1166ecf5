"""Every frame, whatever happens to the writers: one publishes large pictures at a high rate and is killed at random,
another stands by and goes on; a reader that was there before must get every published frame, whole.

``python -m stress.every publish NAME FILE`` and ``read NAME FILE`` are the processes; `run` is the driver.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy
from stress.processes import LONG_TIMEOUT, Process, expect, processes, start

from pywinmmf import FrameChannel, LockTimeoutError

SHAPE = (1000, 1000)
FPS = 200
HISTORY = 200
APART = (0.3, 0.9)  # seconds from one kill to the next
CATCH_UP = 0.25  # seconds without frames that the reader can catch up with: less than the history
NOISE = numpy.random.default_rng(1).integers(0, 256, SHAPE, numpy.uint8)


class Every(NamedTuple):
    """What came of it."""

    seconds: float
    kills: int
    published: int
    """Frames that a writer knew to be published."""
    read: int
    lost: int
    """Published frames that the reader did not get."""
    torn: int
    out_of_order: int


def channel_of(name: str) -> FrameChannel:
    """New, or as another process has made it; nobody publishes yet."""
    size = SHAPE[0] * SHAPE[1]
    return FrameChannel.create(name, capacity=size, history=HISTORY, exist_ok=True, standby=True)


def publish(name: str, file: str) -> None:
    """Stand by, then publish. Each frame that is published is a line of the file: its sequence and its time."""
    with (
        channel_of(name) as channel,
        open(file, "wb", buffering=0) as lines,
    ):
        print("ready", flush=True)
        channel.stand_by()
        print("publishing", flush=True)
        due = time.perf_counter() - (channel.age or 0.0)  # when the last frame was published
        while True:
            due = max(due + 1 / FPS, time.perf_counter() - CATCH_UP)
            time.sleep(max(0.0, due - time.perf_counter()))
            with channel.begin(SHAPE, fourcc="GREY") as frame:
                number = channel.sequence + 1
                frame.timestamp_ns = time.perf_counter_ns()
                numpy.add(NOISE, number % 251, out=frame.array, casting="unsafe")
                line = b"%d %d\n" % (number, frame.timestamp_ns)
            lines.write(line)


def read(name: str, file: str) -> None:
    """Write for each frame its sequence, its time, and whether it was whole, until standard input ends."""
    over = threading.Event()
    expected = numpy.empty_like(NOISE)

    def listen() -> None:
        sys.stdin.read()
        over.set()

    with FrameChannel.open(name, readonly=True) as channel, open(file, "w") as lines:
        threading.Thread(target=listen, daemon=True).start()
        print("ready", flush=True)
        while True:
            try:
                with channel.next(0.1, every=True) as frame:
                    numpy.add(NOISE, numpy.uint8(frame.sequence % 251), out=expected)
                    whole = numpy.array_equal(frame.array, expected)
                    lines.write(f"{frame.sequence} {frame.timestamp_ns} {whole:d}\n")
            except LockTimeoutError:
                if over.is_set():
                    return


def run(seconds: float, name: str, seed: int = 1) -> Every:
    """Kill writers for this long."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, processes() as running:
        files = [Path(folder) / "read"]

        def started(role: str) -> Process:
            files.append(Path(folder) / f"{role}-{len(files)}")
            running.append(start(role, name, str(files[0] if role == "read" else files[-1]), module="stress.every"))
            expect(running[-1], "ready")
            return running[-1]

        with channel_of(name):  # which outlives each writer
            reader = started("read")
            publisher = started("publish")
            expect(publisher, "publishing")
            standby = started("publish")
            began, kills = time.monotonic(), 0
            while time.monotonic() < began + seconds:
                time.sleep(chance.uniform(*APART))
                publisher.kill()
                kills += 1
                expect(standby, "publishing")
                publisher.wait(LONG_TIMEOUT)
                publisher, standby = standby, started("publish")
            standby.kill()
            standby.wait(LONG_TIMEOUT)
            publisher.kill()
            publisher.wait(LONG_TIMEOUT)
            lasted = time.monotonic() - began
            reader.communicate(timeout=LONG_TIMEOUT)
        return judged(files[0], [file for file in files if file.name.startswith("publish")], lasted, kills)


def judged(read_file: Path, published_files: list[Path], seconds: float, kills: int) -> Every:
    """What the lines of all processes mean."""
    got = [line.split() for line in read_file.read_text().splitlines()]
    read_frames = {(sequence, stamp) for sequence, stamp, _ in got}
    lines = [line.split() for file in published_files for line in file.read_text().splitlines()]
    published = {(sequence, stamp) for sequence, stamp in lines}
    sequences = [int(sequence) for sequence, _, _ in got]
    return Every(
        seconds=seconds,
        kills=kills,
        published=len(published),
        read=len(got),
        lost=len(published - read_frames),
        torn=sum(whole != "1" for *_, whole in got),
        out_of_order=sum(sequence != place for place, sequence in enumerate(sequences, 1)),
    )


if __name__ == "__main__":
    {"publish": publish, "read": read}[sys.argv[1]](*sys.argv[2:])
