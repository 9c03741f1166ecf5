"""``pywinmmf camera share --standby`` and ``--history``."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

from cameras import SIZE

from pywinmmf import FrameChannel, Namespace, shared_cameras
from pywinmmf.camera.arguments import sharings_of
from pywinmmf.camera.share_command import share_until
from pywinmmf.camera.sharing import Sharing
from pywinmmf.camera.standby import Standby
from pywinmmf.cli.parser import build_parser

OWNER = """
from pathlib import Path
from pywinmmf import registry
from pywinmmf.camera.share_command import share_until
from pywinmmf.camera.sharing import Sharing
registry.folders = lambda: [Path(sys.argv[2])]
sharing = Sharing(source="test", name=sys.argv[1], size=(64, 48), history=500)
share_until(lambda: False, lambda: print("ready", flush=True), [sharing])
"""


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., None]]:
    """Shares what is given from a thread, as the command does, until the test ends."""
    end = threading.Event()
    threads: list[threading.Thread] = []

    def start(*sharings: Sharing) -> None:
        ready = threading.Event()
        threads.append(threading.Thread(target=share_until, args=(end.is_set, ready.set, sharings)))
        threads[-1].start()
        assert ready.wait(60)

    yield start
    end.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("times", [1, 2])
def test_a_standby_takes_over_from_a_killed_program(
    name: str,
    times: int,
    folder: Path,
    child: Callable[..., Any],
    serve: Callable[..., None],
    eventually: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A reader goes on, no frame is lost but those that were never published, and the history stays."""
    caplog.set_level("INFO")
    owner = child(OWNER, name, folder)
    assert owner.line() == "ready"
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as reader:
        reader.next(timeout=60).release()
        for _ in range(times):
            serve(Sharing(source="test", name=name, size=SIZE, history=500, standby=True))
        assert caplog.text.count(f"{name}: standing by") == times
        assert shared_cameras()[name]["pid"] == owner.process.pid
        owner.kill()
        last = reader.sequence
        with reader.at(last + 1, timeout=60) as frame:
            assert frame.array.shape == (SIZE[1], SIZE[0], 3)
        with reader.at(last) as frame:
            assert frame.sequence == last
        eventually(lambda: name in shared_cameras() and shared_cameras()[name]["pid"] != owner.process.pid)
        eventually(lambda: re.search(rf"{name}: took over, \d+\.\d+ s after the last frame", caplog.text))
        assert caplog.text.count("took over") == 1


def test_a_standby_is_the_first_if_nobody_shares(
    name: str, serve: Callable[..., None], eventually: Callable[..., None]
) -> None:
    serve(Sharing(source="test", name=name, size=SIZE, standby=True))
    eventually(lambda: name in shared_cameras())
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as reader:
        reader.next(timeout=60).release()


def test_an_owner_that_has_no_picture_yet_is_not_replaced(
    name: str, serve: Callable[..., None], share: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    """It has the name, although it has never published: somebody may plug its camera in."""
    owner = share(source="no-such-file.avi", name=name)
    standby = Standby(Sharing(source="test", name=name, size=SIZE, standby=True))
    eventually(lambda: owner.problem)
    assert not standby.is_due()
    owner.close()
    assert standby.is_due()
    standby.close()


def test_a_claim_that_was_taken_away_is_no_reason_to_take_over(name: str) -> None:
    """The program still publishes."""
    with FrameChannel.create(name, capacity=100) as channel:
        channel.publish(b"picture")
        standby = Standby(Sharing(source="test", name=name, size=SIZE, standby=True))
        assert not standby.is_due()
    assert standby.is_due()
    standby.close()


@pytest.mark.parametrize(
    ("words", "frames"),
    [
        ([], 0),
        (["--history", "300"], 300),
        (["--history", "10s"], 331),
        (["--history", "10s", "--fps", "200"], 2201),
        (["--history", "10s", "--every", "3"], 111),
        (["--history", "0.5s"], 17),
    ],
)
def test_a_history_of_frames_or_seconds(name: str, words: list[str], frames: int) -> None:
    arguments = build_parser().parse_args(["camera", "share", "test", "--name", name, *words])
    (wanted,) = sharings_of(arguments)
    assert wanted.history == frames


@pytest.mark.parametrize("text", ["", "-1", "s", "10 s", "1e3", "x"])
def test_no_such_history(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["camera", "share", "test", f"--history={text}"])
    assert "such as 300 or 10s" in capsys.readouterr().err


def test_a_camera_has_the_history_that_was_asked_for(name: str, share: Callable[..., Any]) -> None:
    share(source="test", name=name, history=25)
    with FrameChannel.open(name, namespace=Namespace.GLOBAL, readonly=True) as reader:
        assert reader.history == 25
