"""``pywinmmf camera share`` and ``list``."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

from cameras import SIZE, Unreliable, make_video

from pywinmmf import (
    AlreadyExistsError,
    ChannelState,
    FrameChannel,
    MemoryMappedFile,
    Namespace,
    registry,
    shared_cameras,
)
from pywinmmf.camera import devices
from pywinmmf.camera.devices import Device
from pywinmmf.camera.share_command import share_until, shared
from pywinmmf.camera.sharing import Sharing
from pywinmmf.cli import main
from pywinmmf.cli.ending import Ending
from pywinmmf.doctor import machine
from pywinmmf.viewers.state import most_seconds_between

# A signal comes when a section is written. (On Windows, a pipe that is being read would stop FFmpeg from being loaded.)
RUN = """
import signal, sys, threading
from pathlib import Path
from pywinmmf import MemoryMappedFile, cli
from pywinmmf import registry
registry.folders = lambda: [Path(sys.argv[1])]
def interrupt():
    MemoryMappedFile.open(sys.argv[2]).wait(0)
    signal.raise_signal(getattr(signal, sys.argv[3]))
threading.Thread(target=interrupt, daemon=True).start()
sys.exit(cli.main(["camera", "share", *sys.argv[4:]]))
"""


@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGBREAK" if sys.platform == "win32" else "SIGHUP"])
def test_the_command_ends_well(name: str, folder: Path, ending: str, eventually: Callable[..., None]) -> None:
    log = folder / "logs/camera.log"
    video = folder / "video.avi"
    make_video(video, [200] * 5)
    names = [name, f"{name}-video"]
    options = ["--name", names[0], "--name", names[1], "--size", "64x48", "--log", str(log)]
    end = MemoryMappedFile.create(f"{name}-end", 1)
    service = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), end.name, ending, "test", str(video), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        eventually(lambda: set(names) == set(shared_cameras()))
        for each in names:
            assert shared_cameras()[each]["pid"] == service.pid
            with FrameChannel.open(each, namespace=Namespace.GLOBAL, readonly=True) as channel:
                channel.next(timeout=30).release()
        end.write(b"x")
        output, _ = service.communicate(timeout=60)
        assert service.returncode == 0, output
    finally:
        service.kill()
        service.wait()
        end.close()
    assert f"sharing test as {name} (global)" in output
    assert f"stopped sharing {names[1]}" in log.read_text()
    assert list((folder / "pywinmmf").iterdir()) == []


def test_silent_cameras_are_waited_for_together(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speak = threading.Event()

    class Silent(Unreliable):
        def grab(self) -> None:
            speak.wait(60)

    waits: list[float] = []
    join = threading.Thread.join

    def recorded(thread: threading.Thread, timeout: float) -> None:
        waits.append(timeout)
        join(thread, timeout)

    monkeypatch.setattr("pywinmmf.camera.share.STOP_SECONDS", 0.5)
    monkeypatch.setattr("pywinmmf.camera.share.open_source", lambda *_: Silent(1))
    monkeypatch.setattr(threading.Thread, "join", recorded)
    sharings = [Sharing(source="0", name=f"{name}-{number}", size=SIZE) for number in range(3)]
    end = threading.Event()
    share_until(end.is_set, end.set, sharings)
    assert len(waits) == 3
    assert sum(waits) < 1
    speak.set()


def test_a_name_that_is_taken_costs_no_other_camera(
    name: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = [f"{name}-taken", name]
    sharings = [Sharing(source="test", name=each, size=SIZE) for each in names]
    monkeypatch.setattr("pywinmmf.camera.share_command.RETRY_SECONDS", 0.1)
    end, ready = threading.Event(), threading.Event()
    service = threading.Thread(target=share_until, args=(end.is_set, ready.set, sharings))
    try:
        with MemoryMappedFile.create(registry.claim_name(names[0]), 1, namespace=Namespace.GLOBAL):
            service.start()
            assert ready.wait(60)
            assert set(shared_cameras()) == {name}
            taken = f"camera '{names[0]}' is already shared by another program: expected another --name"
            assert f"{taken}; it is tried again" in caplog.text
            sharings.reverse()
            with pytest.raises(AlreadyExistsError, match=re.escape(taken.replace(names[0], name))):
                share_until(end.is_set, end.set, sharings)  # where no camera can be shared
        eventually(lambda: set(shared_cameras()) == set(names))
    finally:
        end.set()
        service.join()
    assert shared_cameras() == {}


KILLED = """
import os, signal, sys
from pywinmmf import AlreadyExistsError
from pywinmmf.registry import is_stale
from pywinmmf.camera.share import SharedCamera, Sharing

sharing = Sharing(source="test", name="front", size=(64, 48))
hear, say = os.pipe()

def forked(action):
    pid = os.fork()
    if pid == 0:
        action()
        sys.stdout.flush()
        os._exit(0)
    return pid

def share():
    camera = SharedCamera(sharing)
    os.write(say, b".")
    signal.pause()

def look():
    os.setuid(54400)
    try:
        SharedCamera(sharing)
    except AlreadyExistsError as error:
        print(is_stale({"name": "front", "namespace": "global"}), error, flush=True)

def kill_service():
    os.kill(service, signal.SIGKILL)
    os.waitpid(service, 0)

service = forked(share)
os.read(hear, 1)
os.waitpid(forked(look), 0)
kill_service()
os.waitpid(forked(look), 0)
service = forked(share)
os.read(hear, 1)
kill_service()
print("shared again")
"""


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="a root of Linux becomes another user, who may remove nothing"
)
def test_what_another_user_sees_of_a_killed_program() -> None:
    """The two users have a shared memory of their own, so that no third one removes what is left."""
    own_memory = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && exec "$@"', "sh"]
    if not shutil.which("unshare") or subprocess.run([*own_memory, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this user may not mount, not even in a namespace of its own")
    done = subprocess.run(
        [*own_memory, sys.executable, "-c", KILLED],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    alive, dead, again = done.stdout.splitlines()
    assert alive.startswith("False camera 'front' is already shared by another program")
    assert dead.startswith("True camera 'front' is the name of a channel that a killed program of another user left")
    assert again == "shared again"


def test_list(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [Device(0, "Front", "/dev/video0")])
    claim = MemoryMappedFile.create(registry.claim_name(name), 1)
    with claim, FrameChannel.create(name, capacity=10) as channel:
        registry.announce(name, Namespace.LOCAL, "0")
        for seconds, state in ((60, "no picture yet"), (60, "live"), (0, "stalled since [-0-9]+ [:0-9]+")):
            monkeypatch.setattr("pywinmmf.viewers.state.STALLED_SECONDS", seconds)
            if state == "live":
                channel.publish(b"picture")
            assert main(["camera", "list"]) == 0
            device, shared = capsys.readouterr().out.splitlines()
            assert device == "device  0  Front  /dev/video0"
            assert re.fullmatch(f"shared  {name}  local  0  pid {os.getpid()}  {state}", shared)
        assert main(["camera", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["devices"] == [{"number": 0, "name": "Front", "path": "/dev/video0"}]
    assert [entry["name"] for entry in listed["shared"]] == [name]
    assert listed["errors"] == []


def broken(error: Exception) -> SimpleNamespace:
    def refuse(_: int) -> list[Device]:
        raise error

    return SimpleNamespace(enumerate_cameras=refuse)


BROKEN = [broken(KeyError("cv2_enumerate_cameras")), broken(ImportError("cv2_enumerate_cameras: no libxcb.so.1"))]


@pytest.mark.parametrize("package", [None, *BROKEN], ids=["missing", "broken", "broken OpenCV"])
def test_an_empty_list_is_told_from_one_that_could_not_be_made(
    package: object, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", package)
    with MemoryMappedFile.create(registry.claim_name(name), 1):
        registry.announce(name, Namespace.LOCAL, "0")
        for options in ([], ["--json"]):
            assert main(["camera", "list", *options]) == 1
            said = capsys.readouterr()
            assert name in said.out  # the shared cameras are listed nevertheless
            assert "cv2_enumerate_cameras" in said.err
            assert ("pip install" in said.err) == (package is None)  # which does not mend what is broken
    (error,) = json.loads(said.out)["errors"]
    assert "cv2_enumerate_cameras" in error


def state_after(seconds: float, *, stalled: float) -> ChannelState:
    return ChannelState.STALLED if seconds > stalled else ChannelState.LIVE


@pytest.mark.parametrize(("wish", "seconds"), [({"most_fps": 0.2}, 5), ({"every": 300}, 10), ({"most_fps": 10}, 0.1)])
def test_a_camera_is_stalled_when_pictures_are_missing(
    name: str,
    wish: dict[str, Any],
    seconds: float,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [])
    most = max(2, 3 * seconds)
    with shared(Sharing(source="test", name=name, size=SIZE, namespace=Namespace.LOCAL, **wish)):
        assert shared_cameras()[name]["seconds_between_pictures"] == seconds
        assert most_seconds_between(name, Namespace.LOCAL) == most
        for age, word in ((most, "live"), (most + 0.1, "stalled since")):
            monkeypatch.setattr(FrameChannel, "age", age)
            monkeypatch.setattr(FrameChannel, "state", partial(state_after, age))
            assert main(["camera", "list"]) == 0
            assert f"  {word}" in capsys.readouterr().out
        assert most_seconds_between(name, Namespace.GLOBAL) == 2
    assert most_seconds_between(name, Namespace.LOCAL) == 2


def test_a_list_that_no_terminal_obeys(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [Device(0, "\x1b[2J", "\ud800")])
    with MemoryMappedFile.create(registry.claim_name(name), 1):
        registry.announce(name, Namespace.LOCAL, "\ud800\n")
        assert main(["camera", "list"]) == 0
    device, shared = capsys.readouterr().out.splitlines()
    assert device == r"device  0  \x1b[2J  \ud800"
    assert shared.startswith(rf"shared  {name}  local  \ud800\n  pid")


def test_list_asks_the_system(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["camera", "list", "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out)["devices"], list)


def test_a_list_of_shared_cameras_that_cannot_be_read_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [])
    file = folder / registry.FILE
    file.parent.mkdir()
    file.write_text("{")
    assert main(["camera", "list", "--json"]) == 1
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert str(file) in error
    (cameras,) = [finding for finding in machine.findings() if finding.subject == "cameras"]
    assert cameras.state == "problem" and str(file) in cameras.found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["test", "--size", "0x5"], "WIDTHxHEIGHT"),
        (["test", "--fps", "0"], "above 0"),
        (["test", "--format", "NO"], "invalid choice"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["camera", "share", *arguments])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["test", "test"], "expected different ones"),
        (["test", "test", "--name", "a", "--name", "a.shared"], "expected different ones"),
        (["test", "--name", "a", "--name", "b"], "2 names for 1 sources"),
        (["test", "--every", "0"], "expected at least 1"),
        (["test", "--drop-every", "1"], "expected at least 2"),
        (["test", "--history", "60001"], "history 60001: expected 0 to 60000"),
        (["test", "--slots", "2"], "slots 2: expected 3 to 64"),
        (["test", "--name", "a\nb"], r"camera name 'a\nb': expected no control characters"),
    ],
)
def test_impossible_wishes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert main(["camera", "share", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


def test_a_log_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["camera", "share", "test", "--log", str(tmp_path / "file/log")]) == 1
    assert capsys.readouterr().err.startswith("pywinmmf: ")


# A second signal comes while the command, because of the first one, has the lock of an event.
TWICE = """
import signal, sys, threading
from pathlib import Path
from pywinmmf import FrameChannel, Namespace, cli, registry
registry.folders = lambda: [Path(sys.argv[1])]
set_event, main_thread = threading.Event.set, threading.get_ident()
def set_and_be_interrupted(event):
    if threading.get_ident() == main_thread:
        with event._cond:
            signal.raise_signal(signal.SIGTERM)
    set_event(event)
threading.Event.set = set_and_be_interrupted
def interrupt():
    while True:
        try:
            FrameChannel.open(sys.argv[2], namespace=Namespace.GLOBAL).next(30)
            break
        except FileNotFoundError:
            pass
    signal.raise_signal(signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
sys.exit(cli.main(["camera", "share", "test", "--name", sys.argv[2], "--size", "64x48"]))
"""


def test_two_signals_at_once_end_it(name: str, folder: Path) -> None:
    """A handler that wants a lock which the interrupted code has waits for ever."""
    done = subprocess.run([sys.executable, "-c", TWICE, str(folder), name], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"stopped sharing {name}" in done.stderr


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As ``nohup`` wants it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with Ending() as ending:
            signal.raise_signal(signal.SIGTERM)
            assert not ending.asked
            signal.raise_signal(signal.SIGINT)
            assert ending.asked
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("source", ["no-such-file.mp4", "file:///no/such/file", "@no-such-file", "TEXT", "AT"])
def test_a_file_that_is_missing_or_no_video_is_an_error(
    name: str, source: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unlike a camera, it will not be plugged in later."""
    text, at = folder / "text.mp4", folder / "at"
    text.write_text("not a video")
    at.write_text(str(folder / "missing.mp4"))
    source = {"TEXT": str(text), "AT": f"@{at}"}.get(source, source)
    began = time.monotonic()
    assert main(["camera", "share", source, "--name", name]) == 1
    assert time.monotonic() - began < 30
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pywinmmf: ")
    assert repr(source.removeprefix("@")).strip("'") in line
    assert shared_cameras() == {}
