"""The roles of processes in a measurement, in Python: the same as in bench/programs/stream.c, roundtrip.c and
opening.c.

stream.c describes how torn frames are found.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable
from threading import Thread

from .task import WARM_UP_FRAMES, Result, Task
from .transport import Transport

now_ns = time.perf_counter_ns
TransportType = type[Transport]
Start = Callable[[], None]
"""Reports that everything is open, and waits for the start of the measurement."""

MESSAGE = struct.Struct("QqQ")
MESSAGE_SIZE = 64
THE_END = 0
"""A message's number."""


# Streams.


def stamp(frame: memoryview, number: int) -> None:
    """Give a frame its number, and the time."""
    words = frame.cast("Q")
    words[0] = words[len(words) // 2] = words[-1] = number
    words[1] = now_ns()


def whole_number(frame: memoryview, result: Result) -> int:
    """The frame's number; counts a frame as torn if its marks differ."""
    words = frame.cast("Q")
    number = words[0]
    if not words[len(words) // 2] == words[-1] == number == words[0]:
        result.torn += 1
    return number


def write(transport_type: TransportType, task: Task, start: Start, result: Result) -> None:
    """Write frames, for the time that is asked for and until the input ends: then all readers have finished."""
    picture = memoryview(bytearray(task.size))
    transport = transport_type.create(task.name, task.size, task.slots)
    start()
    input_lasts = Thread(target=os.read, args=(sys.stdin.fileno(), 1), daemon=True)
    input_lasts.start()
    begin = now = now_ns()
    end = begin + task.seconds * 1e9
    while now < end or input_lasts.is_alive():
        if task.fps:
            time.sleep(max(0, begin + result.count / task.fps * 1e9 - now) / 1e9)
            now = now_ns()
        result.count += 1
        if result.count == WARM_UP_FRAMES:
            result.begin_samples()
        if task.copy:
            stamp(picture, result.count)
            transport.write(picture)
        else:
            stamp(transport.begin(), result.count)
            transport.publish()
        after = now_ns()
        if task.fps:
            result.add_sample(after - now)
        now = after
    result.elapsed_ns = now - begin
    transport.close()


def read(transport_type: TransportType, task: Task, start: Start, result: Result) -> None:
    """Read frames."""
    picture = memoryview(bytearray(task.size))
    transport = transport_type.open(task.name, task.size, task.slots, task.spin)

    def read_one() -> int:
        if task.copy:
            transport.read_into(picture)
            return whole_number(picture, result)
        frame = transport.acquire()
        if task.fps:
            result.add_sample(now_ns() - frame[8:16].cast("Q")[0])
        number = whole_number(frame, result)
        del frame
        transport.release()
        return number

    start()
    for _ in range(WARM_UP_FRAMES):
        first = last = read_one()
    result.begin_samples()
    begin = now = now_ns()
    end = begin + task.seconds * 1e9
    while now < end:
        last = read_one()
        result.count += 1
        now = now_ns()
    result.elapsed_ns = now - begin
    result.missed = last - first - result.count
    transport.close()


# Round trips.


def pause(begin: int, length_ns: int) -> int:
    """Stay awake, so that only the processor of the other side can sleep. Returns the duration."""
    now = begin
    while now - begin < length_ns:
        now = now_ns()
    return now - begin


def ask(transport_type: TransportType, task: Task, start: Start, result: Result) -> None:
    """Send messages and wait for each to come back."""
    questions = transport_type.create(f"{task.name}-there", MESSAGE_SIZE, task.slots)
    message, answer = memoryview(bytearray(MESSAGE_SIZE)), memoryview(bytearray(MESSAGE_SIZE))
    start()
    answers = transport_type.open(f"{task.name}-back", MESSAGE_SIZE, task.slots, task.spin)
    begin = now = now_ns()
    while now - begin < task.seconds * 1e9:
        if task.pause_ns:
            now += pause(now, task.pause_ns)
        result.count += 1
        MESSAGE.pack_into(message, 0, result.count, 0, 0)
        questions.write(message)
        answers.read_into(answer)
        after = now_ns()
        number, paused_ns, _ = MESSAGE.unpack_from(answer)
        result.add_sample(after - now - paused_ns)
        if number != result.count:
            result.torn += 1
        now = after
    result.elapsed_ns = now - begin
    MESSAGE.pack_into(message, 0, THE_END, 0, 0)
    questions.write(message)
    answers.close()
    questions.close()


def send_back(transport_type: TransportType, task: Task, start: Start, result: Result) -> None:
    """Send messages back."""
    questions = transport_type.open(f"{task.name}-there", MESSAGE_SIZE, task.slots, task.spin)
    answers = transport_type.create(f"{task.name}-back", MESSAGE_SIZE, task.slots)
    message = memoryview(bytearray(MESSAGE_SIZE))
    start()
    while True:
        questions.read_into(message)
        number, _, _ = MESSAGE.unpack_from(message)
        if number == THE_END:
            break
        if task.pause_ns:
            MESSAGE.pack_into(message, 0, number, pause(now_ns(), task.pause_ns), 0)
        answers.write(message)
        result.count += 1
    answers.close()
    questions.close()


# Opening.


def _repeat(action: Callable[[], Transport], task: Task, result: Result) -> None:
    """Time the action; closing what it opened is not timed."""
    begin = now_ns()
    while result.elapsed_ns < task.seconds * 1e9:
        before = now_ns()
        transport = action()
        result.add_sample(now_ns() - before)
        transport.close()
        result.count += 1
        result.elapsed_ns = now_ns() - begin


def create(transport_type: TransportType, task: Task, start: Start, result: Result) -> None:
    """Create a channel."""
    start()
    _repeat(lambda: transport_type.create(task.name, task.size, task.slots), task, result)


def open_again(transport_type: TransportType, task: Task, start: Start, result: Result) -> None:
    """Open an existing channel."""
    made = transport_type.create(task.name, task.size, task.slots)
    start()
    _repeat(lambda: transport_type.open(task.name, task.size, task.slots, False), task, result)
    made.close()


ROLES = {"write": write, "read": read, "ask": ask, "answer": send_back, "create": create, "open": open_again}
