"""The NuGet package, in programs that have nothing but a reference to it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import zipfile
from pathlib import Path

from lab import dotnet, sdk

from ..natives import native_builds
from ..nuget import BILL
from ..platforms import PLATFORMS
from ..source import DIST, ROOT, VERSION, WORK, cleared
from .holder import holding, linux_program, windows_program

PROGRAM = """
using System;
using Wmmf;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        using var section = MemoryMappedFile.Open(arguments[0]);
        var text = new byte[4];
        section.Read(text);
        if (System.Text.Encoding.ASCII.GetString(text) != "held")
            return 1;
        section.Write(System.Text.Encoding.ASCII.GetBytes("seen"), 4);
        using var channel = FrameChannel.Open(arguments[0] + "-frames");
        using var frame = channel.Next(TimeSpan.FromSeconds(5));
        if (System.Text.Encoding.ASCII.GetString(frame.Data.ToArray()) != "frame")
            return 2;
        Console.WriteLine("smoke passed");
        return 0;
    }
}
"""
PROJECT = """<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType><LangVersion>12</LangVersion>
<TargetFramework>netcoreapp3.1</TargetFramework><UseAppHost>false</UseAppHost></PropertyGroup></Project>
"""


def check_package() -> str:
    """``dotnet add package``, build, and run on Linux and under Wine, against programs of the archives."""
    folder = cleared(WORK / "check/nuget")
    folder.mkdir(parents=True)
    (folder / "consumer.csproj").write_text(PROJECT)
    (folder / "Program.cs").write_text(PROGRAM)
    (folder / "dist").symlink_to(DIST)
    line = _readme_line()
    sdk.run([word.replace("$PWD", str(folder)) for word in shlex.split(line)[1:]], cwd=folder)
    sdk.run(["build", "consumer.csproj", "-c", "Release", "-o", "out"], cwd=folder, feeds=[DIST])
    program = folder / "out/consumer.dll"
    with holding(linux_program()) as name:
        done = subprocess.run(
            dotnet.linux_command(program, [name]),
            env=dotnet.linux_environment({"DOTNET_ROLL_FORWARD": "Major"}),
            capture_output=True,
            encoding="utf-8",
        )
        _passed("Linux", done)
    shutil.copy(folder / "out/runtimes/win-x64/native/wmmf.dll", folder / "out")
    with holding(windows_program()) as name:
        _passed("Wine", dotnet.run_wine(program, [name], env={"DOTNET_ROLL_FORWARD": "Major"}))
    tried = f"{line}; smoke against the archives' C programs on Linux and under Wine"
    return f"{tried}; {_native_libraries()}; bill of materials"


def _readme_line() -> str:
    """Return the README's line that adds the package from dist/ to a project."""
    lines = re.findall(r"^dotnet add package .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    if len(lines) != 1:
        raise SystemExit(f"README.md: expected one line that adds the package from dist/, found {lines}")
    line: str = lines[0]
    return line


def _native_libraries() -> str:
    """Each platform's folder has the library that was built for it; the bill of materials is there."""
    (package,) = DIST.glob("Wmmf.*.nupkg")
    with zipfile.ZipFile(package) as packed:
        for platform in PLATFORMS:
            inside = packed.read(f"runtimes/{platform.rid}/native/{platform.library}")
            if inside != Path(native_builds(), platform.rid, platform.library).read_bytes():
                raise SystemExit(f"{package.name}: the library of {platform.rid} is another than what was built")
        bill = json.loads(packed.read(f"sbom/{BILL}"))
        if bill["metadata"]["component"]["version"] != VERSION:
            raise SystemExit(f"{package.name}: its bill of materials is of {bill['metadata']['component']}")
    return f"natives of {', '.join(platform.rid for platform in PLATFORMS)}"


def _passed(where: str, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0 or "smoke passed" not in done.stdout:
        raise SystemExit(f"the C# program on {where}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
