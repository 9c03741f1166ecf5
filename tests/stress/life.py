"""The life of a channel: its publisher is killed, stopped, restarted, and makes new pictures, at random, while others
read and one stands by.

``python -m stress.life publish NAME`` and ``read NAME`` are the processes; `run` is the driver.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pywinmmf import FrameChannel, LockTimeoutError

TESTS = Path(__file__).parents[1]
EVENTS = ["kill", "stop", "resize", "restart"]
READERS = 3
SIZE = 4096
PAUSE = 0.001  # seconds between two frames
STOPPED = 0.03  # seconds
APART = (0.15, 0.2)  # seconds from one event to the next, so that each gap has one cause
LONG_TIMEOUT = 60.0

Process = subprocess.Popen[str]


class Life(NamedTuple):
    """What the readers saw."""

    frames: int
    torn: int
    failed: int
    gaps: dict[str, list[float]]  # seconds: the longest gap between two frames after each event, for each reader


def publish(name: str) -> None:
    """Stand by, then publish; a line of standard input asks for new pictures, its end for an orderly end."""
    chance = random.Random(os.getpid())
    asked, over = threading.Event(), threading.Event()

    def listen() -> None:
        for _ in sys.stdin:
            asked.set()
        over.set()

    with FrameChannel.create(name, capacity=SIZE, exist_ok=True, standby=True) as channel:
        threading.Thread(target=listen, daemon=True).start()
        print("ready", flush=True)
        channel.stand_by()
        print("publishing", flush=True)
        number = 0
        while not over.wait(PAUSE):
            channel.publish(bytes([number % 256]) * SIZE)
            number += 1
            if asked.is_set():
                asked.clear()
                channel.resize(capacity=SIZE * chance.randint(1, 8), slots=chance.randint(4, 6))


def read(name: str) -> None:
    """Print when each long gap ended and how long it was, at the end how many frames there were, torn and failed."""
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    frames = torn = failed = 0
    with FrameChannel.open(name) as channel:
        threading.Thread(target=listen, daemon=True).start()
        print("ready", flush=True)
        last = time.monotonic()
        while not over.is_set():
            try:
                with channel.next(timeout=1.0) as frame:
                    content = bytes(frame.data)
            except LockTimeoutError:
                continue
            except Exception as fault:
                failed += 1
                print(f"{fault!r}", file=sys.stderr)
                continue
            now = time.monotonic()
            if now - last > 3 * PAUSE:
                print(now, now - last)
            last = now
            frames += 1
            torn += content != content[:1] * SIZE
    print(frames, torn, failed)


def start(*arguments: str, module: str = "stress.life") -> Process:
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)


def expect(process: Process, word: str) -> None:
    assert process.stdout is not None
    alarm = threading.Timer(LONG_TIMEOUT, process.kill)
    alarm.start()
    said = process.stdout.readline()
    alarm.cancel()
    assert said == word + "\n", f"{process.args!r} said {said!r} instead of {word!r}"


@contextlib.contextmanager
def processes() -> Iterator[list[Process]]:
    """Those in the list are killed at the end, if they still run."""
    running: list[Process] = []
    try:
        yield running
    finally:
        for process in running:
            with process, contextlib.suppress(BrokenPipeError):
                process.kill()


def run(events: int, seed: int = 1) -> Life:
    """So many events, on this system."""
    chance = random.Random(seed)
    name = f"wmmf-life-{os.getpid()}"
    happened: list[tuple[str, float]] = []
    with processes() as running:

        def started(word: str, role: str) -> Process:
            running.append(start(role, name))
            expect(running[-1], word)
            return running[-1]

        publisher = started("ready", "publish")
        expect(publisher, "publishing")
        standby = started("ready", "publish")
        readers = [started("ready", "read") for _ in range(READERS)]
        for _ in range(events):
            time.sleep(chance.uniform(*APART))
            event = chance.choice(EVENTS)
            happened.append((event, time.monotonic()))
            assert publisher.stdin is not None
            if event == "stop":
                publisher.send_signal(signal.SIGSTOP)
                time.sleep(STOPPED)
                publisher.send_signal(signal.SIGCONT)
            elif event == "resize":
                publisher.stdin.write("\n")
                publisher.stdin.flush()
            else:
                publisher.kill() if event == "kill" else publisher.stdin.close()
                expect(standby, "publishing")
                publisher.wait(LONG_TIMEOUT)
                publisher, standby = standby, started("ready", "publish")
        time.sleep(APART[0])
        said = [reader.communicate(timeout=LONG_TIMEOUT)[0].splitlines() for reader in readers]
    return judged(said, happened)


def judged(said: list[list[str]], happened: list[tuple[str, float]]) -> Life:
    """What the readers' lines mean, given when what happened."""
    gaps: dict[str, list[float]] = {event: [] for event in EVENTS}
    for lines in said:
        long = [(float(end), float(length)) for end, length in (line.split() for line in lines[:-1])]
        for event, began in happened:
            gaps[event].append(max((length for end, length in long if began <= end <= began + APART[0]), default=0.0))
    totals = [[int(number) for number in lines[-1].split()] for lines in said]
    frames, torn, failed = (sum(column) for column in zip(*totals))
    return Life(frames, torn, failed, gaps)


if __name__ == "__main__":
    {"publish": publish, "read": read}[sys.argv[1]](sys.argv[2])
