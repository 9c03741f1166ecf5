"""Creates the section of the kill stress and keeps it; at the end says whether it is sound and who is left."""

import sys

from pywinmmf import MemoryMappedFile, list_sections

NAME, SIZE = sys.argv[1], int(sys.argv[2])
SHORT_LIVED = NAME + "-short-lived"

with MemoryMappedFile.create(NAME, SIZE) as section:
    print("ready", flush=True)
    sys.stdin.read()
    with MemoryMappedFile.open(NAME) as again:
        again.write(b"still there")
    report = section.audit()
    participants = len(section.participants()) - report.dead
with MemoryMappedFile.create(SHORT_LIVED, SIZE):  # nobody has it: this is free of what the dead left
    pass
left = {NAME, SHORT_LIVED} & set(list_sections())
print("damaged" if report.damaged else "sound", participants, "left behind" if left else "gone")
