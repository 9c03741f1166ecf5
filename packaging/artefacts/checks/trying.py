"""What checks have in common: artefacts unpacked afresh, and Windows programs that must succeed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from lab import wine

from ..source import DIST, VERSION, WORK, cleared, run


def unpacked_archive(archive: str) -> Path:
    """Unpack an archive for C users and return its folder."""
    (file,) = DIST.glob(f"wmmf-{VERSION}-{archive}.*")
    folder = cleared(WORK / "check/archives" / archive)
    shutil.unpack_archive(file, folder)
    return folder / f"wmmf-{VERSION}-{archive}"


def unpacked_wheel(pattern: str, folder: Path | None = None) -> Path:
    """Unpack a wheel and return its folder."""
    (wheel,) = DIST.glob(pattern)
    folder = cleared(folder or WORK / f"check/{wheel.stem}")
    shutil.unpack_archive(wheel, folder, "zip")
    return folder


def must_be_for(machine: str, file: Path) -> str:
    """Check that a file is for its processor, which this machine cannot run."""
    header = run("llvm-readobj-14", "--file-headers", file)
    if machine not in header:
        raise SystemExit(f"{file} is not for {machine}:\n{header}")
    return f"not run here; inspected: {machine}"


def run_under_wine(*command: wine.Argument, env: Mapping[str, str] | None = None) -> str:
    """Run a Windows program and return what it says; if it fails, SystemExit with that."""
    done = wine.run(command, env=env, timeout=180)
    if done.returncode != 0:
        raise SystemExit(f"exit status {done.returncode} from {command[0]}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()
