"""Runs in the Python that a wheel was installed into: does its main job with the sections of the holder."""

import sys
import threading

import pywinmmf

name = sys.argv[1]
with pywinmmf.MemoryMappedFile.open(name) as section:
    assert section.read(4) == b"held", section.read(4)
    with section.write_lock(timeout=5):
        section.view()[4:8] = b"seen"
with pywinmmf.FrameChannel.open(name + "-frames") as channel, channel.next(timeout=5) as frame:
    assert bytes(frame.data) == b"frame", bytes(frame.data)
with pywinmmf.FrameChannel.create(name + "-own", capacity=100) as own:
    writer = threading.Thread(target=lambda: [own.publish(b"x" * 50) for _ in range(1000)])
    writer.start()
    with pywinmmf.FrameChannel.open(name + "-own") as reader, reader.next(timeout=5) as frame:
        assert bytes(frame.data) == b"x" * 50
    writer.join()
print("smoke passed", pywinmmf.__version__, sys.version.split()[0], sys.platform)
