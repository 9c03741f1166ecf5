"""The same as reader.c, in Python."""

from __future__ import annotations

import sys
import threading
import time

from pywinmmf import FrameChannel, LockTimeoutError

LONG_GAP = 0.005  # seconds


def main() -> None:
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    frames = torn = failed = had = 0
    with FrameChannel.open(sys.argv[1]) as channel:
        threading.Thread(target=listen, daemon=True).start()
        print("ready", flush=True)
        last = time.perf_counter()
        while not over.is_set():
            try:
                with channel.next(timeout=1.0) as frame:
                    content = bytes(frame.data)
            except LockTimeoutError:
                continue
            except Exception as fault:
                failed += 1
                print(f"{fault!r}", file=sys.stderr)
                continue
            now = time.perf_counter()
            if now - last > LONG_GAP:
                print(f"{now - last:.6f}", flush=True)
            last = now
            frames += 1
            torn += content != content[:1] * len(content)
            failed += frame.missed != (frame.sequence - had - 1 if had else 0)
            had = frame.sequence
    print(frames, torn, failed, flush=True)


main()
