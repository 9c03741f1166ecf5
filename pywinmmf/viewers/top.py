"""``pywinmmf top``: all channels in a live table."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pywinmmf import (
    AccessDeniedError,
    Error,
    FormatError,
    Namespace,
    NotFoundError,
    PoisonedError,
    list_sections,
)
from pywinmmf.cli.ending import Ending
from pywinmmf.cli.terminal import UNREADABLE, print_table, shown

from .observation import Observation, frames_per_second, observe

COLUMNS = ["name", "namespace", "state", "size", "format", "fps", "MB/s", "age", "slots", "readers"]
LEFT_OUT = [
    "namespace",
    "slots",
    "format",
    "MB/s",
    "size",
    "readers",
    "age",
]  # in this order, if not all fit
LEFT_OUT_LAST = ["state", "fps"]  # only if names, which can be folded, would have fewer than NAME_ROOM characters
NAME_ROOM = 8
NUMBERS = {"fps", "MB/s", "age", "slots", "readers"}
ABSENT = "absent"
PROBLEMS = {PoisonedError: "poisoned", AccessDeniedError: "no access", FormatError: "no channel"}

Row = dict[str, Any]
Seen = dict[tuple[str, Namespace], Observation | Error]


def run(arguments: argparse.Namespace) -> int:
    """Show the table until the user ends the command, or once."""
    where = arguments.namespace
    if arguments.once or arguments.json:
        return _print_once(next(_tables(arguments.names, where, arguments.interval, time.sleep)), arguments)
    console = Console()
    with Ending() as ending:
        tables = itertools.takewhile(
            lambda _: not ending.asked, _tables(arguments.names, where, arguments.interval, ending.sleep)
        )
        if console.is_interactive:
            _live(tables, console)
        else:
            _one_after_the_other(tables)
    return 0


def _live(tables: Iterator[list[Row]], console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        for rows in tables:
            live.update(_screen(rows, console), refresh=True)


def _one_after_the_other(tables: Iterator[list[Row]]) -> None:
    """Print complete tables as plain text for a file or a pipe, each followed by an empty line."""
    for rows in tables:
        print_table(COLUMNS, rows)
        print(flush=True)


def _tables(names: list[str], where: Namespace, interval: float, sleep: Callable[[float], None]) -> Iterator[list[Row]]:
    """Endless tables, one after each interval."""
    seen = _look(names, where)
    while True:
        sleep(interval)
        before, seen = seen, _look(names, where)
        there = {name for name, _ in seen}
        rows = [_row(*key, before.get(key), now) for key, now in sorted(seen.items())]
        yield rows + [{"name": name, "state": ABSENT} for name in names if name not in there]


def _look(names: list[str], where: Namespace) -> Seen:
    """The channels of these names, or all channels."""
    found: Seen = {}
    for name, namespace in [(name, where) for name in names] or _listed(where):
        try:
            seen = observe(name, namespace)
        except NotFoundError:
            continue
        except Error as error:
            if names or not isinstance(error, FormatError):
                found[name, namespace] = error
        else:
            found[name, seen.namespace] = seen
    return found


def _listed(where: Namespace) -> list[tuple[str, Namespace]]:
    """The names of open channels with their namespaces."""
    namespaces = (Namespace.GLOBAL, Namespace.LOCAL) if where is Namespace.ANY else (where,)
    return [(name, namespace) for namespace in namespaces for name in list_sections(namespace)]


def _row(name: str, namespace: Namespace, before: Observation | Error | None, now: Observation | Error) -> Row:
    row: Row = {"name": name, "namespace": namespace.name.lower()}
    if isinstance(now, Error):
        return {**row, "state": PROBLEMS.get(type(now), "unreadable")}
    fps = frames_per_second(before, now) if isinstance(before, Observation) else 0.0
    return {
        **row,
        "state": now.state.value,
        "size": f"{now.width} x {now.height}" if now.width else f"{now.used} bytes",
        "format": now.fourcc,
        "fps": round(fps, 1),
        "MB/s": round(fps * now.used / 1e6, 1),
        "age": None if now.age is None else round(now.age, 3),
        "slots": now.slots,
        "readers": len(now.readers),
    }


def _print_once(rows: list[Row], arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(json.dumps(rows))
    else:
        print_table(COLUMNS, rows)
    readable = all("slots" in row for row in rows)
    return 0 if readable or not arguments.names else UNREADABLE


def _screen(rows: list[Row], console: Console) -> Table:
    """As many rows as fit on the terminal, and how many do not."""
    for count in range(min(len(rows), console.height), -1, -1):
        table = _table(rows[:count], console)
        if count < len(rows):
            table.caption = f"{len(rows) - count} more: pywinmmf top --once"
        if len(console.render_lines(table)) <= console.height:
            break
    return table


def _table(rows: list[Row], console: Console) -> Table:
    """The table with all columns, or with those that fit on a narrow terminal; always with the name."""
    columns = list(COLUMNS)
    short = [{**row, "name": row["name"][:NAME_ROOM]} for row in rows]
    for left_out, measured in ((LEFT_OUT, rows), (LEFT_OUT_LAST, short)):
        for column in left_out:
            if _fits(_table_of(columns, measured), console):
                return _table_of(columns, rows)
            columns.remove(column)
    return _table_of(columns, rows)


def _fits(table: Table, console: Console) -> bool:
    unlimited = console.options.update(max_width=sys.maxsize)
    return console.measure(table, options=unlimited).maximum <= console.width


def _table_of(columns: list[str], rows: list[Row]) -> Table:
    table = Table()
    for column in columns:
        justify: Literal["right", "left"] = "right" if column in NUMBERS else "left"
        table.add_column(column, justify=justify, no_wrap=column != "name", overflow="fold")  # names are of any length
    for row in rows:
        table.add_row(*(Text(shown(row.get(column, "-"))) for column in columns))
    return table
