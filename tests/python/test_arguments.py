"""Bad input gets an error that names the value and what was expected, and does nothing."""

from __future__ import annotations

import array
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import (
    ArgumentTypeError,
    Error,
    FrameChannel,
    InvalidArgumentError,
    MemoryMappedFile,
    Namespace,
    NotFoundError,
    NotSupportedError,
)

BAD_NAMES = {
    "empty": "",
    "NUL": "a\0b",
    "surrogate": "a\ud800b",
    "backslash": "a\\b",
    "prefix": "Global\\x",
    "slash": "a/b",
    "231 bytes": "x" * 231,
    "231 bytes of three": "数" * 77 + "x",
}
GOOD_NAMES = {
    "umlauts": "grün und blau",
    "chinese": "相机一号",
    "emoji": "📷",
    "arabic": "كاميرا",
    "dots": "..",
    "punctuation": "a b:c;d*e?f",
    "200 bytes": "n" * 180,
    "200 bytes of three": "数" * 60,
}


@pytest.mark.parametrize("bad", BAD_NAMES.values(), ids=list(BAD_NAMES))
@pytest.mark.parametrize("namespace", [Namespace.LOCAL, Namespace.GLOBAL])
def test_bad_names(bad: str, namespace: Namespace) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: MemoryMappedFile.create(bad, 10, namespace=namespace),
        lambda: MemoryMappedFile.create(bad, 10, namespace=namespace, exist_ok=True),
        lambda: MemoryMappedFile.open(bad, namespace=namespace),
    ]
    for use in uses:
        with pytest.raises(InvalidArgumentError) as caught:
            use()
        assert repr(bad) in str(caught.value)
        assert -12 <= caught.value.status <= -10


@pytest.mark.parametrize("good", GOOD_NAMES.values(), ids=list(GOOD_NAMES))
def test_names_in_any_script(good: str, name: str) -> None:
    full = good + name[-18:]
    with MemoryMappedFile.create(full, 10) as made:
        made.write(b"found")
        assert MemoryMappedFile.open(full).read(5) == b"found"
        with pytest.raises(NotFoundError):
            MemoryMappedFile.open(full[1:])


def test_the_longest_name(name: str) -> None:
    longest = name.ljust(230, "x")
    with MemoryMappedFile.create(longest, 10, namespace=Namespace.GLOBAL):
        assert MemoryMappedFile.open(longest, namespace=Namespace.GLOBAL).size == 10


@pytest.mark.parametrize("bad", [b"bytes", None, 5, ["x"]])
def test_a_name_is_a_str(bad: Any) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: MemoryMappedFile.create(bad, 10),
        lambda: MemoryMappedFile.open(bad),
    ]
    for use in uses:
        with pytest.raises(TypeError, match="expected a str"):
            use()


@pytest.mark.parametrize("bad", [True, 1.0, "10", None])
def test_sizes_and_offsets_are_integers(section: MemoryMappedFile, bad: Any) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: MemoryMappedFile.create(section.name + "x", bad),
        lambda: section.write(b"x", bad),
        lambda: section.read(1, bad),
        lambda: section.read_into(bytearray(1), bad),
        lambda: section.view(bad),
        lambda: section.wait(bad),
    ]
    if bad is not None:  # means the default there
        uses += [
            lambda: MemoryMappedFile.open(section.name, size=bad),
            lambda: section.read(bad),
            lambda: section.view(0, bad),
        ]
    for use in uses:
        with pytest.raises(TypeError, match="expected an integer"):
            use()


@pytest.mark.parametrize("bad", [-1, 2**64, -(10**30)])
def test_sizes_and_offsets_have_a_range(section: MemoryMappedFile, bad: int) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: MemoryMappedFile.create(section.name + "x", bad),
        lambda: MemoryMappedFile.open(section.name, size=bad),
        lambda: section.write(b"x", bad),
        lambda: section.read(1, bad),
        lambda: section.read(bad),
        lambda: section.read_into(bytearray(1), bad),
        lambda: section.view(bad),
        lambda: section.view(0, bad),
        lambda: section.wait(bad),
    ]
    for use in uses:
        with pytest.raises(InvalidArgumentError, match=str(bad)):
            use()


def test_size_zero_is_named(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"cannot create section '{name}': size 0: expected at least 1"):
        MemoryMappedFile.create(name, 0)
    with pytest.raises(InvalidArgumentError, match=f"cannot open section '{name}': size 0: expected at least 1"):
        MemoryMappedFile.open(name, size=0)


@pytest.mark.parametrize(("offset", "size"), [(0, 1001), (1, 1000), (1000, 1), (1001, 0), (2**63, 2**63)])
def test_what_reaches_outside_is_refused(section: MemoryMappedFile, offset: int, size: int) -> None:
    section.write(b"?" * 1000)
    uses: list[Callable[[], Any]] = [lambda: section.read(size, offset), lambda: section.view(offset, size)]
    if size <= 1001:
        uses.append(lambda: section.write(b"x" * size, offset))
        uses.append(lambda: section.read_into(bytearray(size), offset))
    for use in uses:
        with pytest.raises(InvalidArgumentError, match=f"{size} bytes at offset {offset}: .* 1000 bytes"):
            use()
    assert section.read() == b"?" * 1000
    assert section.sequence == 1


def test_unknown_choices(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="namespace 7: expected one of"):
        MemoryMappedFile.create(name, 10, namespace=7)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match=r"layout 'nativ': expected one of Layout\.NATIVE, Layout\.WINMMF"):
        MemoryMappedFile.open(name, layout="nativ")
    with pytest.raises(InvalidArgumentError, match="access mode 512: expected at most 511"):
        MemoryMappedFile.create(name, 10, access=0o1000)
    with pytest.raises(TypeError, match="access mode None"):
        MemoryMappedFile.create(name, 10, access=None)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="NUL"):
        MemoryMappedFile.create(name, 10, access="D:\0")
    with pytest.raises(InvalidArgumentError, match="participants 4097: expected at most 4096"):
        MemoryMappedFile.create(name, 10, participants=4097)


@pytest.mark.parametrize("bad", [-1, -0.001, float("nan"), float("-inf"), -(10**400)])
def test_timeouts_are_not_negative(section: MemoryMappedFile, bad: float) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: section.write(b"x", timeout=bad),
        lambda: section.read(1, timeout=bad),
        lambda: section.read_into(bytearray(1), timeout=bad),
        lambda: section.wait(0, bad),
        section.read_lock(bad).__enter__,
        section.write_lock(bad).__enter__,
    ]
    for use in uses:
        with pytest.raises(InvalidArgumentError, match=f"timeout {bad}"):
            use()


@pytest.mark.parametrize("bad", ["1", True, [1]])
def test_timeouts_are_numbers(section: MemoryMappedFile, bad: Any) -> None:
    with pytest.raises(TypeError, match="expected seconds or None"):
        section.read(1, timeout=bad)


@pytest.mark.parametrize("huge", [1e9, 1e30, 1e300, float("inf"), 10**15, 10**400])
def test_timeouts_may_be_huge(section: MemoryMappedFile, huge: float) -> None:
    assert section.write(b"x", timeout=huge) == 1


def test_data_must_be_a_contiguous_buffer(section: MemoryMappedFile) -> None:
    for bad in ("text", 5, None, [1, 2]):
        with pytest.raises(TypeError):
            section.write(bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="data is not C-contiguous"):
        section.write(memoryview(b"abcdef")[::2])
    with pytest.raises(InvalidArgumentError, match="buffer is not C-contiguous"):
        section.read_into(memoryview(bytearray(6))[::2])
    with pytest.raises(InvalidArgumentError, match="buffer is read-only"):
        section.read_into(bytes(5))  # type: ignore[arg-type,unused-ignore]
    assert section.sequence == 0


def test_any_contiguous_buffer_will_do(section: MemoryMappedFile) -> None:
    for data in (b"abcd", bytearray(b"abcd"), memoryview(b"abcd"), memoryview(b"_abcd_")[1:5]):
        section.write(bytes(4))
        assert section.write(data) == 4
        assert section.read(4) == b"abcd"
    numbers = array.array("d", [1.5, 2.5])
    assert section.write(numbers, 8) == 16
    back = array.array("d", [0, 0])
    assert section.read_into(back, 8) == 16
    assert back == numbers
    assert section.write(b"") == 0
    assert section.read_into(bytearray()) == 0
    assert section.read(0, 1000) == b""


def test_errors_carry_the_status(name: str) -> None:
    with pytest.raises(Error) as caught:
        MemoryMappedFile.open(name)
    assert caught.value.status == -14
    assert caught.value.os_error == 2  # ENOENT and ERROR_FILE_NOT_FOUND alike
    assert "(system error 2)" in str(caught.value)


def test_sizes_that_are_not_there(section: MemoryMappedFile, tmp_path: Path) -> None:
    def expect(message: str, use: Callable[[], object]) -> None:
        with pytest.raises(InvalidArgumentError) as caught:
            use()
        assert message in str(caught.value)

    (tmp_path / "empty").touch()
    name = section.name
    open_, create = MemoryMappedFile.open, MemoryMappedFile.create
    expect("size 1001: expected at most 1000, the size of the payload", lambda: open_(name, size=1001))
    expect("size 1001: expected at most 1000, the size of the payload", lambda: create(name, 1001, exist_ok=True))
    expect(
        "size 0: expected at least 1, because the file has 0 bytes",
        lambda: MemoryMappedFile.open_file(tmp_path / "empty"),
    )
    expect(
        "size 5: expected at most 0, because the file has 0 bytes",
        lambda: MemoryMappedFile.open_file(tmp_path / "empty", "r", size=5),
    )
    if sys.maxsize > 2**32:
        expect("size 18446744073709551615: expected at most ", lambda: create(name + "x", 2**64 - 1))


def test_access_of_another_system(name: str) -> None:
    strange: str | int = 0o600 if sys.platform == "win32" else "D:P(A;;GA;;;OW)"
    uses: list[Callable[[], Any]] = [
        lambda: MemoryMappedFile.create(name, 10, access=strange),
        lambda: FrameChannel.create(name, capacity=10, access=strange),
    ]
    for use in uses:
        with pytest.raises(NotSupportedError, match=r"expected one of Access\.OWNER, .* or, on this system") as caught:
            use()
        assert repr(strange) in str(caught.value)


def test_a_wrong_word_for_an_access_is_told_the_right_ones(name: str) -> None:
    with pytest.raises(Error, match=r"access 'users': expected one of Access\.OWNER, .* or, on this system"):
        MemoryMappedFile.create(name, 10, access="users")


def refuse_a_wrong_type(uses: list[Callable[[Any], Any]]) -> None:
    for use in uses:
        with pytest.raises(ArgumentTypeError):
            use({"no": "thing"})


def test_every_wrong_type_is_an_error_of_ours(section: MemoryMappedFile) -> None:
    np = pytest.importorskip("numpy", reason="the extra 'numpy' is not installed")
    refuse_a_wrong_type(
        [
            lambda bad: section.write(bad),
            lambda bad: section.read_into(bad),
            lambda bad: section.array(bad, np.uint8),
            lambda bad: section.array((bad,), np.uint8),
            lambda bad: section.array(1, bad),
            lambda bad: MemoryMappedFile.open_file(bad),
            lambda bad: section.write_lock(bad).__enter__(),
        ]
    )
    assert section.write(b"free", timeout=0) == 4


def test_every_wrong_type_is_an_error_of_ours_for_channels(name: str) -> None:
    np = pytest.importorskip("numpy", reason="the extra 'numpy' is not installed")
    gaps = np.zeros((4, 4), np.uint8)[:, ::2]
    with FrameChannel.create(name, capacity=100) as frames:
        refuse_a_wrong_type(
            [
                lambda bad: frames.publish(b"x", timeout=bad),
                lambda bad: frames.publish(gaps, timeout=bad),
                lambda bad: frames.publish(b"x", timestamp_ns=bad),
                lambda bad: frames.publish(gaps, timestamp_ns=bad),
                lambda bad: frames.publish(gaps, user=bad),
                lambda bad: frames.publish(gaps, fourcc=bad),
                lambda bad: frames.begin(fourcc=bad),
                lambda bad: frames.begin((bad,)),
                lambda bad: frames.begin(timeout=bad),
                lambda bad: frames.publish(bad),
                lambda bad: frames.wait(bad),
                lambda bad: frames.latest(bad),
                lambda bad: frames.read_into(bad),
                lambda bad: FrameChannel.create(bad, capacity=1),
                lambda bad: FrameChannel.create(name, capacity=(bad,)),
            ]
        )
        assert frames.publish(b"free") == 1


@pytest.mark.parametrize("kind", ["object", [("Other", "u8"), ("thing", "object")]])
def test_pointers_to_python_objects_are_no_bytes(name: str, kind: Any) -> None:
    np = pytest.importorskip("numpy", reason="the extra 'numpy' is not installed")
    things = np.zeros(4, kind)
    with FrameChannel.create(name, capacity=100) as channel, MemoryMappedFile.create(name + "s", 100) as section:
        uses: list[Callable[[], object]] = [
            lambda: channel.publish(things),
            lambda: channel.publish(things[::2]),
            lambda: channel.publish(b"x", user=things),
            lambda: channel.read_into(things, timeout=0),
            lambda: section.write(things),
            lambda: section.read_into(things),
        ]
        for use in uses:
            with pytest.raises(ArgumentTypeError, match="expected numbers or bytes, not Python objects"):
                use()
        assert section.write(np.zeros(4, [("Other", "u8")])) == 32


def test_frames_are_judged_before_they_are_begun(name: str) -> None:
    np = pytest.importorskip("numpy", reason="the extra 'numpy' is not installed")
    gaps = np.zeros((20, 20), np.uint8)[:, ::2]
    with FrameChannel.create(name, capacity=100) as channel, FrameChannel.open(name) as other:
        uses: list[tuple[str, Callable[[], object]]] = [
            ("200 bytes: expected at most 100", lambda: channel.publish(gaps)),
            ("fourcc 'toolong': expected up to 4", lambda: channel.publish(gaps[:10], fourcc="toolong")),
            ("user has 65 bytes: expected at most 64", lambda: channel.publish(gaps[:10], user=bytes(65))),
            ("timestamp_ns -1: expected at least 0", lambda: channel.publish(gaps[:10], timestamp_ns=-1)),
            ("timestamp_ns -1: expected at least 0", lambda: channel.publish(b"x", timestamp_ns=-1)),
            ("200 bytes: expected at most 100", lambda: channel.begin((20, 10))),
        ]
        for message, use in uses:
            with pytest.raises(InvalidArgumentError, match=message):
                use()
            assert other.publish(b"free") > 0
            assert channel.publish(b"free") > 0
        with channel.begin() as frame:
            assert frame.stride == 0  # the shape that was refused left nothing behind
        with pytest.raises(InvalidArgumentError, match="timestamp_ns -1"), channel.begin() as frame:
            frame.timestamp_ns = -1
        rows = "frame of 100 bytes, .* width 0, height 2, stride 51: expected"
        with pytest.raises(InvalidArgumentError, match=rows), channel.begin() as frame:
            frame.stride, frame.height = 51, 2
        assert other.publish(b"free") > 0
