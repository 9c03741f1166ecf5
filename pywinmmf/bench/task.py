"""The task of a process in a measurement, and its report: the same for all languages."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

SAMPLES = 4096
"""The maximum number of times in a result."""

TOLD = ("count", "missed", "torn", "elapsed_ns", "sample_ns")
"""The fields of a result that a process prints."""

WARM_UP_FRAMES = 8
"""The first frames touch the pages for the first time; they are not counted."""


@dataclass(frozen=True)
class Task:
    """The arguments of a process; those of the C programs (bench/programs/role.h) are the same, in this order."""

    role: str
    """write, read, ask, answer, create, open."""
    name: str = ""
    """The name of what is shared."""
    size: int = 0
    """Bytes of a frame."""
    slots: int = 4
    copy: bool = False
    """Whether to copy through a separate buffer; else in place."""
    spin: bool = False
    """Whether to spin and never sleep."""
    fps: float = 0
    """0: as many as possible."""
    pause_ns: int = 0
    """Before each message of a round trip, so that the other side is asleep."""
    seconds: float = 1

    def arguments(self) -> list[str]:
        """The task as words of a command line."""
        values = (self.role, self.name, self.size, self.slots, int(self.copy), int(self.spin), self.fps, self.pause_ns)
        return [str(value) for value in (*values, self.seconds)]

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> Task:
        """The task from words of a command line."""
        role, name, size, slots, copy, spin, fps, pause_ns, seconds = arguments
        return cls(
            role, name, int(size), int(slots), copy == "1", spin == "1", float(fps), int(pause_ns), float(seconds)
        )

    def scaled(self, name: str, size: int, seconds: float) -> Task:
        """This task in a run: a size of 0 stands for that of a picture."""
        return replace(self, name=name, size=self.size or size, seconds=seconds)


@dataclass
class Result:
    """What a process measured."""

    count: int = 0
    """Frames written or read, round trips ..."""
    missed: int = 0
    """Frames that were written meanwhile, but not read."""
    torn: int = 0
    """Frames that were not whole."""
    elapsed_ns: int = 0
    """For ``count``."""
    sample_ns: array[int] = field(default_factory=lambda: array("q"))
    """Times of single events, spread over the whole measurement. No objects, because memory is measured as well."""
    every: int = 1
    """1 + how many events are left out after each sample."""
    events: int = 0

    def add_sample(self, ns: int) -> None:
        """Keep a time. When there is no more room, every second one is dropped."""
        self.events += 1
        if (self.events - 1) % self.every:
            return
        if len(self.sample_ns) == SAMPLES:
            del self.sample_ns[1::2]
            self.every *= 2
        self.sample_ns.append(ns)

    def begin_samples(self) -> None:
        """Forget those of the warm-up."""
        del self.sample_ns[:]
        self.every = 1
        self.events = 0

    @property
    def rate(self) -> float:
        """The count per second."""
        return self.count / self.elapsed_ns * 1e9

    def to_json(self) -> str:
        """One line."""
        return json.dumps({name: getattr(self, name) for name in TOLD}, default=list)

    @classmethod
    def from_json(cls, text: str) -> Result:
        """From one line."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**{**fields, "sample_ns": array("q", fields["sample_ns"])})
