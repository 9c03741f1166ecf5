"""The list of shared cameras, which every program can read."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

from cameras import SIZE

from pywinmmf import (
    Error,
    FrameChannel,
    MemoryMappedFile,
    Namespace,
    registry,
    shared_cameras,
)
from pywinmmf.camera import devices
from pywinmmf.camera.share_command import shared
from pywinmmf.camera.sharing import Sharing
from pywinmmf.cli import main


def test_the_registry_has_what_is_shared(name: str, folder: Path) -> None:
    with MemoryMappedFile.create(registry.claim_name(name), 1), FrameChannel.create(name, capacity=10) as kept:
        file = registry.announce(name, Namespace.LOCAL, "0")
        assert file == folder / "pywinmmf/cameras.json"
        place = {"name": name, "namespace": "local"}
        assert shared_cameras() == {name: {**place, "source": "0", "pid": os.getpid(), "seconds_between_pictures": 0}}
        reader = FrameChannel.open(kept.name)
    with reader:  # a reader that stays does not keep the entry
        assert shared_cameras() == {}
    with MemoryMappedFile.create(registry.claim_name(name + "2"), 1):
        registry.announce(name + "2", Namespace.LOCAL, "1")
        assert [entry["name"] for entry in json.loads(file.read_text())] == [name + "2"]
    registry.withdraw(name + "2", Namespace.LOCAL, file)
    assert not file.exists()


def test_nobody_withdraws_the_entry_of_another(name: str, folder: Path) -> None:
    file = registry.announce(name, Namespace.LOCAL, "0")
    assert file is not None
    for other in ({"namespace": "global"}, {"name": "other"}, {"pid": -1}):
        entries = [{"name": name, "namespace": "local", "source": "0", "pid": os.getpid(), **other}]
        file.write_text(json.dumps(entries))
        registry.withdraw(name, Namespace.LOCAL, file)
        assert json.loads(file.read_text()) == entries


def test_one_name_in_both_namespaces_is_two_cameras(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [])
    with shared(Sharing(source="test", name=name, size=SIZE, namespace=Namespace.GLOBAL)):
        with shared(Sharing(source="test", name=name, size=SIZE, namespace=Namespace.LOCAL)):
            assert main(["camera", "list"]) == 0
            lines = capsys.readouterr().out.splitlines()
            assert [line.split()[:3] for line in lines] == [["shared", name, each] for each in ("global", "local")]
            assert shared_cameras()[name]["namespace"] == "global"
        assert [entry["namespace"] for entry in registry.entries()] == ["global"]
    assert registry.entries() == []


def test_many_programs_announce_at_once(name: str, folder: Path, child: Callable[..., Any]) -> None:
    code = """
from pathlib import Path
from pywinmmf import registry
folder, name = sys.argv[1:]
registry.folders = lambda: [Path(folder)]
claim = MemoryMappedFile.create(registry.claim_name(name), 1)
print("ready")
for _ in range(20):
    file = registry.announce(name, Namespace.LOCAL, "0")
    assert name in registry.shared_cameras()
print("announced")
sys.stdin.read()
import time
time.sleep(60)
"""
    names = [f"{name}-{number}" for number in range(3)]
    programs = [child(code, folder, each) for each in names]
    for program in programs:
        assert program.line() == "ready"
    for program in programs:
        assert program.line() == "announced"
    assert set(shared_cameras()) == set(names)
    programs[0].kill()
    assert set(shared_cameras()) == set(names[1:])


@pytest.mark.skipif(sys.platform == "win32", reason="about POSIX permissions")
@pytest.mark.parametrize("umask", [0, 0o077])
def test_others_can_read_the_registry_and_not_change_it(name: str, folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        file = registry.announce(name, Namespace.LOCAL, "0")
    finally:
        os.umask(before)
    assert file is not None
    assert [path.stat().st_mode & 0o777 for path in (file.parent, file)] == [0o755, 0o644]


@pytest.mark.skipif(sys.platform == "win32", reason="there the users share one list")
def test_no_other_user_has_a_hand_on_the_lock_of_the_registry(folder: Path) -> None:
    with registry._one_at_a_time():
        assert os.stat(f"/dev/shm/wmmf-{os.geteuid()}-pywinmmf-cameras").st_mode & 0o777 == 0o600


def test_a_camera_that_cannot_be_announced_is_shared_all_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(registry, "folders", lambda: [tmp_path / "file"])
    with shared(Sharing(source="test", name=name, size=SIZE)):
        assert f"{name} is not in the camera list" in caplog.text
        with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as channel:
            channel.next(timeout=30).release()


def test_an_entry_stays_while_the_system_does_not_tell_whether_it_is_stale(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> MemoryMappedFile:
        raise Error("too many open files", -1, 24)

    registry.announce(name, Namespace.LOCAL, "0")
    assert shared_cameras() == {}
    monkeypatch.setattr(MemoryMappedFile, "open", refuse)
    assert set(shared_cameras()) == {name}


def test_a_damaged_registry_is_an_empty_one(folder: Path) -> None:
    file = folder / "pywinmmf/cameras.json"
    file.parent.mkdir()
    for text in ("", "{", "[]", "{}", "[" * 200_000, "[1]", '[{"name": "a", "namespace": "nowhere"}]', '[{"name": 1}]'):
        file.write_text(text)
        assert shared_cameras() == {}
