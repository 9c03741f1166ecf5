"""The main job: a producer, several consumers, real pictures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import OWN_TERMINAL, press_ctrl_c

cv2 = pytest.importorskip("cv2", reason="the extra 'demo' is not installed")
pytest.importorskip("rich", reason="the extra 'demo' is not installed")

SECONDS = 120


def demo(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pywinmmf", "demo", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
    )


def check_sheet(sheet: Path) -> None:
    """The sheet is a picture, and its thumbnails are not all the same."""
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(sheet.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    thumbnails = [picture[:135, i * 240 : (i + 1) * 240] for i in range(3)]
    assert picture.shape == (3 * 135, 4 * 240, 3)
    assert thumbnails[0].std() > 5
    assert (thumbnails[0] != thumbnails[2]).any()


@pytest.mark.parametrize("namespace", ["local", "global"])
def test_test_picture_reaches_every_consumer(namespace: str, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    done = demo("--seconds", 3, "--size", "320x240", "--namespace", namespace, "--sheet", sheet)
    assert done.returncode == 0, done.stdout
    assert "0 torn" in done.stdout
    check_sheet(sheet)


def test_video_file_is_a_source(tmp_path: Path) -> None:
    import numpy as np

    video = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for level in range(50):
        writer.write(np.full((48, 64, 3), level * 5, np.uint8))
    writer.release()
    sheet = tmp_path / "sheet.png"
    done = demo("--source", video, "--seconds", 2, "--size", "64x48", "--consumers", 1, "--sheet", sheet)
    assert done.returncode == 0, done.stdout
    assert sheet.stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--source", "no-such-file.mp4"], "no such video file"),
        (["--source", "97"], "no such camera"),
        (["--size", "0x7"], "expected WIDTHxHEIGHT"),
        (["--seconds", "-1"], "expected a number above 0"),
        (["--consumer", "no-such-program x"], "expected a program and its arguments"),
        (["--consumer", '"no end'], "expected a program and its arguments"),
        (["--sheet", "no-such-folder/sheet.png"], "expected a file in an existing folder"),
    ],
)
def test_errors_are_clear(arguments: list[str], expected: str, tmp_path: Path) -> None:
    done = demo("--sheet", tmp_path / "sheet.png", *arguments)
    assert done.returncode != 0
    assert expected in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_disk_is_one_line() -> None:
    done = demo("--seconds", 1, "--size", "64x48", "--sheet", "/dev/full")
    assert done.returncode == 1
    assert "consumer: [Errno 28]" in done.stdout
    assert "failed: consumer 1 ended with exit code 1" in done.stdout
    assert "Traceback" not in done.stdout


def test_what_a_consumer_prints_besides_reports_is_ignored(tmp_path: Path) -> None:
    talker = tmp_path / "talker.py"
    talker.write_text("import sys; print('hello'); print(5); sys.stdin.read()")
    talk = f'"{sys.executable}" "{talker}"'
    done = demo("--seconds", 1, "--size", "64x48", "--consumer", talk, "--sheet", tmp_path / "sheet.png")
    assert done.returncode == 1
    assert "failed: talker received no frame" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_consumer_that_starts_late_costs_no_time(tmp_path: Path) -> None:
    """Its start-up does not count: after it, the demo runs for all its seconds."""
    late = tmp_path / "late.py"
    late.write_text(
        "import sys, time\n"
        "from pywinmmf.demo.consumer import main\n"
        "sys.argv = [sys.argv[0], sys.argv[1], '--namespace', sys.argv[2]]\n"
        "time.sleep(4)\n"
        "main()\n"
    )
    consumer = f'"{sys.executable}" "{late}"'
    options = ["--seconds", 1, "--size", "64x48", "--consumers", 1, "--consumer", consumer]
    done = demo(*options, "--sheet", tmp_path / "sheet.png")
    assert done.returncode == 0, done.stdout
    assert "2 consumers, 0 torn" in done.stdout


def test_a_process_that_fails_is_named(tmp_path: Path) -> None:
    failing = tmp_path / "failing.py"
    failing.write_text("import sys; sys.stdin.read(); sys.exit(7)")
    consumer = f'"{sys.executable}" "{failing}"'
    dying = tmp_path / "dying.py"
    dying.write_text("import os; os.abort()")
    options = ["--consumers", 1, "--consumer", consumer, "--consumer", f'"{sys.executable}" "{dying}"']
    done = demo("--seconds", 1, "--size", "64x48", *options, "--sheet", tmp_path / "sheet.png")
    assert done.returncode == 1
    assert "failing ended with exit code 7" in done.stdout
    assert re.search(r"dying ended with exit code -?\d+", done.stdout)


def test_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    """Once the consumers see frames."""
    sheet = tmp_path / "sheet.png"
    command = [sys.executable, "-m", "pywinmmf", "demo", "--seconds", str(SECONDS), "--size", "64x48"]
    with subprocess.Popen(
        [*command, "--sheet", str(sheet)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "FORCE_COLOR": "1"},  # so that the live table is drawn, which shows when to interrupt
        **OWN_TERMINAL,
    ) as process:
        assert process.stdout is not None
        seen: set[str] = set()
        while len(seen) < 3:
            line = process.stdout.readline()
            assert line, seen
            if row := re.search(r"(consumer \d)(\W+[\d.]+){7}", line):  # without latencies there are only five numbers
                seen.add(row[1])
        press_ctrl_c(process)
        rest = process.stdout.read()
    assert process.returncode == 0, rest
    assert "Traceback" not in rest
    assert "stopped" in rest


# Its producer only reports that it has started.
SILENT = """
import sys
from pywinmmf import cli
from pywinmmf.demo import command
code = "import sys; print('here', file=sys.stderr, flush=True); sys.stdin.read()"
command._python = lambda module: [sys.executable, "-c", code]
sys.exit(cli.main(["demo", "--sheet", sys.argv[1]]))
"""


def test_ctrl_c_ends_it_before_there_is_a_picture(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SILENT, str(tmp_path / "sheet.png")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **OWN_TERMINAL,
    ) as process:
        try:
            assert process.stderr is not None and process.stderr.readline().strip() == b"here"
            press_ctrl_c(process)
            output, errors = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert process.returncode == 1, output + errors
    assert b"stopped" in output


def test_producer_reports_json(name: str) -> None:
    """Its standard input is at its end, so it stops after the first frame."""
    done = subprocess.run(
        [sys.executable, "-m", "pywinmmf.demo.producer", name, "--namespace", "0", "--size", "32", "24", "--fps", "30"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
    )
    first, *_, last = map(json.loads, done.stdout.splitlines())
    assert first == {"ready": True}
    assert last["frames"] >= 1
