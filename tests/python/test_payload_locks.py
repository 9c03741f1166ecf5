"""Locks in the payload: as the section's own, with threads, tasks, deaths and forks, each lock by itself."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import (
    AccessDeniedError,
    Error,
    InvalidArgumentError,
    Layout,
    LockTimeoutError,
    MemoryMappedFile,
    NotSupportedError,
    OwnerDiedError,
    PayloadLock,
    PoisonedError,
    ReadLock,
    WriteLock,
)
from pywinmmf.cli import main

ROW, OTHER, CONTENT = 128, 0, 192
KINDS = pytest.mark.parametrize("kind", ["read_lock", "write_lock"])


@pytest.fixture
def table(name: str) -> Iterator[MemoryMappedFile]:
    """A section with two locks in its payload for each object."""
    with MemoryMappedFile.create(name, 1024, locks=2) as made:
        yield made


@contextmanager
def held_by_another_thread(guard: ReadLock | WriteLock) -> Iterator[None]:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(guard.__enter__).result(60)
        try:
            yield
        finally:
            pool.submit(guard.__exit__, None, None, None).result(60)


def assert_free(table: MemoryMappedFile) -> None:
    """Nobody has the lock, and this object has no hold of it left."""
    for _ in range(3):
        with table.lock_at(ROW).write_lock(0):
            pass


def test_rows_exclude_and_have_nothing_to_do_with_each_other(table: MemoryMappedFile) -> None:
    with MemoryMappedFile.open(table.name) as other:
        with held_by_another_thread(table.lock_at(ROW).write_lock()):
            for lock in (other.lock_at(ROW).read_lock, table.lock_at(ROW).write_lock):
                with pytest.raises(LockTimeoutError, match=f"lock offset {ROW} of section '{table.name}'"), lock(0):
                    pass
            with other.lock_at(OTHER).write_lock(0):
                assert other.write(b"own lock", CONTENT, timeout=0) == 8
        with held_by_another_thread(table.lock_at(ROW).read_lock()):
            with other.lock_at(ROW).read_lock(0):
                pass
            with pytest.raises(LockTimeoutError), other.lock_at(ROW).write_lock(0.15):  # more than one slice
                pass
        assert_free(other)


def test_threads_lose_no_increment(table: MemoryMappedFile) -> None:
    view = table.view(CONTENT, 8).cast("Q")

    def count() -> None:
        with MemoryMappedFile.open(table.name) as own:
            for _ in range(300):
                with own.lock_at(ROW).write_lock():
                    view[0] += 1

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert view[0] == 900
    assert table.lock_at(ROW).sequence == 900


def test_the_locks_of_a_thread_are_told_apart(table: MemoryMappedFile) -> None:
    with table.lock_at(ROW).read_lock(), table.lock_at(OTHER).write_lock():
        for lock in (table.lock_at(ROW).write_lock, table.lock_at(OTHER).read_lock):
            with pytest.raises(Error, match="already holds"), lock():
                pass
        with pytest.raises(Error, match="as many locks in the payload as it can, 2"), table.lock_at(64).read_lock():
            pass
        with table.write_lock(0):
            table.write(b"all three", CONTENT)
        with pytest.raises(Error, match="locked"):
            table.close()
    assert_free(table)


@KINDS
def test_leaving_the_section_gives_them_all_back(table: MemoryMappedFile, kind: str) -> None:
    with MemoryMappedFile.open(table.name) as own:
        guards = [getattr(own.lock_at(offset), kind)().__enter__() for offset in (ROW, OTHER)]
        own.read_lock().__enter__()
    assert_free(table)
    assert table.write(b"free", CONTENT, timeout=0) == 4
    for guard in guards:
        with pytest.raises(Error, match="does not hold"):
            guard.__exit__(None, None, None)


@KINDS
def test_a_forgotten_guard_gives_it_back(table: MemoryMappedFile, kind: str) -> None:
    guard = getattr(table.lock_at(ROW), kind)().__enter__()
    with MemoryMappedFile.open(table.name) as other:
        with pytest.raises(Error, match="already holds"), other.lock_at(ROW).write_lock(0):
            pass
        del guard
        assert_free(other)


def test_a_dead_writer_concerns_its_row(table: MemoryMappedFile, child: Callable[..., Any]) -> None:
    writer = child(
        "table = MemoryMappedFile.open(sys.argv[1])\n"
        f"with table.lock_at({ROW}).write_lock(), table.lock_at({OTHER}).read_lock():\n"
        "    print('held')\n"
        "    import threading; threading.Event().wait()",
        table.name,
    )
    assert writer.line() == "held"
    writer.kill()
    row = table.lock_at(ROW)
    for _ in range(2):
        for lock in (row.read_lock, row.write_lock):
            with pytest.raises(OwnerDiedError, match=f"offset {ROW}"), lock(60):
                pass
        with row.write_lock(60, repair=True) as guard:
            assert guard.owner_died
    with table.lock_at(OTHER).write_lock(60, repair=True) as guard:
        assert not guard.owner_died
    assert table.write(b"unconcerned", CONTENT, timeout=60) == 11
    with row.write_lock(60, repair=True):
        row.mark_consistent()
    with row.write_lock(0) as guard:
        assert not guard.owner_died
    with pytest.raises(Error, match="does not hold"):
        row.mark_consistent()


def test_a_thread_that_ends_with_it_died(table: MemoryMappedFile) -> None:
    guards: list[WriteLock] = []
    thread = threading.Thread(target=lambda: guards.append(table.lock_at(ROW).write_lock().__enter__()))
    thread.start()
    thread.join()
    with MemoryMappedFile.open(table.name) as other, pytest.raises(OwnerDiedError), other.lock_at(ROW).write_lock(60):
        pass


def test_poison_concerns_its_row(table: MemoryMappedFile) -> None:
    row = table.lock_at(ROW)
    row.poison()
    uses: list[Callable[[], object]] = [
        row.notify,
        row.read_lock().__enter__,
        lambda: row.wait(0),
        lambda: row.sequence,
    ]
    for use in uses:
        with pytest.raises(PoisonedError):
            use()
    with table.lock_at(OTHER).write_lock(0), table.write_lock(0):
        pass


def test_waiting_for_a_change(table: MemoryMappedFile) -> None:
    with MemoryMappedFile.open(table.name, readonly=True) as looker, ThreadPoolExecutor(1) as pool:
        seen = looker.lock_at(ROW)
        with pytest.raises(LockTimeoutError, match=f"sequence 0 of offset {ROW}"):
            seen.wait(0, timeout=0.01)
        waiting = pool.submit(seen.wait, 0)
        with table.lock_at(OTHER).write_lock(), table.write_lock():
            pass  # others change
        with table.lock_at(ROW).write_lock():
            pass
        assert waiting.result(60) == seen.sequence == 1
        waiting = pool.submit(seen.wait, 1)
        table.lock_at(ROW).notify()
        assert waiting.result(60) == 2
        assert looker.lock_at(OTHER).sequence == 1
        waiting = pool.submit(looker.wait, table.sequence)
        table.notify()
        assert waiting.result(60) == table.sequence == 2
        with pytest.raises(AccessDeniedError, match="read-only"), seen.read_lock():
            pass
        with pytest.raises(AccessDeniedError):
            looker.notify()


def test_who_has_which_lock_is_told(table: MemoryMappedFile, capsys: pytest.CaptureFixture[str]) -> None:
    with MemoryMappedFile.open(table.name, readonly=True) as looker:
        assert looker.holds() == []
        with table.lock_at(ROW).write_lock(), table.lock_at(OTHER).read_lock():
            holds = {hold.offset: hold for hold in looker.holds()}
            assert holds.keys() == {ROW, OTHER}
            assert (holds[ROW].writing, holds[ROW].reading, holds[ROW].waiting) == (True, False, False)
            assert (holds[OTHER].writing, holds[OTHER].reading, holds[OTHER].waiting) == (False, True, False)
            assert holds[ROW].pid == looker.participants()[holds[ROW].participant].pid != 0
            state = looker.lock_at(ROW).lock_state()
            assert (state.writing, state.writer_pid, state.readers) == (True, holds[ROW].pid, 0)
            assert looker.lock_at(OTHER).lock_state().readers == 1
            assert main(["info", table.name, "--interval", "0"]) == 0
            assert f", writing at offset {ROW}, reading at offset {OTHER}" in capsys.readouterr().out
        assert looker.holds() == []
        assert not looker.lock_at(ROW).lock_state().writing


def test_wrong_values_are_named(table: MemoryMappedFile) -> None:
    with pytest.raises(InvalidArgumentError, match="a lock at 8: expected a multiple of 64"):
        table.lock_at(8).notify()
    with pytest.raises(InvalidArgumentError, match="read-lock offset 1024"), table.lock_at(1024).read_lock():
        pass
    for offset in (-1, 2**63, 2**64 - 1, "0", 1.0):
        with pytest.raises((InvalidArgumentError, TypeError), match="offset"):
            table.lock_at(offset)  # type: ignore[arg-type]
    for locks in (-1, 65):
        with pytest.raises(InvalidArgumentError, match=f"locks {locks}: expected"):
            MemoryMappedFile.create(table.name + "-2", 64, locks=locks)
    with (
        MemoryMappedFile.create(table.name + "-3", 64) as plain,
        pytest.raises(NotSupportedError, match="without locks"),
        plain.lock_at(0).write_lock(),
    ):
        pass
    with MemoryMappedFile.create_unnamed(64, locks=1) as unnamed, unnamed.lock_at(0).write_lock(0):
        pass
    assert repr(table.lock_at(ROW)).startswith(f"<PayloadLock at offset {ROW} of <MemoryMappedFile")
    assert (table.lock_at(ROW).offset, table.lock_at(ROW).section) == (ROW, table)


def test_it_belongs_to_the_task(table: MemoryMappedFile) -> None:
    row = table.lock_at(ROW)

    async def own(entered: asyncio.Event, leave: asyncio.Event) -> None:
        with row.write_lock():
            entered.set()
            await leave.wait()

    async def main() -> None:
        entered, leave = asyncio.Event(), asyncio.Event()
        owner = asyncio.create_task(own(entered, leave), name="the owner")
        await entered.wait()
        with pytest.raises(Error, match=f"task 'the owner' has its lock at offset {ROW}"), row.write_lock():
            pass
        with pytest.raises(Error, match="task 'the owner'"):
            row.mark_consistent()
        table.write(b"another lock", CONTENT)
        with table.lock_at(OTHER).write_lock(0):
            pass
        with pytest.raises(LockTimeoutError):
            async with row.read_lock_async(0.02):
                pass
        waiting = asyncio.create_task(row.write_lock_async().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        looking = asyncio.create_task(wait_and_look())
        await asyncio.sleep(0)
        leave.set()
        await asyncio.gather(owner, looking)
        assert_free(table)

    async def wait_and_look() -> None:
        async with row.write_lock_async(60) as guard:
            assert not guard.owner_died
            with (
                pytest.raises(LockTimeoutError),
                MemoryMappedFile.open(table.name) as other,
                ThreadPoolExecutor(1) as pool,
            ):
                pool.submit(other.lock_at(ROW).read_lock(0).__enter__).result(60)

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@KINDS
def test_a_fork_keeps_the_parents_locks_and_has_its_own(table: MemoryMappedFile, kind: str) -> None:
    with getattr(table.lock_at(ROW), kind)() as guard:
        child = os.fork()
        if child == 0:
            os._exit(_in_the_child(table, guard))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with ThreadPoolExecutor(1) as pool, pytest.raises(LockTimeoutError):
            pool.submit(table.lock_at(ROW).write_lock(0).__enter__).result(60)
    assert_free(table)


def _in_the_child(table: MemoryMappedFile, guard: ReadLock | WriteLock) -> int:
    try:
        guard.__exit__(None, None, None)  # the parent's: nothing happens
        with pytest.raises(Error, match="forked"), table.lock_at(ROW).read_lock():
            pass
        with MemoryMappedFile.open(table.name) as own:
            with pytest.raises(LockTimeoutError), own.lock_at(ROW).write_lock(0):
                pass
            with own.lock_at(OTHER).write_lock(0):
                pass
    except BaseException:
        return 1
    return 0


def test_rows_of_a_file(tmp_path: Path, child: Callable[..., Any]) -> None:
    path = tmp_path / "table"
    with MemoryMappedFile.open_file(path, "x", size=1024, layout=Layout.NATIVE, locks=2) as table:
        with table.lock_at(ROW).write_lock(0), table.lock_at(OTHER).read_lock(0):
            table.view(CONTENT, 4)[:] = b"kept"
        assert table.holds() == []
    writer = child(
        "table = MemoryMappedFile.open_file(sys.argv[1], layout=Layout.NATIVE)\n"
        f"with table.lock_at({ROW}).write_lock():\n"
        "    print('held')\n"
        "    import threading; threading.Event().wait()",
        path,
    )
    assert writer.line() == "held"
    writer.kill()
    with MemoryMappedFile.open_file(path, layout=Layout.NATIVE) as table:  # nobody had it open in between
        assert not table.lock_state().owner_died
        with pytest.raises(OwnerDiedError), table.lock_at(ROW).read_lock(60):
            pass
        with table.lock_at(OTHER).write_lock(60):
            pass
        with table.lock_at(ROW).write_lock(60, repair=True) as guard:
            assert guard.owner_died
            table.lock_at(ROW).mark_consistent()
        assert bytes(table.view(CONTENT, 4)) == b"kept"
        table.resize(4096)
        with table.lock_at(4032).write_lock(0):
            pass
    for mode, locks in (("r+", 65), ("r+", -1)):
        with pytest.raises(InvalidArgumentError, match="locks"):
            MemoryMappedFile.open_file(path, mode, layout=Layout.NATIVE, locks=locks)
    with pytest.raises(NotSupportedError):
        MemoryMappedFile.open_file(path, locks=1)


def test_a_lock_of_a_closed_section_is_refused(name: str) -> None:
    with MemoryMappedFile.create(name, 64, locks=1) as table:
        row: PayloadLock = table.lock_at(0)
        guard = row.read_lock()
    for use in (row.notify, row.read_lock, row.write_lock, row.mark_consistent, guard.__enter__):
        with pytest.raises(Error, match="closed"):
            use()
