"""Users of one machine: sections of the owner only, sections that all may read, sections that all may write."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from access.conftest import (
    ALICE,
    BOB,
    CAROL,
    F_OFD_SETLK,
    SERVICE,
    SHM,
    User,
    lock_tokens,
    wait_for_the_end_of_the_creator,
)

Users = Callable[..., User]

GLOBAL = "namespace=Namespace.GLOBAL"
LAYOUTS = ["NATIVE", "WINMMF", "RAW"]
layouts = pytest.mark.parametrize("layout", LAYOUTS)


def file_of(name: str) -> Path:
    return SHM / f"wmmf-g-{name}"


def create(user: User, name: str, access: str, layout: str = "NATIVE") -> None:
    done = user.does(
        "(made := MemoryMappedFile.create(%r, 4096, layout=Layout.%s, access=%s, " + GLOBAL + ")).write(b'made')",
        name,
        layout,
        access,
    )
    assert done == 4


def opening(user: User, name: str, more: str = "") -> object:
    return user.does("(section := MemoryMappedFile.open(%r, " + GLOBAL + more + ")).size", name)


@layouts
def test_what_is_the_owners_is_refused_to_others(user: Users, name: str, layout: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    create(alice, name, "Access.OWNER", layout)
    more = f", layout=Layout.{layout}"
    assert opening(alice, name, more) == 4096
    for readonly in (", readonly=True", ""):
        assert opening(bob, name, more + readonly) == "AccessDeniedError"
        # Also by the name of the file.
        other = "MemoryMappedFile.open('wmmf-g-%s', namespace=Namespace.CUSTOM" + more + readonly + ")"
        assert bob.does(other, name) == "AccessDeniedError"
    assert bob.does("MemoryMappedFile.create(%r, 10, exist_ok=True, " + GLOBAL + ")", name) == "AccessDeniedError"
    assert bob.does("MemoryMappedFile.create(%r, 10, " + GLOBAL + ")", name) == "AlreadyExistsError"
    assert bob.does("%r in list_sections(Namespace.GLOBAL)", name) is False
    assert alice.does("%r in list_sections(Namespace.GLOBAL)", name) is True


def test_local_names_are_each_users_own(user: Users, name: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    for each, text in ((alice, b"alice"), (bob, b"bob")):
        assert each.does("(made := MemoryMappedFile.create(%r, 10)).write(%r)", name, text) == len(text)
    assert alice.does("MemoryMappedFile.open(%r).read(5)", name) == b"alice"
    assert bob.does("MemoryMappedFile.open(%r).read(3)", name) == b"bob"
    assert bob.does("%r in list_sections()", name) is True
    file = f"wmmf-{ALICE}-{name}"
    assert bob.does("MemoryMappedFile.open(%r, namespace=Namespace.CUSTOM)", file) == "AccessDeniedError"


def test_users_read_lets_others_read_and_nothing_else(user: Users, name: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    create(alice, name, "Access.USERS_READ")
    assert opening(bob, name) == "AccessDeniedError"
    assert bob.does("MemoryMappedFile.create(%r, 10, exist_ok=True, " + GLOBAL + ")", name) == "AccessDeniedError"
    assert opening(bob, name, ", readonly=True") == 4096
    assert bob.does("section.read(4)") == b"made"
    assert bob.does("(section.audit().damaged, section.audit().participants)") == (False, 1)
    assert bob.does("section.write(b'x')") == "AccessDeniedError"
    assert bob.does("section.write_lock().__enter__()") == "AccessDeniedError"
    assert bob.does("section.read_lock().__enter__()") == "AccessDeniedError"
    # Nor without the library.
    assert bob.does("os.open(%r, os.O_RDWR)", str(file_of(name))) == "PermissionError"
    assert bob.does("section.wait(1, timeout=0)") == "LockTimeoutError"
    assert alice.does("made.write(b'more')") == 4
    assert bob.does("(section.wait(1, timeout=30), section.read(4))") == (2, b"more")


def test_a_program_that_writes_through_read_only_pages_dies(user: Users, name: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    create(alice, name, "Access.USERS_READ")
    assert opening(bob, name, ", readonly=True") == 4096
    find = "(address := int(ffi.cast('uintptr_t', ffi.from_buffer(section.view()))))"
    assert bob.does(f"{find} and ctypes.string_at(address, 4)") == b"made"
    bob.starts("ctypes.memset(address, 0, 4)")
    assert bob.end() == -signal.SIGSEGV
    assert alice.does("(made.read(4), made.audit().damaged)") == (b"made", False)


@pytest.mark.parametrize(("creator", "other"), [(SERVICE, BOB), (ALICE, BOB), (ALICE, SERVICE)])
def test_users_write_lets_others_write_and_lock(user: Users, name: str, creator: int, other: int) -> None:
    service, client = user(creator), user(other)
    create(service, name, "Access.USERS_WRITE")
    assert opening(client, name) == 4096
    assert client.does("(section.read(4), section.write(b'back'))") == (b"made", 4)
    assert service.does("made.read(4)") == b"back"
    for holder, its, waiter, others in ((client, "section", service, "made"), (service, "made", client, "section")):
        assert holder.does(f"(lock := {its}.write_lock(5)).__enter__().owner_died") is False
        assert waiter.does(f"{others}.write(b'x', timeout=0.05)") == "LockTimeoutError"
        assert holder.does("lock.__exit__(None, None, None)") is None
        assert waiter.does(f"{others}.write(b'free')") == 4


@pytest.mark.parametrize("victim", ["client", "service"])
def test_one_users_crash_is_recovered_by_another(user: Users, name: str, victim: str) -> None:
    service, client = user(SERVICE), user(BOB)
    create(service, name, "Access.USERS_WRITE")
    assert opening(client, name) == 4096
    dying, its, survivor, others = (client, "section", service, "made")
    if victim == "service":
        dying, its, survivor, others = (service, "made", client, "section")
    assert dying.does(f"(lock := {its}.write_lock(5)).__enter__().owner_died") is False
    assert survivor.does(f"{others}.audit().owner_died") is False
    dying.kill()
    assert survivor.does(f"{others}.read(4, timeout=30)") == "OwnerDiedError"
    assert survivor.does(f"(lock := {others}.write_lock(30, repair=True)).__enter__().owner_died") is True
    assert survivor.does(f"({others}.mark_consistent(), lock.__exit__(None, None, None))") == (None, None)
    assert survivor.does(f"({others}.write(b'on'), {others}.read(2), {others}.audit().damaged)") == (2, b"on", False)


def test_a_mode_lets_a_group_in(user: Users, name: str) -> None:
    alice, bob, carol = user(ALICE), user(BOB), user(CAROL)
    create(alice, name, "0o640")
    assert alice.does("os.chmod(%r, 0o1640)", str(file_of(name))) is None
    os.chown(file_of(name), ALICE, BOB)  # as a service's setgid folder or newgrp would have it
    assert opening(bob, name, ", readonly=True") == 4096
    assert opening(bob, name) == "AccessDeniedError"
    assert opening(carol, name, ", readonly=True") == "AccessDeniedError"


@pytest.mark.parametrize("umask", [0, 0o077])
def test_modes_are_what_was_asked_for(user: Users, name: str, umask: int) -> None:
    """The umask has no effect, and only the sections are created. The sticky bit is the mark of this library's
    files."""
    alice = user(ALICE, umask)
    before = set(os.listdir(SHM))
    asked = {"Access.OWNER": 0o600, "Access.USERS_READ": 0o644, "Access.USERS_WRITE": 0o666, "0o640": 0o640, "0": 0}
    expected = {}
    for space, prefix in (("LOCAL", f"wmmf-{ALICE}-"), ("GLOBAL", "wmmf-g-"), ("CUSTOM", "")):
        for access, mode in {"": 0o600, **asked}.items():
            for what in (*LAYOUTS, "CHANNEL"):
                mine = "-".join([name, space, what, access or "default"])
                more = f"namespace=Namespace.{space}" + (access and f", access={access}")
                call = f"MemoryMappedFile.create(%r, 9, layout=Layout.{what}, {more})"
                if (what, access) == ("WINMMF", "Access.USERS_READ"):
                    continue  # there is no such thing: the programs of that layout always ask to write
                if what == "CHANNEL":
                    call = f"FrameChannel.create(%r, capacity=9, {more})"
                made = alice.does(f"globals().setdefault(%r, {call}).closed", mine, mine)
                if (what, access) == ("WINMMF", "Access.USERS_READ"):
                    assert made == "NotSupportedError"  # the crate's programs ask for all rights even to read
                    continue
                assert made is False
                expected[prefix + mine] = mode | stat.S_ISVTX
    found = {file: (SHM / file).stat() for file in set(os.listdir(SHM)) - before if name in file}
    assert {file: stat.S_IMODE(status.st_mode) for file, status in found.items()} == expected
    assert {(status.st_uid, status.st_gid) for status in found.values()} == {(ALICE, ALICE)}


# The rest is about files that are left behind, and uses custom names: the next creator, which may be any process of
# root's, removes those of the other namespaces.


def create_custom(user: User, name: str) -> None:
    made = "(made := MemoryMappedFile.create(%r, 4096, namespace=Namespace.CUSTOM, access=Access.USERS_READ)).size"
    assert user.does(made, name) == 4096


def opening_custom(user: User, name: str, readonly: bool = False) -> object:
    opened = "(section := MemoryMappedFile.open(%r, namespace=Namespace.CUSTOM, readonly=%r)).size"
    return user.does(opened, name, readonly)


CREATE_AGAIN = "MemoryMappedFile.create(%r, 4096, namespace=Namespace.CUSTOM)"


def test_what_a_user_leaves_behind_its_owner_takes_away(user: Users, name: str) -> None:
    """Only the owner, or root, may remove a file from /dev/shm. If a reader is the last to leave, the section ends, and
    the file stays until one of those comes."""
    alice, bob, carol = user(ALICE), user(BOB), user(CAROL)
    create_custom(alice, name)
    assert opening_custom(bob, name, readonly=True) == 4096
    alice.kill()
    assert opening_custom(carol, name, readonly=True) == 4096  # it lives as long as bob has it
    assert carol.does("section.close()") is None
    assert bob.does("section.close()") is None
    assert (SHM / name).exists()
    assert opening_custom(carol, name, readonly=True) == "NotFoundError"
    assert carol.does(CREATE_AGAIN, name) == "AlreadyExistsError"
    alice = user(ALICE)
    create_custom(alice, name)
    assert opening_custom(carol, name, readonly=True) == 4096
    assert alice.does("made.close()") is None
    assert carol.does("section.close()") is None
    assert opening_custom(alice, name) == "NotFoundError"
    assert not (SHM / name).exists()


# What a reader can do with advisory locks, as docs/threat-model.md says.

LOCK = "fcntl.flock(lock := os.open(%%r, os.O_RDONLY), fcntl.LOCK_%s | fcntl.LOCK_NB)"


def test_a_shared_lock_keeps_a_name(user: Users, name: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    create_custom(alice, name)
    path = str(SHM / name)
    assert bob.does(LOCK % "EX", path) == "BlockingIOError"  # alice has it
    assert bob.does(LOCK % "SH", path) is None
    alice.kill()
    alice = user(ALICE)
    assert alice.does(CREATE_AGAIN, name) == "AlreadyExistsError"
    assert opening_custom(alice, name) == 4096
    assert bob.does("os.close(lock)") is None


def test_an_exclusive_lock_on_what_nobody_has_blocks_a_name(user: Users, name: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    create_custom(alice, name)
    alice.kill()
    assert bob.does(LOCK % "EX", str(SHM / name)) is None
    alice = user(ALICE)
    assert opening_custom(alice, name) == "FormatError"
    assert alice.does(CREATE_AGAIN, name) == "AlreadyExistsError"
    assert bob.does("os.close(lock)") is None
    create_custom(alice, name)


def test_shared_locks_on_tokens_keep_new_writers_out(user: Users, name: str) -> None:
    alice, bob = user(ALICE), user(BOB)
    create_custom(alice, name)
    path = str(SHM / name)
    assert bob.does(lock_tokens(0, 1, F_OFD_SETLK), path) == "BlockingIOError"  # alice lives
    assert bob.does(lock_tokens(1, 4095, F_OFD_SETLK), path) == "locked"
    assert opening_custom(user(ALICE), name) == "Error"  # no record is free
    assert opening_custom(user(CAROL), name, readonly=True) == 4096
    assert alice.does("made.write(b'on', timeout=0)") == 2
    bob.kill()
    assert opening_custom(user(ALICE), name) == 4096


def test_shared_locks_on_tokens_keep_nothing_that_a_dead_writer_held(user: Users, name: str) -> None:
    alice, heir, bob = user(ALICE), user(ALICE), user(BOB)
    create_custom(alice, name)
    assert opening_custom(heir, name) == 4096
    wait_for_the_end_of_the_creator(bob, SHM / name)
    assert alice.does("(lock := made.write_lock(5)).__enter__().owner_died") is False
    alice.kill()
    assert bob.answers() == "locked"
    assert heir.does("section.read(4, timeout=30)") == "OwnerDiedError"


@pytest.mark.parametrize("kind", ["MemoryMappedFile.create(%r, 4096, ", "FrameChannel.create(%r, capacity=4096, "])
def test_own_only_refuses_what_another_user_made(user: Users, name: str, kind: str) -> None:
    """Such as a name that an attacker took before the service did."""
    alice, bob = user(ALICE), user(BOB)
    create = "(made := " + kind + "exist_ok=True, own_only=%s, access=Access.USERS_WRITE, " + GLOBAL + ")).sequence"
    assert alice.does(create, name, False) == 0
    assert bob.does(create, name, True) == "AccessDeniedError"
    assert bob.does(create, name, False) == 0
    assert alice.does(create, name, True) == 0
