"""Creates the section of the kill stress and keeps it; at the end says whether it is sound and who is left."""

import sys

from pywinmmf import MemoryMappedFile, list_sections

NAME = sys.argv[1]

with MemoryMappedFile.create(NAME, 256) as section:
    print("ready", flush=True)
    sys.stdin.read()
    with MemoryMappedFile.open(NAME) as again:
        again.write(b"still there")
    report = section.audit()
    participants = len(section.participants()) - report.dead
print("damaged" if report.damaged else "sound", participants, "left behind" if NAME in list_sections() else "gone")
