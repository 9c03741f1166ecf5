"""How the lock behaves under contention: fairness, processor time of waiting, recovery.

Run it where pywinmmf is installed: ``python bench/waiting.py``. Linux only (fork, SIGKILL, resource usage).
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import statistics
import time
from collections.abc import Callable

from pywinmmf import LockTimeoutError, MemoryMappedFile

FRAME = 1920 * 1080 * 3
SECONDS = 2.0
WAIT_SECONDS = 10.0
DEATHS = 50


def in_child(work: Callable[[], float]) -> Callable[[], float]:
    """Do the work in another process. The function that this returns waits for the result."""
    receiver, sender = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(sender, repr(work()).encode())
        os._exit(0)
    os.close(sender)

    def result() -> float:
        with open(receiver) as pipe:
            text = pipe.read()
        os.waitpid(pid, 0)
        return float(text)

    return result


def rate(name: str, action: Callable[[MemoryMappedFile], object], readonly: bool = False) -> float:
    """How often per second a process does this."""
    with MemoryMappedFile.open(name, readonly=readonly) as section:
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            action(section)
            count += 1
    return count / SECONDS


def crowd(name: str, writers: int, readers: int, readonly: int = 0) -> tuple[list[float], list[float], list[float]]:
    """Writers and readers in loops: frames per second of each."""
    frame, buffer = bytes(FRAME), bytearray(FRAME)

    def write() -> float:
        return rate(name, lambda section: section.write(frame))

    def read() -> float:
        return rate(name, lambda section: section.read_into(buffer))

    def look() -> float:
        return rate(name, lambda section: section.read_into(buffer), readonly=True)

    results = [[in_child(work) for _ in range(n)] for work, n in ((write, writers), (read, readers), (look, readonly))]
    first, second, third = ([result() for result in group] for group in results)
    return first, second, third


def waiting_costs(name: str, wait: Callable[[MemoryMappedFile], object]) -> float:
    """Per cent of one core that a process uses while it waits."""

    def work() -> float:
        with MemoryMappedFile.open(name) as section, contextlib.suppress(LockTimeoutError):
            wait(section)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    base = in_child(lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))()
    return max(0.0, in_child(work)() - base) / WAIT_SECONDS * 100


def recovery(name: str) -> list[float]:
    """Milliseconds from a writer's death until a waiting process has the lock."""
    times = []
    with MemoryMappedFile.open(name) as section:
        for _ in range(DEATHS):
            receiver, sender = os.pipe()
            holder = os.fork()
            if holder == 0:
                with MemoryMappedFile.open(name) as own, own.write_lock():
                    os.write(sender, b"!")
                    signal.pause()
            os.read(receiver, 1)
            killer = os.fork()
            if killer == 0:
                time.sleep(0.05)
                os.write(sender, repr(time.perf_counter()).encode())
                os.kill(holder, signal.SIGKILL)
                os._exit(0)
            with section.write_lock(timeout=30):
                now = time.perf_counter()
                section.mark_consistent()
            times.append((now - float(os.read(receiver, 100))) * 1000)
            os.waitpid(killer, 0)
            os.waitpid(holder, 0)
            os.close(receiver)
            os.close(sender)
    return times


def show(what: str, values: list[float]) -> None:
    """One line of frames per second."""
    print(f"  {what:34}", " ".join(f"{value:7.0f}" for value in values))


def main() -> None:
    """Print all figures."""
    name = f"pywinmmf-bench-{os.getpid()}"
    with MemoryMappedFile.create(name, FRAME) as section:
        for writers, readers, readonly in ((1, 0, 0), (1, 1, 0), (1, 8, 0), (4, 1, 0), (1, 0, 1), (1, 0, 16)):
            print(f"{writers} writers, {readers} readers, {readonly} read-only readers, in loops: frames/s of each")
            for what, values in zip(("writers", "readers", "read-only"), crowd(name, writers, readers, readonly)):
                if values:
                    show(what, values)
        with section.write_lock():
            print("processor time of waiting, per cent of a core")
            for what, wait in (
                ("to read", lambda s: s.read_lock(WAIT_SECONDS).__enter__()),
                ("to write", lambda s: s.write_lock(WAIT_SECONDS).__enter__()),
                ("for a change", lambda s: s.wait(s.sequence, WAIT_SECONDS)),
            ):
                print(f"  {what:20} {waiting_costs(name, wait):6.2f} %")
    with MemoryMappedFile.create(name, 1000):
        times = recovery(name)
        print(f"death to recovery of a waiter, ms: median {statistics.median(times):.1f}, worst {max(times):.1f}")


if __name__ == "__main__":
    main()
