"""A separate terminal for a process of a test. Ctrl-C in it reaches the process and those that it started, but not the
test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

OWN_TERMINAL: dict[str, Any]
"""Arguments for `subprocess.Popen`."""

if sys.platform == "win32":
    OWN_TERMINAL = {"creationflags": subprocess.CREATE_NO_WINDOW}  # but with a console
else:
    OWN_TERMINAL = {"start_new_session": True}

# Ctrl-C goes to a whole console, so a process that can leave ours sends it, and ignores it itself.
IN_CONSOLE = """
import ctypes, sys
kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.FreeConsole()
sent = (
    kernel32.AttachConsole(int(sys.argv[1]))
    and kernel32.SetConsoleCtrlHandler(None, True)
    and kernel32.GenerateConsoleCtrlEvent(0, 0)
)
sys.exit(0 if sent else f"Ctrl-C: {ctypes.WinError(ctypes.get_last_error())}")
"""


def press_ctrl_c(process: subprocess.Popen[Any]) -> None:
    """In the terminal of a process that was started with `OWN_TERMINAL`."""
    if sys.platform == "win32":
        sender = [sys.executable, "-c", IN_CONSOLE, str(process.pid)]
        subprocess.run(sender, stdin=subprocess.DEVNULL, timeout=60, check=True)
    else:
        os.killpg(process.pid, signal.SIGINT)
