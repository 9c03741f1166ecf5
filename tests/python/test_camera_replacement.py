"""A camera's channel that cannot be used any more is replaced, and readers follow."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

from pywinmmf import (
    Access,
    AlreadyExistsError,
    FrameChannel,
    LockTimeoutError,
    Namespace,
    PoisonedError,
    VideoCapture,
)
from pywinmmf.camera.share import SharedCamera
from pywinmmf.registry import claim_name


@pytest.mark.parametrize("readonly", [False, True])
def test_readers_follow_a_new_start_with_larger_pictures(
    name: str, readonly: bool, share: Callable[..., SharedCamera], eventually: Callable[..., None]
) -> None:
    """No reader opens anything again."""
    first = share(source="test", name=name)
    capture = VideoCapture(name)
    assert capture.read()[0]
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=readonly) as reader:
        reader.next(timeout=30).release()
        first.close()
        second = share(source="test", name=name, size=(640, 480))

        def is_larger() -> bool:
            with reader.next(timeout=30) as frame:
                return frame.array.shape == (480, 640, 3)

        def shows_larger() -> bool:
            picture = capture.read()[1]
            return picture is not None and picture.shape == (480, 640, 3)

        eventually(is_larger)
        eventually(shows_larger)
        assert second.problem == ""
    capture.release()


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
def test_readers_follow_a_damaged_channel_that_is_declared_new(
    name: str,
    readonly: bool,
    restarted: bool,
    share: Callable[..., SharedCamera],
    damage: Callable[..., None],
    eventually: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No reader closes or opens anything, and sequences go on."""
    caplog.set_level("INFO")
    camera = share(source="test", name=name)
    capture = VideoCapture(name)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=readonly) as reader:
        assert capture.read()[0]
        with reader.next(timeout=30) as frame:
            before = frame.sequence
        if restarted:
            camera.close()
        damage(name, Namespace.GLOBAL)
        if restarted:
            camera = share(source="test", name=name)

        def goes_on() -> bool:
            with suppress(PoisonedError, LockTimeoutError), reader.next(timeout=0.1) as frame:
                return frame.sequence > before
            return False

        eventually(goes_on)
        eventually(lambda: capture.read()[0])
        eventually(lambda: camera.problem == "")
        assert not reader.audit().poisoned
    if not restarted:
        eventually(lambda: f"{name}: pictures again" in caplog.text)
    capture.release()


def test_a_larger_picture_is_no_reason_to_close_anything(
    name: str, share: Callable[..., SharedCamera], eventually: Callable[..., None]
) -> None:
    """A channel that somebody else has made too small, with the same rights, is made larger."""
    with FrameChannel.create(name, capacity=10, namespace=Namespace.GLOBAL, access=Access.USERS_READ) as small:
        camera = share(source="test", name=name)
        with small.next(timeout=30) as frame:
            assert frame.array.shape == (48, 64, 3)
        eventually(lambda: camera.problem == "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_a_channel_with_other_access_is_replaced_when_its_readers_let_go(
    name: str, share: Callable[..., SharedCamera], eventually: Callable[..., None]
) -> None:
    share(source="test", name=name, access=Access.USERS_READ).close()
    share(source="test", name=name, access=Access.OWNER).close()
    with FrameChannel.create(name, capacity=10**5, namespace=Namespace.GLOBAL, access=Access.USERS_READ) as kept:
        camera = share(source="test", name=name, access=Access.OWNER)
        eventually(lambda: "created with other access (mode 0644)" in camera.problem)
        assert kept.sequence == 0
    eventually(lambda: camera.problem == "")
    assert os.stat(f"/dev/shm/wmmf-g-{name}").st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="a name of Windows cannot be removed")
def test_names_that_were_removed_come_back(
    name: str, share: Callable[..., SharedCamera], eventually: Callable[..., None]
) -> None:
    """As systemd removes them when the last session of the user ends: the channel's and the claim's."""
    share(source="test", name=name)
    names = [Path(f"/dev/shm/wmmf-g-{each}") for each in (name, claim_name(name))]
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as reader:
        reader.next(timeout=30).release()
        for each in names:
            each.unlink()
        eventually(lambda: all(each.exists() for each in names))
        with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as late, late.next(timeout=30) as frame:
            seen = frame.sequence
        eventually(lambda: reader.sequence > seen)
        with pytest.raises(AlreadyExistsError):
            share(source="test", name=name)
