"""The examples that read frames, as programs of their own beside a writer, on Linux and under Wine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import native
import pytest
from cross import agents
from cross.protocol import GLOBAL, LOCAL, OWNER
from csharp import programs
from lab import dotnet, wine

IN_CSHARP = "../../examples/FrameReader.cs"
CHANNEL = f"wmmf-examples-{os.getpid()}"

PROGRAMS: dict[tuple[str, str], Callable[[], Path]] = {
    ("linux", "cpp"): lambda: native.programs("gcc") / "frame_reader",
    ("linux", "csharp"): lambda: programs.for_linux(IN_CSHARP),
    ("wine", "cpp"): lambda: native.programs("mingw64") / "frame_reader.exe",
    ("wine", "csharp"): lambda: programs.for_windows(IN_CSHARP),
}
STARTERS: dict[tuple[str, str], Callable[[Path, list[str]], subprocess.Popen[str]]] = {
    ("linux", "cpp"): lambda program, words: agents.popen(program, *words),
    ("linux", "csharp"): dotnet.popen_linux,
    ("wine", "cpp"): lambda program, words: wine.popen([program, *words]),
    ("wine", "csharp"): lambda program, words: dotnet.popen_wine(program, words),
}
RUNNERS: dict[tuple[str, str], Callable[[Path, list[str]], subprocess.CompletedProcess[str]]] = {
    ("linux", "cpp"): lambda program, words: subprocess.run([program, *words], capture_output=True, text=True),
    ("linux", "csharp"): dotnet.run_linux,
    ("wine", "cpp"): lambda program, words: wine.run([program, *words]),
    ("wine", "csharp"): lambda program, words: dotnet.run_wine(program, words),
}
on_each_system = pytest.mark.parametrize("system", agents.SYSTEMS)
in_each_language = pytest.mark.parametrize("language", ["cpp", "csharp"])


@pytest.fixture
def writer(system: str) -> Iterator[agents.Agent]:
    """Somebody else, with a channel that has no frame yet."""
    agent = agents.start(system, "c")
    agent.does("channel_create", CHANNEL.encode().hex(), 100, 3, GLOBAL, OWNER)
    yield agent
    agent.kill()


def next_frame(reader: agents.Agent) -> str:
    """Return what it says of a frame; on a busy machine seconds without one may pass before."""
    while (said := reader.answer()) == "no new frame for a second":
        continue
    return said


@on_each_system
@in_each_language
def test_reader_shows_frames_until_it_has_enough(system: str, language: str, writer: agents.Agent) -> None:
    program = PROGRAMS[system, language]()
    process = STARTERS[system, language](program, [CHANNEL, "global", "2"])
    reader = agents.Agent(process, "the reader")
    try:
        assert reader.answer() == "no new frame for a second"
        writer.does("copy", 6, 10, 1, 2, 3, "BGR3", 0, "")
        assert next_frame(reader) == "frame 1: 1 x 2 BGR3, mean 27, missed 0"
        writer.does("copy", 4, 10, 2, 2, 2, "GREY", 0, "")
        assert next_frame(reader) == "frame 2: 2 x 2 GREY, mean 20, missed 0"
        assert process.wait(agents.LONG_TIMEOUT) == 0
    finally:
        reader.kill()


@on_each_system
@in_each_language
@pytest.mark.parametrize("name_space", [LOCAL, GLOBAL])
def test_reader_looks_in_both_namespaces(system: str, language: str, name_space: int) -> None:
    writer = agents.start(system, "c")
    try:
        writer.does("channel_create", CHANNEL.encode().hex(), 100, 3, name_space, OWNER)
        reader = agents.Agent(STARTERS[system, language](PROGRAMS[system, language](), [CHANNEL]), "the reader")
        try:
            assert reader.answer() == "no new frame for a second"
        finally:
            reader.kill()
    finally:
        writer.kill()


@in_each_language
def test_name_that_is_forbidden_globally_is_the_answer(language: str) -> None:
    """Else another user could show other pictures under the name of a camera.

    Other users' permissions also count for a superuser without capabilities.
    """
    command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    program = PROGRAMS["linux", language]()
    command += dotnet.linux_command(program, [CHANNEL]) if language == "csharp" else [str(program), CHANNEL]
    environment = dotnet.linux_environment()
    file = Path(f"/dev/shm/wmmf-g-{CHANNEL}")
    there, here = agents.start("linux", "c"), agents.start("linux", "c")
    try:
        there.does("channel_create", CHANNEL.encode().hex(), 100, 3, GLOBAL, OWNER)
        here.does("channel_create", CHANNEL.encode().hex(), 100, 3, LOCAL, OWNER)
        file.chmod(0)
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=agents.LONG_TIMEOUT)
        assert done.returncode == 1
        assert "denied" in done.stderr
    finally:
        there.kill()
        here.kill()
        file.unlink(missing_ok=True)


@on_each_system
@in_each_language
def test_reader_says_what_is_wrong(system: str, language: str) -> None:
    program, run = PROGRAMS[system, language](), RUNNERS[system, language]
    done = run(program, ["no-such-channel"])
    assert done.returncode == 1
    assert "no-such-channel" in done.stderr
    for words, complaint in (
        (["x", "globe"], "NAMESPACE globe: expected local, global or any"),
        (["x", "global", "x"], "FRAMES x: expected a whole number above 0"),
        (["x", "global", "0"], "FRAMES 0: expected a whole number above 0"),
        (["x", "global", "-1"], "FRAMES -1: expected a whole number above 0"),
    ):
        done = run(program, words)
        assert (done.returncode, done.stderr.strip()) == (1, complaint)
    done = run(program, [])
    assert done.returncode == 2
    assert "NAME" in done.stderr
