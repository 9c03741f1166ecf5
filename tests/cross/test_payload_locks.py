"""Every language takes locks in the payload of what every other created; they exclude, wake and survive each other."""

from __future__ import annotations

import pytest
from cross.agents import LANGUAGES, SYSTEMS, Agent
from cross.protocol import (
    ARGUMENT,
    DEADLOCK,
    FULL,
    LOCAL,
    LONG_TIMEOUT,
    NATIVE,
    NOT_OWNER,
    NOT_SUPPORTED,
    OWNER,
    OWNER_DIED,
    POISONED,
    RANGE,
    READ_ONLY,
    TIMEOUT,
)

pytestmark = [
    pytest.mark.parametrize("system", SYSTEMS),
    pytest.mark.parametrize("creator_language", LANGUAGES),
    pytest.mark.parametrize("opener_language", LANGUAGES),
]

ROW, OTHER, SIZE = 128, 0, 1024
CONTENT = ROW + 64


def share(creator: Agent, opener: Agent, name: str, read_only: int = 0) -> None:
    """Have one agent create a section with two locks for each handle, and the other open it."""
    creator.does("create_with_locks", name, SIZE, 2)
    opener.does("open", name, 0, LOCAL, NATIVE, read_only)


def test_rows_exclude_and_have_nothing_to_do_with_each_other(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    for one, other in [(creator, opener), (opener, creator)]:
        one.does("lock_write_at", ROW, LONG_TIMEOUT)
        assert other.ask("lock_write_at", ROW, 0) == other.ask("lock_read_at", ROW, 0) == f"error {TIMEOUT}"
        other.does("lock_write_at", OTHER, 0)
        other.does("unlock_write_at", OTHER)
        other.does("lock_write", 0)
        other.does("unlock_write")
        other.send("lock_write_at", ROW, LONG_TIMEOUT)
        one.does("poke", CONTENT, "c0de")
        one.does("unlock_write_at", ROW)
        assert other.answer() == "ok"
        assert other.does("peek", CONTENT, 2) == "c0de"
        other.does("unlock_write_at", ROW)
        one.does("lock_read_at", ROW, 0)
        other.does("lock_read_at", ROW, 0)
        other.does("unlock_read_at", ROW)
        other.send("lock_write_at", ROW, LONG_TIMEOUT)
        one.does("unlock_read_at", ROW)
        assert other.answer() == "ok"
        other.does("unlock_write_at", ROW)
    assert creator.does("audit") == "0 0"


def test_a_change_or_a_notification_wakes_waiters(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name, read_only=1)
    assert opener.ask("wait_at", ROW, 0, 1_000_000) == f"error {TIMEOUT}"
    opener.send("wait_at", ROW, 0, LONG_TIMEOUT)
    creator.does("lock_write_at", ROW, 0)
    creator.does("unlock_write_at", ROW)
    assert opener.answer() == "ok 1"
    opener.send("wait_at", ROW, 1, LONG_TIMEOUT)
    creator.does("notify_at", ROW)
    assert opener.answer() == "ok 2"
    opener.send("wait", 0, LONG_TIMEOUT)
    creator.does("notify")
    assert opener.answer() == "ok 1"
    assert opener.ask("lock_read_at", ROW, 0) == opener.ask("notify_at", ROW) == f"error {READ_ONLY}"


def test_a_killed_writer_concerns_its_row(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    creator.does("lock_write_at", ROW, LONG_TIMEOUT)
    creator.kill()
    assert opener.ask("lock_read_at", ROW, LONG_TIMEOUT) == f"error {OWNER_DIED}"
    for _ in range(2):  # without a repair it stays so
        assert opener.ask("lock_write_at", ROW, LONG_TIMEOUT) == f"error {OWNER_DIED}"
        assert opener.ask("unlock_write_at", ROW) in ("ok", f"error {OWNER_DIED}")
    opener.does("fill", CONTENT, 10, 1)  # the section's own lock
    opener.does("lock_write_at", OTHER, 0)
    opener.does("unlock_write_at", OTHER)
    assert opener.ask("lock_write_at", ROW, LONG_TIMEOUT) == f"error {OWNER_DIED}"
    opener.does("mark_consistent_at", ROW)
    opener.does("unlock_write_at", ROW)
    opener.does("lock_read_at", ROW, 0)
    opener.does("unlock_read_at", ROW)


def test_a_killed_reader_costs_nothing(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    opener.does("lock_read_at", ROW, 0)
    opener.kill()
    creator.does("lock_write_at", ROW, LONG_TIMEOUT)
    creator.does("unlock_write_at", ROW)
    assert creator.does("audit") == "0 0"


def test_wrong_use_is_told_in_the_same_way(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)

    def refuses(status: int, *fields: object) -> None:
        assert opener.ask(*fields) == f"error {status}", fields

    refuses(ARGUMENT, "lock_write_at", 8, 0)
    refuses(RANGE, "lock_read_at", SIZE, 0)
    refuses(NOT_OWNER, "unlock_read_at", ROW)
    refuses(NOT_OWNER, "mark_consistent_at", ROW)
    opener.does("lock_write_at", ROW, 0)
    refuses(DEADLOCK, "lock_read_at", ROW, 0)
    opener.does("lock_read_at", OTHER, 0)
    refuses(FULL, "lock_read_at", 64, 0)
    opener.does("unlock_read_at", OTHER)
    opener.does("unlock_write_at", ROW)
    creator.does("poison_at", OTHER)
    refuses(POISONED, "lock_write_at", OTHER, 0)
    opener.does("lock_read_at", 64, 0)
    opener.does("unlock_read_at", 64)
    creator.does("close")
    creator.does("create", name + b"-2".hex(), SIZE, LOCAL, NATIVE, OWNER)
    assert creator.ask("lock_write_at", ROW, 0) == f"error {NOT_SUPPORTED}"
