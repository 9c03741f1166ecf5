"""Following a channel, and what the viewers make of it: live picture and figures."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("cv2", reason="the extra 'headless' is not installed")

from cameras import picture
from commands import WAIT_SECONDS

from pywinmmf import (
    FrameChannel,
    Namespace,
)
from pywinmmf.video_capture import bgr
from pywinmmf.viewers import follower, live_picture, meter
from pywinmmf.viewers.follower import Follower
from pywinmmf.viewers.meter import Meter
from pywinmmf.viewers.observation import observe
from pywinmmf.viewers.state import State

LOCAL = Namespace.LOCAL


def until(news: Iterator[follower.News], wanted: State, *, sequence: int | None = None) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    for state, frame in news:
        if state is wanted and sequence == (frame and frame.sequence):
            return
        assert time.monotonic() < deadline, f"never {wanted}, frame {sequence}"


@pytest.mark.usefixtures("quick")
def test_it_begins_with_an_open_handle_and_closes_it(name: str) -> None:
    with FrameChannel.create(name, capacity=10, history=4) as channel:
        kept = FrameChannel.open(name, readonly=True)
        channel.publish(b"first")
        channel.publish(b"second")
    news = iter(Follower(name, LOCAL, every=True, since_ns=0, channel=kept))  # only this handle has the frames now
    assert [frame and frame.sequence for _, frame in (next(news), next(news))] == [1, 2]
    until(news, State.ABSENT)
    assert kept.closed


@pytest.mark.usefixtures("quick")
def test_a_channel_is_followed_whatever_happens_to_it(name: str) -> None:
    news = iter(Follower(name, LOCAL))
    assert next(news) == (State.ABSENT, None)
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"old")
        until(news, State.STALLED, sequence=1)
        channel.publish(b"new")
        until(news, State.LIVE, sequence=2)
        until(news, State.STALLED)
        channel.publish(b"again")
        until(news, State.STALLED, sequence=3)
        channel.publish(b"and again")
        until(news, State.LIVE, sequence=4)
    until(news, State.ABSENT)
    with FrameChannel.create(name, capacity=100) as channel:
        until(news, State.STALLED)
        channel.publish(b"another channel")
        until(news, State.STALLED, sequence=1)
    news.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("quick")
def test_a_camera_that_is_slow_on_purpose_is_live(
    name: str, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    slow = [name]
    told = "pywinmmf.viewers.state.seconds_between_pictures"
    monkeypatch.setattr(told, lambda name, namespace: 1000 * (name in slow))
    monkeypatch.setattr(meter, "RATE_SECONDS", 0.01)
    with FrameChannel.create(name, capacity=10) as channel:
        news, measured = iter(Follower(name, LOCAL)), Meter(name, LOCAL)
        for sequence in (1, 2, 3):
            channel.publish(b"x")
            until(news, State.LIVE if sequence > 1 else State.STALLED, sequence=sequence)
            eventually(lambda wanted=sequence: measured.report()["frames"] == wanted)
        eventually(lambda: (channel.age or 0) > 0.5)  # there was news meanwhile as well
        assert {next(news) for _ in range(10)} == {(State.LIVE, None)}
        assert observe(name, Namespace.LOCAL).state is State.LIVE
        assert measured.report()["state"] == "live"
        assert measured.report()["frames_per_second"] > 0
        slow.clear()
        until(news, State.STALLED)
        assert observe(name, Namespace.LOCAL).state is State.STALLED
        eventually(lambda: measured.report()["state"] == "stalled")
        assert measured.report()["frames_per_second"] == 0
        measured.close()
        news.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("quick")
def test_a_standing_picture_comes_once(name: str) -> None:
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"x")
        news = iter(Follower(name, LOCAL))
        until(news, State.STALLED, sequence=1)
        until(news, State.STALLED)
        assert [next(news) for _ in range(5)] == [(State.STALLED, None)] * 5
        news.close()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("quick")
def test_a_damaged_channel_is_closed_for_a_new_one(name: str, damage: Callable[[str], None]) -> None:
    news = iter(Follower(name, LOCAL))
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"x")
        until(news, State.STALLED, sequence=1)
        damage(name)
        until(news, State.POISONED)
        assert next(news) == (State.POISONED, None)  # as long as somebody else has it
    with FrameChannel.create(name, capacity=100) as channel:
        channel.publish(b"of the new one")
        until(news, State.STALLED, sequence=1)
    news.close()  # type: ignore[attr-defined]


def failing_while(broken: threading.Event, works: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if broken.is_set():
            raise ZeroDivisionError("by surprise")
        return works(*arguments)

    return call


@pytest.fixture
def broken() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_the_live_picture_survives_any_exception(
    name: str, broken: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_picture, "bgr", failing_while(broken, bgr))

    async def watch() -> None:
        live = live_picture.LivePicture(name, LOCAL)
        with live.watched():
            while not live.problem:
                await asyncio.sleep(0.01)
            assert live.problem == "ZeroDivisionError: by surprise"
            broken.clear()
            assert (await live.other_than(b"")).startswith(b"\xff\xd8")  # as JPEG does
            assert live.problem == ""
        live.close()

    with FrameChannel.create(name, capacity=48 * 64 * 3) as channel:
        channel.publish(picture(1))
        asyncio.run(asyncio.wait_for(watch(), WAIT_SECONDS))


def test_the_meter_survives_any_exception(
    name: str,
    broken: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[[Callable[[], object]], None],
) -> None:
    monkeypatch.setattr(Meter, "_count", failing_while(broken, Meter._count))
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"x")
        meter = Meter(name, LOCAL)
        try:
            eventually(lambda: meter.report()["problem"] == "ZeroDivisionError: by surprise")
            broken.clear()
            eventually(lambda: meter.report()["problem"] == "")
        finally:
            meter.close()


def test_a_channel_is_looked_for_in_the_global_namespace_first(name: str) -> None:
    with FrameChannel.create(name, capacity=10) as local:
        local.publish(b"local")
        assert observe(name, Namespace.ANY).namespace is Namespace.LOCAL
        with FrameChannel.create(name, capacity=10, namespace=Namespace.GLOBAL):
            assert observe(name, Namespace.ANY).namespace is Namespace.GLOBAL
