"""The cameras that are plugged in."""

from __future__ import annotations

import sys
from typing import NamedTuple

CAP_V4L2, CAP_DSHOW = 200, 700  # OpenCV's numbers: cameras can be listed without it
# Only one backend, so that each camera is listed once, with the number that opens it.
BACKEND = CAP_DSHOW if sys.platform == "win32" else CAP_V4L2


class Device(NamedTuple):
    """A camera."""

    number: int
    name: str
    path: str


def devices() -> list[Device]:
    """All cameras, by number. `OSError` if they cannot be listed."""
    try:
        from cv2_enumerate_cameras import enumerate_cameras

        return sorted(Device(camera.index, camera.name, camera.path or "") for camera in enumerate_cameras(BACKEND))
    except ModuleNotFoundError as error:
        raise OSError(f"cameras cannot be listed ({error}): pip install 'pywinmmf[camera]'") from None
    except Exception as error:  # it imports OpenCV, which may be broken, and calls drivers
        raise OSError(f"cameras cannot be listed ({type(error).__name__}: {error})") from None


def find(source: str, shown_as: str) -> tuple[int, int]:
    """The number of the camera with this number, name or path, and the OpenCV backend that uses this number. Errors
    call the source ``shown_as``."""
    if source.isdecimal():
        return int(source), BACKEND
    present = devices()
    found = [device for device in present if source.casefold() in (device.name.casefold(), device.path.casefold())]
    if len(found) == 1:
        return found[0].number, BACKEND
    if found:
        paths = ", ".join(device.path or str(device.number) for device in found)
        raise OSError(
            f"source {shown_as!r}: {len(found)} cameras have this name: expected the number or path, one of {paths}"
        )
    names = ", ".join(repr(device.name) for device in present) or "none"
    raise OSError(f"source {shown_as!r}: no such video file, and no camera with this name (cameras: {names})")
