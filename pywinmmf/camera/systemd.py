"""The service on Linux: a system unit of systemd for root, else a user unit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pywinmmf.whole_file import replace_file

from .service import DESCRIPTION, NOT_INSTALLED, NOT_RUNNING, Job

PRIVATE = 0o600  # the URL of a stream may contain a password

UNIT = """\
[Unit]
Description={description}
StartLimitIntervalSec=0

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=2
NoNewPrivileges=yes

[Install]
WantedBy={target}
"""


def install(name: str, arguments: Sequence[str]) -> bool:
    """Write the unit and enable it for every start of the machine, or of the user's session. Returns whether it is
    already running."""
    file = unit_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_bytes() if file.exists() else None
    replace_file(file, os.fsencode(unit(arguments)), PRIVATE)
    try:
        _systemctl("daemon-reload")
        _systemctl("enable", file.name)
    except BaseException:
        if before is None:
            file.unlink()
        else:
            replace_file(file, before, PRIVATE)
        raise
    return _run([*_command(), "is-active", "--quiet", file.name]).returncode == 0


def uninstall(name: str) -> int:
    """Stop the service and remove the unit."""
    file = _installed(name)
    _systemctl("disable", "--now", file.name)
    file.unlink()
    _systemctl("daemon-reload")
    return 0


def start(name: str) -> int:
    """Start it."""
    _systemctl("start", _installed(name).name)
    return 0


def stop(name: str) -> int:
    """Stop it."""
    _systemctl("stop", _installed(name).name)
    return 0


def status(name: str) -> int:
    """Print its state."""
    file = unit_file(name)
    if not file.exists():
        print(f"{name}: not installed")
        return NOT_INSTALLED
    done = _run([*_command(), "is-active", file.name])
    print(f"{name}: {done.stdout.strip() or 'unknown'}")
    return 0 if done.returncode == 0 else NOT_RUNNING


def run(name: str, job: Job) -> None:
    """Not needed here: a unit runs an ordinary command, which SIGTERM ends."""
    raise OSError(f"service {name}: --run-service is for Windows")


def unit(arguments: Sequence[str]) -> str:
    """The unit's text."""
    # systemd accepts no quotation mark and no $ in the name of a program, and a home folder may have one.
    command = ["/bin/sh", "-c", 'exec "$0" "$@"', sys.executable, "-m", "pywinmmf", "camera", "share", *arguments]
    return UNIT.format(
        description=DESCRIPTION,
        command=" ".join(map(quoted, command)),
        target="multi-user.target" if _is_root() else "default.target",
    )


def quoted(word: str) -> str:
    """A word of a unit's command line: no specifiers, no variables, in quotes."""
    for special, plain in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(special, plain)
    return f'"{word}"'


def unit_file(name: str) -> Path:
    """The path of the unit, even if it does not exist."""
    if _is_root():
        folder = Path("/etc/systemd/system")
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"
    return folder / f"{name}.service"


def _installed(name: str) -> Path:
    file = unit_file(name)
    if not file.exists():
        raise OSError(f"service {name!r} is not installed: there is no {file}")
    return file


def _is_root() -> bool:
    return os.getuid() == 0


def _command() -> list[str]:
    return ["systemctl"] if _is_root() else ["systemctl", "--user"]


def _systemctl(*arguments: str) -> None:
    command = [*_command(), *arguments]
    done = _run(command)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stdout.strip() or f'exit code {done.returncode}'}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise OSError("systemctl is missing: run 'pywinmmf camera share' under another supervisor") from None
