"""The log file of shared cameras."""

from __future__ import annotations

import logging.handlers
import os
from contextlib import suppress


class RotatingLog(logging.handlers.RotatingFileHandler):
    """One that loses nothing while somebody reads it: Windows lets no open file be renamed, so it grows until it can
    be, and no older one is touched before that."""

    def doRollover(self) -> None:
        """Begin a new file, if the old one can be put aside."""
        if self.stream:
            self.stream.close()
        with suppress(PermissionError):
            self._make_room(0)  # where one was left: the older ones may be open, too
            os.replace(self.baseFilename, self._older(0))
            self._make_room(0)
        self.stream = self._open()

    def _older(self, number: int) -> str:
        return f"{self.baseFilename}.{number}"

    def _make_room(self, number: int) -> None:
        """Rename one to the next number, where there is room as well then; the last one makes way."""
        if number < self.backupCount and os.path.exists(self._older(number)):
            self._make_room(number + 1)
            os.replace(self._older(number), self._older(number + 1))
