"""Two C# compilers: C# 12 (Roslyn on the .NET 8 of the lab) and a genuine C# 7 (Mono's mcs)."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from lab import cache, dotnet

ROSLYN = "@azure-typespec/http-client-csharp@1.0.0-alpha.20260922.3"  # carries Roslyn 4.8 as plain IL
LIBRARIES = ["Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp"]
FRAMEWORK = ["System.Private.CoreLib", "System.Runtime", "System.Collections.Immutable", "System.Console"]


@functools.cache
def compiler() -> Path:
    """Return the C# 12 compiler's assembly."""
    framework = dotnet.framework()
    code = cache.source("driver.cs")

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as unpacked:
            cache.unpack_npm(ROSLYN, Path(unpacked))
            for name in LIBRARIES:
                Path(unpacked, f"package/dist/generator/{name}.dll").rename(folder / f"{name}.dll")
        references = [folder / f"{name}.dll" for name in LIBRARIES]
        references += [framework / f"{name}.dll" for name in FRAMEWORK]
        # 1701: Roslyn was built against an older System.Collections.Immutable
        mcs([code], folder / "driver.dll", "exe", references, ["-nostdlib", "-noconfig", "-nowarn:1701"])
        dotnet.write_runtime_config(folder / "driver.dll")

    return cache.make_once("csc", make, ROSLYN, framework.name, code) / "driver.dll"


def compile(
    sources: Iterable[Path],
    out: Path,
    *,
    references: Iterable[Path] = (),
    target: str = "exe",
    langversion: str = "12",
    warnings_as_errors: bool = True,
    nullable: bool = True,
    unsafe: bool = False,
    optimize: bool = False,
    defines: Sequence[str] = (),
    doc: Path | None = None,
) -> None:
    """Compile C# up to version 12 against .NET 8 and ``references`` into the assembly ``out``.

    ``target`` is "exe" or "library"; an exe also gets its .runtimeconfig.json, so that ``dotnet.run_linux``
    and ``dotnet.run_wine`` can run it. ``doc`` is where to write the XML documentation. Raises LabError with
    the compiler's messages.
    """
    out.unlink(missing_ok=True)
    switches = [f"/out:{out.absolute()}", f"/target:{target}", f"/langversion:{langversion}"]
    switches += ["/nostdlib", "/deterministic", "/debug:embedded", "/utf8output"]
    switches += [f"/warnaserror{sign(warnings_as_errors)}", f"/unsafe{sign(unsafe)}", f"/optimize{sign(optimize)}"]
    switches += [f"/nullable{sign(nullable)}", *(f"/define:{name}" for name in defines)]
    switches += [f"/reference:{path.absolute()}" for path in [*dotnet.framework().glob("*.dll"), *references]]
    if doc is not None:
        switches.append(f"/doc:{doc.absolute()}")
    done = dotnet.run_linux(compiler(), [*switches, *(str(path.absolute()) for path in sources)], timeout=300)
    if done.returncode != 0:
        raise cache.LabError(f"cannot compile {out.name}:\n{done.stdout}{done.stderr}")
    if target == "exe":
        dotnet.write_runtime_config(out)


def compile_csharp7(
    sources: Iterable[Path],
    out: Path,
    *,
    references: Iterable[Path] = (),
    target: str = "exe",
    warnings_as_errors: bool = True,
    unsafe: bool = False,
    defines: Sequence[str] = (),
) -> None:
    """Compile C# 7 against Mono's .NET Framework assemblies; an exe also runs on .NET 8.

    Raises LabError with the compiler's messages.
    """
    switches = ["-langversion:7", f"-warnaserror{sign(warnings_as_errors)}", f"-unsafe{sign(unsafe)}"]
    switches += [f"-define:{name}" for name in defines]
    mcs(sources, out, target, references, switches)
    if target == "exe":
        dotnet.write_runtime_config(out)


def mcs(sources: Iterable[Path], out: Path, target: str, references: Iterable[Path], switches: Sequence[str]) -> None:
    """Compile with Mono's compiler."""
    out.unlink(missing_ok=True)
    command = [cache.tool("mcs", "mono-mcs"), f"-out:{out}", f"-target:{target}", *switches]
    command += [f"-reference:{path}" for path in references]
    cache.checked([*command, *sources], f"cannot compile {out.name}")


def sign(on: bool) -> str:
    """Return how csc and mcs write a switch that is on or off."""
    return "+" if on else "-"
