"""``pywinmmf top``."""

from __future__ import annotations

import io
import json
import re
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("rich", reason="the extra 'top' is not installed")

from commands import POLITE, WAIT_SECONDS, command, output_until
from rich.console import Console
from terminal import press_ctrl_c

from pywinmmf import (
    FrameChannel,
    MemoryMappedFile,
    Namespace,
)
from pywinmmf.cli import main
from pywinmmf.viewers import top

LOCAL = Namespace.LOCAL


SHOW_CURSOR = "\x1b[?25h"


@pytest.fixture
def table(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs ``top --json``; its exit code and the rows by name."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main(["top", "--json", "--interval", "0.5", *arguments])
        return code, {row["name"]: row for row in json.loads(capsys.readouterr().out)}

    return run


def test_top(camera: str, table: Callable[..., Any]) -> None:
    with FrameChannel.open(camera), FrameChannel.open(camera, readonly=True):
        code, rows = table()
        row = rows[camera]
        assert code == 0
        assert (row["namespace"], row["state"], row["size"], row["format"]) == ("local", "live", "64 x 48", "BGR3")
        assert (row["slots"], row["readers"]) == (4, 2)
        assert 0 < row["fps"] <= 60
        assert row["MB/s"] == pytest.approx(row["fps"] * 64 * 48 * 3 / 1e6, abs=0.1)
        assert 0 <= row["age"] < WAIT_SECONDS
        assert camera not in table("--namespace", "global")[1]


def test_top_of_names(name: str, table: Callable[..., Any], damage: Callable[[str], None]) -> None:
    plain, poisoned, nobody = name + "s", name + "p", name + "n"
    with (
        FrameChannel.create(name, capacity=1000) as channel,
        FrameChannel.create(poisoned, capacity=1000) as damaged,
        MemoryMappedFile.create(plain, 10),
    ):
        channel.publish(b"not a picture")
        damaged.publish(b"x")
        damage(poisoned)
        code, rows = table(name, plain, poisoned, nobody)
        assert code == 2
        assert (rows[name]["size"], rows[name]["format"], rows[name]["fps"]) == ("13 bytes", "", 0)
        assert {each: row["state"] for each, row in rows.items()} == {
            name: "live",
            plain: "no channel",
            poisoned: "poisoned",
            nobody: "absent",
        }
        assert table(name)[0] == 0
        assert plain not in table()[1]


def test_top_once_is_a_plain_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with FrameChannel.create(name, capacity=(48, 64, 3)):
        assert main(["top", "--once", "--interval", "0.01", name]) == 0
        head, row = capsys.readouterr().out.splitlines()
        assert head.split() == [
            "name",
            "namespace",
            "state",
            "size",
            "format",
            "fps",
            "MB/s",
            "age",
            "slots",
            "readers",
        ]
        # The creator of the channel counts as a reader until it writes.
        assert row.split() == [name, "local", "live", "0", "bytes", "0.0", "0.0", "none", "4", "1"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals from other processes")
@pytest.mark.parametrize("number", POLITE)
def test_top_that_is_ended_politely_leaves_the_terminal_as_it_was(camera: str, number: signal.Signals) -> None:
    with command("top", "--interval", "0.1") as process:
        output_until(process, camera)
        process.send_signal(number)
        rest = process.communicate(timeout=WAIT_SECONDS)[0]
    assert process.returncode == 0, rest
    assert SHOW_CURSOR in rest


def test_top_lives(camera: str) -> None:
    with command("top", "--interval", "0.1") as process:
        for _ in range(3):
            output_until(process, camera)
        press_ctrl_c(process)
        rest = process.communicate(timeout=WAIT_SECONDS)[0]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest


def column_names(width: int, rows: list[top.Row]) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(top._table(rows, console))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= width
    return re.findall("[a-zA-Z/]+", lines[1])


def test_a_narrow_terminal_gets_fewer_columns() -> None:
    numbers = {"fps": 30.0, "MB/s": 186.6, "age": 0.012, "slots": 4, "readers": 12}
    row = {"name": "front-door", "namespace": "global", "state": "stalled", "size": "1920 x 1080", "format": "BGR3"}
    rows: list[top.Row] = [{**row, **numbers}, {"name": "x", "state": "absent"}]
    assert column_names(120, rows) == top.COLUMNS
    assert column_names(80, rows) == ["name", "state", "size", "format", "fps", "MB/s", "age", "readers"]
    assert column_names(40, rows) == ["name", "state", "fps", "age"]
    rows[0]["name"] *= 9
    assert column_names(40, rows) == ["name", "state", "fps"]
    assert column_names(20, rows) == ["name", "fps"]
    assert column_names(12, rows) == ["name"]


@pytest.mark.parametrize(("width", "name"), [(80, "{}"), (40, "a-long-name-that-is-folded-{}"), (20, "camera-{}")])
def test_top_says_what_a_low_terminal_has_no_room_for(width: int, name: str) -> None:
    rows: list[top.Row] = [{"name": name.format(number), "state": "live", "fps": 30.0} for number in range(50)]
    for height in (10, 15, 23):
        console = Console(width=width, height=height, file=io.StringIO())
        console.print(top._screen(rows, console))
        text = console.file.getvalue()  # type: ignore[attr-defined]
        more = re.search(r"(\d+) more: pywinmmf", text)
        assert more
        assert text.count("30.0") == 50 - int(more[1]) > 0
        assert text.count("\n") <= height
    console = Console(width=width, height=200, file=io.StringIO())
    console.print(top._screen(rows, console))
    assert "more" not in console.file.getvalue()  # type: ignore[attr-defined]


def test_top_writes_plain_tables_into_a_pipe(camera: str) -> None:
    with command("top", "--interval", "0.1", camera, terminal=False) as process:
        for _ in range(3):
            output_until(process, "readers\n")
            output_until(process, "\n\n")
        press_ctrl_c(process)
        rest = process.communicate(timeout=WAIT_SECONDS)[0]
    assert process.returncode == 0, rest
    assert "\x1b" not in rest


def test_top_tells_a_writer_that_closed_from_one_that_died(
    name: str, table: Callable[..., Any], child: Callable[..., Any]
) -> None:
    code = """
channel = FrameChannel.create(sys.argv[1], capacity=10)
channel.publish(b"x")
print("there")
sys.stdin.read()
import time
time.sleep(60)
"""
    closed = FrameChannel.create(name, capacity=10)
    closed.publish(b"x")
    died = child(code, f"{name}-died")
    assert died.line() == "there"
    with FrameChannel.open(name), FrameChannel.open(f"{name}-died"):
        closed.close()
        died.kill()
        rows = table(name, f"{name}-died")[1]
    assert (rows[name]["state"], rows[f"{name}-died"]["state"]) == ("gone", "hung up")
