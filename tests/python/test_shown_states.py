"""The state of a channel, as ``info``, ``top`` and the page of ``view`` show it, after each event in the life of its
publisher."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'view' is not installed")
pytest.importorskip("aiohttp", reason="the extra 'view' is not installed")

from viewer import Viewer, viewers

from pywinmmf import ChannelState, FrameChannel, MemoryMappedFile
from pywinmmf.cli import main

PUBLISH = """
import time
name, end = sys.argv[1:]
with FrameChannel.open(name) as channel, MemoryMappedFile.open(end) as ending:
    before = ending.sequence
    while ending.sequence == before:
        channel.publish(b"picture")
        time.sleep(0.01)
"""


@pytest.fixture
def view() -> Iterator[Callable[..., Viewer]]:
    with viewers() as start:
        yield start


def freeze(pid: int) -> None:
    """Stop a process, which stays alive."""
    if sys.platform == "win32":
        import psutil

        psutil.Process(pid).suspend()
    else:
        os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    if sys.platform == "win32":
        import psutil

        psutil.Process(pid).resume()
    else:
        os.kill(pid, signal.SIGCONT)


def test_each_state_is_shown_each_time(
    name: str,
    child: Callable[..., Any],
    view: Callable[..., Viewer],
    eventually: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def printed(*words: str) -> Any:
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    def shown() -> set[str]:
        return {
            printed("info", name, "--interval", "0")["state"],
            printed("top", name, "--interval", "0.01")[0]["state"],
            viewer.statistics()["state"],
        }

    with MemoryMappedFile.create(f"{name}-end", 8) as end, FrameChannel.create(name, capacity=10, standby=True):
        viewer = view(name)
        for ending in ("kill", "close", "kill"):
            publisher = child(PUBLISH, name, f"{name}-end")
            eventually(lambda: shown() == {"live"})
            freeze(publisher.process.pid)
            eventually(lambda: shown() == {"stalled"})
            thaw(publisher.process.pid)
            eventually(lambda: shown() == {"live"})
            if ending == "kill":
                publisher.kill()
                eventually(lambda: shown() == {"hung up"})
            else:
                end.write(b"end")
                assert publisher.result() == ""
                eventually(lambda: shown() == {"gone"})
    eventually(lambda: viewer.statistics()["state"] == "absent")


@pytest.mark.parametrize(("seconds", "state"), [(3600, "live"), (0, "stalled")])
def test_a_channel_without_a_frame_is_shown_as_it_says(
    name: str,
    seconds: float,
    state: str,
    eventually: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("pywinmmf.viewers.state.STALLED_SECONDS", seconds)
    with FrameChannel.create(name, capacity=10) as channel:
        eventually(lambda: channel.state(stalled=seconds) is ChannelState[state.upper()])
        for words in (["info", name, "--interval", "0"], ["top", name, "--interval", "0.01"]):
            assert main([*words, "--json"]) == 0
            assert f'"state": "{state}"' in capsys.readouterr().out


def test_view_shows_a_channel_without_a_frame(
    name: str, view: Callable[..., Viewer], eventually: Callable[..., None]
) -> None:
    """As stalled in the end: it may have been live for longer than the viewer takes to start."""
    with FrameChannel.create(name, capacity=10):
        viewer = view(name)
        eventually(lambda: viewer.statistics()["state"] == "stalled")


def test_a_damaged_channel_is_shown_as_such(
    name: str, damage: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"picture")
        damage(name)
        assert main(["info", name, "--interval", "0", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["state"] == "poisoned"
