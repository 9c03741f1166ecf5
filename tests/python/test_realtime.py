"""A thread of real-time priority never spins for what only an ordinary thread on the same core can give it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

STEPS = {
    "lock": "with shared.write_lock(1): pass",
    "copy": "shared.write(bytes(4096), timeout=1); shared.read(timeout=1); reader.read(timeout=1)",
    "lock of winmmf": "plain.write(b'x', timeout=1)",
    "wait": "shared.wait(shared.sequence, 0.0001)",
    "open": "MemoryMappedFile.open(shared.name).close()",
    "frame": "channel.publish(bytes(1000), timeout=1); viewer.latest(1); viewer.next(0)",
    "resize": "channel.resize(1000, timeout=1)",
}

TOGETHER = """
import os, threading, time

name, step = sys.argv[1], compile(sys.argv[2], "step", "exec")
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
shared = MemoryMappedFile.create(name, 4096)
reader = MemoryMappedFile.open(name, readonly=True)
plain = MemoryMappedFile.create(name + "-plain", 100, layout=Layout.WINMMF)
channel = FrameChannel.create(name + "-channel", capacity=1000)
viewer = FrameChannel.open(name + "-channel")

def work():
    try:
        exec(step)
    except LockTimeoutError:
        pass

def work_as_ordinary_thread():
    while not over:
        work()

over, worst = False, 0
ordinary = threading.Thread(target=work_as_ordinary_thread)
ordinary.start()
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))  # of this thread
end = time.perf_counter() + 0.5
while time.perf_counter() < end:
    start = time.thread_time_ns()
    work()
    worst = max(worst, time.thread_time_ns() - start)
    time.sleep(0.00005)  # lets the other thread into the middle of its call
over = True
os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
ordinary.join()
print(worst)
"""


@pytest.fixture(scope="module", autouse=True)
def rights() -> None:
    if not hasattr(os, "SCHED_FIFO"):
        pytest.skip("this system has no SCHED_FIFO")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pytest.skip("this process may not use SCHED_FIFO")
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_an_ordinary_thread_on_the_same_core_goes_on(name: str, child: Callable[..., Any], step: str) -> None:
    """Processor time of the real-time thread, for one call: other load of the machine adds nothing."""
    assert int(child(TOGETHER, name, step).result()) < 50_000_000
