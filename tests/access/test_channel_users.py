"""Users of one machine and the three parts of a channel: who reads in place, who copies, who is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from access.conftest import (
    ALICE,
    BOB,
    CAROL,
    F_OFD_SETLK,
    SHM,
    User,
    lock_tokens,
    wait_for_the_end_of_the_creator,
)

Users = Callable[..., User]

GLOBAL = "namespace=Namespace.GLOBAL"
OPEN = "(channel := FrameChannel.open(%r, " + GLOBAL + ", readonly=True)).in_place"


def create(user: User, name: str, access: str) -> None:
    made = "(made := FrameChannel.create(%r, capacity=100, " + GLOBAL + ", access=%s)).publish(b'first')"
    assert user.does(made, name, access) == 1


def inner_file(user: User, which: str, name: str) -> str:
    """The file of the channel's pictures or readers, by the number in its header."""
    offset = {"readers": 8, "pictures": 64}[which]
    path = f"{SHM}/wmmf-g-{name}"
    payload = user.does("struct.unpack_from('<Q', open(%r, 'rb').read(), 16)[0]", path)
    number = user.does("struct.unpack_from('<Q', open(%r, 'rb').read(), %s)[0]", path, payload + offset)
    return f"{SHM}/wmmf-i-{number:016x}"


def test_users_read_reads_in_place_and_writes_nothing_but_pins(user: Users, name: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    create(alice, name, "Access.USERS_READ")
    assert bob.does(OPEN, name) is True
    assert bob.does("bytes((frame := channel.latest()).data)") == b"first"
    for _ in range(10):
        alice.does("made.publish(b'later')")
    assert bob.does("(bytes(frame.data), frame.intact, frame.release())") == (b"first", True, None)
    assert bob.does("FrameChannel.open(%r, " + GLOBAL + ")", name) == "AccessDeniedError"
    assert bob.does("channel.publish(b'mine')") == "AccessDeniedError"
    assert bob.does("os.open(%r, os.O_RDWR)", f"{SHM}/wmmf-g-{name}") == "PermissionError"
    assert bob.does("os.open(%r, os.O_RDWR)", inner_file(bob, "pictures", name)) == "PermissionError"
    assert bob.does("os.close(os.open(%r, os.O_RDWR))", inner_file(bob, "readers", name)) is None
    # The writer has seen it sleep and wakes it: it does not poll.
    assert bob.does("channel.next(timeout=0.05).missed") == 9


def test_users_read_follows_to_larger_pictures_that_only_the_owner_makes(user: Users, name: str) -> None:
    alice, bob, carol = user(ALICE), user(BOB), user(CAROL)
    create(alice, name, "Access.USERS_WRITE")
    assert bob.does(OPEN, name) is True
    assert carol.does("(theirs := FrameChannel.open(%r, " + GLOBAL + ")).publish(b'second')", name) == 2
    assert carol.does("theirs.resize(capacity=200)") == "AccessDeniedError"
    assert alice.does("made.resize(capacity=200)") is None
    assert alice.does("made.publish(bytes(200))") == 3
    assert bob.does("len((frame := channel.next()).data)") == 200
    assert carol.does("theirs.publish(bytes(150))") == 4


def test_pictures_that_were_replaced_go_with_their_last_reader(user: Users, name: str) -> None:
    """The last reader belongs to another user, who may not remove the file of the pictures."""
    alice, bob = user(ALICE), user(BOB)
    create(alice, name, "Access.USERS_READ")
    assert bob.does(OPEN, name) is True
    assert bob.does("(held := channel.latest()).sequence") == 1
    replaced = Path(inner_file(alice, "pictures", name))
    assert replaced.exists()
    assert alice.does("made.resize(capacity=200)") is None
    assert alice.does("made.publish(bytes(200))") == 2
    assert bob.does("(later := channel.next()).sequence") == 2
    assert bob.does("(bytes(held.data), held.intact, held.release())") == (b"first", True, None)
    assert not replaced.exists()


@pytest.mark.parametrize(("access", "in_place"), [("0o444", False), ("0o644", True), ("0o640", None)])
def test_a_mode_says_who_reads_and_who_reads_in_place(
    user: Users, name: str, access: str, in_place: bool | None
) -> None:
    alice, bob = user(ALICE), user(BOB)
    create(alice, name, access)
    assert bob.does(OPEN, name) == ("AccessDeniedError" if in_place is None else in_place)
    if in_place is not None:
        assert bob.does("bytes(channel.latest().data)") == b"first"


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "filling a frame"])
def test_a_reader_cannot_make_a_dead_publisher_look_alive(user: Users, name: str, busy: bool) -> None:
    alice, heir, bob, carol = user(ALICE), user(ALICE), user(BOB), user(CAROL)
    create(alice, name, "Access.USERS_READ")
    assert carol.does(OPEN, name) is True
    assert heir.does("(standby := FrameChannel.open(%r, " + GLOBAL + ")).sequence", name) == 1
    wait_for_the_end_of_the_creator(bob, SHM / f"wmmf-g-{name}")
    assert carol.does("channel.state(None).name") == "LIVE"
    if busy:
        assert alice.does("(filling := made.begin()).__enter__() and None") is None
    alice.kill()
    assert bob.answers() == "locked"
    assert carol.does("channel.state(None).name") == "HUNG_UP"
    assert heir.does("standby.stand_by(30)") is None
    assert heir.does("standby.publish(b'second')") == 2
    assert carol.does("channel.state(None).name") == "LIVE"


def test_what_a_reader_does_to_the_files_keeps_nobody_from_publishing(user: Users, name: str) -> None:
    """Leases, locks, lengths, and files that are opened and mapped many times."""
    alice, heir, bob, carol = user(ALICE), user(ALICE), user(BOB), user(CAROL)
    create(alice, name, "Access.USERS_READ")
    readers = inner_file(bob, "readers", name)
    read_only = [f"{SHM}/wmmf-g-{name}", inner_file(bob, "pictures", name)]
    for path in (*read_only, readers):
        assert bob.does("(file := os.open(%r, os.O_RDONLY)) and None", path) is None
        assert bob.does("fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)") == "PermissionError"
        assert bob.does("fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)") == "BlockingIOError"
        assert bob.does("fcntl.flock(file, fcntl.LOCK_SH)") is None
        assert bob.does("len(kept := [os.open(%r, os.O_RDONLY) for _ in range(200)])", path) == 200
        assert bob.does("len(maps := [mmap.mmap(file, 0, prot=mmap.PROT_READ) for _ in range(100)])") == 100
    for path in read_only:
        assert bob.does("os.truncate(%r, 0)", path) == "PermissionError"
        assert bob.does("os.posix_fallocate(os.open(%r, os.O_RDONLY), 0, 1 << 20)", path) == "OSError"
    assert bob.does(lock_tokens(1, 4095, F_OFD_SETLK, shared=False), readers) == "locked"
    for number in range(2, 50):
        assert alice.does("made.publish(b'later')") == number
    assert carol.does(OPEN, name) is False
    assert carol.does("bytes(channel.next(5).data)") == b"later"
    assert alice.does("made.resize(capacity=200)") is None
    assert heir.does("(standby := FrameChannel.open(%r, " + GLOBAL + ")).in_place", name) is False
    alice.kill()
    assert heir.does("standby.stand_by(30)") is None
    assert heir.does("standby.publish(bytes(200))") == 50
    assert carol.does("len(channel.next(5).data)") == 200


def test_an_inner_section_of_another_user_is_refused(user: Users, name: str) -> None:
    """The owner has gone and bob keeps the channel; carol creates her own pictures under the old name."""
    alice, bob, carol = user(ALICE), user(BOB), user(CAROL)
    create(alice, name, "Access.USERS_READ")
    pictures = inner_file(alice, "pictures", name)
    look = "(looker := MemoryMappedFile.open(%r, " + GLOBAL + ", readonly=True)).size"
    assert isinstance(bob.does(look, name), int)
    assert alice.does("made.close()") is None
    plant = "(planted := MemoryMappedFile.create(%r, 4096, namespace=Namespace.CUSTOM, access=Access.USERS_READ)).size"
    alice.kill()
    assert carol.does(plant, pictures.rpartition("/")[2]) == 4096
    assert bob.does("FrameChannel.open(%r, " + GLOBAL + ", readonly=True)", name) == "AccessDeniedError"
