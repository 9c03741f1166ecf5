"""``pywinmmf snapshot``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

import cv2
import numpy
from commands import WAIT_SECONDS, command, limited

from pywinmmf import (
    FrameChannel,
    Namespace,
)
from pywinmmf.cli import main

LOCAL = Namespace.LOCAL


BLUE = (255, 0, 0)


def blue() -> Any:
    return numpy.full((48, 64, 3), BLUE, numpy.uint8)


def packed(conversion: int) -> Any:
    return cv2.cvtColor(blue(), conversion)


FORMATS: dict[str, Callable[[], Any]] = {
    "BGR3": blue,
    "RGB3": lambda: packed(cv2.COLOR_BGR2RGB),
    "BGRA": lambda: packed(cv2.COLOR_BGR2BGRA),
    "RGBA": lambda: packed(cv2.COLOR_BGR2RGBA),
    "I420": lambda: packed(cv2.COLOR_BGR2YUV_I420),
    "YUYV": lambda: packed(cv2.COLOR_BGR2YUV_YUY2),
    "MJPG": lambda: cv2.imencode(".jpg", blue())[1].reshape(-1),
}


@pytest.mark.parametrize("fourcc", FORMATS)
def test_snapshot_of_every_format(name: str, fourcc: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "snapshot-é.png"
    with FrameChannel.create(name, capacity=64 * 48 * 4) as channel:
        channel.publish(FORMATS[fourcc](), fourcc=fourcc)
        assert main(["snapshot", name, str(file)]) == 0
    assert "64 x 48, frame 1, " in capsys.readouterr().out
    saved = cv2.imdecode(numpy.fromfile(file, numpy.uint8), cv2.IMREAD_UNCHANGED)
    assert saved is not None
    assert saved.shape == (48, 64, 3)
    assert numpy.abs(saved.astype(int) - BLUE).max() < 16


@pytest.mark.parametrize(("kind", "value"), [(numpy.uint8, 200), (numpy.uint16, 200 << 8)])
def test_snapshot_of_grey(name: str, kind: Any, value: int, tmp_path: Path) -> None:
    with FrameChannel.create(name, capacity=64 * 48 * 2) as channel:
        channel.publish(numpy.full((48, 64), value, kind))
        assert main(["snapshot", name, str(tmp_path / "grey.png")]) == 0
    saved = cv2.imread(str(tmp_path / "grey.png"))
    assert saved is not None
    assert (saved.ravel() == 200).all()


def test_snapshot_of_no_picture(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.png"
    with FrameChannel.create(name, capacity=1000) as channel:
        assert main(["snapshot", name, str(file), "--timeout", "0.1"]) == 2
        assert "the timeout expired" in capsys.readouterr().err
        channel.publish(bytes(10))
        assert main(["snapshot", name, str(file), "--timeout", "0.1"]) == 2
        assert "pixel format ''" in capsys.readouterr().err
    assert not file.exists()


def test_snapshot_of_bytes_that_claim_a_format(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FrameChannel.create(name, capacity=100) as channel:
        channel.publish(bytes(100), fourcc="RGB3")
        assert main(["snapshot", name, str(tmp_path / "out.png"), "--timeout", "0.1"]) == 2
    assert capsys.readouterr().err == (
        "pywinmmf: pixel format 'RGB3', 100 bytes: expected a picture with width, height and stride\n"
    )


def test_snapshot_of_an_array_of_other_numbers(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out.png"
    with FrameChannel.create(name, capacity=1000) as channel:
        channel.publish(numpy.ones((4, 5, 3), numpy.float32))
        assert main(["snapshot", name, str(file), "--timeout", "0.1"]) == 2
    assert "an array of float32, shape (4, 5, 3): expected a picture" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("kind", [".jpg", ".webp"])
def test_snapshot_of_a_picture_too_wide(
    name: str, kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"out{kind}"
    with FrameChannel.create(name, capacity=70000) as channel:
        channel.publish(numpy.zeros((1, 70000), numpy.uint8))
        assert main(["snapshot", name, str(file)]) == 2
    error = capfd.readouterr().err
    assert error.startswith(f"pywinmmf: a picture of 70000 x 1 pixels cannot be a {kind} file: ")
    assert error.count("\n") == 1
    assert not file.exists()


def test_snapshot_in_colour_of_a_kind_that_has_none(
    camera: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["snapshot", camera, str(tmp_path / "out.pgm")]) == 2
    assert capfd.readouterr().err == (
        "pywinmmf: a picture of 64 x 48 pixels cannot be a .pgm file: such files have no colours\n"
    )


def test_snapshot_of_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["snapshot", name, str(tmp_path / "out.png")]) == 2
    assert name in capsys.readouterr().err
    for file in ("out.nothing", "out"):
        assert main(["snapshot", name, str(tmp_path / file)]) == 2
        assert f"{file}': expected the name of a picture" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of files")
def test_snapshot_on_a_full_disk_leaves_what_was_there(name: str, tmp_path: Path) -> None:
    file = tmp_path / "out.png"
    file.write_bytes(b"before")
    with FrameChannel.create(name, capacity=(48, 64, 3)) as channel:
        channel.publish(numpy.random.default_rng(0).integers(0, 256, (48, 64, 3), numpy.uint8))
        with command("snapshot", name, str(file), preexec_fn=limited(4096)) as process:
            output = process.communicate(timeout=WAIT_SECONDS)[0]
    assert process.returncode == 2, output
    assert str(file) in output
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few users make links")
def test_snapshot_through_a_link(camera: str, tmp_path: Path) -> None:
    link, file = tmp_path / "link.png", tmp_path / "out.png"
    link.symlink_to(file)
    assert main(["snapshot", camera, str(link)]) == 0
    assert link.is_symlink()
    assert file.stat().st_size > 0


def test_snapshot_of_the_first_frame_that_is_a_picture(name: str, tmp_path: Path) -> None:
    with FrameChannel.create(name, capacity=(48, 64, 3)) as channel:
        channel.publish(b"no JPEG", fourcc="MJPG")
        with command("snapshot", name, str(tmp_path / "out.png"), "--timeout", "60", terminal=False) as process:
            while process.poll() is None:
                time.sleep(0.1)
                channel.publish(blue())
            output = process.communicate(timeout=WAIT_SECONDS)[0]
    assert process.returncode == 0, output
    assert "64 x 48" in output
