"""Show a shared camera with OpenCV. One line differs from a program for ``cv2.VideoCapture(0)``.

pywinmmf camera share 0 --name front      in one terminal
python opencv_reader.py front             in any number of others

A window shows the picture until Esc or its closing, or, with ``--frames N``, the brightness of N pictures is printed.
"""

import argparse

import cv2

from pywinmmf import VideoCapture


def is_open(window: str) -> bool:
    """Whether it has not been closed."""
    try:
        return cv2.getWindowProperty(window, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # of Qt, once there is no window any more
        return False


def main() -> None:
    """Read pictures until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--frames", type=int, help="print instead of showing a window (which needs opencv-python)")
    options = parser.parse_args()

    camera = VideoCapture(options.name)  # was: cv2.VideoCapture(0)
    if not camera.isOpened():
        parser.error(f"no shared camera {options.name!r}: see pywinmmf camera list")

    seen = 0
    while camera.isOpened() and seen != options.frames:
        done, picture = camera.read()
        if not done or picture is None:
            print("no picture: the camera stands still")
            continue
        seen += 1
        if options.frames:
            print(f"{picture.shape[1]} x {picture.shape[0]}, brightness {picture.mean():.1f}")
            continue
        try:
            cv2.imshow(options.name, picture)
        except cv2.error:
            parser.error("this OpenCV shows no windows: pip install opencv-python, or give --frames")
        if cv2.waitKey(1) == 27 or not is_open(options.name):
            break
    camera.release()


if __name__ == "__main__":
    main()
