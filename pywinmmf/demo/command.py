"""The command itself: starts the processes, shows what they report, gives the verdict."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pywinmmf import Namespace
from pywinmmf.terminal import picture_size, positive

STOP_SECONDS = 20
TICK = 0.1

# Ctrl-C is for the command alone; it then ends the input of its processes, which lets them finish.
APART: dict[str, Any]
if sys.platform == "win32":
    APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    APART = {"start_new_session": True}


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
        if isinstance(report, dict):  # whatever else it prints is no report
            self.report = report
            self.reported.set()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def finish(self) -> bool:
        """Tell the process to stop and wait for its last report; whether it ended well."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            return self._process.wait(STOP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            return False
        finally:
            self._reader.join(STOP_SECONDS)


def _python(module: str) -> list[str]:
    # Not from the current folder, which may be a source tree that hides the installed package (python -P is 3.11).
    code = f"import sys; sys.path = [p for p in sys.path if p]; from pywinmmf.demo.{module} import main; main()"
    return [sys.executable, "-c", code]


def add_parser(subcommands: Any) -> None:
    """Add ``demo`` to the command line."""
    parser = subcommands.add_parser("demo", help="one process owns a camera, others see its pictures")
    parser.add_argument("--source", help="camera number or video file; without it a moving test picture")
    parser.add_argument("--seconds", type=positive, default=10.0, help="how long (default: 10)")
    parser.add_argument("--namespace", choices=["local", "global"], default="local")
    parser.add_argument("--size", type=picture_size, default=(1280, 720), metavar="WxH", help="default: 1280x720")
    parser.add_argument("--fps", type=positive, default=30.0, help="pictures a second (default: 30)")
    parser.add_argument("--consumers", type=int, choices=range(1, 17), default=3, metavar="1..16")
    parser.add_argument(
        "--consumer",
        type=_command,
        action="append",
        default=[],
        metavar="COMMAND",
        help="one more consumer, in any language: COMMAND NAME NAMESPACE (see examples); may be repeated",
    )
    parser.add_argument("--sheet", type=_sheet, default=Path("contact-sheet.png"), help="where the PNG goes")
    parser.set_defaults(run=run)


def _command(text: str) -> list[str]:
    on_windows = os.name == "nt"
    try:
        words = shlex.split(text, posix=not on_windows)
    except ValueError:  # a quotation without end
        words = []
    if on_windows:
        words = [word.strip('"') for word in words]
    if not words or shutil.which(words[0]) is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a program that can be run, and its arguments")
    return words


def _sheet(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a file in a folder that can be written to")
    return path


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
        while not producer.reported.wait(TICK):  # on Windows a wait without end is deaf to Ctrl-C
            pass
        if "ready" not in producer.report:
            console.print(f"[red]{producer.report.get('error', 'the producer could not be started')}", soft_wrap=True)
            producer.finish()
            return 1
        for number in range(options.consumers):
            sheet = ["--sheet", options.sheet] if number == 0 else []
            workers.append(
                Worker(f"consumer {number + 1}", _python("consumer"), name, "--namespace", namespace, *sheet)
            )
        for command in options.consumer:
            workers.append(Worker(Path(command[-1]).stem, command, name, namespace))
        _watch(console, workers, options.seconds)
    except KeyboardInterrupt:
        console.print("stopped")
    except OSError:  # one could not be started
        for worker in reversed(workers):
            worker.finish()
        raise
    ended_well = all([worker.finish() for worker in reversed(workers)])  # noqa: C419 - each must be finished
    console.print(_table(workers))
    return _verdict(console, workers[1:], ended_well, options.sheet)


def _watch(console: Console, workers: list[Worker], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    with Live(_table(workers), console=console, refresh_per_second=4, transient=True) as live:
        while time.monotonic() < deadline and all(worker.running for worker in workers):
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


def _verdict(console: Console, consumers: list[Worker], ended_well: bool, sheet: Path) -> int:
    frames = [consumer.report.get("frames", 0) for consumer in consumers]
    torn = sum(consumer.report.get("torn", 0) for consumer in consumers)
    if ended_well and frames and min(frames) > 0 and torn == 0:
        console.print(
            f"[green]passed:[/] {sum(frames)} frames received by {len(frames)} consumers, 0 torn; see {sheet}"
        )
        return 0
    console.print(f"[red]failed:[/] frames received: {frames}, torn: {torn}, all processes ended well: {ended_well}")
    return 1
