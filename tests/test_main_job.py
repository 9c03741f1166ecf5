"""The main job on real camera footage: producer and consumers in three languages, on Linux and under Wine."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import native
import pytest
from csharp import programs
from lab import dotnet, footage, wine, winpython

CSHARP_CONSUMER = "../../examples/DemoConsumer.cs"
SECONDS = 5


def check(output: str, returncode: int, sheet: Path) -> None:
    """The verdict of the demo, and a sheet with something on it."""
    import cv2
    import numpy as np

    assert returncode == 0, output
    assert "0 torn" in output
    for process in ("producer", "consumer 1", "DemoConsumer", "demo_consumer"):
        assert process in output
    picture = cv2.imdecode(np.frombuffer(sheet.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture[:135, :240].std() > 10


def arguments(video: object, sheet: object, *consumers: str) -> list[str]:
    options = ["--source", str(video), "--size", "352x288", "--seconds", str(SECONDS), "--namespace", "global"]
    options += ["--consumers", "1", "--sheet", str(sheet)]
    return ["-m", "pywinmmf", "demo", *options, *(word for each in consumers for word in ("--consumer", each))]


def test_on_linux(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    in_c = shlex.quote(str(native.programs("gcc") / "demo_consumer"))
    in_csharp = shlex.join(map(str, dotnet.linux_command(programs.for_linux(CSHARP_CONSUMER), ())))
    done = subprocess.run(
        [sys.executable, *arguments(footage.video(), sheet, in_c, in_csharp)],
        env=dotnet.linux_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    check(done.stdout, done.returncode, sheet)


@pytest.mark.windows
def test_under_wine(tmp_path: Path) -> None:
    native.install_on_windows()
    native.start_what_cameras_need()
    sheet = tmp_path / "sheet.png"
    in_c = wine.windows_path(native.programs("mingw64") / "demo_consumer.exe")
    program = wine.windows_path(programs.for_windows(CSHARP_CONSUMER))
    in_csharp = subprocess.list2cmdline([wine.windows_path(dotnet.windows() / "dotnet.exe"), "exec", program])
    done = winpython.run(
        arguments(wine.windows_path(footage.video()), wine.windows_path(sheet), in_c, in_csharp),
        env=dotnet.wine_environment(),
        cwd=tmp_path,
        timeout=180,
    )
    check(done.stdout + done.stderr, done.returncode, sheet)
