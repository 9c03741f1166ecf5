"""The one door to OpenCV. Whichever of its packages is installed is used."""

from __future__ import annotations

__all__ = ["cv2"]

INSTALL = "pip install opencv-python, or, without windows, 'pywinmmf[headless]'"

try:
    import cv2

    cv2.VideoCapture  # noqa: B018 - a folder that an uninstalled package left behind has nothing in it
except Exception as error:  # a library that it needs may be missing, or it may need another NumPy
    cause = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
    raise ImportError(f"OpenCV cannot be used ({cause}): {INSTALL}", name="cv2") from error
