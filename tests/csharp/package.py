"""The package Wmmf, packed from its project, and programs that have nothing else."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import native
from lab import sdk

BINDINGS = Path(__file__).parents[2] / "bindings/csharp"
FRAMEWORKS = '-p:TargetFrameworks="netstandard2.0;netcoreapp3.1"'  # lab/sdk.py says why not net8.0
RIDS = ["win-x64", "win-x86", "win-arm64", "linux-x64", "linux-arm64", "linux-musl-x64", "linux-musl-arm64"]


@functools.cache
def native_builds() -> Path:
    """The folder that packing takes native libraries from.

    Those for platforms that cannot run here are stand-ins, each with its own bytes: `./run dist` makes the real ones.
    """
    folder = native.temporary_folder()
    built = {
        "linux-x64": native.programs("gcc") / "libwmmf.so",
        "win-x64": native.programs("mingw64") / "wmmf.dll",
        "win-x86": native.installed("mingw32") / "bin/wmmf.dll",
    }
    for rid in RIDS:
        name = "wmmf.dll" if rid.startswith("win") else "libwmmf.so"
        (folder / rid).mkdir()
        if rid in built:
            shutil.copy(built[rid], folder / rid / name)
        else:
            (folder / rid / name).write_text(f"the library of {rid}")
    return folder


@functools.cache
def packed() -> Path:
    """The folder with Wmmf.*.nupkg, packed by ``dotnet pack`` from a copy of the project."""
    folder = native.temporary_folder()
    ignored = shutil.ignore_patterns("bin", "obj")
    shutil.copytree(BINDINGS, folder / "source", ignore=ignored)
    pack(folder, native_builds())
    return folder / "out"


def pack(folder: Path, natives: Path) -> str:
    """Pack the copy of the project in ``folder`` and return what ``dotnet`` says."""
    project = str(folder / "source/Wmmf")
    # The compiler of the lab writes debug information into the assembly, so there is nothing for a package of symbols.
    options = [FRAMEWORKS, f"-p:NativeBuilds={natives}", "-p:IncludeSymbols=false", "-p:CI=true"]
    return sdk.run(["pack", project, "-c", "Release", "-o", str(folder / "out"), *options], cwd=folder)


def consumer(folder: Path, framework: str, *, properties: str = "", source: str | None = None) -> Path:
    """Write a console program whose only reference is the package; return its project."""
    project = folder / "consumer.csproj"
    project.write_text(
        f"""<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType>
<TargetFramework>{framework}</TargetFramework><TreatWarningsAsErrors>true</TreatWarningsAsErrors>
<UseAppHost>false</UseAppHost>{properties}</PropertyGroup>
<ItemGroup><PackageReference Include="Wmmf" Version="*"/></ItemGroup></Project>"""
    )
    (folder / "Program.cs").write_text(source or (Path(__file__).parent / "Consumer.cs").read_text())
    return project
