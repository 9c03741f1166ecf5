"""What ``./run`` installs, and its messages where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def executable(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder of programs, as on a machine with neither compiler nor headers nor the right to install them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    shutil.copy(PROJECT / "run", tmp_path)  # for the project's own would install into its environment
    for tool in ("bash", "dirname", "sed", "rm"):
        (folder / tool).symlink_to(shutil.which(tool) or "")
    executable(folder / "id", "#!/bin/sh\necho 1000\n")
    executable(folder / "python3", "#!/bin/sh\nexit 1\n")
    return folder


def run(bare: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(bare), "HOME": str(bare)}
    return subprocess.run(
        [bare / "bash", bare.parent / "run", *arguments], capture_output=True, text=True, env=environment, timeout=60
    )


def test_the_demo_names_what_it_needs_where_it_may_install_nothing(bare: Path) -> None:
    done = run(bare, "demo")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "the package is built from C here" in line
    assert line.endswith("as root: apt-get install gcc libc6-dev python3-dev python3-venv")


def test_the_demo_installs_what_is_missing_and_says_why(bare: Path, tmp_path: Path) -> None:
    """It installs nothing else. Programs that only note their arguments take the place of those that install."""
    log = tmp_path / "log"
    executable(bare / "cc", "#!/bin/sh\n")
    executable(bare / "id", "#!/bin/sh\necho 0\n")
    executable(bare / "env", '#!/bin/sh\nshift\nexec "$@"\n')
    executable(bare / "apt-get", f'#!/bin/sh\necho "$@" >> {log}\n')
    done = run(bare, "demo")
    assert done.stdout.splitlines()[0].startswith("run: installing python3-dev python3-venv: the package is built")
    assert log.read_text().splitlines() == [
        "update -q",
        "install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 python3-dev python3-venv",
    ]


def test_missing_pieces_of_the_lab_are_one_message(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1/"
    done = subprocess.run(
        [sys.executable, "-m", "lab", "all", "--native"],
        capture_output=True,
        text=True,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
            "PYTHONPATH": str(PROJECT / "tests"),
            "PYWINMMF_CACHE": str(tmp_path),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": nowhere,
        },
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.count("cannot download from PyPI") == 1


PARTS = [
    "test-windows",
    "test tests/c tests/fuzz tests/stress",
    "test --ignore tests/python --ignore tests/model --ignore tests/c --ignore tests/fuzz --ignore tests/stress",
    "test tests/python",
    "dist --short --check",
    "test tests/model",
]


@pytest.mark.parametrize("failing", ["nothing", "lint", "docs", *PARTS])
def test_ci_fails_if_any_part_does_and_ends_with_how_the_tests_ended(failing: str, tmp_path: Path) -> None:
    closing = "===== 7 passed, 1 skipped in 2.50s ====="
    (tmp_path / ".ci").mkdir()
    shutil.copy(PROJECT / ".ci/run", tmp_path / ".ci")
    executable(
        tmp_path / "run",
        f'#!/bin/sh\ncase $1 in test*) echo "{closing}"; esac\n[ "$*" != "{failing}" ]\n',
    )
    done = subprocess.run([tmp_path / ".ci/run"], capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == (failing == "nothing"), done.stderr
    if failing not in ("lint", "docs"):
        assert done.stdout.splitlines()[-5:] == [closing] * 5
