"""The figures as a table in the terminal, and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .memory import Soak
from .peers import PEERS
from .runner import Outcome

PACKAGES = ("pywinmmf", "kickmsg", "iceoryx2", "posix-ipc", "cloudtoid-interprocess")


def number(value: float) -> str:
    """A number with three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def print_outcome(console: Console, outcome: Outcome) -> None:
    """A table of a figure."""
    table = Table(title=f"{outcome.title} ({outcome.figure.unit})", title_justify="left", box=box.SIMPLE)
    table.add_column("", min_width=12)
    for heading in ("median", "least", "most", "to bare C", "torn"):
        table.add_column(heading, justify="right", min_width=10)
    for name, measured in outcome.measured.items():
        ratio = outcome.ratio(name)
        table.add_row(
            name,
            number(measured.median),
            number(min(measured.values)),
            number(max(measured.values)),
            "" if ratio is None else f"{ratio:.2f}",
            str(measured.torn),
        )
    console.print(table)
    for name, reason in outcome.failures.items():
        console.print(f"  {name} failed: {reason}", markup=False)


def print_soak(console: Console, soak: Soak) -> None:
    """The memory of the channel, and its growth."""
    start, end = soak.start, soak.end
    header = end.section - soak.slots * soak.capacity
    console.print(
        f"memory: {soak.slots} slots of {soak.capacity:,} bytes and {header:,} bytes more; after {soak.seconds:.0f} s"
        f" at the rate of a camera, {soak.readers} readers that came and went, {soak.killed} of them killed"
        f" ({soak.torn} torn frames), grown by:"
    )
    for field, before, after in zip(start._fields, start, end):
        console.print(f"  {field.replace('_', ' '):16} {after - before:+10,}   (now {after:,})")


def as_json(outcomes: Sequence[Outcome], soak: Soak | None, rounds: int, seconds: float, size: int) -> dict[str, Any]:
    """Everything that was measured, and where."""
    return {
        "machine": {"system": platform.platform(), "processor": _processor(), "processors": os.cpu_count()},
        "python": platform.python_version(),
        "versions": dict(_versions()),
        "not_installed": [name for name, peer in PEERS.items() if not peer.installed],
        "rounds": rounds,
        "seconds": seconds,
        "frame_bytes": size,
        "figures": [_figure(outcome) for outcome in outcomes],
        "memory": soak and {**soak._asdict(), "start": soak.start._asdict(), "end": soak.end._asdict()},
    }


def _figure(outcome: Outcome) -> dict[str, Any]:
    return {
        "row": outcome.row.key,
        "what": outcome.title,
        "unit": outcome.figure.unit,
        "more_is_better": outcome.figure.more_is_better,
        "measured": {
            name: {
                "median": measured.median,
                "to_bare_c": outcome.ratio(name),
                "values": measured.values,
                "torn": measured.torn,
            }
            for name, measured in outcome.measured.items()
        },
        "failures": outcome.failures,
    }


def _versions() -> Any:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
