"""Looking at sections: the list, the participants, and the commands ls, info and audit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import (
    ClosedError,
    FrameChannel,
    InvalidArgumentError,
    Layout,
    MemoryMappedFile,
    Namespace,
    NotSupportedError,
    PoisonedError,
    list_sections,
    page_sizes,
)
from pywinmmf.cli import main

WAIT_SECONDS = 60  # seconds


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


def test_sections_and_channels_say_who_owns_them(section: MemoryMappedFile, name: str) -> None:
    with FrameChannel.create(f"{name}-channel", capacity=10) as channel:
        owner = section.owner
        assert owner == channel.owner != ""
        if sys.platform != "win32":  # the tests in C ask Windows, or Wine, for the name of this user
            import pwd

            assert owner == pwd.getpwuid(os.geteuid()).pw_name
    with pytest.raises(ClosedError):
        _ = channel.owner


def test_a_section_says_whether_its_name_leads_to_it(section: MemoryMappedFile, tmp_path: Path) -> None:
    assert section.named
    if sys.platform != "win32":  # there a name cannot be removed
        os.unlink(f"/dev/shm/wmmf-{os.geteuid()}-{section.name}")
        assert not section.named
    with MemoryMappedFile.open_file(tmp_path / "file", "w+", size=10) as file, pytest.raises(NotSupportedError):
        _ = file.named


@pytest.mark.parametrize("layout", [Layout.NATIVE, Layout.WINMMF])
def test_the_state_of_a_lock(name: str, layout: Layout) -> None:
    with MemoryMappedFile.create(name, 10, layout=layout) as section:
        free = section.lock_state()
        assert free.initialised
        assert (free.readers, free.writing, free.owner_died, free.poisoned) == (0, False, False, False)
        with section.read_lock():
            assert section.lock_state().readers == 1
        with section.write_lock():
            held = section.lock_state()
            assert held.writing
            assert held.writer_pid == (os.getpid() if layout is Layout.NATIVE else 0)
        assert not section.lock_state().writing


def test_a_raw_section_has_no_lock_to_look_at(name: str) -> None:
    with MemoryMappedFile.create(name, 10, layout=Layout.RAW) as section, pytest.raises(NotSupportedError):
        section.lock_state()


def test_the_sizes_of_pages() -> None:
    sizes = page_sizes()
    assert sizes.page in (4096, 16384, 65536)
    assert sizes.granularity % sizes.page == 0
    assert sizes.large % sizes.page == 0


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


def test_an_object_knows_its_record(section: MemoryMappedFile, name: str) -> None:
    with (
        MemoryMappedFile.open(section.name) as other,
        MemoryMappedFile.open(section.name, readonly=True) as reader,
        MemoryMappedFile.create(name + "-raw", 10, layout=Layout.RAW) as raw,
    ):
        assert (section.record, other.record, reader.record, raw.record) == (0, 1, None, None)
        with other.read_lock():
            assert [one.record for one in section.participants() if one.readers] == [other.record]


def test_a_participant_that_was_killed_is_told_by_its_record(
    section: MemoryMappedFile, child: Callable[..., Any]
) -> None:
    other = child(
        """
section = MemoryMappedFile.open(sys.argv[1])
print(section.record)
import time
time.sleep(1000)
""",
        section.name,
    )
    record = int(other.line())
    assert [one.alive for one in section.participants() if one.record == record] == [True]
    other.kill()
    assert not any(one.alive for one in section.participants() if one.record == record)


def test_a_reader_shows_how_old_its_frame_is(name: str) -> None:
    with FrameChannel.create(name, capacity=10) as channel, FrameChannel.open(name) as reader:
        channel.publish(b"x")
        with MemoryMappedFile.open(name, readonly=True) as section, reader.latest(timeout=0):
            channel.publish(b"y")
            writer, holder = section.participants()
            assert (writer.oldest_pinned, holder.oldest_pinned, channel.sequence) == (0, 1, 2)


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


def test_ls_on_a_terminal_that_knows_few_letters(name: str) -> None:
    with MemoryMappedFile.create(name + "é", 10):
        done = subprocess.run(
            [sys.executable, "-m", "pywinmmf", "ls"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            timeout=WAIT_SECONDS,
        )
    assert done.returncode == 0, done.stderr
    assert f"{name}\\xe9 ".encode() in done.stdout


def test_info(section: MemoryMappedFile, run: Callable[..., Any]) -> None:
    code, facts = run("info", section.name, "--interval", "0")
    assert code == 0
    assert (facts["lock"], facts["holder"], facts["size"], facts["sequence"]) == ("free", None, 1000, 0)
    (ours,) = facts["participants"]
    assert ours["pid"] == os.getpid()
    assert ours["program"].startswith("py")
    with section.read_lock():
        assert run("info", section.name, "--interval", "0")[1]["lock"] == "held by 1 for reading"
    with section.write_lock():
        facts = run("info", section.name, "--interval", "0")[1]
        assert facts["lock"] == "held for writing"
        assert facts["holder"] == facts["participants"][0]
        assert facts["holder"]["pid"] == os.getpid()
        assert facts["holder"]["writing_since_unix_ns"] > 0


def test_info_for_people(section: MemoryMappedFile, capsys: pytest.CaptureFixture[str]) -> None:
    with section.write_lock():
        assert main(["info", section.name, "--interval", "0"]) == 0
    facts = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert facts["lock"] == "held for writing"
    assert re.fullmatch(
        rf"pid {os.getpid()} \(py.*\) since [-\d]+ [.:\d]+, writing since [-\d]+ [.:\d]+", facts["holder"]
    )
    assert facts["participants"] == facts["holder"]


def test_info_names_the_dead(section: MemoryMappedFile, child: Callable[..., Any], run: Callable[..., Any]) -> None:
    other = child(
        """
section = MemoryMappedFile.open(sys.argv[1])
with section.write_lock():
    print("locked")
    import time
    time.sleep(1000)
""",
        section.name,
    )
    assert other.line() == "locked"
    other.kill()
    facts = run("info", section.name, "--interval", "0")[1]
    assert facts["lock"] == "held for writing by a dead process"
    assert (facts["holder"]["alive"], facts["holder"]["program"]) == (False, "unknown")
    code, report = run("audit", section.name)  # it opens the section, and so takes the dead one's record
    assert (code, report["owner_died"]) == (0, True)
    assert "needs repair" in report["verdict"]
    assert run("info", section.name, "--interval", "0")[1]["lock"].startswith("free, but the last writer died")


def test_info_says_how_often_it_changes(
    name: str, run: Callable[..., Any], eventually: Callable[[Callable[[], object]], None]
) -> None:
    """The number also counts changes by processes that have left since."""
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            with MemoryMappedFile.open(name) as passing:
                passing.write(b"x")

    with MemoryMappedFile.create(name, 10):
        thread = threading.Thread(target=write)
        thread.start()
        seen: list[dict[str, Any]] = []

        def is_changing() -> bool:
            seen.append(run("info", name, "--interval", "0.1")[1])
            return bool(seen[-1]["rate_per_second"] > 0)

        eventually(is_changing)
        done.set()
        thread.join()
    assert seen[-1]["rate_per_second"] <= seen[-1]["sequence"] / 0.05


@pytest.mark.parametrize("interval", ["-1", "nan", "inf", "x"])
def test_info_over_no_time(name: str, interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["info", name, "--interval", interval])
    assert f"{interval!r}: expected 0 to 3600 seconds" in capsys.readouterr().err


def test_info_of_a_channel(name: str, run: Callable[..., Any]) -> None:
    with FrameChannel.create(name, capacity=10) as channel:
        assert run("info", name, "--interval", "0")[1]["seconds_since_last_frame"] is None
        channel.publish(b"x")
        facts = run("info", name, "--interval", "0")[1]
        assert (facts["slots"], facts["capacity"], facts["sequence"]) == (4, 10, 1)
        assert facts["seconds_since_last_frame"] >= 0
        assert facts["in_place"] is True


def test_info_says_that_another_reader_would_get_copies(name: str, run: Callable[..., Any]) -> None:
    with FrameChannel.create(name, capacity=10, participants=1):
        assert run("info", name, "--interval", "0")[1]["in_place"] is False


def test_info_of_the_raw_layout(name: str, run: Callable[..., Any]) -> None:
    with MemoryMappedFile.create(name, 5000, layout=Layout.RAW):
        facts = run("info", name, "--layout", "raw")[1]
        assert facts["size"] >= 5000


def test_info_of_the_winmmf_layout(name: str, run: Callable[..., Any]) -> None:
    def lock() -> object:
        return run("info", name, "--layout", "winmmf")[1]["lock"]

    with MemoryMappedFile.create(name, 5000, layout=Layout.WINMMF) as section:
        assert lock() == "free"
        with section.read_lock():
            assert lock() == "held by 1 for reading"
        with section.write_lock():
            assert lock() == "held for writing"
        with MemoryMappedFile.open(name, layout=Layout.RAW) as raw:
            raw.write(b"\x00\x00\x00\xff")
        assert run("info", name, "--layout", "winmmf") == (2, None)  # it never becomes ready


def test_info_of_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", name]) == 2
    assert name in capsys.readouterr().err


def test_audit(section: MemoryMappedFile, run: Callable[..., Any]) -> None:
    code, report = run("audit", section.name)
    assert code == 0
    assert report["verdict"] == "sound"
    assert report["participants"] == 2  # we, and the audit


def test_looking_changes_nothing(section: MemoryMappedFile, run: Callable[..., Any]) -> None:
    section.write(b"x")
    with MemoryMappedFile.open(section.name, readonly=True, layout=Layout.RAW) as raw:
        before = raw.read()
        assert before[:8] == b"WMMFsect"
        assert run("ls")[0] == run("info", section.name, "--interval", "0")[0] == 0
        assert raw.read() == before


def test_audit_finds_damage(section: MemoryMappedFile, run: Callable[..., Any]) -> None:
    with MemoryMappedFile.open(section.name, layout=Layout.RAW) as raw:
        raw.write(b"\x07", 512 + 2)  # a tally: the read locks that it holds
    code, report = run("audit", section.name)
    assert (code, report["damaged"], report["poisoned"]) == (1, True, True)
    assert report["verdict"].startswith("damaged")
    assert run("info", section.name, "--interval", "0")[1]["lock"] == "poisoned"
    assert run("audit", section.name)[0] == 1


def test_audit_finds_damage_of_a_channel(name: str, run: Callable[..., Any]) -> None:
    with FrameChannel.create(name, capacity=10) as channel:
        channel.publish(b"x")
        assert run("audit", name)[0] == 0
        with MemoryMappedFile.open(name, layout=Layout.RAW) as raw:
            raw.write(b"\x07", 512 + 2)
        code, report = run("audit", name)
        assert (code, report["damaged"], report["poisoned"]) == (1, True, True)
        with pytest.raises(PoisonedError):
            channel.latest(timeout=0)
        with pytest.raises(PoisonedError):
            channel.publish(b"x")
        assert channel.audit().poisoned


@pytest.mark.parametrize(
    "wait", ["wait(0)", "read()", "write(b'x')", "read_lock().__enter__()", "write_lock().__enter__()"]
)
def test_damage_ends_the_wait_of_another_process(
    section: MemoryMappedFile, child: Callable[..., Any], run: Callable[..., Any], wait: str
) -> None:
    with pytest.raises(PoisonedError), section.write_lock():
        waiting = child(
            f"""
section = MemoryMappedFile.open(sys.argv[1])
print("waiting")
try:
    section.{wait}
except PoisonedError:
    print("poisoned")
""",
            section.name,
        )
        assert waiting.line() == "waiting"
        with MemoryMappedFile.open(section.name, layout=Layout.RAW) as raw:
            raw.write(b"\x07", 512 + 2)
        assert run("audit", section.name)[0] == 1
        assert waiting.result() == "poisoned"


@pytest.mark.skipif(sys.platform == "win32", reason="names of objects are not those of files there")
def test_the_list_is_of_sections_only(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Others may put any file beside ours."""
    import fcntl

    folder = b"/dev/shm/wmmf-%d-" % os.getuid()
    unmarked, no_name, escape = (folder + end for end in (name.encode(), b"\xff", b"\x1b[2J" + name.encode()))
    for path in (unmarked, no_name, escape):
        Path(os.fsdecode(path)).write_bytes(b"theirs")
    try:
        with open(no_name) as one, open(escape) as other:
            for file in (one, other):
                fcntl.flock(file, fcntl.LOCK_SH)
                os.chmod(file.fileno(), 0o1600)
            names = list_sections()
            assert name not in names
            assert "\x1b[2J" + name in names
            assert main(["ls"]) == 0
            assert "\x1b" not in capsys.readouterr().out
        assert Path(os.fsdecode(unmarked)).read_bytes() == b"theirs"
    finally:
        for path in (unmarked, no_name, escape):
            Path(os.fsdecode(path)).unlink(missing_ok=True)


def test_audit_of_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", name]) == 2
    assert name in capsys.readouterr().err
