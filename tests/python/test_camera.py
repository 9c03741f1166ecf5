"""The shared camera: published whatever becomes of its source, and found by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy
import pytest

from pywinmmf import AccessDeniedError, FrameChannel, Namespace
from pywinmmf.camera import registry
from pywinmmf.camera.share import SharedCamera, Sharing
from pywinmmf.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder for the registry."""
    monkeypatch.setattr(registry, "folders", lambda: [tmp_path])
    return tmp_path


@pytest.fixture
def share() -> Iterator[Callable[..., SharedCamera]]:
    """Shares cameras and ends them after the test."""
    cameras: list[SharedCamera] = []

    def start(**how: Any) -> SharedCamera:
        cameras.append(SharedCamera(Sharing(**{"width": 64, "height": 48, **how})))
        return cameras[-1]

    yield start
    for camera in cameras:
        camera.close()


def test_test_picture_is_global_and_for_all_users(name: str, share: Callable[..., SharedCamera]) -> None:
    camera = share(source="test", name=name)
    assert camera.namespace is Namespace.GLOBAL
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as channel:
        with channel.next(timeout=30) as first:
            before = first.array.copy()
            assert first.array.shape == (48, 64, 3)
        with channel.next(timeout=30) as second:
            assert (second.array != before).any()
    if sys.platform != "win32":
        assert os.stat(f"/dev/shm/wmmf-g-{name}").st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("pixel_format", "shape"), [("GREY", (48, 64)), ("BGRA", (48, 64, 4)), ("RGB3", (48, 64, 3))])
def test_pixel_formats(
    name: str, share: Callable[..., SharedCamera], pixel_format: str, shape: tuple[int, ...]
) -> None:
    share(source="test", name=name, pixel_format=pixel_format)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel, channel.next(timeout=30) as frame:
        assert (frame.fourcc, frame.array.shape) == (pixel_format, shape)
        assert frame.array.any()


def test_a_camera_that_comes_later(
    name: str, share: Callable[..., SharedCamera], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    video = tmp_path / "late.avi"
    camera = share(source=str(video), name=name)
    eventually(lambda: "no such video file" in camera.problem)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL) as channel:
        assert channel.age is None
        writer = cv2.VideoWriter(str(tmp_path / "new.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
        for _ in range(5):
            writer.write(numpy.full((48, 64, 3), 200, numpy.uint8))
        writer.release()
        os.replace(tmp_path / "new.avi", video)
        with channel.next(timeout=30) as frame:
            assert abs(int(frame.array[20, 20, 1]) - 200) < 10
        assert camera.problem == ""


def test_the_registry_has_what_is_shared(name: str, folder: Path) -> None:
    with FrameChannel.create(name, capacity=10):
        file = registry.announce(name, Namespace.LOCAL, "0")
        assert file == folder / "pywinmmf/cameras.json"
        assert registry.shared_cameras() == {name: {"namespace": "local", "source": "0", "pid": os.getpid()}}
    assert registry.shared_cameras() == {}
    with FrameChannel.create(name + "2", capacity=10):
        registry.announce(name + "2", Namespace.LOCAL, "1")
        assert set(json.loads(file.read_text())) == {name + "2"}
    registry.withdraw(name + "2", file)
    assert not file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="about POSIX permissions")
def test_others_cannot_change_the_registry(folder: Path) -> None:
    """Even if a service has no umask."""
    umask = os.umask(0)
    try:
        file = registry.announce("camera", Namespace.LOCAL, "0")
    finally:
        os.umask(umask)
    assert file is not None
    assert [path.stat().st_mode & 0o777 for path in (file.parent, file)] == [0o755, 0o644]


def test_a_damaged_registry_is_an_empty_one(folder: Path) -> None:
    file = folder / "pywinmmf/cameras.json"
    file.parent.mkdir()
    for text in ("", "{", "[]", '{"a": 1}', '{"a": {"namespace": "nowhere"}}'):
        file.write_text(text)
        assert registry.shared_cameras() == {}


def test_the_command(name: str, tmp_path: Path) -> None:
    variable = "PUBLIC" if sys.platform == "win32" else "XDG_RUNTIME_DIR"
    command = [sys.executable, "-m", "pywinmmf", "camera"]
    environment = {**os.environ, variable: str(tmp_path)}
    service = subprocess.Popen(
        [*command, "share", "test", "--name", name, "--size", "64x48", "--log", str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    try:
        assert service.stdout is not None
        assert service.stdout.readline() == f"sharing test as {name} (global)\n"
        listed = subprocess.run(
            [*command, "list", "--json"], capture_output=True, text=True, env=environment, cwd=tmp_path, check=True
        )
        assert json.loads(listed.stdout)[name]["pid"] == service.pid
        with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as channel:
            channel.next(timeout=30).release()
        service.terminate()  # on Windows that is the hard end, which leaves a stale entry
        assert service.wait(60) == (1 if sys.platform == "win32" else 0)
    finally:
        service.kill()
        service.wait()
        assert service.stdout is not None
        service.stdout.close()
    assert (tmp_path / "pywinmmf/cameras.json").exists() == (sys.platform == "win32")
    left = subprocess.run(
        [*command, "list", "--json"], capture_output=True, text=True, env=environment, cwd=tmp_path, check=True
    )
    assert json.loads(left.stdout) == {}


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
        (["test", "--name", "a", "--name", "b"], "2 names for 1 sources"),
        (["test", "--every", "0"], "expected at least 1"),
        (["test", "--slots", "2"], "slots 2: expected at least 3"),
    ],
)
def test_impossible_wishes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["camera", "share", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_without_the_right_to_be_global(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create = FrameChannel.create

    def refuse_global(name: str, **options: Any) -> FrameChannel:
        if options["namespace"] is Namespace.GLOBAL:
            raise AccessDeniedError("no")
        return create(name, **options)

    monkeypatch.setattr(FrameChannel, "create", refuse_global)
    camera = SharedCamera(Sharing(source="test", name=name, width=64, height=48))
    camera.close()
    assert camera.namespace is Namespace.LOCAL
    with pytest.raises(AccessDeniedError):
        SharedCamera(Sharing(source="test", name=name, width=64, height=48, namespace=Namespace.GLOBAL))
