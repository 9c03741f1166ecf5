"""The processes of the benchmark."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from pywinmmf.bench.process import Process, ProcessFailed
from pywinmmf.bench.task import Task


def test_one_that_ends_before_it_begins_has_failed(eventually: Callable[..., None]) -> None:
    """Alone: the others are measured all the same."""
    code = "import sys; print('ready', flush=True); sys.exit('no such peer')"
    with Process([sys.executable, "-c", code], Task("read")) as process:
        eventually(lambda: not process.running)
        process.begin()
        with pytest.raises(ProcessFailed, match="no such peer"):
            process.result()
