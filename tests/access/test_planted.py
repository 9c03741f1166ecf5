"""Objects that another user put into /dev/shm under our names, before us.

tests/python/test_processes.py has those of the same user."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from access.conftest import ALICE, BOB, SERVICE, SHM, WAIT_SECONDS, User

from pywinmmf import Access

Users = Callable[..., User]

TEXT = b"somebody's own\n" * 500
NOTHING = SHM / "nothing-is-here"


def link_to(target: Path) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def target_of(path: Path) -> Path:
    return SHM / f"target-{path.name}"


def link_to_a_file(path: Path) -> None:
    target_of(path).write_bytes(TEXT)
    target_of(path).chmod(0o666)
    path.symlink_to(target_of(path))


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))


KINDS: dict[str, Callable[[Path], Any]] = {
    "dangling link": link_to(NOTHING),
    "link to a file": link_to_a_file,
    "link to a folder": link_to(Path("/tmp")),
    "fifo": os.mkfifo,
    "folder": os.mkdir,
    "socket": make_socket,
    "text": lambda path: path.write_bytes(TEXT),
    "nothing in it": Path.touch,
}


def state(path: Path) -> object:
    """What must not change: owner, type, content and time of the last change."""
    status = path.lstat()
    kind = stat.S_IFMT(status.st_mode)
    content = path.read_bytes() if kind == stat.S_IFREG else os.readlink(path) if kind == stat.S_IFLNK else None
    return (
        status.st_ino,
        status.st_mode,
        status.st_uid,
        status.st_nlink,
        status.st_mtime_ns,
        status.st_ctime_ns,
        content,
    )


def plant(file: str, kind: str, owner: int) -> Path:
    """Make an object of a kind, open to everybody, of the user with this id."""
    path = SHM / file
    KINDS[kind](path)
    os.chown(path, owner, owner, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(0o777)
    return path


@pytest.mark.parametrize("space", ["LOCAL", "GLOBAL", "CUSTOM"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_planted_is_used_or_changed(user: Users, name: str, kind: str, space: str) -> None:
    prefix = {"LOCAL": f"wmmf-{ALICE}-", "GLOBAL": "wmmf-g-", "CUSTOM": ""}[space]
    path = plant(prefix + name, kind, BOB)
    before = state(path)
    alice = user(ALICE)
    not_hers = space == "LOCAL" and stat.S_ISREG(path.lstat().st_mode)
    refusal = "AccessDeniedError" if not_hers else "FormatError"
    for call in (
        "MemoryMappedFile.open(%r, namespace=Namespace.{})",
        "MemoryMappedFile.open(%r, namespace=Namespace.{}, readonly=True)",
        "MemoryMappedFile.create(%r, 10, namespace=Namespace.{}, exist_ok=True)",
        "FrameChannel.open(%r, namespace=Namespace.{})",
        "FrameChannel.create(%r, capacity=10, namespace=Namespace.{}, exist_ok=True)",
    ):
        assert alice.does(call.format(space), name) == refusal, call
    for layout in ("NATIVE", "WINMMF", "RAW"):
        call = f"MemoryMappedFile.create(%r, 10, namespace=Namespace.{space}, layout=Layout.{layout})"
        assert alice.does(call, name) == "AlreadyExistsError"
    # These sweep.
    assert alice.does("(list_sections(), list_sections(Namespace.GLOBAL)) and None") is None
    assert alice.does("MemoryMappedFile.create(%r, 10).close()", name + "-other") is None
    assert state(path) == before
    assert kind != "link to a file" or target_of(path).read_bytes() == TEXT
    assert not NOTHING.exists()


def test_a_section_of_anothers_under_my_local_name(user: Users, name: str) -> None:
    """Its header and sticky bit are those of a whole section, but its owner is another user."""
    alice, bob = user(ALICE), user(BOB)
    file = f"wmmf-{ALICE}-{name}"
    made = "(made := MemoryMappedFile.create(%r, 100, namespace=Namespace.CUSTOM, access=Access.USERS_WRITE)).size"
    assert bob.does(made, file) == 100
    before = state(SHM / file)
    for call in (
        "MemoryMappedFile.open(%r)",
        "MemoryMappedFile.open(%r, readonly=True)",
        "MemoryMappedFile.open(%r, layout=Layout.RAW)",
        "MemoryMappedFile.create(%r, 100, exist_ok=True)",
    ):
        assert alice.does(call, name) == "AccessDeniedError"
    assert alice.does("MemoryMappedFile.create(%r, 100)", name) == "AlreadyExistsError"
    assert state(SHM / file) == before
    assert bob.does("made.audit().participants") == 1


def test_a_file_of_mine_is_no_section_without_the_mark(user: Users, name: str) -> None:
    """It is not removed either, although nobody has it open. The sticky bit would mark it as ours."""
    path = plant(f"wmmf-{ALICE}-{name}", "text", ALICE)
    alice = user(ALICE)
    assert alice.does("MemoryMappedFile.create(%r, 100)", name) == "AlreadyExistsError"
    assert path.exists()
    path.chmod(0o1600)
    assert alice.does("(made := MemoryMappedFile.create(%r, 100)).size", name) == 100
    assert path.stat().st_size != len(TEXT)


def test_the_mark_does_not_let_one_user_remove_anothers_file(user: Users, name: str) -> None:
    """The folder lets only the owner remove it; root's processes would take it for a crashed section of bob's."""
    path = plant(name, "text", BOB)
    path.chmod(0o1666)
    before = state(path)
    alice = user(ALICE)
    for call in ("open(%r, namespace=Namespace.CUSTOM)", "open(%r, namespace=Namespace.CUSTOM, readonly=True)"):
        assert alice.does("MemoryMappedFile." + call, name) == "NotFoundError"
    for more in ("", ", exist_ok=True"):
        create = f"MemoryMappedFile.create(%r, 100, namespace=Namespace.CUSTOM{more})"
        assert alice.does(create, name) == "AlreadyExistsError"
    assert state(path) == before


def test_a_link_to_a_live_section_is_no_way_in(user: Users, name: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    target = f"{name}-target"
    made = "(made := MemoryMappedFile.create(%r, 100, namespace=Namespace.CUSTOM, access=Access.USERS_WRITE)).size"
    assert bob.does(made, target) == 100
    (SHM / f"wmmf-g-{name}").symlink_to(SHM / target)
    for more in ("", ", readonly=True", ", layout=Layout.RAW"):
        assert alice.does(f"MemoryMappedFile.open(%r, namespace=Namespace.GLOBAL{more})", name) == "FormatError"
    assert alice.does("MemoryMappedFile.open(%r, namespace=Namespace.CUSTOM).size", target) == 100


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@pytest.mark.parametrize("access", [Access.OWNER, Access.USERS_WRITE])
def test_a_camera_is_not_shared_through_a_channel_that_another_user_planted(
    user: Users, name: str, access: Access
) -> None:
    share = pytest.importorskip("pywinmmf.camera.share", reason="needs OpenCV")
    alice = user(ALICE)
    plant = "(planted := FrameChannel.create(%r, capacity=10**5, access=0o666, namespace=Namespace.GLOBAL)).sequence"
    assert alice.does(plant, name) == 0
    camera = share.SharedCamera(share.Sharing(source="test", name=name, size=(64, 48), access=access))
    try:
        wait_until(lambda: f"belongs to another user (uid {ALICE})" in camera.problem)
        assert alice.does("planted.sequence") == 0
        alice.kill()
        wait_until(lambda: camera.problem == "")
        assert (SHM / f"wmmf-g-{name}").stat().st_uid == SERVICE
    finally:
        camera.close()
