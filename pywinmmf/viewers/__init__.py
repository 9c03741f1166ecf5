"""Looking at channels: ``pywinmmf view``, ``record``, ``snapshot`` and ``top``.

All of them open read-only: they get copies, and neither the writer nor other readers notice.
"""
