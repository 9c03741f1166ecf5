"""``pywinmmf doctor``: what works on this machine."""

from __future__ import annotations

import argparse
import json

from .options import add_json
from .terminal import FAILED, shown

MARKS = {"fine": "ok", "note": "note", "problem": "PROBLEM"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.description = """Starts another process and tries names, locks, recovery after a death, wake-ups and frames
        between the two. Checks rights, session, memory, clock, cameras and versions. Changes nothing. Exit code 0:
        everything works, perhaps with notes; 1: something does not."""
    add_json(parser)
    parser.set_defaults(run=f"{__name__}:run")


def run(arguments: argparse.Namespace) -> int:
    """Check everything, and print each finding as it comes."""
    from itertools import chain

    from pywinmmf.doctor import machine, trials

    found = []
    for finding in chain(machine.findings(), trials.findings()):
        found.append(finding)
        if not arguments.json:
            print(f"{MARKS[finding.state]:<8} {finding.subject:<14} {shown(finding.found)}", flush=True)
            if finding.advice:
                print(f"{'':<23} -> {shown(finding.advice)}", flush=True)
    works = all(finding.state != "problem" for finding in found)
    if arguments.json:
        print(json.dumps({"works": works, "findings": [finding._asdict() for finding in found]}, indent=2))
    return 0 if works else FAILED
