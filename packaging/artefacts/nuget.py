"""The NuGet package Wmmf, with the native libraries of all platforms, with the symbols inside the assemblies."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

from lab import sdk

from . import natives, sbom
from .archive import change_zip
from .platforms import PLATFORMS
from .source import DIST, VERSION, WORK, cleared, copy_to

FRAMEWORKS = "netstandard2.0;netcoreapp3.1"
"""The lab's SDK is too old for net8.0: lab/sdk.py. With a newer one the project's own list holds."""

BILL = "wmmf.cdx.json"
"""The bill of materials; the project packs it with the native libraries."""


def build() -> list[Path]:
    """Pack what natives.build has made for each platform."""
    for platform in PLATFORMS:
        if not natives.library(platform).exists():
            raise SystemExit(f"nuget: the native library of {platform.rid} is not there: ./run dist --only native")
    (natives.native_builds() / BILL).write_text(sbom.document("Wmmf", "nuget"))
    folder = cleared(WORK / "nuget")
    source = copy_to(folder / "source")
    options = [f'-p:TargetFrameworks="{FRAMEWORKS}"', f"-p:NativeBuilds={natives.native_builds()}"]
    options += [f"-p:Version={VERSION}", "-p:IncludeSymbols=false"]
    options += [f"-p:PathMap={source}=/_/"]
    sdk.run(["pack", "bindings/csharp/Wmmf", "-c", "Release", "-o", str(folder / "out"), *options], cwd=source)
    made = sorted((folder / "out").glob("*nupkg"))
    for package in made:
        change_zip(package, _remove_chance)
    return [Path(shutil.copy(package, DIST)) for package in made]


def _remove_chance(package: dict[str, bytes]) -> None:
    """Give the file of properties, which NuGet names at random, a fixed name, and number its relations."""
    (chance,) = [name for name in package if name.endswith(".psmdcp")]
    fixed = str(Path(chance).with_name("wmmf.psmdcp"))
    package[fixed] = package.pop(chance)
    numbers = itertools.count(1)
    relations = package["_rels/.rels"].decode().replace(chance, fixed)
    package["_rels/.rels"] = re.sub(r'Id="\w+"', lambda _: f'Id="R{next(numbers)}"', relations).encode()
