"""The shared camera as a service of Windows, under a service manager, with an ordinary C# program as the reader."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import native
import pytest
from csharp import programs
from lab import dotnet, wine, winpython

COMMAND = "import sys; sys.path.remove(''); from pywinmmf.cli import main; sys.exit(main())"
READER = "../../examples/FrameReader.cs"
SECONDS = 120


class Service:
    """One with a name of its own."""

    def __init__(self) -> None:
        self.name = f"pywinmmf-test-{uuid4()}"

    def camera(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """``pywinmmf camera``, about this service."""
        return winpython.run(["-c", COMMAND, "camera", *words, "--service", self.name], timeout=SECONDS)

    def does(self, *words: str | Path) -> str:
        done = self.camera(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def service() -> Iterator[Service]:
    native.install_on_windows()
    native.start_what_cameras_need()
    made = Service()
    yield made
    made.camera("uninstall")


def listed() -> str:
    return winpython.run(["-c", COMMAND, "camera", "list"], timeout=SECONDS).stdout


def hear(reader: subprocess.Popen[str]) -> tuple[int, str]:
    """The number and the description of the next picture."""
    assert reader.stdout is not None
    while line := reader.stdout.readline():
        if found := re.fullmatch(r"frame (\d+): (.*), mean [1-9]\d*, missed \d+\n", line):
            return int(found[1]), found[2]
    raise AssertionError("the reader has ended")


def test_it_shares_from_start_to_stop(service: Service, tmp_path: Path) -> None:
    log = tmp_path / "a log.txt"
    log.write_text("x" * 1_000_000)  # as much as there is in one
    service.does("install", "test", "--name", service.name, "--size", "64x48", "--format", "GREY", "--log", log)
    assert service.camera("status").returncode == 3
    service.does("start")
    assert service.does("status") == f"{service.name}: running\n"
    assert log.with_name("a log.txt.1").stat().st_size == 1_000_000
    assert re.search(f"shared  {service.name}  global  test  pid [0-9]+  live", listed())

    reader = dotnet.popen_wine(programs.for_windows(READER), [service.name, "global"])
    try:
        before, description = hear(reader)
        assert description == "64 x 48 GREY"
        service.does("stop")
        assert service.camera("status").returncode == 3
        assert "stopped sharing" in log.read_text()
        assert service.name not in listed()
        service.does("start")  # the reader has the channel open all the time, and goes on
        while "sharing" not in log.read_text().partition("stopped sharing")[2]:
            hear(reader)
        after, description = hear(reader)
        assert after > before
        assert description == "64 x 48 GREY"
    finally:
        wine.kill(reader)
    service.does("uninstall")
    gone = service.camera("status")
    assert (gone.returncode, gone.stdout) == (4, f"{service.name}: not installed\n")


def test_installed_again_it_has_new_arguments(service: Service, tmp_path: Path) -> None:
    taken = Service()
    try:
        taken.does("install", "test", "--name", taken.name, "--log", tmp_path / "taken.txt")
        taken.does("start")
        service.does("install", "test", "--name", taken.name, "--log", tmp_path / "log.txt")
        failed = service.camera("start")
    finally:
        taken.camera("uninstall")
    assert failed.returncode == 1
    assert "is stopped: its log says why" in failed.stderr
    assert "is already shared by another program" in (tmp_path / "log.txt").read_text()
    service.does("install", "test", "--name", service.name, "--size", "32x24", "--log", tmp_path / "log.txt")
    service.does("start")
    again = service.does("install", "test", "--name", service.name, "--size", "32x24", "--log", tmp_path / "log.txt")
    assert "it keeps its old arguments until: pywinmmf camera stop" in again
    reader = dotnet.run_wine(programs.for_windows(READER), [service.name, "global", "3"], timeout=SECONDS)
    assert reader.returncode == 0, reader.stderr
    assert reader.stdout.count(" 32 x 24 BGR3, ") == 3


def test_what_is_not_there_is_named(service: Service) -> None:
    for command in ("start", "stop", "uninstall"):
        done = service.camera(command)
        assert done.returncode == 1
        assert done.stderr == f"pywinmmf: service '{service.name}' is not installed\n"
