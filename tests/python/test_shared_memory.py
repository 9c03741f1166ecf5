"""SharedMemory: what it has in common with that of multiprocessing, each test run with both; and what is different."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import shared_memory
from typing import Any

import pytest

import pywinmmf
from pywinmmf import AlreadyExistsError, InvalidArgumentError, NotFoundError

Block = Any  # of one of the two kinds


@pytest.fixture(params=[shared_memory.SharedMemory, pywinmmf.SharedMemory], ids=["multiprocessing", "pywinmmf"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def block(kind: Any, name: str) -> Iterator[Block]:
    made = kind(name, create=True, size=5)
    yield made
    made.close()
    made.unlink()


def test_the_bytes_are_shared(kind: Any, block: Block, name: str) -> None:
    other = kind(name)
    block.buf[:5] = b"hello"
    assert (bytes(other.buf[:5]), other.name, block.name) == (b"hello", name, name)
    assert other.size >= 5
    other.close()
    assert repr(block) == f"SharedMemory({name!r}, size={block.size})"


def test_closing_again_does_nothing_and_buf_is_none(kind: Any, block: Block, name: str) -> None:
    other = kind(name=name, create=False)
    other.close()
    other.close()
    assert other.buf is None
    assert other.name == name
    assert other.size >= block.size  # Windows rounds that of multiprocessing up
    assert bytes(block.buf[:5]) == bytes(5)


@pytest.mark.skipif(sys.platform == "win32", reason="there a slash is a part of the name for multiprocessing")
def test_one_leading_slash_makes_no_difference(kind: Any, block: Block, name: str) -> None:
    other = kind("/" + name)
    block.buf[0] = 7
    assert (other.buf[0], other.name) == (7, "/" + name)
    other.close()


def test_a_name_is_made_up(kind: Any) -> None:
    made = kind(create=True, size=1)
    other = kind(made.name)
    made.buf[0] = 9
    assert other.buf[0] == 9
    other.close()
    made.close()
    made.unlink()


def test_errors_have_the_same_classes(kind: Any, block: Block, name: str) -> None:
    with pytest.raises(FileExistsError):
        kind(name, create=True, size=5)
    with pytest.raises(FileNotFoundError):
        kind(name + "-none")
    for bad in (0, -1):
        with pytest.raises(ValueError, match="size"):
            kind(name + "-new", create=True, size=bad)
    with pytest.raises(ValueError, match="size"):
        kind(name, size=-1)
    with pytest.raises(ValueError, match="name"):
        kind()
    with pytest.raises(TypeError):
        kind(5)
    with pytest.raises(TypeError):
        kind(name + "-new", create=True, size="5")
    with pytest.raises(FileNotFoundError):
        kind(name + "-new")


def test_what_uses_buf_stays_valid(kind: Any, block: Block, name: str) -> None:
    other = kind(name)
    array = (ctypes.c_ubyte * 5).from_buffer(other.buf)
    with suppress(BufferError):  # of multiprocessing
        other.close()
    block.buf[4] = 3
    assert array[4] == 3
    del array
    other.close()


def test_an_unpickled_one_shows_the_same_bytes(block: Block) -> None:
    other = pickle.loads(pickle.dumps(block))
    block.buf[1] = 4
    assert (other.buf[1], other.name) == (4, block.name)
    other.close()


def store_42(block: Block) -> None:
    block.buf[0] = 42
    block.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_uses_what_it_inherits(block: Block) -> None:
    process = multiprocessing.get_context("fork").Process(target=store_42, args=(block,))
    process.start()
    process.join(60)
    assert (process.exitcode, block.buf[0]) == (0, 42)


def test_a_list_over_it(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "SharedMemory", kind)
    values: list[Any] = [1, "two", 3.5, None, b"five"]
    made = shared_memory.ShareableList(values)
    other: Any = shared_memory.ShareableList(name=made.shm.name)
    made[0] = 11
    assert list(other) == [11, "two", 3.5, None, b"five"]
    other.shm.close()
    made.shm.close()
    made.shm.unlink()


UNPICKLE = """
import pickle
block = pickle.loads(bytes.fromhex(sys.argv[1]))
block.buf[0] = 42
"""


def test_another_process_may_end_without_closing_it(name: str, child: Callable[..., Any]) -> None:
    """It is an argument of a spawned process. There the tracker of multiprocessing would take the block away."""
    block = pywinmmf.SharedMemory(name, create=True, size=5)
    assert child(UNPICKLE, pickle.dumps(block).hex()).result() == ""
    other = pywinmmf.SharedMemory(name)
    assert other.buf[0] == 42
    other.close()
    block.close()


MAKE = """
import time
made = SharedMemory(sys.argv[1], True, 5)
print("made")
time.sleep(60)
"""


def test_an_array_outlives_it(name: str) -> None:
    """An array made by numpy.ndarray leaves no trace but a reference: with the class of multiprocessing, the program
    would crash here."""
    np = pytest.importorskip("numpy", reason="the extra 'numpy' is not installed")
    block = pywinmmf.SharedMemory(name, create=True, size=5)
    array = np.ndarray((5,), np.uint8, buffer=block.buf)
    array[:] = 7
    block.close()
    assert list(array) == [7] * 5
    other = pywinmmf.SharedMemory(name)
    assert other.buf[4] == 7
    other.close()
    del array
    with pytest.raises(NotFoundError):
        pywinmmf.SharedMemory(name)


def test_what_is_different(name: str, child: Callable[..., Any]) -> None:
    block = pywinmmf.SharedMemory(name, create=True, size=5, track=False)
    other = pywinmmf.SharedMemory("/" + name)
    assert (block.size, other.size) == (5, 5)
    block.unlink()
    block.unlink()
    block.buf[:] = b"hello"
    block.close()
    assert bytes(other.buf) == b"hello"  # the block ends with its last user, whoever that is
    part = other.buf[1:3]
    other.close()
    assert bytes(part) == b"el"
    part.release()
    with pytest.raises(NotFoundError):
        pywinmmf.SharedMemory(name)
    with pytest.raises(InvalidArgumentError, match="name"):
        pywinmmf.SharedMemory("", create=True, size=5)
    killed = child(MAKE, name)
    assert killed.line() == "made"
    with pytest.raises(AlreadyExistsError):
        pywinmmf.SharedMemory(name, create=True, size=5)
    killed.kill()
    pywinmmf.SharedMemory(name, create=True, size=5).close()
