"""Importing the source tree, in which nothing is built, says so in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


BUILT = [file for kind in ("so", "pyd") for file in PROJECT.glob(f"pywinmmf/_native*.{kind}")]


@pytest.mark.skipif(BUILT != [], reason="the sources are built: an editable installation")
def test_the_source_tree_says_what_it_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import pywinmmf"],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == (
        f"ImportError: {PROJECT / 'pywinmmf'} is a source tree in which nothing is built: "
        "start Python from another folder or with PYTHONSAFEPATH=1 to import what is installed, or run: pip install ."
    )
    assert "_native" not in done.stderr
