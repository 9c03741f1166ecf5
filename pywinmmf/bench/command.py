"""``pywinmmf bench``."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from pywinmmf import InvalidArgumentError
from pywinmmf.cli.bench import MEMORY
from pywinmmf.cli.ending import ended_politely
from pywinmmf.whole_file import replace_file

from .memory import soak
from .peers import PEERS
from .programs import NAMES, build, find_compiler, program
from .report import as_json, print_outcome, print_soak
from .rows import ROWS
from .runner import Outcome, Subject, measure, remove_leftovers, subjects

FRAME = 1920 * 1080 * 3
DEFAULTS = {"rounds": 5, "seconds": 2.0, "size": FRAME, "soak": 10.0}
QUICK = {"rounds": 1, "seconds": 0.05, "size": 64 * 48 * 3, "soak": 1.0}


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the figures, and write the requested files."""
    for option, value in (QUICK if arguments.quick else DEFAULTS).items():
        if getattr(arguments, option) is None:
            setattr(arguments, option, value)
    _check_files(arguments)
    # Handle it like Ctrl-C, so that no process and no folder is left behind.
    with ended_politely():
        return _measure(arguments)


def _check_files(arguments: argparse.Namespace) -> None:
    """Check the arguments before measuring, which may take hours."""
    if arguments.plot:
        from .plot import check_name  # takes about a second

        if arguments.rows == [MEMORY]:
            raise InvalidArgumentError(f"--plot {arguments.plot}: expected a row that can be drawn, not only {MEMORY}")
        check_name(arguments.plot)
    for file in filter(None, (arguments.json, arguments.plot)):
        _check_writable(file)
    for name in NAMES if arguments.programs else ():
        if not os.access(program(arguments.programs, name), os.X_OK):
            raise InvalidArgumentError(f"--programs {arguments.programs}: expected a folder with the program {name}")


def _check_writable(file: Path) -> None:
    """`OSError` if the file cannot be written. Does not change its content."""
    existed = file.exists()
    with file.open("ab"):
        pass
    if not existed:
        file.unlink()


def _measure(arguments: argparse.Namespace) -> int:
    rows = [row for row in ROWS if row.key in arguments.rows]
    console = Console()
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        stack.callback(remove_leftovers)
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
        replace_file(arguments.json, json.dumps(report, indent=2).encode())
    if arguments.plot:
        from .plot import draw

        draw(outcomes, arguments.plot)
    return 1 if any(outcome.failures for outcome in outcomes) else 0


def _programs(given: Path | None, stack: ExitStack, console: Console) -> Path | None:
    """The folder of the programs in C; None if there is no compiler."""
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
