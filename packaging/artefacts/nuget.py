"""The NuGet package Wmmf, with the native libraries of all platforms, with the symbols inside the assemblies."""

from __future__ import annotations

import itertools
import re
import shutil
import zipfile
from pathlib import Path

from lab import sdk

from . import natives, sbom
from .archive import rewrite_zip
from .platforms import PLATFORMS
from .source import DIST, VERSION, WORK, copy_to

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
    folder = WORK / "nuget"
    shutil.rmtree(folder, ignore_errors=True)
    source = copy_to(folder / "source")
    options = [f'-p:TargetFrameworks="{FRAMEWORKS}"', f"-p:NativeBuilds={natives.native_builds()}"]
    options += [f"-p:Version={VERSION}", "-p:IncludeSymbols=false"]
    options += [f"-p:PathMap={source}=/_/"]
    sdk.run(["pack", "bindings/csharp/Wmmf", "-c", "Release", "-o", str(folder / "out"), *options], cwd=source)
    made = sorted((folder / "out").glob("*nupkg"))
    for package in made:
        _remove_chance(package)
        rewrite_zip(package)
    return [Path(shutil.copy(package, DIST)) for package in made]


def _remove_chance(package: Path) -> None:
    """Give the file of properties, which NuGet names by chance, one name, and its relations numbers."""
    with zipfile.ZipFile(package) as packed:
        content = {info.filename: packed.read(info) for info in packed.infolist()}
    (chance,) = [name for name in content if name.endswith(".psmdcp")]
    fixed = str(Path(chance).with_name("wmmf.psmdcp"))
    content[fixed] = content.pop(chance)
    numbers = itertools.count(1)
    relations = content["_rels/.rels"].decode().replace(chance, fixed)
    content["_rels/.rels"] = re.sub(r'Id="\w+"', lambda _: f'Id="R{next(numbers)}"', relations).encode()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in content.items():
            packed.writestr(name, data)
