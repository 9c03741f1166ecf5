"""The command line as a whole: its help, what it imports, and its messages about missing or broken extras."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pywinmmf
from pywinmmf import FrameChannel, Layout, MemoryMappedFile, Namespace, cli, registry
from pywinmmf.cli import main
from pywinmmf.cli.parser import COMMANDS, build_parser

THIRD_PARTY = ("numpy", "cv2", "av", "aiohttp", "rich", "matplotlib", "psutil", "cv2_enumerate_cameras", "argcomplete")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m pywinmmf``."""
    return subprocess.run(
        [sys.executable, "-m", "pywinmmf", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [[], ["camera"]])
def test_without_a_command_it_prints_its_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert output.startswith("usage: pywinmmf")
    assert ("share" if arguments else "snapshot") in output


def all_parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from all_parsers(each)


def test_every_argument_says_what_it_is() -> None:
    for parser in all_parsers(build_parser(declare_all=True)):
        for action in parser._actions:
            assert action.help or isinstance(action, argparse._SubParsersAction), (parser.prog, action.dest)


IMPORTED = """
import sys
from pywinmmf.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*(module for module in sys.modules if "." not in module), *sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["ls"], *([command, "--help"] for command in COMMANDS)]
)
def test_a_command_imports_only_what_it_uses(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, timeout=60)
    imported = set(done.stderr.split())
    assert "pywinmmf.cli" in imported
    assert imported.isdisjoint(THIRD_PARTY)
    assert "pywinmmf.camera.share" not in imported


BROKEN = {
    "library": "raise ImportError('libxcb.so.1: cannot open shared object file: No such file or directory')",
    "numpy": "raise AttributeError('_ARRAY_API not found')",
    "crash": "raise SystemError('initialization of cv2 raised unreported exception')",
    "empty": "",
    "missing": "raise ModuleNotFoundError(\"No module named 'cv2'\", name='cv2')",
}


@pytest.fixture(params=BROKEN)
def broken_opencv(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An environment in which OpenCV cannot be used."""
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2/__init__.py").write_text(BROKEN[request.param])
    return {"PYTHONPATH": str(tmp_path), "CAUSE": BROKEN[request.param].partition("'")[2].partition("'")[0]}


def test_a_broken_opencv_breaks_no_other_command(broken_opencv: dict[str, str]) -> None:
    for arguments in (["--version"], ["ls"], ["view", "--help"], ["top", "--once"]):
        done = run(*arguments, **broken_opencv)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    done = run("camera", "list", **broken_opencv)  # which lists what is shared; the rest takes OpenCV on some systems
    assert done.returncode == (1 if done.stderr else 0), done.stderr
    assert done.stderr.count("\n") <= 1


def test_a_broken_opencv_is_told_with_its_cause(name: str, broken_opencv: dict[str, str], tmp_path: Path) -> None:
    file = str(tmp_path / "out.png")
    with FrameChannel.create(name, capacity=100) as channel:
        channel.publish(b"x", fourcc="MJPG")
        share = ["camera", "share", "test", "--name", name]
        for arguments in (share, ["snapshot", name, file], ["view", name], ["demo", "--seconds", "0.1"]):
            done = run(*arguments, **broken_opencv)
            assert done.returncode == 2, done.stdout
            (line,) = done.stderr.splitlines()
            assert "OpenCV cannot be used (" in line
            assert broken_opencv["CAUSE"] in line
            assert "pip install opencv-python, or, without windows, 'pywinmmf[headless]'" in line


@pytest.mark.parametrize(
    ("arguments", "module", "extra"),
    [
        (["view", "x", "--port", "1"], "aiohttp", "view"),
        (["record", "x", "y.mp4"], "av", "record"),
        (["top"], "rich", "top"),
        (["demo"], "rich", "demo"),
        (["bench"], "psutil", "bench"),
        (["completion", "bash"], "argcomplete", "completion"),
    ],
)
def test_a_missing_extra_is_named(arguments: list[str], module: str, extra: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text("raise ImportError('it does not fit')")
    done = run(*arguments, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        f"pywinmmf: {arguments[0]}: it does not fit. This command needs: pip install 'pywinmmf[{extra}]'\n"
    )
    helped = run(arguments[0], "--help", PYTHONPATH=str(tmp_path))
    assert helped.returncode == 0
    words = " ".join(helped.stdout.split())
    assert COMMANDS[arguments[0]].help.split()[-1] in words
    assert f"pip install 'pywinmmf[{extra}]'" in words


def test_ctrl_c_while_a_command_is_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "import_module", interrupted)
    assert cli.main(["ls"]) == 130
    assert capsys.readouterr() == ("", "pywinmmf: interrupted\n")


def test_a_second_ctrl_c_does_not_disturb_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cleared_up = []

    def command(_: object) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            cleared_up.append(True)
        return 0

    monkeypatch.setattr(cli, "_implementation", lambda _: command)
    assert cli.main(["ls"]) == 130
    assert cleared_up == [True]
    assert capsys.readouterr() == ("", "pywinmmf: interrupted\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no C locale: its names are Unicode")
def test_names_in_the_c_locale(name: str) -> None:
    """Python then neither reads the name as UTF-8 nor can print it."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with MemoryMappedFile.create(f"{name}-é", 10):
        for arguments in (["info", "--interval", "0"], ["audit"]):
            done = run(*arguments, f"{name}-é", **plain)
            assert done.returncode == 0, done.stderr
            assert rf"{name}-\xe9" in done.stdout


@pytest.mark.parametrize("command", ["info", "audit"])
def test_another_layout_is_suggested(name: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with MemoryMappedFile.create(name, 1000, layout=Layout.RAW):
        assert main([command, name]) == 2
    assert "--layout winmmf or --layout raw" in capsys.readouterr().err


@pytest.mark.parametrize("prefix", ["Global", "Local", "global"])
def test_a_namespace_in_a_name_is_told(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(pywinmmf.InvalidArgumentError) as caught:
        MemoryMappedFile.open(f"{prefix}\\front")
    assert f"give the namespace separately: name 'front' and namespace=Namespace.{prefix.upper()}" in str(caught.value)
    with pytest.raises(pywinmmf.InvalidArgumentError, match="give the namespace separately"):
        FrameChannel.create(f"{prefix}\\front", capacity=1)
    assert main(["info", f"{prefix}\\front"]) == 2
    assert f"--namespace {prefix.lower()}" in capsys.readouterr().err


def test_a_namespace_is_called_by_its_name() -> None:
    with pytest.raises(pywinmmf.InvalidArgumentError, match=r"list the sections of Namespace\.CUSTOM"):
        pywinmmf.list_sections(Namespace.CUSTOM)


def test_inner_sections_are_hidden(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    claim = registry.claim_name(name)
    with (
        FrameChannel.create(name, capacity=10),
        MemoryMappedFile.create(claim, 1),
        MemoryMappedFile.create(registry.claim_name(f"{name}-own"), 1),
    ):
        assert main(["ls"]) == 0
        usual = capsys.readouterr().out
        assert main(["ls", "--all"]) == 0
        everything = capsys.readouterr().out
    assert f"{name} " in usual
    assert f"{claim} " not in usual
    assert f"{claim} " in everything
    assert registry.claim_name(f"{name}-own") in usual  # the user's own: no channel has the name before the dot


@pytest.mark.parametrize("command", ["info", "audit"])
def test_the_sequence_of_a_channel_is_that_of_its_frames(
    name: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with FrameChannel.create(name, capacity=10) as channel:
        for _ in range(3):
            channel.publish(b"x")
        assert main([command, name]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("sequence ")]
    assert line.split() == ["sequence", "3"]


@pytest.mark.parametrize(
    "arguments", [["snapshot", "NAME", "FILE"], ["record", "NAME", "FILE"], ["demo", "--sheet", "FILE"]]
)
def test_a_file_in_no_folder_is_refused_at_once(
    name: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "none" / "out.mp4"
    with pytest.raises(SystemExit) as ended:
        main([{"NAME": name, "FILE": str(file)}.get(word, word) for word in arguments])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "expected a file in an existing folder" in error
    assert str(file.parent).replace("\\", "\\\\") in error


def completed(line: str) -> list[str]:
    """What a shell would offer at the end of a line."""
    argcomplete = pytest.importorskip("argcomplete", reason="the extra 'completion' is not installed")
    assert argcomplete
    code = "import sys; from pywinmmf.cli import main; main()"
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    shell = f'exec "$0" -c "$1" 8>&{writer} 9>/dev/null'
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run(
        ["bash", "-c", shell, sys.executable, code], env=environment, pass_fds=(writer,), timeout=60, check=False
    )
    os.close(writer)
    with os.fdopen(reader) as answer:
        return [word.strip() for word in answer.read().split("\n") if word]


@pytest.mark.skipif(sys.platform == "win32", reason="asks as bash does")
def test_shells_complete_commands_options_and_names(name: str) -> None:
    assert completed("pywinmmf sna") == ["snapshot"]
    assert completed("pywinmmf record --sec") == ["--seconds"]
    assert "share" in completed("pywinmmf camera s")
    with FrameChannel.create(name, capacity=10):
        assert completed(f"pywinmmf view {name[:-1]}") == [name]
    assert "pywinmmf" in run("completion", "bash").stdout


INTERRUPTED = """
import signal
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    {instead}
print("went on")
"""


@pytest.mark.parametrize(
    ("start", "module", "instead"),
    [
        (["-m", "pywinmmf"], "_cffi_backend", "raise"),  # of the package
        (["-mpywinmmf"], "_cffi_backend", "pass"),
        (["pywinmmf"], "_cffi_backend", "raise"),
        (["-m", "pywinmmf"], "rich", "pass"),  # of this command
        (["pywinmmf"], "rich", "raise ImportError('it has not come')"),
    ],
)
def test_ctrl_c_while_a_command_starts_ends_it_with_one_line(
    start: list[str], module: str, instead: str, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text(INTERRUPTED.format(instead=instead))
    (tmp_path / "pywinmmf").write_text("from pywinmmf.cli import main\nmain()")  # as pip makes it
    done = subprocess.run(
        [sys.executable, *start, "top"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr.rstrip(b"\r\n")) == (130, b"", b"pywinmmf: interrupted")


@pytest.mark.parametrize("start", [["-c", "import ours"], ["-m", "ours"], ["ours.py"]])
def test_ctrl_c_stays_as_it_was_in_other_programs(start: list[str], tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text(
        "import signal, pywinmmf\nassert signal.getsignal(signal.SIGINT) is signal.default_int_handler\nprint('ok')"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, *start, "pywinmmf"]
    assert subprocess.check_output(command, cwd=tmp_path, env=environment, text=True, timeout=60) == "ok\n"
