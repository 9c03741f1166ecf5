"""Every language creates what every other opens, and they exclude, wake and survive each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cross.agents import LANGUAGES, SYSTEMS, Agent
from cross.protocol import (
    ARGUMENT,
    DEADLOCK,
    EXISTS,
    FORMAT,
    GLOBAL,
    LAYOUTS,
    LOCAL,
    LONG_TIMEOUT,
    NAME_EMPTY,
    NAME_INVALID,
    NAME_TOO_LONG,
    NAMESPACES,
    NATIVE,
    NOT_FOUND,
    NOT_OWNER,
    NOT_SUPPORTED,
    OWNER,
    OWNER_DIED,
    POISONED,
    RANGE,
    RAW,
    READ_ONLY,
    SIZE,
    TIMEOUT,
    WINMMF,
)

BYTES = 1_000_003  # no multiple of anything
RESERVE = 64 << 30

on_each_system = pytest.mark.parametrize("system", SYSTEMS)
each_creator = pytest.mark.parametrize("creator_language", LANGUAGES)
each_opener = pytest.mark.parametrize("opener_language", LANGUAGES)
in_each_namespace = pytest.mark.parametrize("namespace", NAMESPACES, ids=["local", "global", "custom"])
in_each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=["native", "winmmf", "raw"])
in_lockable_layouts = pytest.mark.parametrize("layout", [NATIVE, WINMMF], ids=["native", "winmmf"])
pytestmark = [on_each_system, each_opener]


def in_ascii(name: str) -> str:
    """Return the part of a name that the layout winmmf takes."""
    return bytes.fromhex(name).decode().encode("ascii", "ignore").hex()


def share(creator: Agent, opener: Agent, name: str, layout: int = NATIVE, namespace: int = LOCAL) -> None:
    """Have one agent create a section of BYTES bytes and the other open it."""
    if layout == WINMMF:
        name = in_ascii(name)
    creator.does("create", name, BYTES, namespace, layout, OWNER)
    # Only a native section knows its size to the byte.
    asked = 0 if layout == NATIVE else BYTES
    assert opener.does("open", name, asked, namespace, layout, 0) == str(BYTES)


@in_each_layout
@in_each_namespace
@each_creator
def test_bytes_go_both_ways(creator: Agent, opener: Agent, name: str, layout: int, namespace: int) -> None:
    share(creator, opener, name, layout, namespace)
    creator.does("fill", 0, BYTES, 5)
    opener.does("check", 0, BYTES, 5)
    opener.does("fill", 12345, 70000, 6)
    creator.does("check", 12345, 70000, 6)
    creator.does("check", 0, 12345, 5)
    assert creator.ask("check", 0, BYTES, 5) == "mismatch 12345"
    if layout == NATIVE:
        assert creator.does("sequence") == opener.does("sequence") == "2"


@in_lockable_layouts
@each_creator
def test_each_waits_for_the_others_write_lock(creator: Agent, opener: Agent, name: str, layout: int) -> None:
    share(creator, opener, name, layout)
    for holder, waiter in [(creator, opener), (opener, creator)]:
        holder.does("lock_write", LONG_TIMEOUT)
        assert waiter.ask("lock_write", 0) == waiter.ask("lock_read", 0) == f"error {TIMEOUT}"
        waiter.send("lock_write", LONG_TIMEOUT)
        holder.does("poke", BYTES - 2, "c0de")
        holder.does("unlock_write")
        assert waiter.answer() == "ok"
        assert waiter.does("peek", BYTES - 3, 3) == "00c0de"
        assert holder.ask("lock_read", 0) == f"error {TIMEOUT}"
        waiter.does("poke", BYTES - 2, "0000")
        waiter.does("unlock_write")


@in_lockable_layouts
@each_creator
def test_readers_share_and_keep_writers_out(creator: Agent, opener: Agent, name: str, layout: int) -> None:
    share(creator, opener, name, layout)
    for one, other in [(creator, opener), (opener, creator)]:
        one.does("lock_read", LONG_TIMEOUT)
        other.does("lock_read", 0)
        other.does("unlock_read")
        other.send("lock_write", LONG_TIMEOUT)
        one.does("unlock_read")
        assert other.answer() == "ok"
        other.does("unlock_write")


@each_creator
def test_a_change_wakes_waiters(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    for writer, waiter in [(creator, opener), (opener, creator)]:
        sequence = int(waiter.does("sequence"))
        assert waiter.ask("wait", sequence, 1_000_000) == f"error {TIMEOUT}"
        waiter.send("wait", sequence, LONG_TIMEOUT)
        writer.does("fill", 0, 10, 1)
        assert waiter.answer() == f"ok {sequence + 1}"


@each_creator
def test_a_read_only_opener_reads(creator: Agent, opener: Agent, name: str) -> None:
    creator.does("create", name, BYTES, LOCAL, NATIVE, OWNER)
    creator.does("fill", 0, BYTES, 9)
    assert opener.does("open", name, 0, LOCAL, NATIVE, 1) == str(BYTES)
    opener.does("check", 0, BYTES, 9)
    assert opener.ask("fill", 0, 1, 1) == f"error {READ_ONLY}"
    assert opener.ask("lock_read", 0) == opener.ask("lock_write", 0) == f"error {READ_ONLY}"
    opener.send("wait", 1, LONG_TIMEOUT)
    creator.does("fill", 0, BYTES, 10)
    assert opener.answer() == "ok 2"


@each_creator
def test_each_makes_it_larger_for_the_other(creator: Agent, opener: Agent, name: str) -> None:
    creator.does("create_growing", name, BYTES, RESERVE)
    assert opener.does("open", name, 0, LOCAL, NATIVE, 0) == str(BYTES)
    assert opener.ask("check", BYTES, 1, 0) == f"error {RANGE}"
    for one, other, size in [(creator, opener, 2 * BYTES), (opener, creator, 3 * BYTES)]:
        one.does("resize", size)
        assert other.does("size") == str(size)
        one.does("fill", size - 1000, 1000, 5)
        other.does("check", size - 1000, 1000, 5)
        assert other.does("peek", size - 2000, 2) == "0000"
        assert other.ask("resize", size - 1) == other.ask("resize", RESERVE + 1) == f"error {SIZE}"


@each_creator
def test_an_unnamed_section_is_handed_over(creator: Agent, opener: Agent, system: str) -> None:
    creator.does("create_unnamed", BYTES)
    handle = creator.does("share", 0 if system == "linux" else opener.does("process"))
    assert opener.does("open_handle", creator.does("process"), handle) == str(BYTES)
    creator.does("fill", 0, BYTES, 5)
    opener.does("check", 0, BYTES, 5)
    creator.does("lock_write", LONG_TIMEOUT)
    assert opener.ask("lock_read", 0) == f"error {TIMEOUT}"
    opener.send("lock_write", LONG_TIMEOUT)
    creator.does("unlock_write")
    assert opener.answer() == "ok"


@each_creator
def test_a_killed_writer_is_survived(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    creator.does("lock_write", LONG_TIMEOUT)
    creator.kill()
    assert opener.ask("lock_read", LONG_TIMEOUT) == f"error {OWNER_DIED}"
    assert opener.ask("fill", 0, 10, 1) == opener.ask("check", 0, 10, 1) == f"error {OWNER_DIED}"
    assert opener.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"
    opener.does("poke", 0, "0102")
    opener.does("mark_consistent")
    opener.does("unlock_write")
    opener.does("fill", 0, 10, 1)
    opener.does("check", 0, 10, 1)


@each_creator
def test_without_a_repair_all_learn_of_it(
    creator: Agent, opener: Agent, name: str, seat: Callable[[str, str], Agent]
) -> None:
    share(creator, opener, name)
    opener.does("lock_write", LONG_TIMEOUT)
    opener.kill()
    assert creator.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"
    creator.does("unlock_write")
    late = seat("c", "late")
    late.does("open", name, 0, LOCAL, NATIVE, 0)
    for agent in (creator, late):
        assert agent.ask("lock_read", LONG_TIMEOUT) == f"error {OWNER_DIED}"
        assert agent.ask("fill", 0, 1, 1) == agent.ask("check", 0, 1, 1) == f"error {OWNER_DIED}"
        assert agent.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"
        agent.does("unlock_write")
    assert creator.does("audit") == "0 0"
    assert creator.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"
    creator.does("mark_consistent")
    creator.does("unlock_write")
    late.does("fill", 0, 1, 1)


@pytest.mark.parametrize("wait", ["lock_write", "wait"])
def test_without_a_repair_every_wait_ends(
    opener: Agent, name: str, wait: str, seat: Callable[[str, str], Agent]
) -> None:
    """Writers that wait during a repair. Readers do not wait: they learn of the death at once."""
    creator, victim = seat("c", "creator"), seat("c", "victim")
    share(creator, opener, name)
    victim.does("open", name, 0, LOCAL, NATIVE, 0)
    victim.does("lock_write", LONG_TIMEOUT)
    victim.kill()
    assert creator.ask("lock_write", LONG_TIMEOUT) == f"error {OWNER_DIED}"
    sequence = opener.does("sequence")
    opener.send(*([wait, sequence, LONG_TIMEOUT] if wait == "wait" else [wait, LONG_TIMEOUT]))
    creator.does("unlock_write")
    assert opener.answer() == f"error {OWNER_DIED}"


def damage(vandal: Agent, name: str) -> None:
    """Have an agent change a tally of the creator: the read locks that it holds."""
    vandal.does("open", name, 0, LOCAL, RAW, 0)
    vandal.does("poke", 512 + 2, "07")
    vandal.does("close")


@each_creator
def test_damage_ends_every_wait(creator: Agent, opener: Agent, name: str, seat: Callable[[str, str], Agent]) -> None:
    vandal = seat("c", "vandal")
    waits = [
        ("wait", 0, LONG_TIMEOUT),
        ("lock_read", LONG_TIMEOUT),
        ("lock_write", LONG_TIMEOUT),
        ("fill", 0, 1, 1),
        ("check", 0, 1, 1),
    ]
    for number, wait in enumerate(waits):
        section = name + f"-{number}".encode().hex()
        share(creator, opener, section)
        creator.does("lock_write", LONG_TIMEOUT)
        opener.send(*wait)
        damage(vandal, section)
        assert creator.does("audit") == "1 1"
        assert opener.answer() == opener.ask(*wait) == f"error {POISONED}"
        assert creator.ask("unlock_write") == creator.ask(*wait) == f"error {POISONED}"
        creator.does("close")
        opener.does("close")


@each_creator
def test_a_killed_reader_costs_nothing(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    opener.does("lock_read", LONG_TIMEOUT)
    opener.kill()
    creator.does("fill", 0, BYTES, 3)
    creator.does("check", 0, BYTES, 3)


def test_the_section_ends_with_its_last_user(opener: Agent, name: str) -> None:
    opener.does("create", name, 10, LOCAL, NATIVE, OWNER)
    opener.does("close")
    assert opener.ask("open", name, 0, LOCAL, NATIVE, 0) == f"error {NOT_FOUND}"


def test_error_codes_are_the_same_everywhere(opener: Agent, name: str, seat: Callable[[str, str], Agent]) -> None:
    other = seat("c", "creator")
    other.does("create", name, 100, LOCAL, NATIVE, OWNER)
    free, foreign = name + b"-2".hex(), in_ascii(name) + b"-3".hex()

    def refuses(status: int, *fields: object) -> None:
        assert opener.ask(*fields) == f"error {status}", fields

    assert opener.does("version") == other.does("version")
    refuses(ARGUMENT, "nonsense")
    refuses(ARGUMENT, "sequence")
    refuses(NAME_EMPTY, "create", "", 10, LOCAL, NATIVE, OWNER)
    refuses(NAME_TOO_LONG, "create", "6e" * 231, 10, LOCAL, NATIVE, OWNER)
    refuses(NAME_INVALID, "create", b"a\\b".hex(), 10, LOCAL, NATIVE, OWNER)
    refuses(NAME_INVALID, "open", b"a/b".hex(), 0, GLOBAL, NATIVE, 0)
    refuses(ARGUMENT, "create", free, 10, 3, NATIVE, OWNER)
    refuses(ARGUMENT, "create", free, 10, LOCAL, 3, OWNER)
    refuses(ARGUMENT, "create", free, 10, LOCAL, NATIVE, 9)
    refuses(SIZE, "create", free, 0, LOCAL, NATIVE, OWNER)
    refuses(SIZE, "create", free, 2**63 - 1, LOCAL, NATIVE, OWNER)
    refuses(EXISTS, "create", name, 10, LOCAL, NATIVE, OWNER)
    refuses(NOT_FOUND, "open", free, 0, LOCAL, NATIVE, 0)
    refuses(NOT_FOUND, "open", name, 0, GLOBAL, NATIVE, 0)
    refuses(SIZE, "open", name, 101, LOCAL, NATIVE, 0)

    opener.does("open", name, 0, LOCAL, NATIVE, 0)
    refuses(ARGUMENT, "open", name, 0, LOCAL, NATIVE, 0)
    refuses(RANGE, "fill", 0, 101, 1)
    refuses(RANGE, "check", 100, 1, 1)
    refuses(NOT_OWNER, "unlock_read")
    refuses(NOT_OWNER, "unlock_write")
    refuses(NOT_OWNER, "mark_consistent")
    opener.does("lock_read", 0)
    refuses(DEADLOCK, "lock_read", 0)
    refuses(DEADLOCK, "lock_write", 0)
    refuses(NOT_OWNER, "unlock_write")
    opener.does("unlock_read")
    opener.does("close")

    opener.does("create", foreign, 10000, LOCAL, WINMMF, OWNER)
    refuses(NOT_SUPPORTED, "sequence")
    refuses(NOT_SUPPORTED, "wait", 0, 0)
    refuses(NOT_SUPPORTED, "mark_consistent")
    opener.does("poke", 0, "ff" * 8)
    assert other.does("close") == ""
    assert other.ask("open", foreign, 0, LOCAL, NATIVE, 0) == f"error {FORMAT}"
    opener.does("close")

    opener.does("create", foreign, 10000, LOCAL, RAW, OWNER)
    refuses(NOT_SUPPORTED, "lock_read", 0)
    refuses(NOT_SUPPORTED, "lock_write", 0)
    refuses(NOT_SUPPORTED, "sequence")
