"""Starts the agents (README.md has their protocol) on Linux or on Windows (Wine) and talks to them."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import native
from csharp import programs
from lab import dotnet, wine, winpython

HERE = Path(__file__).parent
LANGUAGES = ["python", "c", "cpp", "csharp"]
SYSTEMS = ["linux", "wine"]
LONG_TIMEOUT = 60  # seconds until a silent agent counts as stuck


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
        alarm = threading.Timer(LONG_TIMEOUT, self._process.kill)
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
        """End the process without asking it; return when it has ended."""
        wine.kill(self._process)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the process meanwhile, as a debugger or a suspended console does."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def processor_seconds(self) -> float:
        """The processor time of its threads (by Linux, also for a process of Wine)."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def lets_go(self) -> bool:
        """Whether it lives, and has closed what it had open."""
        return self._process.poll() is None and self.ask("close") == "ok"


def start(system: str, language: str) -> Agent:
    """Start an agent."""
    return Agent(LAUNCHERS[system, language](), f"the {language} agent ({system})")


def native_on_linux(program: str) -> Callable[[], subprocess.Popen[str]]:
    return lambda: popen(native.programs("gcc") / program)


def native_under_wine(program: str) -> Callable[[], subprocess.Popen[str]]:
    return lambda: wine.popen([native.programs("mingw64") / program])


def python_on_linux() -> subprocess.Popen[str]:
    return popen(Path(sys.executable), "-u", str(HERE / "agent.py"))


def python_under_wine() -> subprocess.Popen[str]:
    native.install_on_windows()
    return winpython.popen(["-u", HERE / "agent.py"])


def python_of_msvc_under_wine() -> subprocess.Popen[str]:
    package = wine.windows_path(native.msvc_package())
    return winpython.popen(["-u", HERE / "agent.py"], env={"PYTHONPATH": package})


def csharp_on_linux() -> subprocess.Popen[str]:
    return dotnet.popen_linux(programs.for_linux("Agent.cs"))


def csharp_under_wine() -> subprocess.Popen[str]:
    return dotnet.popen_wine(programs.for_windows("Agent.cs"))


def popen(program: str | Path, *arguments: str | Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([program, *arguments], stdin=pipe, stdout=pipe, encoding="utf-8", bufsize=1)


LAUNCHERS: dict[tuple[str, str], Callable[[], subprocess.Popen[str]]] = {
    ("linux", "python"): python_on_linux,
    ("linux", "c"): native_on_linux("agent-c"),
    ("linux", "cpp"): native_on_linux("agent-cpp"),
    ("linux", "csharp"): csharp_on_linux,
    ("wine", "python"): python_under_wine,
    ("wine", "c"): native_under_wine("agent-c.exe"),
    ("wine", "cpp"): native_under_wine("agent-cpp.exe"),
    ("wine", "csharp"): csharp_under_wine,
    ("wine", "c-msvc"): lambda: wine.popen([native.msvc_programs("x64") / "agent-c.exe"]),
    ("wine", "python-msvc"): python_of_msvc_under_wine,
}
