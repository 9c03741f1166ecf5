"""Zero-copy views: they own the mapping, and what is read-only stays so."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from pywinmmf import InvalidArgumentError, Layout, MemoryMappedFile, NotFoundError

numpy = pytest.importorskip("numpy", reason="array() is for NumPy users")


def exists(name: str) -> bool:
    try:
        MemoryMappedFile.open(name, readonly=True).close()
    except NotFoundError:
        return False
    return True


def test_a_view_is_the_payload(section: MemoryMappedFile) -> None:
    view = section.view(10, 5)
    assert (view.nbytes, view.format, view.readonly) == (5, "B", False)
    view[:] = b"hello"
    assert section.read(7, 9) == b"\0hello\0"
    section.write(b"J", 10)
    assert bytes(view) == b"Jello"
    assert section.view(1000).nbytes == 0


@pytest.mark.parametrize(
    "derive",
    [
        lambda m: m.view(),
        lambda m: m.view()[5:50],
        lambda m: m.view()[::2].toreadonly(),
        lambda m: m.view().cast("H"),
        lambda m: memoryview(m.view()),
        lambda m: m.array(1000, "u1"),
        lambda m: m.array((10, 25), "f4")[2:, ::3].T.view("i4"),
        lambda m: numpy.asarray(m.view()[8:16]).view("f8"),
        lambda m: iter(m.array(10, "u1")),
    ],
)
def test_a_view_keeps_the_section_open(section: MemoryMappedFile, derive: Callable[..., Any]) -> None:
    """A view used after close must not crash: numpy #23305."""
    view = derive(section)
    section.close()
    gc.collect()
    assert exists(section.name)
    if not hasattr(view, "__next__"):
        bytes(view)
        assert memoryview(view).nbytes > 0
    else:
        assert next(view) == 0
    del view
    gc.collect()
    assert not exists(section.name)


def test_many_views_one_mapping(section: MemoryMappedFile) -> None:
    views = [section.view(i, 1) for i in range(1000)]
    section.close()
    del views[1:]
    assert exists(section.name)
    views[0][0] = 1
    views.clear()
    assert not exists(section.name)


def test_readonly_views_stay_readonly(section: MemoryMappedFile) -> None:
    section.write(b"fixed")
    with MemoryMappedFile.open(section.name, readonly=True) as reader:
        view = reader.view()
        array = reader.array(1000, "u1")
        assert view.readonly
        assert memoryview(view[1:]).readonly
        with pytest.raises(TypeError):
            view[0] = 1
        assert not array.flags.writeable
        for each in (array, array[3:], array.view("i4"), numpy.asarray(view)):
            with pytest.raises(ValueError, match="WRITEABLE"):
                each.setflags(write=True)
        section.write(b"moved")
        assert bytes(view[:5]) == bytes(array[:5]) == b"moved"


def test_arrays_have_shape_and_type(section: MemoryMappedFile) -> None:
    frame = section.array((4, 5, 3), numpy.uint16, offset=64)
    frame[...] = numpy.arange(60).reshape(4, 5, 3)
    assert frame.flags.c_contiguous
    assert frame.flags.aligned
    assert frame.flags.writeable
    assert section.read(120, 64) == numpy.arange(60, dtype="u2").tobytes()
    assert section.array(numpy.int64(3), "u1").shape == (3,)
    assert section.array((), "f8").shape == ()
    assert section.array((0, 3), "f8").shape == (0, 3)
    assert section.array([2, 2], [("x", "f4"), ("y", "i2")]).itemsize == 6
    assert not section.array(2, "f8", offset=3).flags.aligned


@pytest.mark.parametrize(
    ("shape", "dtype", "offset"),
    [(1001, "u1", 0), ((125, 1), "f8", 1), (1, "u1", 1000), ((2**40, 2**40), "f8", 0), ((2**63, 2), "u1", 0)],
)
def test_arrays_fit_into_the_section(section: MemoryMappedFile, shape: Any, dtype: str, offset: int) -> None:
    with pytest.raises(InvalidArgumentError, match="expected"):
        section.array(shape, dtype, offset)


def test_arrays_of_what_cannot_be_shared(section: MemoryMappedFile) -> None:
    for bad in ("O", object, [("x", "u1"), ("y", "O")], "V0"):
        with pytest.raises(InvalidArgumentError, match="dtype"):
            section.array(1, bad)
    with pytest.raises(InvalidArgumentError, match="shape -1"):
        section.array((-1, -1), "u1")
    with pytest.raises(TypeError, match=r"shape 1\.5"):
        section.array((1.5,), "u1")  # type: ignore[arg-type]


def test_arrays_go_in_and_out_by_copy(section: MemoryMappedFile) -> None:
    image = numpy.arange(300, dtype="u2").reshape(10, 30)
    assert section.write(image, 100) == 600
    back = numpy.zeros_like(image)
    assert section.read_into(back, 100) == 600
    assert (back == image).all()
    for awkward in (image[:, ::2], image.T):
        with pytest.raises(InvalidArgumentError, match="contiguous"):
            section.write(awkward)


def test_the_winmmf_payload_starts_behind_its_lock(name: str) -> None:
    with MemoryMappedFile.create(name, 12, layout=Layout.WINMMF) as made:
        made.view()[:] = b"behind 4 ..."
        with MemoryMappedFile.open(name, layout=Layout.RAW) as raw:
            assert raw.read(12, 4) == b"behind 4 ..."


def test_reading_one_byte_leaves_pythons_own_bytes_alone(section: MemoryMappedFile) -> None:
    section.write(b"\x07")
    assert section.read(1) == b"\x07"
    assert bytes(1) == b"\0"
    assert bytes.fromhex("00") == bytes(1)


def test_reading_into_a_buffer_allocates_nothing_of_its_size(name: str) -> None:
    import tracemalloc

    size = 1 << 20
    with MemoryMappedFile.create(name, size) as made:
        buffer = bytearray(size)
        made.read_into(buffer)
        tracemalloc.start()
        made.read_into(buffer)
        made.write(buffer)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 10_000
