"""The command itself: starts the processes, shows their reports, gives the verdict."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pywinmmf import Namespace
from pywinmmf.cli.ending import APART

import_module("pywinmmf.opencv")  # the processes need it: report a missing or broken one before they start

START_SECONDS = 30  # for all consumers to see the first picture
STOP_SECONDS = 20
TICK = 0.1


class Worker:
    """One of the demo's processes and the newest of its reports."""

    def __init__(self, title: str, command: list[str], *arguments: object) -> None:
        self.title = title
        self.report: dict[str, Any] = {}
        self.reported = threading.Event()
        self._process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **APART,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._take(line)
        self.reported.set()

    def _take(self, line: str) -> None:
        try:
            report = json.loads(line)
        except ValueError:
            return
        if isinstance(report, dict):  # other output is not a report
            self.report = report
            self.reported.set()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def frames(self) -> int:
        """How many frames it has received or written."""
        return int(self.report.get("frames", 0))

    def finish(self) -> str:
        """Tell the process to stop and wait for its last report. Returns the problem, or an empty text."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return f"{self.title} did not end within {STOP_SECONDS} s"
        finally:
            self._reader.join(STOP_SECONDS)
        return f"{self.title} ended with exit code {code}" if code else ""


def _python(module: str) -> list[str]:
    # -P: import the installed package, not sources in the current folder.
    return [sys.executable, "-P", "-m", f"pywinmmf.demo.{module}"]


def run(options: argparse.Namespace) -> int:
    """Run the demo; 0 if no frame was torn and every consumer saw frames."""
    console = Console()
    name = f"pywinmmf-demo-{os.getpid()}"
    namespace = int(Namespace[options.namespace.upper()])
    arguments = ["--namespace", namespace, "--size", *options.size, "--fps", options.fps]
    if options.source is not None:
        arguments += ["--source", options.source]
    workers: list[Worker] = []
    try:
        producer = Worker("producer", _python("producer"), name, *arguments)
        workers.append(producer)
        while not producer.reported.wait(TICK):  # on Windows Ctrl-C does not end a wait without a timeout
            pass
        if "ready" not in producer.report:
            ended = producer.finish()
            console.print(f"[red]{producer.report.get('error', ended)}", soft_wrap=True)
            return 1
        for number in range(options.consumers):
            sheet = ["--sheet", options.sheet] if number == 0 else []
            workers.append(
                Worker(f"consumer {number + 1}", _python("consumer"), name, "--namespace", namespace, *sheet)
            )
        for command in options.consumer:
            workers.append(Worker(Path(command[-1]).stem, command, name, namespace))
        with Live(_table(workers), console=console, refresh_per_second=4, transient=True) as live:
            _watch(live, workers, START_SECONDS, lambda: all(worker.frames for worker in workers))
            _watch(live, workers, options.seconds, lambda: False)
    except KeyboardInterrupt:
        console.print("stopped")
    except OSError:  # a process could not be started
        for worker in reversed(workers):
            worker.finish()
        raise
    problems = [worker.finish() for worker in reversed(workers)]
    console.print(_table(workers))
    return _verdict(console, workers[1:], [problem for problem in problems if problem], options.sheet)


def _watch(live: Live, workers: list[Worker], seconds: float, is_done: Callable[[], bool]) -> None:
    """Show the table until it is done, the time has passed, or one of the processes has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and all(worker.running for worker in workers) and not is_done():
        time.sleep(TICK)
        live.update(_table(workers))


COLUMNS = {"fps": "frames/s", "mb_per_s": "MB/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms"}
COUNTS = ("frames", "missed", "torn")


def _table(workers: list[Worker]) -> Table:
    table = Table("process", *COLUMNS.values(), *COUNTS)
    for worker in workers:
        values = [worker.report.get(key) for key in COLUMNS]
        counts = [str(worker.report.get(key, "")) for key in COUNTS]
        table.add_row(worker.title, *("" if value is None else f"{value:.2f}" for value in values), *counts)
    return table


def _verdict(console: Console, consumers: list[Worker], problems: list[str], sheet: Path) -> int:
    problems += [f"{consumer.title} received no frame" for consumer in consumers if not consumer.frames]
    problems += [f"{consumer.title} received torn frames" for consumer in consumers if consumer.report.get("torn")]
    if consumers and not problems:
        frames = sum(consumer.frames for consumer in consumers)
        console.print(f"[green]passed:[/] {frames} frames received by {len(consumers)} consumers, 0 torn; see {sheet}")
        return 0
    console.print(f"[red]failed:[/] {'; '.join(problems) or 'there was no consumer'}", soft_wrap=True)
    return 1
