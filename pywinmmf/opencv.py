"""All imports of OpenCV go through this module. It uses whichever OpenCV package is installed."""

from __future__ import annotations

__all__ = ["cv2"]

INSTALL = "pip install opencv-python, or, without windows, 'pywinmmf[headless]'"

try:
    import cv2

    cv2.VideoCapture  # noqa: B018 - an uninstalled package may leave an empty folder
except Exception as error:  # it may lack a library, or need another NumPy
    cause = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
    raise ImportError(f"OpenCV cannot be used ({cause}): {INSTALL}", name="cv2") from error
