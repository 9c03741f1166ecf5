"""Looking at channels: ``pywinmmf view``, ``record``, ``snapshot`` and ``top``.

All of them open channels read-only, so no bug in them can change a picture.
"""
