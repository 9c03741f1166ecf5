"""``python -m artefacts``: make every artefact into dist/, with a line for each and a table at the end."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from . import c_archives, debian, natives, nuget, recipes, wheels
from .checks.all import CHECKS, NOT_TRIED, SHORT
from .platforms import PLATFORMS
from .source import DIST, ROOT, VERSION, differences

SUMS = "SHA256SUMS"
ALL = [""]
Step = tuple[str, Callable[[], Path | list[Path]]]


def steps(only: Sequence[str]) -> list[Step]:
    """All that is made, in order, whose names begin with one of ``only``."""
    made: list[Step] = []
    for platform in PLATFORMS:
        made.append((f"native {platform.rid}", partial(natives.build, platform)))
        if platform.archive:
            made.append((f"archive {platform.archive}", partial(c_archives.build, platform)))
        made.append((f"wheel {platform.wheel}", partial(wheels.build, platform)))
    made += [
        ("nuget", nuget.build),
        ("sdist", wheels.build_sdist),
        ("deb", debian.build),
        ("conan", recipes.build_conan),
        ("vcpkg", recipes.build_vcpkg),
    ]
    return [step for step in made if step[0].startswith(tuple(only))]


def make(only: Sequence[str]) -> None:
    """Run the steps, with a line for each."""
    todo = steps(only)
    if not todo:
        sys.exit(f"--only: no artefact's name begins so; there are: {', '.join(name for name, _ in steps(ALL))}")
    if only == ALL:
        shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir(exist_ok=True)
    for number, (name, build) in enumerate(todo, 1):
        begin = time.monotonic()
        print(f"[{number}/{len(todo)}] {name} ...", end=" ", flush=True)
        build()
        print(f"{time.monotonic() - begin:.0f} s", flush=True)


def check(only: Sequence[str]) -> dict[str, str]:
    """Try what is in dist/ as its users would, with a line for each; how each was tried."""
    tried: dict[str, str] = {}
    for name, try_it in CHECKS:
        if name.startswith(tuple(only)):
            print(f"trying {name} ...", end=" ", flush=True)
            begin = time.monotonic()
            tried[name] = try_it()
            print(f"{time.monotonic() - begin:.0f} s", flush=True)
    return tried


def compare_with_second_run(only: Sequence[str]) -> None:
    """Make everything once more and compare."""
    first = _sums()
    make(only)
    second = _sums()
    different = sorted(name for name in first if first[name] != second.get(name))
    if different:
        sys.exit(f"not reproducible: {', '.join(different)}")
    print("reproducible: a second run gave the same bytes")


def table(tried: dict[str, str]) -> str:
    """Each file in dist/, and how each thing was tried."""
    rows = [
        f"{name:<60} {digest[:16]}  {(DIST / name).stat().st_size / 1024:>6.0f} KiB" for name, digest in _sums().items()
    ]
    rows += ["", *(f"{name:<34} {how}" for name, how in {**tried, **(NOT_TRIED if tried else {})}.items())]
    return "\n".join(rows)


def write_sums() -> None:
    """SHA256SUMS, as sha256sum --check reads it."""
    (DIST / SUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in _sums().items()))


def _sums() -> dict[str, str]:
    files = [file for file in sorted(DIST.iterdir()) if file.is_file() and file.name != SUMS]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run dist", description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="what begins so: native, 'wheel win_amd64', deb"
    )
    parser.add_argument("--short", dest="only", action="store_const", const=SHORT, help="what CI makes and tries")
    parser.add_argument("--check", action="store_true", help="then install and try each artefact as its users would")
    parser.add_argument("--twice", action="store_true", help="make everything twice; the bytes must be the same")
    parser.add_argument("--no-make", action="store_true", help="take what is in dist/ already")
    options = parser.parse_args()
    only = options.only or ALL
    if not (ROOT / ".git").exists():
        parser.error("this folder is not a clone: git lists the sources, and tells their date")
    print(f"pywinmmf {VERSION}")
    if not options.no_make:
        for difference in differences():
            print(difference)
        make(only)
    if options.twice:
        compare_with_second_run(only)
    tried = check(only) if options.check else {}
    write_sums()
    print(table(tried))


main()
