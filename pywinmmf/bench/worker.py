"""One process of a measurement, with one line of JSON in the end; the same as bench/programs/main.c in Python.

``python -m pywinmmf.bench.worker PEER`` and the arguments of a `Task`.
"""

from __future__ import annotations

import sys

from .peers import PEERS
from .roles import ROLES
from .task import Result, Task


def wait_for_start() -> None:
    """Report that everything is open, and wait for the start of the measurement."""
    print("ready", flush=True)
    if not sys.stdin.readline():
        raise SystemExit("the measurement does not start")


def main() -> None:
    """Play the role."""
    peer, *arguments = sys.argv[1:]
    task = Task.from_arguments(arguments)
    result = Result()
    ROLES[task.role](PEERS[peer].transport(), task, wait_for_start, result)
    print(result.to_json())


if __name__ == "__main__":
    main()
