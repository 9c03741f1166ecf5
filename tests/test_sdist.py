"""The source distribution is the repository: it has all that its README refers to, and can be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
BUILD = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of what is committed, or about to be, as it is now."""
    if not shutil.which("git") or not (PROJECT / ".git").exists():
        pytest.skip("this is no git repository, which would say what belongs to it")
    copy = tmp_path_factory.mktemp("sdist") / "copy"
    copy_tracked(copy)
    subprocess.run([sys.executable, "-c", BUILD], cwd=copy, check=True, capture_output=True, timeout=300)
    (file,) = (copy / "dist").iterdir()
    return file


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The repository in a folder with a space in its name."""
    if not (PROJECT / ".git").exists():
        pytest.skip("this is no git repository")
    folder = tmp_path / "a folder"
    subprocess.run(["git", "clone", "-q", "--no-checkout", PROJECT, folder], check=True, timeout=60)
    copy_tracked(folder)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True, timeout=60)
    return folder


def run_dist(clone: Path, artefact: str) -> subprocess.CompletedProcess[str]:
    path = f"{clone / 'tests'}{os.pathsep}{clone / 'packaging'}"
    command = [sys.executable, "-m", "artefacts", "--only", artefact]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=600)


def dist(clone: Path, artefact: str) -> str:
    done = run_dist(clone, artefact)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "artefact",
    ["wheel manylinux2014_x86_64", pytest.param("native linux-x64", marks=pytest.mark.windows)],  # it takes llvm
)
def test_dist_works_in_a_folder_with_a_space(artefact: str, clone: Path) -> None:
    dist(clone, artefact)


def test_dist_needs_a_clone(clone: Path) -> None:
    shutil.rmtree(clone / ".git")
    done = run_dist(clone, "conan")
    assert done.returncode == 2
    assert "this folder is not a clone" in done.stderr


def test_dist_leaves_other_folders_alone(clone: Path) -> None:
    (clone / "dist/mine").mkdir(parents=True)
    assert "mine" not in dist(clone, "conan")
    assert (clone / "dist/mine").exists()


def test_dist_says_what_is_not_committed(clone: Path) -> None:
    with open(clone / "LICENSE", "a") as file:
        file.write("\n")
    (clone / "forgotten.c").touch()
    said = dist(clone, "conan").splitlines()
    assert "not committed, but packed: LICENSE" in said
    assert "not known to git, and left out: forgotten.c" in said


def copy_tracked(to: Path) -> None:
    for name in tracked():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, to / name)


def tracked() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (PROJECT / name).is_file()]


def test_it_holds_the_repository(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        there = {member.name.partition("/")[2] for member in archive if member.isfile()}
    made = {name for name in there if name.startswith("pywinmmf.egg-info/") or name in ("PKG-INFO", "setup.cfg")}
    assert there - made == set(tracked())


def test_it_can_be_installed(sdist: Path, tmp_path: Path) -> None:
    """By pip, which makes a wheel of it."""
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", str(tmp_path)]
    command = [sys.executable, "-m", "pip", "wheel", "-q", *options, str(sdist)]
    subprocess.run(command, check=True, timeout=600, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith("pywinmmf-")
