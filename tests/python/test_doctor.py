"""``pywinmmf doctor``: it confirms what works on a machine, and names what does not."""

from __future__ import annotations

import ast
import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pywinmmf import FrameChannel, LockTimeoutError, MemoryMappedFile, Namespace, list_sections
from pywinmmf.cli import main
from pywinmmf.doctor import machine, trials

SUBJECTS = ["names, local", "names, global", "lock", "death", "wake-up", "frames"]


def test_all_that_the_library_promises_is_tried_and_holds() -> None:
    found = list(trials.findings())
    assert [finding.subject for finding in found] == SUBJECTS
    # A guest that is busy may be slow, and a user may lack the right to Global\.
    allowed = {"wake-up": {"fine", "note"}, "names, global": {"fine", "note"}}
    for finding in found:
        assert finding.state in allowed.get(finding.subject, {"fine"}), finding
    assert all(finding.advice for finding in found if finding.state != "fine")


def test_the_machine_is_looked_at() -> None:
    found = {finding.subject: finding for finding in machine.findings()}
    assert {"versions", "clock", "cameras", "memory"} <= found.keys()
    assert f"Python {sys.version.split()[0]}" in found["versions"].found
    assert ("session" in found) == ("privileges" in found) == (sys.platform == "win32")


def test_a_missing_extra_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2_enumerate_cameras", None)
    (cameras,) = [finding for finding in machine.findings() if finding.subject == "cameras"]
    assert cameras.state == "note" and "pywinmmf[camera]" in cameras.advice


@pytest.mark.parametrize(
    ("driver", "said"),
    [("os.abort()", "ended with"), ("time.sleep(600)", "timed out"), ("raise KeyError('v4l')", "v4l")],
)
def test_a_driver_that_crashes_or_hangs_is_a_problem(
    driver: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cv2_enumerate_cameras.py").write_text(f"import os, time\n{driver}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(machine, "CAMERA_SECONDS", 1.0 if "sleep" in driver else 60.0)
    (cameras,) = [finding for finding in machine.findings() if finding.subject == "cameras"]
    assert cameras.state == "problem" and said in cameras.found and cameras.advice


def test_each_line_that_is_not_fine_has_advice() -> None:
    """Including the lines that no machine here shows."""
    calls = [
        call
        for source in (machine, trials)
        for call in ast.walk(ast.parse(inspect.getsource(source)))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Finding"
    ]
    bare = [ast.unparse(call) for call in calls if len(call.args) < 4 and ast.unparse(call.args[1]) != "'fine'"]
    assert len(calls) > 20 and bare == []


def test_json_is_for_programs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pywinmmf", "doctor", "--json"], stdout=subprocess.PIPE, text=True, timeout=120
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["works"] is True
    assert set(SUBJECTS) <= {finding["subject"] for finding in report["findings"]}


def fail_to_exclude(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials.Partner, "ask", lambda *_: None)
    monkeypatch.setattr(trials, "SECONDS", 0.2)  # for an answer that does not come


def fail_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> FrameChannel:
        raise LockTimeoutError("not available", -20)

    monkeypatch.setattr(FrameChannel, "create", refuse)


def fail_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")


@pytest.mark.parametrize(
    ("break_it", "subject", "said"),
    [
        (fail_to_exclude, "lock", "two processes held the write lock"),
        (fail_to_exclude, "death", "overlooked"),
        (fail_to_open, "frames", "not available"),
        (fail_to_start, "wake-up", "nowhere"),
    ],
)
def test_what_does_not_hold_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], break_it: object, subject: str, said: str
) -> None:
    assert callable(break_it)
    break_it(monkeypatch)
    assert main(["doctor"]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"PROBLEM  {subject}")]
    assert said in line


@pytest.mark.parametrize(
    ("mount", "said", "advice"),
    [
        ("mount -t tmpfs tmpfs /mnt && mount --move /mnt /dev", "there is no folder /dev/shm", "mount a tmpfs"),
        ("mount -t tmpfs -o ro tmpfs /dev/shm", "/dev/shm is mounted read-only", "remount,rw"),
        ("mount -t tmpfs -o nr_inodes=1 tmpfs /dev/shm", "cannot hold another file", "nr_inodes"),
    ],
)
def test_the_advice_fits_the_memory_of_this_system(mount: str, said: str, advice: str) -> None:
    report = report_of_doctor_with(mount)
    memory, *others = [finding for finding in report["findings"] if finding["state"] == "problem"]
    assert memory["subject"] == "memory" and said in memory["found"] and advice in memory["advice"]
    assert [finding["subject"] for finding in others] == SUBJECTS
    for finding in others:
        assert "/dev/shm" in finding["found"] and "the system refuses it" in finding["advice"]
    assert "Windows" not in str(report["findings"]) and "report this" not in str(report["findings"])


def test_memory_without_a_limit_of_its_own_is_fine() -> None:
    report = report_of_doctor_with("mount -t ramfs ramfs /dev/shm")
    (memory,) = [finding for finding in report["findings"] if finding["subject"] == "memory"]
    assert memory["state"] == "fine" and "no limit" in memory["found"]


def report_of_doctor_with(mount: str) -> Any:
    own = ["unshare", "--mount"] if os.name == "posix" and os.geteuid() == 0 else ["unshare", "--map-root-user", "-m"]
    if not shutil.which("unshare") or subprocess.run([*own, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this system does not permit a new namespace of mounts")
    command = [*own, "sh", "-c", f'{mount} && exec "$0" -m pywinmmf doctor --json', sys.executable]
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.skipif(os.name == "nt", reason="process groups of Windows cannot be asked for")
def test_ctrl_c_reaches_the_command_only(section: MemoryMappedFile) -> None:
    partner = trials.Partner(section.name)
    try:
        assert os.getpgid(partner._process.pid) != os.getpgid(0)
    finally:
        partner.kill()


def test_a_partner_that_is_left_alone_says_nothing(name: str) -> None:
    alone = subprocess.run(
        [sys.executable, "-m", "pywinmmf.doctor.partner", name],
        env={**os.environ, "PYTHONSAFEPATH": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, b"", b"")


def test_nothing_stays() -> None:
    list(trials.findings())
    assert not [name for name in list_sections(Namespace.LOCAL) if name.startswith(f"doctor-{os.getpid()}-")]
