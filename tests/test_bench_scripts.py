"""What ./run bench measures of files and pages runs. Its figures are not tested."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.mark.parametrize(("script", "tables", "lines"), [("files.py", 4, 13), ("pages.py", 4, 16)])
def test_it_runs(script: str, tables: int, lines: int) -> None:
    found = {**os.environ, "PYTHONPATH": str(BENCH)}  # the tests run with PYTHONSAFEPATH
    done = subprocess.run(
        [sys.executable, BENCH / script, "--quick"], capture_output=True, text=True, timeout=100, env=found
    )
    assert done.returncode == 0, done.stderr
    ratios = re.findall(r" ns +([0-9.]+) x$", done.stdout, re.MULTILINE)
    assert len(ratios) == lines
    assert ratios.count("1.00") >= tables
