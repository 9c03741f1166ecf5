"""The shared camera as a service, without a service manager: tests/windows has one."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import FrameChannel, Namespace
from pywinmmf.camera import service, service_command
from pywinmmf.camera.sharing import Sharing
from pywinmmf.cli import main
from pywinmmf.cli.parser import build_parser

not_on_windows = pytest.mark.skipif(sys.platform == "win32", reason="systemd is of Linux")


def share_arguments(*words: str) -> list[str]:
    return service_command._share_arguments(build_parser().parse_args(["camera", "install", *words]))


def test_a_service_is_asked_for_just_what_was_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsed again, its arguments mean the same, in another folder."""
    (tmp_path / "a video.avi").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    words = ["--name", "a b", "--name", "c", "--name", "d", "--name=-e", "--name", "f"]
    words += ["--size", "64x48", "--format", "GREY", "--fps", "12.5", "--every", "2", "--drop-every", "4"]
    words += ["--slots", "5", "--history", "2.5s", "--standby"]
    words += ["--namespace", "local", "--access", "owner", "--log", "camera.log", "--service", "mine"]
    words += ["--", "a video.avi", "@front.url", "0", "rtsp://host/stream?a=1&b=2", "-no-video.avi"]
    wanted = vars(build_parser().parse_args(["camera", "install", *words]))
    had = vars(build_parser().parse_args(["camera", "share", *share_arguments(*words)]))
    files = [str(tmp_path / "a video.avi"), f"@{tmp_path / 'front.url'}"]
    wanted.update(sources=[*files, *wanted["sources"][2:]], log=tmp_path / "camera.log")
    for other in ("run", "parser", "service", "run_service"):
        wanted.pop(other, None)
        had.pop(other, None)
    assert had == wanted


def test_a_service_has_a_log() -> None:
    assert share_arguments("test", "--service", "mine")[-4:-2] == ["--log", str(service.log_folder() / "mine.log")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--every", "0"], "expected at least 1"),
        (["--slots", "2"], "slots 2: expected 3 to 64"),
        (["--history", "60001"], "history 60001: expected 0 to 60000"),
        (["--slots", "1000"], "slots 1000: expected 3 to 64"),
        (["--name", "a/b"], "camera name 'a/b'"),
        (["--name", "a" * 230], "camera name 'aaa"),
        (["--name", ""], "camera name ''"),
        (["--name", "a\nb"], r"camera name 'a\nb': expected no control characters"),
        (["--log", "a\nb/log"], "expected no control characters"),
    ],
)
def test_nothing_impossible_is_installed(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(service_command, "service_manager", lambda: pytest.fail("it was about to be"))
    assert main(["camera", "install", "test", *words]) == 1
    assert message in capsys.readouterr().err


def test_no_more_is_installed_than_there_is_room_for(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vast = Sharing(source="test", name=name, size=(2**20, 2**20), slots=64, history=7)
    monkeypatch.setattr(service_command, "sharings_of", lambda _: [vast])
    monkeypatch.setattr(service_command, "service_manager", lambda: pytest.fail("it was about to be"))
    assert main(["camera", "install", "test"]) == 1
    assert f"64 slots and a history of 7 of {3 * 2**40} bytes: " in capsys.readouterr().err


def test_what_share_takes_for_no_file_is_none_for_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test").touch()
    assert share_arguments("test")[-1] == "test"


@pytest.mark.parametrize("command", [["install", "test"], ["start"], ["uninstall"]])
@pytest.mark.parametrize("wrong", ["../../../x", "a/b", "a\\b", "..", "", "a b", "-a"])
def test_the_name_of_a_service_is_no_path(command: list[str], wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["camera", *command, f"--service={wrong}"])
    assert "expected up to 100 letters" in capsys.readouterr().err


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of its own, whose systemctl writes down how it is called; the folder with the units."""
    from pywinmmf.camera import systemd

    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "systemctl"
    program.write_text(
        '#!/bin/sh\necho "$@" >> "$CALLS"\n[ "$2" != is-active ] || { echo $STATE; [ $STATE = active ]; }\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("STATE", "inactive")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(systemd, "_is_root", lambda: False)
    return tmp_path / "config/systemd/user"


@not_on_windows
def test_systemd(systemd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unit = systemd / "mine.service"
    assert main(["camera", "status", "--service", "mine"]) == service.NOT_INSTALLED
    assert main(["camera", "start", "--service", "mine"]) == 1
    assert "service 'mine' is not installed" in capsys.readouterr().err
    assert main(["camera", "install", "test", "--service", "mine"]) == 0
    assert capsys.readouterr().out.endswith("installed mine: pywinmmf camera start --service mine\n")
    assert unit.exists()
    assert main(["camera", "start", "--service", "mine"]) == 0
    assert main(["camera", "status", "--service", "mine"]) == service.NOT_RUNNING
    assert "mine: inactive" in capsys.readouterr().out
    assert main(["camera", "stop", "--service", "mine"]) == 0
    assert main(["camera", "uninstall", "--service", "mine"]) == 0
    assert not unit.exists()
    assert Path(os.environ["CALLS"]).read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable mine.service",
        "--user is-active --quiet mine.service",
        "--user start mine.service",
        "--user is-active mine.service",
        "--user stop mine.service",
        "--user disable --now mine.service",
        "--user daemon-reload",
    ]


@not_on_windows
@pytest.mark.usefixtures("systemd")
def test_installed_again_it_runs_as_it_was(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STATE", "active")
    assert main(["camera", "install", "test", "--service", "mine"]) == 0
    until = (
        "it keeps its old arguments until: pywinmmf camera stop --service mine, pywinmmf camera start --service mine"
    )
    assert capsys.readouterr().out == f"installed mine; {until}\n"


@not_on_windows
def test_systemctl_that_fails_is_told(systemd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = shutil.which("systemctl")
    assert program is not None
    Path(program).write_text("#!/bin/sh\necho no bus\nexit 1\n")
    assert main(["camera", "install", "test", "--service", "mine"]) == 1
    assert "systemctl --user daemon-reload: no bus" in capsys.readouterr().err
    assert not (systemd / "mine.service").exists()


@not_on_windows
def test_a_machine_without_systemctl(
    systemd: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["camera", "install", "test", "--service", "mine"]) == 0
    monkeypatch.setenv("PATH", str(systemd))  # where there are units only
    for command in ("start", "status"):
        assert main(["camera", command, "--service", "mine"]) == 1
        assert "systemctl is missing" in capsys.readouterr().err


@not_on_windows
def test_only_its_owner_reads_a_unit(systemd: Path) -> None:
    unit = systemd / "mine.service"
    systemd.mkdir(parents=True)
    unit.touch(0o644)
    assert main(["camera", "install", "rtsp://user:secret@host/a", "--service", "mine"]) == 0
    assert "user:secret@host" in unit.read_text()
    assert unit.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in systemd.iterdir()] == ["mine.service"]


@not_on_windows
def test_an_installation_that_fails_leaves_the_old_one(systemd: Path) -> None:
    unit = systemd / "mine.service"
    assert main(["camera", "install", "test", "--service", "mine"]) == 0
    before = unit.read_text()
    program = shutil.which("systemctl")
    assert program is not None
    Path(program).write_text("#!/bin/sh\nexit 1\n")
    assert main(["camera", "install", "0", "--service", "mine"]) == 1
    assert unit.read_text() == before


@not_on_windows
@pytest.mark.parametrize("folder", ["venv", "Zoë d'A B", 'a "b"', "5$", "a\\b"])
def test_a_unit_that_systemd_accepts(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pywinmmf.camera import systemd

    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here (Debian package systemd)")
    python = tmp_path / folder / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    file = tmp_path / "pywinmmf-camera.service"
    file.write_text(
        systemd.unit(share_arguments("--name", 'a "b" \\', "--name=-c", "--", "rtsp://host/a%20b?c=$d", "-d"))
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


@not_on_windows
def test_the_command_of_a_unit_shares(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Callable[[Callable[[], Any]], None]
) -> None:
    from pywinmmf.camera import systemd

    environment = tmp_path / 'Zoë d\'A "B" 5$'
    environment.symlink_to(sys.prefix)
    monkeypatch.setattr(sys, "executable", str(environment / Path(sys.executable).relative_to(sys.prefix)))
    log = tmp_path / "camera.log"
    log.write_text("x" * 1_000_000)  # as much as there is in one
    text = systemd.unit(share_arguments("test", "--name", name, "--size", "64x48", "--log", str(log)))
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    command = [word.replace("$$", "$") for word in shlex.split(line.partition("=")[2])]
    process = subprocess.Popen(command, cwd="/", env={"PATH": os.environ["PATH"]})
    try:
        eventually(lambda: log.exists() and "sharing test" in log.read_text())
        assert log.with_name("camera.log.1").stat().st_size == 1_000_000
        assert log.stat().st_size < 1000
        with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as channel:
            channel.next(timeout=30).release()
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform != "win32", reason="of Windows")
def test_the_command_line_of_a_windows_service(monkeypatch: pytest.MonkeyPatch) -> None:
    from pywinmmf.camera import windows_service

    line = windows_service.command_line("mine", ["test", "--name", 'a "b"'])
    assert line.endswith('-m pywinmmf camera share --run-service mine test --name "a \\"b\\""')
    monkeypatch.setattr(sys, "prefix", "another")  # as in a virtual environment
    done = subprocess.run(
        windows_service.command_line("mine", ["test", "--every", "0"]).replace("--run-service mine ", ""),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert (done.returncode, "expected at least 1" in done.stdout) == (1, True), done.stdout
