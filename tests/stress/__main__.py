"""The long version: kills, waits and recoveries, on Linux and under Wine, as tables. ``./run stress``"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from stress import careless, durability, every, garbage, kills, life, soak, waits

KILLS = {
    ("section", "linux"): 10_000,
    ("section", "wine"): 500,
    ("channel", "linux"): 3_000,
    ("channel", "wine"): 150,
    ("table", "linux"): 5_000,
    ("table", "wine"): 250,
}
OPERATIONS = {("section", "linux"): 100_000_000}
DEATHS = {"linux": 100, "wine": 20}
WAIT_SECONDS = 10.0
STOP_SECONDS = 30.0
EVERY_SECONDS = 10.0
GARBAGE_SECONDS = 600
LIFE_EVENTS = {"linux": 1000, "wine": 200}
SOAK_SECONDS = 900.0
CARELESS_SECONDS = {"linux": 600.0, "wine": 180.0}
DURABILITY_KILLS = 1000

console = Console(width=150)


def table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column, justify="right" if made.columns else "left")
    return made


def killing(systems: list[str], scale: float) -> bool:
    """Kill at random instants; whether nobody noticed."""
    columns = ("kills (C, Python, C#)", "operations", "repairs", "torn", "failed or hung", "leaked handles")
    shown = table("Kills at random instants", "work on a", "system", *columns, "at the end", "files left", "seconds")
    sound = True
    for kind, system in itertools.product(kills.KINDS, systems):
        number = int(KILLS[kind, system] * scale)
        outcome = kills.run(system, kind, number, int(OPERATIONS.get((kind, system), 0) * scale))
        total, killed = outcome.total, outcome.killed
        of_languages = ", ".join(f"{killed[language]:,}" for language in ("C", "Python", "C#"))
        leaked = sum(report.leaked for report in outcome.reports)
        shown.add_row(
            kind,
            system,
            f"{sum(killed.values()):,} ({of_languages})",
            f"{total.operations:,}",
            f"{total.repairs:,}" if kind != "channel" else "-",
            str(total.torn),
            str(total.failed),
            str(leaked),
            outcome.keeper,
            str(len(outcome.files)),
            f"{outcome.seconds:.0f}",
        )
        faults = total.torn + total.failed + leaked + len(outcome.files)
        sound = sound and not faults and outcome.keeper == kills.SOUND
    console.print(shown)
    return sound


def waiting(systems: list[str], scale: float) -> None:
    """Measure waits."""
    columns = ("deaths", "death to recovery, ms: median", "worst", "a wait costs, % of a core", "is late, ms")
    shown = table("Waits", "system", "language", "waits", *columns)
    for system in systems:
        for language in waits.LANGUAGES:
            costs = waits.costs(system, language, WAIT_SECONDS * scale)
            for wait, cost in costs.items():
                times = waits.recovery(system, language, wait, int(DEATHS[system] * scale))
                shown.add_row(
                    system,
                    language,
                    wait,
                    str(len(times)),
                    f"{statistics.median(times):.1f}",
                    f"{max(times):.1f}",
                    f"{cost.processor:.3f}",
                    f"{cost.late:.1f}",
                )
    console.print(shown)


def stopping(systems: list[str], scale: float) -> None:
    for system in systems:
        seconds = STOP_SECONDS * scale
        waits.stopped(system, seconds)
        console.print(f"{system}: a writer that was stopped for {seconds:.0f} s kept its lock")


def living(systems: list[str], scale: float) -> bool:
    """Let publishers of a channel come and go; whether every frame was whole, in every language."""
    columns = ("gaps", "without frames, ms: median", "99th percentile", "worst")
    shown = table("A channel's life, with another publisher that stands by", "system", "event", *columns)
    seen = table("Its readers, each with one handle", "system", "language", "frames", "torn", "failed")
    sound = True
    for system in systems:
        totals, gaps_of = life.run(system, int(LIFE_EVENTS[system] * scale))
        for event, gaps in gaps_of.items():
            if gaps:
                ordered = sorted(1000 * gap for gap in gaps)
                middle, high = ordered[len(gaps) // 2], ordered[len(gaps) * 99 // 100]
                shown.add_row(system, event, str(len(gaps)), f"{middle:.1f}", f"{high:.1f}", f"{ordered[-1]:.1f}")
        for language, (frames, torn, failed) in totals.items():
            seen.add_row(system, language, f"{frames:,}", str(torn), str(failed))
            sound = sound and frames > 0 and not torn and not failed
    console.print(shown, seen)
    return sound


def receiving_garbage(systems: list[str], scale: float) -> bool:
    """Let a reader write garbage where readers write, while another publishes; whether nobody was harmed."""
    sound = True
    for system in systems:
        done = garbage.run(system, max(1, int(GARBAGE_SECONDS * scale)))
        console.print(f"{system}, garbage in the readers' section: {done.stdout.strip()}")
        sound = sound and done.returncode == 0
    return sound


def reading_every_frame(scale: float) -> bool:
    """Kill writers of large pictures, on Linux; whether a reader got every frame, whole."""
    outcome = every.run(EVERY_SECONDS * scale, f"wmmf-every-{os.getpid()}")
    shown = table(
        f"Every frame: {every.FPS}/s of {every.SHAPE[1]} x {every.SHAPE[0]} grey, writers killed",
        *("seconds", "kills", "published", "read", "lost", "torn", "out of order"),
    )
    shown.add_row(f"{outcome.seconds:.1f}", *(f"{figure:,}" for figure in outcome[1:]))
    console.print(shown)
    return outcome.read >= outcome.published > 0 and not (outcome.lost or outcome.torn or outcome.out_of_order)


def soaking(scale: float) -> bool:
    """Let readers come and be killed, on Linux; whether nothing grows."""
    outcome = soak.run(SOAK_SECONDS * scale)
    title = f"{outcome.ended:,} readers came and went, {outcome.killed:,} were killed"
    shown = table(title, "who stays", "at the", "private memory, KiB", "descriptors", "mappings")
    for who, needs in outcome.needs.items():
        for when, need in (("begin", needs[0]), ("end", needs[-1])):
            shown.add_row(who, when, *(f"{figure:,}" for figure in need))
    console.print(shown)
    grown = outcome.grown()
    console.print(
        f"{outcome.torn} torn, {outcome.failed} failed, {len(outcome.files)} files left, grown: {grown or 'nothing'}"
    )
    return not (grown or outcome.torn or outcome.failed or outcome.files)


def being_careless(systems: list[str], scale: float) -> bool:
    """Forget objects, dispose them during calls, dispose them twice, and all of that, in C#; whether nobody noticed."""
    sound = True
    for system, works in itertools.product(systems, [*((work,) for work in careless.WORKS), careless.WORKS]):
        done = careless.run(system, CARELESS_SECONDS[system] * scale, works)
        said = (done.stdout + done.stderr).strip()
        console.print(f"{system}, careless threads ({', '.join(works)}) beside an innocent one: {said}")
        sound = sound and done.returncode == 0
    return sound


def keeping_records(scale: float) -> bool:
    """Kill writers of a file, on Linux, and cut the power; whether every record that they acknowledged is there."""
    kills = max(1, int(DURABILITY_KILLS * scale))
    outcomes = {}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # a disk, where /tmp may be memory
        outcomes["killed"] = durability.run(kills, Path(folder))
        if durability.power_can_be_cut():
            with durability.file_system(Path(folder)) as mounted:
                outcomes["killed, then the power was cut"] = durability.run(kills, mounted, durability.cut_power)
        else:
            console.print("the power is not cut: that takes an administrator, who may mount")
    for how, outcome in outcomes.items():
        console.print(
            f"records of writers that were {how}: {outcome.kills:,} kills, {outcome.owner_died:,} found inside the "
            f"lock, {outcome.acknowledged:,} acknowledged, {outcome.lost:,} of those lost"
        )
    return not any(outcome.lost for outcome in outcomes.values())


def main() -> int:
    parser = argparse.ArgumentParser(prog="run stress", description="Kills, waits and recoveries, at length.")
    parser.add_argument("--system", choices=list(kills.SYSTEMS), action="append", help="instead of both")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of it, 0.1: a tenth")
    arguments = parser.parse_args()
    systems = arguments.system or list(kills.SYSTEMS)
    sound = killing(systems, arguments.scale)
    waiting(systems, arguments.scale)
    stopping(systems, arguments.scale)
    sound &= living(systems, arguments.scale)
    sound &= receiving_garbage(systems, arguments.scale)
    sound &= being_careless(systems, arguments.scale)
    if "linux" in systems:
        sound &= reading_every_frame(arguments.scale)
        sound &= soaking(arguments.scale)
        sound &= keeping_records(arguments.scale)
    return 0 if sound else 1


sys.exit(main())
