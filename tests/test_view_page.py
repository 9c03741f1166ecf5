"""``pywinmmf view`` in a real browser: what the page shows is what is published."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy
import numpy.typing
import pytest
from lab import cache, footage
from selenium import webdriver
from viewer import WAIT_SECONDS, Viewer, viewers

from pywinmmf import Frame, FrameChannel

FPS = 20
LAG_NS = 30_000_000  # how much too early all timestamps are
JPEG_ERROR = 3  # mean difference of a pixel's colours; that of two pictures of the footage is above 5
BURST = 10  # frames that the page cannot have seen
WINDOW = (1280, 1400)
BROWSER_OPTIONS = (
    "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    "disable-component-update disable-sync force-color-profile=srgb force-device-scale-factor=1 hide-scrollbars"
)

Picture = numpy.typing.NDArray[Any]


@pytest.fixture
def name() -> str:
    return f"pywinmmf-test-view-{os.getpid()}"


def wait_until(condition: Callable[[], object], seen: Callable[[], object] = lambda: "it never came true") -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, seen()
        time.sleep(0.05)


class Camera:
    """Publishes pictures at a steady pace, the last one over and over."""

    def __init__(self, name: str, pictures: list[Picture]) -> None:
        self.channel = FrameChannel.create(name, capacity=pictures[0].shape)
        self.pictures = pictures
        self.publish()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def publish(self) -> None:
        """A picture; fails if anybody is in its way."""
        picture = self.pictures[min(self.channel.sequence, len(self.pictures) - 1)]
        with self.channel.begin(picture.shape, timeout=0) as frame:
            frame.array[...] = picture
            frame.timestamp_ns = time.perf_counter_ns() - LAG_NS

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(1 / FPS):
            self.publish()

    def stop(self) -> None:
        """From here on frames come from `publish` alone."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()


@pytest.fixture
def camera(name: str) -> Iterator[Camera]:
    video = cv2.VideoCapture(str(footage.video()))
    made = Camera(name, [video.read()[1] for _ in range(30)])
    video.release()
    yield made
    made.stop()
    made.channel.close()


@pytest.fixture
def view() -> Iterator[Callable[[str], Viewer]]:
    with viewers() as start:
        yield start


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.page_load_strategy = "eager"  # a live picture is never loaded to its end
    options.binary_location = cache.tool("chromium", "chromium")
    for option in (
        *BROWSER_OPTIONS.split(),
        f"user-data-dir={tmp_path / 'browser'}",
        "window-size={},{}".format(*WINDOW),
    ):
        options.add_argument(f"--{option}")
    driver = webdriver.Chrome(options, webdriver.ChromeService(cache.tool("chromedriver", "chromium-driver")))
    yield driver
    driver.quit()


class Page:
    """What a user sees."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self._browser = browser
        browser.get(url)

    def seen(self) -> tuple[dict[str, str], dict[str, list[list[str]]]]:
        """At one moment: the texts of elements and the cells of tables, by id."""
        texts, tables = self._browser.execute_script(
            "const all = (what, read) =>"
            " Object.fromEntries([...document.querySelectorAll(what)].map(each => [each.id, read(each)]));"
            "const cells = row => [...row.cells].map(cell => cell.innerText);"
            "return [all('[id]', each => each.innerText), all('tbody', body => [...body.rows].map(cells))]"
        )
        return texts, tables

    def moment(self) -> dict[str, Any]:
        """The figures of one moment, as numbers; empty before there are any."""
        texts, tables = self.seen()
        description = re.match(r"(\d+) × (\d+) (\S+), frame (\d+), ", texts["description"])
        latency = re.match(r"median ([\d.]+) ms", texts["latency"])
        if not description or not latency:
            return {}
        return {
            "shape": (int(description[2]), int(description[1])),
            "format": description[3],
            "sequence": int(description[4]),
            "state": texts["state"],
            "fps": float(texts["fps"]),
            "frames": int(texts["frames"]),
            "missed": int(texts["missed"]),
            "median": float(latency[1]),
            "histogram": {bounds: int(frames) for bounds, frames, _ in tables["histogram"]},
            "users": tables["users"],
        }

    def eventually(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first moment for which it holds."""
        moment: dict[str, Any] = {}

        def holds() -> bool:
            moment.update(self.moment())
            return bool(moment) and condition(moment)

        wait_until(holds, lambda: moment or self.seen())
        return moment

    def picture(self) -> Picture:
        """The picture's pixels in a screenshot."""
        box = self._browser.execute_script(
            "const box = document.getElementById('picture').getBoundingClientRect();"
            "return [box.left, box.top, box.width, box.height]"
        )
        left, top, width, height = map(round, box)
        png = numpy.frombuffer(self._browser.get_screenshot_as_png(), numpy.uint8)
        screenshot = cv2.imdecode(png, cv2.IMREAD_COLOR)
        assert screenshot is not None
        return screenshot[top : top + height, left : left + width]


def difference(one: Picture, other: Picture) -> float:
    return float(numpy.abs(one.astype(int) - other).mean()) if one.shape == other.shape else 255.0


def test_the_page_shows_what_is_published(
    camera: Camera, view: Callable[[str], Viewer], browser: webdriver.Chrome, name: str
) -> None:
    viewer = view(name)
    page = Page(browser, viewer.url)
    # Having seen the first picture, it knows of all that come how many it missed.
    wait_until(lambda: viewer.statistics()["state"] == "stalled")
    camera.start()
    last = camera.pictures[-1]
    page.eventually(lambda now: bool(now["sequence"] >= len(camera.pictures)))
    wait_until(lambda: difference(page.picture(), last) < JPEG_ERROR)
    assert difference(camera.pictures[0], last) > JPEG_ERROR

    began, first = time.monotonic(), camera.channel.sequence
    page.eventually(lambda now: now["sequence"] >= first + 2 * FPS)
    true_fps = (camera.channel.sequence - first) / (time.monotonic() - began)
    now = page.eventually(lambda now: bool(abs(now["fps"] - true_fps) < 0.2 * true_fps))
    assert (now["shape"], now["format"], now["state"]) == (last.shape[:2], "BGR3", "live")
    check_latency(now)
    with FrameChannel.open(name) as reader, reader.latest() as held:
        check_users(page, camera, held)
    check_missed_frames(page, camera, viewer)


def check_latency(now: dict[str, Any]) -> None:
    """All frames are as old as their writer said, and in the histogram, but for those that were there before."""
    assert LAG_NS / 1e6 <= now["median"] < 1000
    late = sum(now["histogram"][bounds] for bounds in ("20 to 50", "50 to 100", "100 and more"))
    assert late == sum(now["histogram"].values())
    assert now["frames"] - 2 <= late < now["frames"]


def check_users(page: Page, camera: Camera, held: Frame) -> None:
    """The writer, and a reader that holds a frame while newer ones come."""
    now = page.eventually(lambda now: len(now["users"]) == 2 and now["sequence"] > held.sequence + FPS)
    users = [(pid, int(written), int(in_hand), lag) for pid, _, _, written, in_hand, lag in now["users"]]
    assert {user[0] for user in users} == {str(os.getpid())}
    (_, written, _, no_lag), (_, nothing, in_hand, lag) = sorted(users, key=lambda user: -user[1])
    assert (nothing, in_hand, no_lag) == (0, 1, "–")
    assert now["sequence"] - written in (0, -1)  # one may just be being written
    assert int(lag) == now["sequence"] - held.sequence


def check_missed_frames(page: Page, camera: Camera, viewer: Viewer) -> None:
    """Frames that come while the viewer is stopped, and holds nothing."""
    camera.stop()
    viewer.process.send_signal(signal.SIGSTOP)
    try:
        os.waitid(os.P_PID, viewer.process.pid, os.WSTOPPED | os.WNOWAIT)
        for _ in range(BURST):
            camera.publish()
    finally:
        viewer.process.send_signal(signal.SIGCONT)
    published = camera.channel.sequence
    now = page.eventually(lambda now: bool(now["sequence"] == published and now["state"].startswith("stalled for ")))
    assert now["missed"] >= BURST - 1
    assert now["frames"] + now["missed"] == published


def test_a_channel_comes_late_and_goes(view: Callable[[str], Viewer], browser: webdriver.Chrome, name: str) -> None:
    viewer = view(name)
    page = Page(browser, viewer.url)
    shows_state(page, "no such channel")
    with FrameChannel.create(name, capacity=(48, 64, 3)) as channel:
        shows_state(page, "no frame yet")
        channel.publish(b"not a picture")
        shows_state(page, "pixel format ''")
        green = numpy.full((48, 64, 3), (0, 200, 0), numpy.uint8)
        channel.publish(green)
        wait_until(lambda: page.picture().shape == green.shape)
    shows_state(page, "no such channel")
    assert viewer.end() == 0
    shows_state(page, "pywinmmf view has ended")


DYING = """
import os, signal, sys
import numpy
from pywinmmf import FrameChannel
channel = FrameChannel.open(sys.argv[1])
channel.publish(numpy.zeros((10, 10), numpy.uint8))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_page_tells_closing_from_dying(view: Callable[[str], Viewer], browser: webdriver.Chrome, name: str) -> None:
    with FrameChannel.create(name, capacity=100, standby=True):
        page = Page(browser, view(name).url)
        with FrameChannel.open(name) as channel:
            channel.publish(numpy.zeros((10, 10), numpy.uint8))
        shows_state(page, "gone: the publisher has closed it")
        subprocess.run([sys.executable, "-P", "-c", DYING, name], timeout=60)
        shows_state(page, "hung up: the publisher has died")


def test_the_picture_goes_on_after_what_is_none(
    view: Callable[[str], Viewer], browser: webdriver.Chrome, name: str
) -> None:
    green = numpy.full((48, 64, 3), (0, 200, 0), numpy.uint8)
    with FrameChannel.create(name, capacity=70000) as channel:
        page = Page(browser, view(name).url)
        channel.publish(bytes(100), fourcc="RGB3")
        shows_state(page, "pixel format 'RGB3', 100 bytes")
        channel.publish(numpy.zeros((1, 70000), numpy.uint8))
        shows_state(page, "a picture of 70000 x 1 pixels")
        channel.publish(green)
        wait_until(lambda: page.picture().shape == green.shape)
        wait_until(lambda: "a picture of" not in page.seen()[0]["state"])


def shows_state(page: Page, words: str) -> None:
    wait_until(lambda: words in page.seen()[0]["state"], lambda: page.seen()[0]["state"])
