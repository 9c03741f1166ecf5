"""Looking at channels: ``pywinmmf view``, ``record``, ``snapshot`` and ``top``.

All of them open read-only: no mistake of theirs can change a picture.
"""
