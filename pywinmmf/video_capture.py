"""A shared camera with the interface of ``cv2.VideoCapture``: to use it, a program changes one line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .enums import Namespace
from .errors import (
    ClosedError,
    Error,
    FormatError,
    InvalidArgumentError,
    NotFoundError,
    NotSupportedError,
)
from .frame_channel import FrameChannel
from .frames import Frame
from .pixels import COMPRESSED, FORMATS, SUBSAMPLED

if TYPE_CHECKING:
    import numpy.typing

    Picture = numpy.typing.NDArray[Any]

# OpenCV's numbers of the supported properties.
CAP_PROP_POS_MSEC = 0
CAP_PROP_POS_FRAMES = 1
CAP_PROP_FRAME_WIDTH = 3
CAP_PROP_FRAME_HEIGHT = 4
CAP_PROP_FPS = 5
CAP_PROP_FOURCC = 6

REOPEN_SECONDS = 0.05  # between tries to find a missing camera
RATE_SECONDS = 1.0  # minimum time to measure the rate: pictures may come in bursts

Identity = tuple[int, int]  # sequence and timestamp: together they are unique, also across a new channel of the name


class VideoCapture:
    """Reads a frame channel like ``cv2.VideoCapture`` reads a camera: `read` waits for the next picture and returns a
    BGR copy of it.

    If a camera is missing, sends something that is not a picture, or has a damaged channel, nothing here raises. As
    with OpenCV, `isOpened` is false, or `read` returns ``(False, None)``, unless `setExceptionMode` asks for
    exceptions. After a restart of the service, or with a new channel, `read` goes on with the new pictures. Do not use
    one object in several threads at once.
    """

    def __init__(
        self,
        name: str | None = None,
        apiPreference: int = 0,
        params: Sequence[int] = (),
        *,
        namespace: Namespace | str = Namespace.ANY,
        timeout: float = 5.0,
    ) -> None:
        """``name`` None opens nothing yet. ``apiPreference`` is ignored; OpenCV has it. ``params`` alternates
        properties and values: a camera with other values is not opened, because a reader cannot set them. ``namespace``
        is as in `FrameChannel.open`. ``timeout`` is how many seconds `read` waits for a picture."""
        self._timeout = timeout
        self._channel: FrameChannel | None = None
        self._grabbed: Picture | None = None
        self._description: dict[int, float] = {}
        self._raises = False
        self._released = True
        self._found = False
        if name is not None:
            self.open(name, apiPreference, params, namespace=namespace)

    def open(
        self,
        name: str,
        apiPreference: int = 0,
        params: Sequence[int] = (),
        *,
        namespace: Namespace | str = Namespace.ANY,
    ) -> bool:
        """Close this camera and open another one. Returns whether that exists. The arguments are those of the
        constructor."""
        if len(params) % 2:
            raise InvalidArgumentError(f"params {params!r}: expected alternating properties and values")
        self.release()
        self._name = name
        self._namespace = namespace
        self._given_up = False
        self._had: Identity | None = None
        self._rated: Identity | None = None  # the picture from which the next rate is measured
        self._released = False
        try:
            self._channel = self._opened()
            self._found = True
            self._expect(params)
        except (NotFoundError, NotSupportedError):
            if len(params):
                self.release()
            if self._raises:
                raise
        return self._found

    def _expect(self, params: Sequence[int]) -> None:
        for property, value in zip(params[::2], params[1::2]):
            there = self.get(property)
            if there != value:
                raise NotSupportedError(f"camera {self._name!r}: property {property} is {there}, expected {value}")

    def _opened(self) -> FrameChannel:
        try:
            return FrameChannel.open(self._name, namespace=self._namespace, readonly=True)
        except InvalidArgumentError:
            raise
        except Error as error:
            raise NotFoundError(f"no camera {self._name!r}: {error}") from None

    def isOpened(self) -> bool:
        """Whether the camera was found. As with OpenCV, this stays true when it is unplugged, until `release`."""
        return self._found

    def grab(self) -> bool:
        """Wait for the next picture and keep it for `retrieve`. Returns whether one came in time.

        This does not wait for a camera that never existed.
        """
        self._grabbed = None
        deadline = time.perf_counter() + (self._timeout if self._found else 0.0)
        try:
            channel = self._channel_until(deadline)
            self._grab_from(channel, max(0.0, deadline - time.perf_counter()))
        except Error:
            if self._raises:
                raise
            return False
        return True

    def _channel_until(self, deadline: float) -> FrameChannel:
        while not self._released:
            try:
                if self._channel is None:
                    self._channel = self._opened_anew()
                self._found = True
                return self._channel
            except NotFoundError:
                if time.perf_counter() >= deadline:
                    raise
            time.sleep(REOPEN_SECONDS)
        raise ClosedError("no camera is open")

    def _grab_from(self, channel: FrameChannel, timeout: float) -> None:
        try:
            frame = channel.next(timeout)
        except Error:
            self._give_up(channel)
            raise
        with frame:
            self._had = _identity(frame)
            self._grabbed = picture = bgr(frame)
            self._describe(frame, picture.shape)

    def _give_up(self, channel: FrameChannel) -> None:
        """Close a channel that is stalled or damaged. While any program has it open, a restarted service can only reuse
        this channel and cannot create another one."""
        channel.close()
        self._channel = None
        self._rated = None
        self._given_up = True

    def _opened_anew(self) -> FrameChannel:
        channel = self._opened()
        if self._given_up and _newest(channel) in (None, self._had):
            channel.close()
            raise NotFoundError(f"no new picture of camera {self._name!r}")
        return channel

    def _describe(self, frame: Frame, shape: Sequence[int]) -> None:
        self._description = {
            CAP_PROP_POS_MSEC: frame.timestamp_ns / 1e6,
            CAP_PROP_POS_FRAMES: float(frame.sequence),
            CAP_PROP_FRAME_WIDTH: float(shape[1]),
            CAP_PROP_FRAME_HEIGHT: float(shape[0]),
            CAP_PROP_FPS: self._rate_at(_identity(frame)),
            CAP_PROP_FOURCC: float(int.from_bytes(frame.fourcc.encode("latin-1"), "little")),
        }

    def _rate_at(self, now: Identity) -> float:
        """The last rate, until enough time has passed on the writer's clock to measure a new one."""
        rate, since = self._description.get(CAP_PROP_FPS, 0.0), self._rated
        if since is None or now[0] < since[0] or now[1] < since[1]:  # that clock was set back
            self._rated = now
        elif now[1] - since[1] >= RATE_SECONDS * 1e9:
            self._rated = now
            rate = _rate(since, now)
        return rate

    def retrieve(self, image: Picture | None = None, flag: int = 0) -> tuple[bool, Picture | None]:
        """A copy of the picture of the last `grab`, in ``image`` if it fits; ``flag`` is ignored."""
        grabbed = self._grabbed
        if grabbed is None:
            return False, None
        return True, grabbed.copy() if image is None else _put(grabbed, image)

    def read(self, image: Picture | None = None) -> tuple[bool, Picture | None]:
        """`grab` and `retrieve` without a second copy: if you draw into this picture, a later `retrieve` shows it."""
        self.grab()
        grabbed = self._grabbed
        if grabbed is None:
            return False, None
        return True, grabbed if image is None else _put(grabbed, image)

    def get(self, property: int) -> float:
        """Width, height, rate, FourCC or position of the newest picture, by OpenCV's numbers; 0.0 for any other, and
        after `release`.

        Before the first `read` this waits for a picture; the rate takes a second, or two pictures of a slow camera.
        `read` still gets these pictures.
        """
        if self._channel is not None:
            with suppress(Error):
                if not self._description:
                    self._look()
                if property == CAP_PROP_FPS and not self._description[CAP_PROP_FPS]:
                    self._description[CAP_PROP_FPS] = self._measured_rate(self._channel)
        return self._description.get(property, 0.0)

    def _look(self) -> None:
        """Describe the newest picture, without taking it from `read`."""
        with self._opened() as channel, channel.latest(self._timeout) as frame:
            self._describe(frame, _shape(frame))

    def _measured_rate(self, channel: FrameChannel) -> float:
        since = _identity(channel.peek())
        time.sleep(RATE_SECONDS)
        channel.wait(since[0], self._timeout)
        return _rate(since, _identity(channel.peek()))

    def set(self, property: int, value: float) -> bool:
        """False: the camera belongs to the program that shares it."""
        return False

    def getBackendName(self) -> str:
        """``PYWINMMF``."""
        return "PYWINMMF"

    def setExceptionMode(self, enable: bool) -> None:
        """Whether `open`, `grab` and `read` raise an `Error` if there is no camera or picture. The default is that they
        do not."""
        self._raises = enable

    def getExceptionMode(self) -> bool:
        """The mode that `setExceptionMode` has set."""
        return self._raises

    def release(self) -> None:
        """Close the camera and drop its last picture."""
        self._released = True
        self._found = False
        self._grabbed = None
        self._description = {}
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


def _identity(frame: Frame) -> Identity:
    return frame.sequence, frame.timestamp_ns


def _rate(since: Identity, now: Identity) -> float:
    """The rate of all frames in between, including missed ones, per second of the writer's clock; 0.0 if that stands
    still."""
    frames, elapsed_ns = now[0] - since[0], now[1] - since[1]
    return frames * 1e9 / elapsed_ns if frames > 0 and elapsed_ns > 0 else 0.0


def _newest(channel: FrameChannel) -> Identity | None:
    """The identity of the newest frame; None if there is none, or the channel is damaged."""
    try:
        return _identity(channel.peek())
    except Error:
        return None


def _shape(frame: Frame) -> Sequence[int]:
    """The shape of its picture, which begins with height and width; 0 for a compressed picture that cannot be
    decoded."""
    if frame.fourcc not in COMPRESSED:
        return frame.height, frame.width
    try:
        return bgr(frame).shape
    except Error:
        return 0, 0


def _put(picture: Picture, image: Picture) -> Picture:
    """``image`` with the picture in it if it fits, or else the picture."""
    if image.shape != picture.shape or image.dtype != picture.dtype:
        return picture.copy()
    image[...] = picture
    return image


def bgr(frame: Frame) -> Picture:
    """A copy of the frame's picture in the form of OpenCV: rows x pixels x 3 bytes, blue first.

    `FormatError` if the frame is not a picture of its format; `NotSupportedError` if the format is unknown, or needs
    OpenCV, which is not installed; `ModuleNotFoundError` without NumPy.
    """
    picture, fourcc = frame.array, frame.fourcc
    import numpy  # the frame's array explains how to install it

    if fourcc in COMPRESSED:
        return _converted_by_opencv(picture, fourcc)
    if picture.ndim == 1:
        raise FormatError(
            f"pixel format {fourcc!r}, {frame.used} bytes: expected a picture with width, height and stride"
        )
    if fourcc == "" and picture.dtype != numpy.uint8:
        raise FormatError(
            f"pixel format '', an array of {picture.dtype}, shape {picture.shape}: expected a picture, of uint8"
        )
    if fourcc in SUBSAMPLED:
        if frame.width % 2 or (frame.height % 2 and picture.ndim == 2):
            raise FormatError(f"pixel format {fourcc!r}, {frame.width} x {frame.height} pixels: expected even numbers")
        return _converted_by_opencv(picture, fourcc)
    if fourcc == "BGR3" or (fourcc == "" and picture.ndim == 3 and picture.shape[2] == 3):
        return picture.copy()
    if fourcc == "RGB3":
        return numpy.ascontiguousarray(picture[:, :, ::-1])
    if fourcc == "BGRA":
        return numpy.ascontiguousarray(picture[:, :, :3])
    if fourcc == "RGBA":
        return numpy.ascontiguousarray(picture[:, :, 2::-1])
    if fourcc in ("GREY", "Y16 ") or picture.shape[2:] == (1,):
        grey = (picture >> 8).astype(numpy.uint8) if fourcc == "Y16 " else picture
        return numpy.repeat(grey.reshape(*grey.shape[:2], 1), 3, axis=2)
    raise NotSupportedError(f"pixel format {fourcc!r}: expected one of {', '.join(FORMATS)}")


def _converted_by_opencv(picture: Picture, fourcc: str) -> Picture:
    try:
        from .opencv import cv2
    except ImportError as error:
        raise NotSupportedError(f"pixel format {fourcc!r}: {error}") from None
    try:
        if fourcc != "MJPG":
            return cv2.cvtColor(picture, getattr(cv2, f"COLOR_YUV2BGR_{fourcc}"))
        decoded = cv2.imdecode(picture, cv2.IMREAD_COLOR) if picture.size else None
    except cv2.error as error:
        raise FormatError(f"pixel format {fourcc!r}, {picture.nbytes} bytes: {error.err}") from None
    if decoded is None:
        raise FormatError(f"pixel format 'MJPG', {picture.nbytes} bytes: expected a JPEG picture")
    return decoded
