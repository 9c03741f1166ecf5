"""The benchmark runs and counts torn frames. Its figures are not tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("psutil", reason="the extra 'bench' is not installed")
pytest.importorskip("matplotlib", reason="the extra 'bench' is not installed")

import psutil
from terminal import OWN_TERMINAL, press_ctrl_c

from pywinmmf import FrameChannel
from pywinmmf.bench import process
from pywinmmf.bench.peers import PEERS, READ_IN_PLACE
from pywinmmf.bench.programs import build, find_compiler
from pywinmmf.bench.roles import stamp, whole_number
from pywinmmf.bench.rows import ROWS
from pywinmmf.bench.runner import subjects
from pywinmmf.bench.task import SAMPLES, Result, Task
from pywinmmf.cli import main

# The folder of the programs in C, if the caller of the tests has compiled them: there is no compiler under Wine.
PROGRAMS = os.environ.get("PYWINMMF_BENCH_PROGRAMS")
OWN = ["bare C", "pywinmmf C", "pywinmmf"] if PROGRAMS or find_compiler() else ["pywinmmf"]
READ_ONLY = "pywinmmf, read-only"


@pytest.fixture(autouse=True)
def only_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other libraries that are installed have tests of their own."""
    for name in PEERS.keys() - {*OWN, READ_ONLY}:
        monkeypatch.delitem(PEERS, name)


@pytest.fixture(scope="module")
def c_programs(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The folder of the programs in C, if there can be any."""
    compiler = find_compiler()
    if PROGRAMS or not compiler:
        return Path(PROGRAMS) if PROGRAMS else None
    folder = tmp_path_factory.mktemp("programs")
    build(folder, compiler)
    return folder


def test_all_rows(tmp_path: Path) -> None:
    report, plot = tmp_path / "figures.json", tmp_path / "figures.png"
    given = ["--programs", PROGRAMS] if PROGRAMS else []
    assert main(["bench", "--quick", "--json", str(report), "--plot", str(plot), *given]) == 0
    found = json.loads(report.read_text())
    assert [figure["row"] for figure in found["figures"]] == [row.key for row in ROWS for _ in row.figures]
    for figure in found["figures"]:
        measured = figure["measured"]
        assert list(measured) == OWN + [READ_ONLY] * (figure["row"] in READ_IN_PLACE)
        assert all(measured[name]["median"] > 0 for name in measured)
        assert all(measured[name]["torn"] == 0 for name in measured if name != "bare C")
    memory = found["memory"]
    assert memory["readers"] > 0
    assert memory["torn"] == 0
    for what in ("section", "writer_handles", "reader_handles"):
        assert memory["start"][what] == memory["end"][what]
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("where", [0, 4096, 8184])
def test_a_torn_frame_is_counted(where: int) -> None:
    frame, result = memoryview(bytearray(8192)), Result()
    stamp(frame, 7)
    assert whole_number(frame, result) == 7
    assert result.torn == 0
    stamp(frame, 8)
    frame[where] = 7
    whole_number(frame, result)
    assert result.torn == 1


def test_samples_are_spread_over_the_whole_measurement() -> None:
    result = Result()
    for ns in range(3 * SAMPLES):
        result.add_sample(ns)
    assert list(result.sample_ns) == list(range(0, 3 * SAMPLES, 4))


@pytest.mark.skipif(sys.platform == "win32", reason="no script is a program on Windows")
def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bare", "wmmf"):
        (programs / name).write_text("#!/bin/sh\necho no such luck >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    options = ["--quick", "--rows", "open", "--programs", str(programs), "--json", str(report)]
    assert main(["bench", *options]) == 1
    (figure,) = json.loads(report.read_text())["figures"]
    assert figure["failures"] == {"bare C": "no such luck", "pywinmmf C": "no such luck"}
    assert figure["measured"]["pywinmmf"]["to_bare_c"] is None


def test_a_process_that_never_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WAIT_SECONDS", 0.5)
    with pytest.raises(process.ProcessFailed, match=r"no start in 0\.5 s"):
        process.Process([sys.executable, "-c", "import time; time.sleep(600)"], Task("open"))


@pytest.mark.parametrize("subject", ["pywinmmf", "pywinmmf C"])
def test_a_reader_that_starts_late_reads(
    subject: str, name: str, c_programs: Path | None, eventually: Callable[..., None]
) -> None:
    """As on a busy machine."""
    commands = {each.name: each.command for each in subjects(c_programs)}
    if subject not in commands:
        pytest.skip("no C compiler")
    task = Task("write", name, 4096, fps=200, seconds=0.01)
    with (
        process.Process(commands[subject], task) as writer,
        process.Process(commands[subject], replace(task, role="read")) as reader,
        FrameChannel.open(name) as channel,
    ):
        writer.begin()
        eventually(lambda: channel.sequence >= 200 * (task.seconds + 1))
        reader.begin()
        assert reader.result().count > 0
        assert writer.result().count > channel.sequence - 1


@pytest.mark.parametrize(
    "option",
    [
        "--rounds 0",
        "--rounds -1",
        "--rounds 1.5",
        "--seconds 0",
        "--seconds nan",
        "--size 0",
        "--size 24",
        "--size 100",
        "--soak 0",
        "--soak 0.5",
    ],
)
def test_an_option_that_measures_nothing(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", *option.split()])
    name, value = option.split()
    assert f"argument {name}: {value!r}: expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--json", "{}/nowhere/x.json"],
        ["--plot", "{}/nowhere/x.png"],
        ["--plot", "{}/x.xyz"],
        ["--plot", "{}/x.png", "--rows", "memory"],
        ["--programs", "{}"],
    ],
)
def test_files_are_checked_before_anything_is_measured(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(["bench", "--quick", *[option.format(tmp_path) for option in options]])
    except SystemExit as refused:  # by the parser
        code = refused.code
    assert code == 2
    said = capsys.readouterr()
    assert said.out == ""
    *usage, line = said.err.splitlines()
    assert tmp_path.name in line
    assert not usage or usage[0].startswith("usage: ")  # the parser says it as well
    assert not list(tmp_path.iterdir())


def test_quick_leaves_what_was_asked_for(tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    assert main(["bench", "--quick", "--rounds", "2", "--rows", "create", "--json", str(report)]) == 0
    found = json.loads(report.read_text())
    assert (found["rounds"], found["seconds"]) == (2, 0.05)


def test_a_compiler_that_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CC", sys.executable)
    assert main(["bench", "--quick", "--rows", "create"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{os.path.basename(sys.executable)} cannot compile the program bare" in line


@pytest.mark.parametrize("key", ["Ctrl-C", "SIGTERM"])
def test_nothing_is_left_when_it_is_ended(key: str, tmp_path: Path, eventually: Callable[..., None]) -> None:
    if key == "SIGTERM" and sys.platform == "win32":
        pytest.skip("Windows has no SIGTERM that a program could see")
    command = [sys.executable, "-m", "pywinmmf", "bench", "--rows", "copy-view", "--seconds", "600"]
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(tmp_path))}
    bench = subprocess.Popen(
        command, cwd=tempfile.gettempdir(), env=environment, stdout=subprocess.DEVNULL, **OWN_TERMINAL
    )
    children: list[psutil.Process] = []

    def measuring() -> bool:
        assert bench.poll() is None
        children[:] = psutil.Process(bench.pid).children()
        if sys.platform == "win32":  # Wine does not report what they run; the third serves the console
            return len(children) == 3
        try:
            return len([child for child in children if {"write", "read"} & set(child.cmdline())]) == 2
        except psutil.NoSuchProcess:  # the compiler has just finished
            return False

    try:
        eventually(measuring)
        press_ctrl_c(bench) if key == "Ctrl-C" else bench.terminate()
        assert bench.wait(30) == 130
    finally:
        bench.kill()
        _, alive = psutil.wait_procs(children, 5)
        for child in alive:
            child.kill()
    assert not alive
    assert not list(tmp_path.iterdir())
    assert not list(Path("/dev/shm").glob(f"*pywinmmf-bench-{bench.pid}-*"))
