"""The processes of the benchmark."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pywinmmf.bench.process import Process, ProcessFailed
from pywinmmf.bench.task import Task


def test_one_that_ends_before_it_begins_has_failed(eventually: Callable[..., None]) -> None:
    """Only this one fails: the others are still measured."""
    code = "import sys; print('ready', flush=True); sys.exit('no such peer')"
    with Process([sys.executable, "-c", code], Task("read")) as process:
        eventually(lambda: not process.running)
        process.begin()
        with pytest.raises(ProcessFailed, match="no such peer"):
            process.result()


def test_a_source_tree_in_the_current_folder_is_not_measured(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pywinmmf").mkdir()
    (tmp_path / "pywinmmf" / "__init__.py").write_text("raise SystemExit('not what is installed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    task = Task("create", name=name, size=64, slots=3, seconds=0.01)
    with Process([sys.executable, "-m", "pywinmmf.bench.worker", "pywinmmf"], task) as process:
        process.begin()
        assert process.result().count > 0
