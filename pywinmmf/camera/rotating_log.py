"""The log file of shared cameras."""

from __future__ import annotations

import logging.handlers
import os
from contextlib import suppress


class RotatingLog(logging.handlers.RotatingFileHandler):
    """A rotating log that loses nothing while another program reads it. Windows does not rename open files, so the log
    grows until it can be renamed; until then older logs stay unchanged."""

    def doRollover(self) -> None:
        """Start a new file if the old one can be renamed."""
        if self.stream:
            self.stream.close()
        with suppress(PermissionError):
            self._make_room(0)  # continue where the last try stopped: older logs may also be open
            os.replace(self.baseFilename, self._older(0))
            self._make_room(0)
        self.stream = self._open()

    def _older(self, number: int) -> str:
        return f"{self.baseFilename}.{number}"

    def _make_room(self, number: int) -> None:
        """Rename a log to the next number, after making room for it there; the oldest log is removed."""
        if number < self.backupCount and os.path.exists(self._older(number)):
            self._make_room(number + 1)
            os.replace(self._older(number), self._older(number + 1))
