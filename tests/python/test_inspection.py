"""Looking at sections: the list, the participants, and the commands ls, info and audit."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from pywinmmf import FrameChannel, InvalidArgumentError, Layout, MemoryMappedFile, Namespace, list_sections
from pywinmmf.cli import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Runs a command with --json; its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        output = capsys.readouterr().out
        return code, json.loads(output) if output else None

    return run


@pytest.mark.parametrize("namespace", [Namespace.LOCAL, Namespace.GLOBAL])
def test_the_list_has_what_is_open(name: str, namespace: Namespace) -> None:
    other = Namespace.GLOBAL if namespace is Namespace.LOCAL else Namespace.LOCAL
    assert name not in list_sections(namespace)
    with MemoryMappedFile.create(name, 10, namespace=namespace), FrameChannel.create(name + "é", capacity=10):
        assert name in list_sections(namespace)
        assert name not in list_sections(other)
        assert name + "é" in list_sections(Namespace.LOCAL)
    assert name not in list_sections(namespace)


def test_custom_names_are_in_no_list() -> None:
    with pytest.raises(InvalidArgumentError):
        list_sections(Namespace.CUSTOM)


def test_participants(section: MemoryMappedFile) -> None:
    started = time.time_ns()
    with MemoryMappedFile.open(section.name) as other:
        with section.read_lock(), other.read_lock():
            assert [one.readers for one in section.participants()] == [1, 1]
        with other.write_lock():
            first, second = section.participants()
            assert (first.writing, second.writing) == (False, True)
            assert abs(second.writing_since_unix_ns - started) < 60e9
        first, second = section.participants()
        assert {first.pid, second.pid} == {os.getpid()}
        assert first.alive
        assert second.alive
        assert (first.reads, second.reads, second.writes) == (1, 1, 1)
        assert second.writing_since_unix_ns == 0
        assert abs(second.joined_unix_ns - started) < 60e9
    assert len(section.participants()) == 1


def test_ls(name: str, run: Callable[..., Any]) -> None:
    with (
        MemoryMappedFile.create(name, 10) as section,
        FrameChannel.create(name + "c", capacity=10, namespace=Namespace.GLOBAL) as channel,
    ):
        section.write(b"x")
        channel.publish(b"x")
        code, rows = run("ls")
        found = {row["name"]: row for row in rows}
        assert code == 0
        assert found[name] == {
            "name": name,
            "namespace": "local",
            "kind": "section",
            "size": 10,
            "sequence": 1,
            "participants": 1,
        }
        assert found[name + "c"]["kind"] == "channel"
        assert found[name + "c"]["size"] == "4 x 10"
        assert name not in {row["name"] for row in run("ls", "--namespace", "global")[1]}


def test_ls_for_people(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with MemoryMappedFile.create(name, 10):
        assert main(["ls"]) == 0
        head, *rows = capsys.readouterr().out.splitlines()
        assert head.split() == ["name", "namespace", "kind", "size", "sequence", "participants"]
        assert any(row.split() == [name, "local", "section", "10", "0", "1"] for row in rows)


def test_info(section: MemoryMappedFile, run: Callable[..., Any]) -> None:
    code, facts = run("info", section.name, "--interval", "0")
    assert code == 0
    assert (facts["lock"], facts["holder"], facts["size"], facts["sequence"]) == ("free", [], 1000, 0)
    assert facts["participants"][0].startswith(f"pid {os.getpid()} (py")
    with section.read_lock():
        assert run("info", section.name, "--interval", "0")[1]["lock"] == "held by 1 for reading"
    with section.write_lock():
        facts = run("info", section.name, "--interval", "0")[1]
        assert facts["lock"] == "held for writing"
        assert facts["holder"][0].startswith(f"pid {os.getpid()} (py")


def test_info_says_how_often_it_changes(section: MemoryMappedFile, run: Callable[..., Any]) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            section.write(b"x")

    thread = threading.Thread(target=write)
    thread.start()
    rate = run("info", section.name, "--interval", "0.05")[1]["writes per second"]
    done.set()
    thread.join()
    assert rate > 0


def test_info_of_a_channel_and_of_other_layouts(name: str, run: Callable[..., Any]) -> None:
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"x")
        facts = run("info", name, "--interval", "0")[1]
        assert (facts["slots"], facts["capacity"], facts["frames"]) == (4, 10, 1)
    with MemoryMappedFile.create(name, 5000, layout=Layout.RAW):
        facts = run("info", name, "--layout", "raw")[1]
        assert facts["size"] >= 5000


def test_info_of_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", name]) == 2
    assert name in capsys.readouterr().err


def test_audit(section: MemoryMappedFile, run: Callable[..., Any]) -> None:
    code, report = run("audit", section.name)
    assert code == 0
    assert report["verdict"] == "sound"
    assert report["participants"] == 2
    with MemoryMappedFile.open(section.name, readonly=True, layout=Layout.RAW) as raw:
        assert raw.read(8) == b"WMMFsect"


def test_audit_finds_damage(section: MemoryMappedFile, run: Callable[..., Any]) -> None:
    with MemoryMappedFile.open(section.name, layout=Layout.RAW) as raw:
        raw.write(b"\x07", 512 + 16)  # a tally: reads given back
    code, report = run("audit", section.name)
    assert (code, report["damaged"], report["poisoned"]) == (1, True, True)
    assert report["verdict"].startswith("damaged")
    assert run("info", section.name, "--interval", "0")[1]["lock"] == "poisoned"
    assert run("audit", section.name)[0] == 1


def test_audit_of_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", name]) == 2
    assert name in capsys.readouterr().err
