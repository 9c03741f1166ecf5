"""Starts the agents (README.md has their protocol) on either system and talks to them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import native
from lab import wine

HERE = Path(__file__).parent
LANGUAGES = ["python", "c", "cpp", "csharp"]
SYSTEMS = ["linux", "windows"]
PATIENCE = 60  # seconds until an agent that says nothing counts as stuck


class Agent:
    """A process that does with wmmf what we ask for."""

    def __init__(self, process: subprocess.Popen[str], what: str) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process, self._requests, self._answers = process, process.stdin, process.stdout
        self._what = what

    def __repr__(self) -> str:
        return self._what

    def send(self, *fields: object) -> None:
        """Make a request without waiting for the answer."""
        self._requests.write(" ".join(map(str, fields)) + "\n")
        self._requests.flush()

    def answer(self) -> str:
        """Return the answer to what was sent; an agent that gives none in time is killed."""
        alarm = threading.Timer(PATIENCE, self._process.kill)
        alarm.start()
        try:
            line = self._answers.readline()
        finally:
            alarm.cancel()
        assert line.endswith("\n"), f"{self} gave no answer"
        return line.rstrip("\n")

    def ask(self, *fields: object) -> str:
        """Make a request and return the answer."""
        self.send(*fields)
        return self.answer()

    def does(self, *fields: object) -> str:
        """Make a request that must succeed and return what the answer says behind its ``ok``."""
        answer = self.ask(*fields)
        assert answer.split(" ")[0] == "ok", f"{self}: {' '.join(map(str, fields))[:100]}: {answer}"
        return answer[3:]

    def kill(self) -> None:
        """End the process without a word to it; return when it is gone."""
        wine.kill(self._process)

    def is_alive(self) -> bool:
        return self._process.poll() is None


def start(system: str, language: str) -> Agent:
    """Start an agent; skips the test if its program cannot be had, and says why."""
    launch = {"linux": launch_on_linux, "windows": launch_on_windows}[system]
    return Agent(launch(language), f"the {language} agent on {system}")


def launch_on_linux(language: str) -> subprocess.Popen[str]:
    commands = {
        "python": lambda: [sys.executable, "-u", str(HERE / "agent.py")],
        "c": lambda: [str(native.programs("gcc") / "agent-c")],
        "cpp": lambda: [str(native.programs("gcc") / "agent-cpp")],
    }
    if language == "csharp":
        return csharp().popen_linux()
    return subprocess.Popen(
        commands[language](), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", bufsize=1
    )


def launch_on_windows(language: str) -> subprocess.Popen[str]:
    if language == "csharp":
        return csharp().popen_windows()
    if language == "python":
        return windows_python().popen(["-u", HERE / "agent.py"])
    program = {"c": "agent-c.exe", "cpp": "agent-cpp.exe"}[language]
    return wine.popen([native.programs("mingw64") / program])
