"""The same as worker.c, in Python."""

from __future__ import annotations

import os
import sys
import threading

from stress.on_channel import OnChannel
from stress.on_section import OnSection
from stress.on_table import OnTable
from stress.work import Work

WORK: dict[str, type[Work]] = {"section": OnSection, "channel": OnChannel, "table": OnTable}


def handles_in_use() -> int:
    """How many descriptors this process has; on Windows, how far its table of handles is filled."""
    if sys.platform != "win32":
        return len(os.listdir("/proc/self/fd"))
    import ctypes

    handle: int = ctypes.windll.kernel32.CreateEventW(None, False, False, None)
    ctypes.windll.kernel32.CloseHandle(handle)
    return handle // 4


def main() -> None:
    kind, name, seed, least = sys.argv[1:]
    work = WORK[kind](name, int(seed))
    stop = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    print("ready", flush=True)
    before = handles_in_use()
    operations = 0
    while operations < int(least) or not stop.is_set():
        work.operate()
        operations += 1
    print(operations, work.torn, 0, work.repairs, handles_in_use() - before)


main()
