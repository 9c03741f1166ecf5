"""``pywinmmf camera list``."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timedelta

from pywinmmf import Error, FrameChannel, Namespace, registry
from pywinmmf.cli.terminal import shown
from pywinmmf.viewers.state import is_stalled

from . import devices


def run(arguments: argparse.Namespace) -> int:
    """List the cameras of this machine, and those that are shared now."""
    shared = registry.entries()
    try:
        present = devices.devices()
    except OSError as error:
        present = []
        print(f"pywinmmf: {shown(error)}", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"devices": [device._asdict() for device in present], "shared": shared}))
        return 0
    for device in present:
        print(f"device  {device.number}  {shown(device.name)}  {shown(device.path)}")
    for entry in shared:
        state = _state(entry["name"], Namespace[entry["namespace"].upper()])
        columns = [entry["name"], entry["namespace"], entry.get("source"), f"pid {entry.get('pid')}", state]
        print("shared", *map(shown, columns), sep="  ")
    return 0


def _state(name: str, namespace: Namespace) -> str:
    try:
        with FrameChannel.open(name, namespace=namespace, readonly=True) as channel:
            age = channel.age
    except Error as error:
        return str(error)
    if age is None:
        return "no picture yet"
    if not is_stalled(name, namespace, age):
        return "live"
    return f"stalled since {datetime.now() - timedelta(seconds=age):%Y-%m-%d %H:%M:%S}"
