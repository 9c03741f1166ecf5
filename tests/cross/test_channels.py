"""Every language publishes frames that every other reads, in place; and they wake and survive each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cross.agents import LANGUAGES, SYSTEMS, Agent
from cross.protocol import (
    ARGUMENT,
    DEADLOCK,
    EXISTS,
    FORMAT,
    LOCAL,
    LONG_TIMEOUT,
    NATIVE,
    NOT_FOUND,
    NOT_OWNER,
    OWNER,
    RANGE,
    READ_ONLY,
    SIZE,
    TIMEOUT,
)

CAPACITY = 70_001  # no multiple of anything
SLOTS = 3
USER = bytes(range(64)).hex()

pytestmark = [pytest.mark.parametrize("system", SYSTEMS), pytest.mark.parametrize("opener_language", LANGUAGES)]
each_creator = pytest.mark.parametrize("creator_language", LANGUAGES)
in_place_or_copied = pytest.mark.parametrize("copied", [False, True], ids=["in-place", "copied"])
for_each_right = pytest.mark.parametrize("readonly", [0, 1], ids=["writable", "read-only"])


def share(creator: Agent, opener: Agent, name: str, readonly: int = 0) -> None:
    """Have one agent create a channel and the other open it."""
    creator.does("channel_create", name, CAPACITY, SLOTS, LOCAL, OWNER)
    assert opener.does("channel_open", name, LOCAL, readonly) == f"{CAPACITY} {SLOTS}"


def publish(writer: Agent, seed: int) -> str:
    """Have an agent publish a small frame; returns its sequence."""
    return writer.does("copy", 12, seed, 2, 2, 6, "BGR3", 0, "")


def takes(reader: Agent, sequence: int, missed: int, seed: int) -> None:
    """Have an agent take that frame."""
    assert reader.does("next", LONG_TIMEOUT).split(" ")[:2] == [str(sequence), str(missed)]
    reader.does("picture", 12, seed)


@each_creator
@in_place_or_copied
@for_each_right
def test_a_picture_arrives_whole(creator: Agent, opener: Agent, name: str, copied: bool, readonly: int) -> None:
    share(creator, opener, name, readonly)

    def publishes(*frame: object) -> str:
        if not copied:
            creator.does("begin", 0)
        return creator.does("copy" if copied else "publish", *frame)

    assert publishes(150 * 450, 5, 150, 150, 450, "BGR3", 123456789012345, USER) == "1"
    assert opener.does("next", 0) == f"1 0 123456789012345 150 150 450 BGR3 {USER}"
    opener.does("picture", 150 * 450, 5)
    assert opener.ask("picture", 150 * 450, 6) == "mismatch 0"
    assert opener.ask("next", 0) == f"error {TIMEOUT}"

    # Smaller ones, of which the reader misses two; and one that fills the slot.
    for seed in (6, 7, 8):
        publishes(10 * 20, seed, 20, 10, 20, "GREY", seed, "01ff")
    assert opener.does("next", 0) == "4 2 8 20 10 20 GREY 01ff"
    opener.does("picture", 10 * 20, 8)
    assert publishes(CAPACITY, 9, CAPACITY, 1, CAPACITY, "GREY", 9, "") == "5"
    assert opener.does("next", 0) == f"5 0 9 {CAPACITY} 1 {CAPACITY} GREY "
    opener.does("picture", CAPACITY, 9)


@each_creator
def test_rows_may_have_gaps(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    creator.does("begin", 0)
    creator.does("publish", 4001, 5, 13, 40, 100, "BGR3", 7, "")
    assert opener.does("next", 0) == "1 0 7 13 40 100 BGR3 "
    opener.does("picture", 4001, 5)


@each_creator
@for_each_right
def test_a_frame_wakes_waiters(creator: Agent, opener: Agent, name: str, readonly: int) -> None:
    share(creator, opener, name, readonly)
    assert opener.ask("next", 1_000_000) == f"error {TIMEOUT}"
    for sequence in (1, 2):
        opener.send("next", LONG_TIMEOUT)
        assert publish(creator, sequence) == str(sequence)
        assert opener.answer().startswith(f"ok {sequence} 0 ")
        opener.does("picture", 12, sequence)


@each_creator
def test_writers_take_turns(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    for one, other in [(creator, opener), (opener, creator)]:
        one.does("begin", 0)
        assert other.ask("begin", 0) == f"error {TIMEOUT}"
        other.send("begin", LONG_TIMEOUT)
        one.does("drop")
        assert other.answer() == "ok"
        other.does("drop")
    assert publish(creator, 1) == "1"
    assert publish(opener, 2) == "2"
    takes(creator, 2, 0, 2)


@each_creator
def test_a_frame_stays_as_it_is_while_it_is_held(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    publish(creator, 100)
    takes(opener, 1, 0, 100)
    for seed in range(2, 3 * SLOTS):
        publish(creator, seed)
    opener.does("picture", 12, 100)
    takes(opener, 3 * SLOTS - 1, 3 * SLOTS - 3, 3 * SLOTS - 1)


@each_creator
def test_a_writer_without_a_slot_skips_or_waits(creator: Agent, opener: Agent, name: str) -> None:
    share(creator, opener, name)
    hold_all_slots(creator, opener)
    assert creator.ask("copy", 1, 1, 1, 1, 1, "GREY", 0, "") == f"error {TIMEOUT}"
    creator.send("begin", LONG_TIMEOUT)
    opener.does("release")
    assert creator.answer() == "ok"
    creator.does("drop")
    assert publish(creator, 4) == "4"


def hold_all_slots(creator: Agent, opener: Agent) -> None:
    """Of three frames have one agent hold the first, the other the second; the third is the newest."""
    for reader in (creator, opener):
        publish(creator, 1)
        reader.does("next", 0)
    publish(creator, 3)
    assert creator.ask("begin", 0) == f"error {TIMEOUT}"


def test_a_killed_reader_holds_no_slot(opener: Agent, name: str, seat: Callable[[str, str], Agent]) -> None:
    creator = seat("c", "creator")
    share(creator, opener, name)
    hold_all_slots(creator, opener)
    opener.kill()
    creator.does("begin", LONG_TIMEOUT)
    creator.does("drop")
    assert publish(creator, 4) == "4"


def test_a_killed_writer_leaves_what_was_there(opener: Agent, name: str, seat: Callable[[str, str], Agent]) -> None:
    creator = seat("c", "creator")
    share(creator, opener, name)
    publish(opener, 1)
    opener.does("begin", 0)
    assert creator.ask("begin", 0) == f"error {TIMEOUT}"
    opener.kill()
    creator.does("begin", LONG_TIMEOUT)
    creator.does("drop")
    takes(creator, 1, 0, 1)
    assert publish(creator, 2) == "2"
    takes(creator, 2, 0, 2)


def test_error_codes_are_the_same_everywhere(opener: Agent, name: str, seat: Callable[[str, str], Agent]) -> None:
    other = seat("c", "creator")
    section, free = name + b"-section".hex(), name + b"-free".hex()

    def refuses(status: int, *fields: object) -> None:
        assert opener.ask(*fields) == f"error {status}", fields

    refuses(ARGUMENT, "next", 0)
    other.does("create", section, 10_000, LOCAL, NATIVE, OWNER)
    refuses(FORMAT, "channel_open", section, LOCAL, 0)
    other.does("close")
    other.does("channel_create", name, CAPACITY, SLOTS, LOCAL, OWNER)
    refuses(EXISTS, "channel_create", name, CAPACITY, SLOTS, LOCAL, OWNER)
    refuses(SIZE, "channel_create", free, 0, SLOTS, LOCAL, OWNER)
    refuses(NOT_FOUND, "channel_open", free, LOCAL, 0)
    # As a section, a channel can only be inspected.
    refuses(FORMAT, "open", name, 0, LOCAL, NATIVE, 0)

    opener.does("channel_open", name, LOCAL, 0)
    refuses(ARGUMENT, "channel_open", name, LOCAL, 0)
    refuses(NOT_OWNER, "publish", 1, 1, 1, 1, 1, "GREY", 0, "")
    refuses(NOT_OWNER, "drop")
    refuses(NOT_OWNER, "picture", 1, 1)
    opener.does("begin", 0)
    refuses(DEADLOCK, "begin", 0)
    refuses(DEADLOCK, "copy", 1, 1, 1, 1, 1, "GREY", 0, "")
    refuses(RANGE, "publish", 10, 1, 1, 11, 1, "GREY", 0, "")
    assert opener.does("publish", 10, 1, 1, 10, 1, "GREY", 0, "") == "1"
    opener.does("close")

    opener.does("channel_open", name, LOCAL, 1)
    refuses(READ_ONLY, "begin", 0)
    refuses(READ_ONLY, "copy", 1, 1, 1, 1, 1, "GREY", 0, "")
