"""The .deb packages for this machine: libwmmf0 and libwmmf-dev, with debian/ as packaging/debian has it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from .source import DIST, ROOT, VERSION, WORK, cleared, copy_to, date, run

RECIPE = ROOT / "packaging/debian"


def build() -> list[Path]:
    """Build the packages and return their files."""
    folder = cleared(WORK / "debian")
    source = copy_to(folder / f"wmmf-{VERSION}")
    recipe = Path(shutil.copytree(RECIPE, source / "debian"))
    (recipe / "changelog").write_text(_changelog())
    (recipe / "libwmmf0.symbols").write_text(_symbols())
    with open(recipe / "copyright", "a") as copyright_file:
        copyright_file.write(_licence())
    run("dpkg-buildpackage", "-us", "-uc", "-b", "-d", cwd=source)
    return [Path(shutil.copy(file, DIST)) for file in sorted(folder.glob("*.deb")) if "dbgsym" not in file.name]


def _changelog() -> str:
    maintainer = next(
        line.removeprefix("Maintainer: ")
        for line in (RECIPE / "control").read_text().splitlines()
        if line.startswith("Maintainer: ")
    )
    moment = format_datetime(datetime.fromtimestamp(date(), UTC))
    return f"wmmf ({VERSION}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- {maintainer}  {moment}\n"


def _symbols() -> str:
    """All that the library exports, by the golden list."""
    names = sorted((ROOT / "tests/abi/exports.txt").read_text().split())
    return "libwmmf.so.0 libwmmf0 #MINVER#\n" + "".join(f" {name}@Base {VERSION}\n" for name in names)


def _licence() -> str:
    """The licence in the form of debian/copyright, from the file LICENSE."""
    lines = (ROOT / "LICENSE").read_text().strip().splitlines()
    holder = next(line for line in lines if line.startswith("Copyright"))
    text = lines[lines.index(holder) + 1 :]
    body = "".join(f" {line.strip() or '.'}\n" for line in text if line.strip() or text.index(line))
    return f"Copyright: {holder.removeprefix('Copyright').replace('(c)', '').strip()}\nLicense: Expat\n{body}"
