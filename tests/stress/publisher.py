"""Stands by at the channel of this name, then publishes; a line of standard input asks for new pictures, its end for an
orderly end."""

from __future__ import annotations

import os
import random
import sys
import threading

from pywinmmf import FrameChannel

SIZE = 4096
PAUSE = 0.001  # seconds between two frames


def main() -> None:
    chance = random.Random(os.getpid())
    asked, over = threading.Event(), threading.Event()

    def listen() -> None:
        for _ in sys.stdin:
            asked.set()
        over.set()

    with FrameChannel.create(sys.argv[1], capacity=SIZE, exist_ok=True, standby=True) as channel:
        threading.Thread(target=listen, daemon=True).start()
        print("ready", flush=True)
        channel.stand_by()
        print("publishing", flush=True)
        number = 0
        while not over.wait(PAUSE):
            channel.publish(bytes([number % 256]) * SIZE)
            number += 1
            if asked.is_set():
                asked.clear()
                channel.resize(capacity=SIZE * chance.randint(1, 8), slots=chance.randint(4, 6))


main()
