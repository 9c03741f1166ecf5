"""``pywinmmf camera list``."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timedelta
from typing import Any

from pywinmmf import Error, FrameChannel, Namespace, registry
from pywinmmf.cli.terminal import FAILED, shown
from pywinmmf.viewers.state import State, state_of

from . import devices


def run(arguments: argparse.Namespace) -> int:
    """List the cameras of this machine and the shared ones; report which list may be incomplete."""
    shared, errors = registry.entries(), registry.unreadable()
    try:
        present = devices.devices()
    except OSError as error:
        present = []
        errors.append(str(error))
    if arguments.json:
        listed = [device._asdict() for device in present]
        print(json.dumps({"devices": listed, "shared": shared, "errors": errors}))
    else:
        _print(present, shared)
    for sentence in errors:
        print(f"pywinmmf: {shown(sentence)}", file=sys.stderr)
    return FAILED if errors else 0


def _print(present: list[devices.Device], shared: list[dict[str, Any]]) -> None:
    for device in present:
        print(f"device  {device.number}  {shown(device.name)}  {shown(device.path)}")
    for entry in shared:
        state = _state(entry["name"], Namespace[entry["namespace"].upper()])
        columns = [entry["name"], entry["namespace"], entry.get("source"), f"pid {entry.get('pid')}", state]
        print("shared", *map(shown, columns), sep="  ")


def _state(name: str, namespace: Namespace) -> str:
    try:
        with FrameChannel.open(name, namespace=namespace, readonly=True) as channel:
            age, state = channel.age, state_of(channel, name, namespace)
    except Error as error:
        return str(error)
    if age is None:
        return "no picture yet"
    if state is State.LIVE:
        return "live"
    return f"{state.value} since {datetime.now() - timedelta(seconds=age):%Y-%m-%d %H:%M:%S}"
