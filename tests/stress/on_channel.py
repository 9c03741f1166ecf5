"""The same as on_channel.c, in Python."""

from __future__ import annotations

import contextlib

from stress.work import MOMENT, TIMEOUT, Work

from pywinmmf import AlreadyExistsError, Frame, FrameChannel, LockTimeoutError, NotFoundError

WORDS = 512
SIZE = WORDS * 8
SLOTS = 5
HELD_MAX = 3


class Dropped(Exception):
    """Ends a frame that shall not be published."""


class Endpoint:
    """A channel object, and the sequence of the newest frame that was seen through it."""

    def __init__(self, channel: FrameChannel) -> None:
        self.channel = channel
        self.last = 0
        self.had = 0  # of those, the newest that the object has given: what it counts missed frames from
        self.copy = bytearray(SIZE)

    def was_published(self, sequence: int) -> None:
        assert sequence > self.last, f"frame {sequence} was published after {self.last}"
        self.last = sequence

    def was_given(self, frame: Frame) -> None:
        missed = frame.sequence - self.had - 1 if 0 < self.had < frame.sequence else 0
        assert frame.sequence >= self.last, f"frame {frame.sequence} was given after {self.last}"
        assert frame.missed == missed, f"{frame.missed} missed between {self.had} and {frame.sequence}"
        self.last = self.had = frame.sequence


class OnChannel(Work):
    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name, seed)
        self.home = Endpoint(FrameChannel.open(name))
        self.window = Endpoint(FrameChannel.open(name, readonly=True))
        self.often = [
            lambda: self.write_in_place(self.home),
            lambda: self.write_copy(self.home),
            lambda: self.hold(self.home),
            lambda: self.read_next(self.home),
            lambda: self.read_next(self.window),
            lambda: self.look_at_newest(self.window),
        ]
        self.seldom = [
            self.come_and_go,
            self.visit_short_lived,
            self.wait,
            self.iterate,
            lambda: self.read_next(self.window, MOMENT),
        ]

    # Writing.

    def write_in_place(self, through: Endpoint) -> None:
        value = self.value(WORDS)
        with contextlib.suppress(Dropped), through.channel.begin(timeout=TIMEOUT) as frame:
            frame.data[: SIZE // 2] = value[: SIZE // 2]
            frame.data[SIZE // 2 :] = value[SIZE // 2 :]
            frame.user = value[:8]
            if self.random.randrange(8) == 0:
                raise Dropped
            through.was_published(frame.publish())

    def write_copy(self, through: Endpoint) -> None:
        value = self.value(WORDS)
        through.was_published(through.channel.publish(value, user=value[:8], timeout=TIMEOUT))

    # Reading.

    def see(self, frame: Frame) -> None:
        version = bytes(frame.data)
        self.look(version)
        assert (len(version), frame.user) == (SIZE, version[:8]), "picture and description are of different frames"

    def hold(self, through: Endpoint) -> None:
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(through.channel.latest(TIMEOUT))]
            through.was_given(held[0])
            with contextlib.suppress(LockTimeoutError):
                for _ in range(self.random.randrange(HELD_MAX)):
                    held.append(stack.enter_context(through.channel.next(MOMENT)))
                    through.was_given(held[-1])
            for frame in held * 2:
                self.see(frame)

    def read_next(self, through: Endpoint, timeout: float = 0) -> None:
        with contextlib.suppress(LockTimeoutError):
            frame = through.channel.read_into(through.copy, timeout=timeout)
            through.was_given(frame)
            self.see(frame)

    def look_at_newest(self, through: Endpoint) -> None:
        with through.channel.latest(TIMEOUT) as frame:
            through.was_given(frame)
            self.see(frame)

    def wait(self) -> None:
        with contextlib.suppress(LockTimeoutError):
            assert self.home.channel.wait(self.home.last, MOMENT) > self.home.last

    def iterate(self) -> None:
        self.write_copy(self.home)  # so that there is one
        for frame in self.home.channel:
            self.home.was_given(frame)
            self.see(frame)
            break

    # Coming and going.

    def come_and_go(self) -> None:
        self.home.channel.close()
        self.window.channel.close()
        self.home = Endpoint(FrameChannel.create(self.name, capacity=SIZE, slots=SLOTS, exist_ok=True))
        self.window = Endpoint(FrameChannel.open(self.name, readonly=True))

    def enter_short_lived(self) -> FrameChannel:
        name, exist_ok = self.short_lived_name, self.random.random() < 0.5
        try:
            return FrameChannel.create(name, capacity=SIZE, slots=SLOTS, exist_ok=exist_ok)
        except AlreadyExistsError:
            return FrameChannel.open(name)

    def visit_short_lived(self) -> None:
        # It may have ended before it could be opened.
        with contextlib.suppress(NotFoundError), self.enter_short_lived() as channel:
            visit = Endpoint(channel)
            self.write_copy(visit)
            self.hold(visit)
            self.write_in_place(visit)
