"""What Python's packaging tools report about the wheels and the source distribution."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ..source import DIST, ROOT, run

TOOLS = Path(sys.executable).parent


def check_wheels() -> str:
    """Metadata, contents, and the stable ABI that the names claim."""
    wheels = sorted(DIST.glob("*.whl"))
    run(TOOLS / "twine", "check", "--strict", *wheels, *DIST.glob("pywinmmf-*.tar.gz"))
    # W009 and the like: a C library and an extension beside the package are meant to be there.
    run(TOOLS / "check-wheel-contents", *wheels)
    for wheel in wheels:
        if "musllinux" not in wheel.name:
            run(TOOLS / "abi3audit", "--strict", wheel)
    return "twine check --strict, check-wheel-contents, abi3audit --strict"


def check_manylinux() -> str:
    """The glibc that the wheels need is not newer than their names say."""
    said = []
    for wheel in sorted(DIST.glob("*manylinux*.whl")):
        shown = run(TOOLS / "auditwheel", "show", wheel)
        tag = re.search(r'following platform tag:\s+"(\S+)"', shown)
        if not tag or not re.match(r"manylinux_2_(\d|1[0-7])_", tag[1]):
            raise SystemExit(f"{wheel.name} is not for glibc 2.17:\n{shown}")
        said.append(tag[1])
    return f"auditwheel show: {', '.join(said)}"


def check_windows_dlls() -> str:
    """What the Windows wheels need is Windows' own or Python's."""
    for wheel in sorted(DIST.glob("*win*.whl")):
        shown = run(TOOLS / "delvewheel", "show", wheel)
        if "not found" in shown.lower():
            raise SystemExit(f"{wheel.name} needs a DLL that is not there:\n{shown}")
    return "delvewheel show: nothing to bundle"


def check_project() -> str:
    """pyproject.toml by its schema, and the package by pyroma's questions."""
    run(TOOLS / "validate-pyproject", ROOT / "pyproject.toml")
    (sdist,) = DIST.glob("pywinmmf-*.tar.gz")
    rated = run(TOOLS / "pyroma", "--min", "10", sdist)
    rating = re.search(r"Final rating: (\S+)", rated)
    assert rating
    return f"validate-pyproject; pyroma {rating[1]}"
