"""The other process of the trials: it carries out each line of its standard input, and answers with a line."""

from __future__ import annotations

import sys

from pywinmmf import FrameChannel, MemoryMappedFile, NotFoundError

ECHOES = 300
FRAMES = 20


def main() -> None:
    """Serve until the input ends."""
    name = sys.argv[1]
    try:
        section = MemoryMappedFile.open(name)
    except NotFoundError:  # the process that started this one has ended
        return
    with section:
        for line in sys.stdin:
            word = line.strip()
            if word == "lock":
                guard = section.write_lock()
                guard.__enter__()  # for ever: this process will be killed
            elif word == "echo":
                _echo(section)
                continue
            elif word == "frames":
                _publish(name)
            print(word, flush=True)


def _echo(section: MemoryMappedFile) -> None:
    """Answer every change with another change."""
    sequence = section.sequence
    print("echo", flush=True)
    for _ in range(ECHOES):
        sequence = section.wait(sequence, timeout=10) + 1  # our own write is the next change
        section.write(b"echo")


def _publish(name: str) -> None:
    with FrameChannel.open(f"{name}-frames") as channel:
        for number in range(FRAMES):
            channel.publish(bytes([number]) * 1000)


if __name__ == "__main__":
    main()
