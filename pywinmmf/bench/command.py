"""``pywinmmf bench``."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from .memory import soak
from .peers import PEERS
from .programs import build, find_compiler
from .report import as_json, print_outcome, print_soak
from .rows import ROWS
from .runner import Outcome, Subject, measure, subjects

FRAME = 1920 * 1080 * 3
MEMORY = "memory"
KEYS = [*(row.key for row in ROWS), MEMORY]
QUICK = {"rounds": 1, "seconds": 0.05, "size": 64 * 48 * 3, "soak": 1.0}


def add_parser(subcommands: Any) -> None:
    """Add ``bench`` to the command line."""
    parser = subcommands.add_parser(
        "bench",
        help="measure frames against bare C and whichever peers are installed",
        description="Medians of rounds in which everybody takes turns. Peers: "
        + ", ".join(name for name in PEERS if name != "pywinmmf")
        + ".",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--size", type=int, default=FRAME, metavar="BYTES", help="of a frame; default: 1920x1080x3")
    parser.add_argument("--rows", nargs="+", choices=KEYS, default=KEYS, metavar="ROW", help=", ".join(KEYS))
    parser.add_argument("--soak", type=float, default=10.0, metavar="SECONDS", help="of the row memory, at least 1")
    parser.add_argument("--quick", action="store_true", help="does it run? The figures say nothing")
    parser.add_argument("--programs", type=Path, metavar="DIR", help="with bare and wmmf; default: compile them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    parser.set_defaults(run=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    if arguments.quick:
        vars(arguments).update(QUICK)
    rows = [row for row in ROWS if row.key in arguments.rows]
    console = Console()
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        everybody = list(subjects(_programs(arguments.programs, stack, console)))
        _say_who_is_missing(console, everybody)
        for row in rows:
            with console.status(row.title):
                measured = measure(row, everybody, arguments.rounds, arguments.seconds, arguments.size)
            for outcome in measured:
                print_outcome(console, outcome)
            outcomes += measured
        soaked = None
        if MEMORY in arguments.rows:
            with console.status(MEMORY):
                own = next(subject for subject in everybody if subject.name == "pywinmmf")
                soaked = soak(own, arguments.size, arguments.soak)
            print_soak(console, soaked)
    if arguments.json:
        report = as_json(outcomes, soaked, arguments.rounds, arguments.seconds, arguments.size)
        arguments.json.write_text(json.dumps(report, indent=2), encoding="utf-8")
    if arguments.plot:
        from .plot import draw  # a second or so, only if it is wanted

        draw(outcomes, arguments.plot)
    return 1 if any(outcome.failures for outcome in outcomes) else 0


def _programs(given: Path | None, stack: ExitStack, console: Console) -> Path | None:
    """Where the programs in C are; None: nobody can compile them."""
    if given is not None:
        return given.resolve()
    compiler = find_compiler()
    if compiler is None:
        return None
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pywinmmf-bench-")))
    with console.status("compiling"):
        build(folder, compiler)
    return folder


def _say_who_is_missing(console: Console, everybody: Sequence[Subject]) -> None:
    there = {subject.name for subject in everybody}
    missing = [name for name in PEERS if name not in there]
    if missing:
        console.print(f"not installed, so not measured: {', '.join(missing)}")
    if "bare C" not in there:
        console.print("no C compiler (see --programs), so no figures of C and no ratios")
