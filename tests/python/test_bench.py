"""The benchmark runs, and counts torn frames; its figures are nobody's test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("psutil", reason="the extra 'bench' is not installed")
pytest.importorskip("matplotlib", reason="the extra 'bench' is not installed")

from pywinmmf.bench.peers import PEERS
from pywinmmf.bench.roles import stamp, whole_number
from pywinmmf.bench.rows import ROWS
from pywinmmf.bench.task import SAMPLES, Result
from pywinmmf.cli import main

OWN = ["bare C", "pywinmmf C", "pywinmmf"]


@pytest.fixture(autouse=True)
def only_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is installed has its own tests."""
    for name in PEERS.keys() - OWN:
        monkeypatch.delitem(PEERS, name)


def test_all_rows(tmp_path: Path) -> None:
    report, plot = tmp_path / "figures.json", tmp_path / "figures.png"
    assert main(["bench", "--quick", "--json", str(report), "--plot", str(plot)]) == 0
    found = json.loads(report.read_text())
    assert [figure["row"] for figure in found["figures"]] == [row.key for row in ROWS for _ in row.figures]
    for figure in found["figures"]:
        measured = figure["measured"]
        assert list(measured) == OWN
        assert all(measured[name]["median"] > 0 for name in OWN)
        assert measured["pywinmmf C"]["torn"] == measured["pywinmmf"]["torn"] == 0
    memory = found["memory"]
    assert memory["readers"] > 0
    assert memory["torn"] == 0
    for what in ("section", "writer_handles", "reader_handles"):
        assert memory["start"][what] == memory["end"][what]
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("where", [0, 4096, 8184])
def test_a_torn_frame_is_counted(where: int) -> None:
    frame, result = memoryview(bytearray(8192)), Result()
    stamp(frame, 7)
    assert whole_number(frame, result) == 7
    assert result.torn == 0
    stamp(frame, 8)
    frame[where] = 7
    whole_number(frame, result)
    assert result.torn == 1


def test_samples_are_spread_over_the_whole_measurement() -> None:
    result = Result()
    for ns in range(3 * SAMPLES):
        result.add_sample(ns)
    assert result.sample_ns == list(range(0, 3 * SAMPLES, 4))


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bare", "wmmf"):
        (programs / name).write_text("#!/bin/sh\necho no such luck >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    options = ["--quick", "--rows", "open", "--programs", str(programs), "--json", str(report)]
    assert main(["bench", *options]) == 1
    (figure,) = json.loads(report.read_text())["figures"]
    assert figure["failures"] == {"bare C": "no such luck", "pywinmmf C": "no such luck"}
    assert figure["measured"]["pywinmmf"]["to_bare_c"] is None
