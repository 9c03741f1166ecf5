"""Sections and frames as buffers: NumPy, memoryview and slices, without copies where that is possible."""

from __future__ import annotations

import ctypes
import io
from typing import Any

import pytest

from pywinmmf import ArgumentIndexError, ClosedError, FrameChannel, InvalidArgumentError, MemoryMappedFile

numpy = pytest.importorskip("numpy", reason="the extra 'numpy' is not installed")


@pytest.fixture
def channel(name: str) -> Any:
    with FrameChannel.create(name, capacity=(12, 20, 3)) as channel:
        yield channel


def test_a_section_is_a_buffer(section: MemoryMappedFile) -> None:
    view = memoryview(section)
    assert len(section) == len(view) == section.size
    view[0:3] = b"abc"
    assert section.read(3) == b"abc"
    array = numpy.asarray(section)
    assert array.dtype == numpy.uint8
    array[1] = ord("B")
    assert section[0:3] == b"aBc"
    section.close()
    assert bytes(view[0:3]) == b"aBc"  # views keep it


def test_slices_and_bytes(section: MemoryMappedFile) -> None:
    size = len(section)
    section[0:6] = b"abcdef"
    section[-1] = 255
    assert section[0:6] == b"abcdef"
    assert section[0:6:2] == b"ace"
    assert section[5::-1] == b"fedcba"
    assert section[4:0:-2] == b"ec"
    assert section[6:6] == b""
    assert (section[1], section[-1], section[size - 1]) == (ord("b"), 255, 255)
    for wrong in (size, -size - 1):
        with pytest.raises(ArgumentIndexError, match=f"index {wrong}"):
            section[wrong]
    with pytest.raises(IndexError):
        section[size] = 1
    with pytest.raises(InvalidArgumentError, match="3 bytes for 2"):
        section[0:2] = b"abc"
    with pytest.raises(InvalidArgumentError, match="without a step"):
        section[0:6:2] = b"abc"
    with pytest.raises(InvalidArgumentError, match="byte 256"):
        section[0] = 256
    assert section[0:6] == b"abcdef"


def test_a_closed_section_is_no_array_of_one_object(section: MemoryMappedFile) -> None:
    section.close()
    for use in (memoryview, numpy.asarray, numpy.array):
        with pytest.raises(ClosedError):
            use(section)


def test_a_readonly_section_is_a_readonly_buffer(section: MemoryMappedFile) -> None:
    with MemoryMappedFile.open(section.name, readonly=True) as reader:
        assert memoryview(reader).readonly
        assert not numpy.asarray(reader).flags.writeable


@pytest.mark.parametrize("readonly", [False, True])
def test_a_frame_is_its_picture(channel: FrameChannel, readonly: bool) -> None:
    picture = numpy.arange(720, dtype=numpy.uint8).reshape(12, 20, 3)
    channel.publish(picture)
    with FrameChannel.open(channel.name, readonly=readonly) as reader, reader.latest() as frame:
        for array in (numpy.asarray(frame), frame.array, numpy.asarray(memoryview(frame))):
            assert (array == picture).all()
            assert not array.flags.writeable
        assert numpy.shares_memory(frame.array, numpy.asarray(frame))
        assert memoryview(frame).shape == (12, 20, 3)
        with pytest.raises(TypeError, match="read-write"):
            io.BytesIO(bytes(720)).readinto(frame)


@pytest.mark.parametrize("readonly", [False, True])
def test_a_frame_that_is_over_is_no_array_of_one_object(channel: FrameChannel, readonly: bool) -> None:
    channel.publish(numpy.zeros((12, 20, 3), numpy.uint8))
    with FrameChannel.open(channel.name, readonly=readonly) as reader:
        with reader.latest() as frame:
            kept = numpy.asarray(frame)
        for use in (memoryview, numpy.asarray, numpy.array, lambda frame: frame.array, lambda frame: frame.data):
            with pytest.raises(ClosedError, match="with block"):
                use(frame)
        assert kept.shape == (12, 20, 3)  # what was taken before stays
    with channel.begin() as new:
        assert numpy.asarray(new).flags.writeable
    for use in (memoryview, numpy.asarray, numpy.array, lambda frame: frame.array, lambda frame: frame.data):
        with pytest.raises(ClosedError, match="published or dropped"):
            use(new)


def test_rows_with_gaps(name: str) -> None:
    with FrameChannel.create(name, capacity=1000) as channel:
        with channel.begin() as new:
            new.width, new.height, new.stride, new.fourcc = 5, 4, 32, "BGR3"
            new.data[:128] = bytes(range(128))
        with channel.latest() as frame:
            array = numpy.asarray(frame)
            assert (array.shape, array.strides) == ((4, 5, 3), (32, 3, 1))
            assert (array[:, 0, 0] == [0, 32, 64, 96]).all()
            with pytest.raises(BufferError, match="gaps"):
                hash_of_contiguous(frame)


class Request(ctypes.Structure):
    """A Py_buffer."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("numbers", ctypes.c_ssize_t * 2),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("pointers", ctypes.c_void_p * 5),
    )


def is_granted(buffer: Any, flags: int) -> bool:
    """Whether a request as of C gets a view."""
    request = Request()
    try:
        ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(buffer), ctypes.byref(request), flags)
    except (BufferError, ValueError):
        return False
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(request))
    return True


SIMPLE, ND, STRIDES, C_ORDER, FORTRAN_ORDER, ANY_ORDER, FULL_RO = 0, 0x08, 0x18, 0x38, 0x58, 0x98, 0x11C


@pytest.mark.parametrize("flags", [SIMPLE, ND, STRIDES, C_ORDER, FORTRAN_ORDER, ANY_ORDER, FULL_RO])
@pytest.mark.parametrize(("width", "height", "stride"), [(5, 4, 32), (5, 4, 15), (5, 1, 32)])
def test_a_request_is_granted_as_by_numpy(name: str, width: int, height: int, stride: int, flags: int) -> None:
    with FrameChannel.create(name, capacity=1000) as channel:
        with channel.begin() as new:
            new.width, new.height, new.stride, new.fourcc = width, height, stride, "BGR3"
        with channel.latest() as frame:
            assert is_granted(frame, flags) == is_granted(numpy.asarray(frame), flags)


def hash_of_contiguous(buffer: Any) -> bytes:
    """By a function of Python's own that asks for bytes without gaps."""
    import hashlib

    return hashlib.sha256(buffer).digest()


ARRAYS = [
    numpy.arange(24).astype(kind).reshape(shape)
    for kind in ("f4", "f8", "f2", "i1", "i2", "i4", "u4", "i8", "u8", "c8", "c16", "?")
    for shape in ((24,), (4, 6), (2, 4, 3), (2, 3, 2, 2))
] + [
    *(numpy.zeros(shape, "u1") for shape in ((4, 5, 1), (4, 5, 2), (1, 2, 3, 4))),
    *(numpy.zeros((10, 12, channels), "u2") for channels in (1, 3)),
    numpy.float64(3.5),
]


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_an_array_keeps_dtype_and_shape(channel: FrameChannel, array: Any, readonly: bool) -> None:
    with FrameChannel.open(channel.name, readonly=readonly) as reader:
        channel.publish(array)
        with reader.latest() as frame:
            for seen in (frame.array, numpy.asarray(frame)):
                assert (seen.dtype, seen.shape) == (array.dtype, array.shape)
                assert (seen == array).all()
            assert frame.width == 0
            assert frame.fourcc == ""
            assert bytes(frame.data) == array.tobytes()


@pytest.mark.parametrize(
    ("shape", "dtype", "fourcc"),
    [((12, 20, 3), "u1", "BGR3"), ((12, 15, 4), "u1", "BGRA"), ((12, 20), "u1", "GREY"), ((6, 20), "u2", "Y16 ")],
)
def test_a_picture_is_sent_as_one(channel: FrameChannel, shape: tuple[int, ...], dtype: str, fourcc: str) -> None:
    channel.publish(numpy.ones(shape, dtype))
    with channel.latest() as frame:
        assert (frame.fourcc, frame.array.shape) == (fourcc, shape)
        assert frame.array.dtype == numpy.dtype(dtype)


@pytest.mark.parametrize("step", [1, 2])
def test_arrays_with_gaps_keep_them_too(channel: FrameChannel, step: int) -> None:
    array = numpy.arange(96, dtype="f4").reshape(4, 24)[:, ::step]
    channel.publish(array)
    with channel.latest() as frame:
        assert (frame.array == array).all()
        assert frame.array.dtype == array.dtype


@pytest.mark.parametrize("kind", [">f4", ">i2", "M8[s]", "g", "S4", "U2", "i4,f4"])
def test_an_array_that_cannot_be_sent_is_refused_by_name(channel: FrameChannel, kind: str) -> None:
    with pytest.raises(InvalidArgumentError, match="picture"):
        channel.publish(numpy.zeros((2, 3), kind))
    assert channel.sequence == 0


MASKED = [
    numpy.ma.array([[1.5, 2], [3, 4]], mask=[[0, 1], [0, 0]]),
    numpy.ma.array(numpy.zeros((2, 3, 4), "u1"), mask=True)[:, :, :3],
    numpy.ma.array(numpy.arange(6, dtype="u1"), mask=[0, 0, 1, 0, 0, 0]),
    numpy.ma.array([(1, 2)], dtype="u1,u1", mask=[(0, 1)]),
    numpy.ma.masked,
]


@pytest.mark.parametrize("array", MASKED, ids=lambda array: f"{array.dtype}-{array.shape}")
def test_a_masked_array_is_refused_by_name(channel: FrameChannel, array: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"picture is a masked array with \d+ masked elements"):
        channel.publish(array)
    assert channel.sequence == 0


def test_a_section_refuses_one_too(section: MemoryMappedFile) -> None:
    masked = numpy.ma.array([1, 2, 3], "u1", mask=[1, 0, 1])
    with pytest.raises(InvalidArgumentError, match="data is a masked array with 2 masked elements"):
        section.write(masked)
    with pytest.raises(InvalidArgumentError, match="data is a masked array with 2 masked elements"):
        section[:3] = masked
    assert section.sequence == 0


@pytest.mark.parametrize("kind", ["u1", "f4"])
@pytest.mark.parametrize("mask", [numpy.ma.nomask, [0, 0, 0]])
def test_a_masked_array_without_masked_elements_is_sent(channel: FrameChannel, kind: str, mask: Any) -> None:
    array = numpy.ma.array([1, 2, 3], kind, mask=mask)
    channel.publish(array)
    with channel.latest() as frame:
        assert frame.array.dtype == array.dtype
        assert (frame.array == array.data).all()


def test_an_array_of_too_many_dimensions_is_refused(channel: FrameChannel) -> None:
    with pytest.raises(InvalidArgumentError, match="9 dimensions: expected at most 8"):
        channel.publish(numpy.zeros((1,) * 9, "f4"))


def test_an_array_is_filled_in_place(channel: FrameChannel) -> None:
    with channel.begin((5, 6), dtype="f4") as frame:
        assert (frame.array.dtype, frame.array.shape) == (numpy.float32, (5, 6))
        frame.array[...] = 2.5
    with channel.begin() as frame:  # as before
        frame.array[...] = 3.5
    with channel.latest() as seen:
        assert (seen.array.shape, seen.array.dtype) == ((5, 6), numpy.float32)
        assert (seen.array == 3.5).all()
