"""The sources that everything is built from: what git has of this tree, in a clean folder, with one date."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSION = (ROOT / "csrc/VERSION").read_text().strip()
WORK = ROOT / "build/dist"
"""What is made on the way."""
DIST = ROOT / "dist"
"""What users get."""


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output; if it fails, SystemExit with its output."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(date()), "LC_ALL": "C.UTF-8", "TZ": "UTC", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        raise SystemExit(f"exit status {done.returncode} from {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


@functools.cache
def date() -> int:
    """Return the time of the last commit, in seconds since 1970: the one date that goes into what is built."""
    asked = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    return int(asked.stdout)


def files() -> list[Path]:
    """Return the files that git knows, relative to ROOT, in order."""
    listed = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    return sorted(Path(name) for name in listed if name and (ROOT / name).is_file())


def differences() -> list[str]:
    """Return what differs from the last commit: packages of a release must not."""
    said = {"??": "not known to git, and left out"}
    lines = run("git", "status", "--porcelain", cwd=ROOT).splitlines()
    return [f"{said.get(line[:2], 'not committed, but packed')}: {line[3:]}" for line in lines]


def cleared(folder: Path) -> Path:
    """Return a folder, once what an earlier run left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def without_folder(source: Path) -> str:
    """Return the compiler's option, as a shell takes it, that keeps the builder's folder out of what is built."""
    return shlex.quote(f"-ffile-prefix-map={source}=.")


def copy_to(folder: Path) -> Path:
    """Copy those files into a folder and return it. Each build gets a copy of its own: nothing slips from one into
    another."""
    cleared(folder)
    for file in files():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / file).read_bytes())
        target.chmod(0o755 if os.access(ROOT / file, os.X_OK) else 0o644)
        os.utime(target, (date(), date()))
    return folder
