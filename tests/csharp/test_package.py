"""The C# package as a package: packed by the SDK, and used by programs that have nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import native
import pytest
from csharp import package
from lab import cache, dotnet, sdk

FINE = "fine 100 2\n"

pytestmark = pytest.mark.windows  # it carries libraries for both systems


@pytest.fixture(scope="module")
def content() -> zipfile.ZipFile:
    (file,) = package.packed().glob("Wmmf.*.nupkg")
    return zipfile.ZipFile(file)


def build(folder: Path, framework: str, *arguments: str, properties: str = "") -> str:
    project = package.consumer(folder, framework, properties=properties)
    return sdk.run(["build", str(project), "-c", "Release", *arguments], cwd=folder, feeds=[package.packed()])


def test_managed_and_native_file_names_differ_without_case(content: zipfile.ZipFile) -> None:
    """On Windows Wmmf.dll and wmmf.dll would be one file."""
    names = {Path(name).name for name in content.namelist() if name.endswith(".dll")}
    assert names == {"Wmmf.Net.dll", "wmmf.dll"}
    assert len({name.lower() for name in names}) == len(names)


def test_each_platform_has_its_own_native_library(content: zipfile.ZipFile) -> None:
    found = {name.split("/")[1]: content.read(name) for name in content.namelist() if name.startswith("runtimes/")}
    assert sorted(found) == sorted(package.RIDS)
    assert len({hashlib.sha256(library).digest() for library in found.values()}) == len(package.RIDS)


def test_targets_for_every_framework(content: zipfile.ZipFile) -> None:
    targets = {name for name in content.namelist() if name.endswith(".targets")}
    folders = [
        f"{kind}/{framework}" for kind in ("build", "buildTransitive") for framework in ("net462", "netcoreapp3.1")
    ]
    assert targets == {f"{folder}/Wmmf.targets" for folder in folders}


def test_metadata(content: zipfile.ZipFile) -> None:
    root = ElementTree.fromstring(content.read("Wmmf.nuspec"))
    text = {element.tag.rpartition("}")[2]: element for element in root.iter()}
    for name in ("title", "description", "projectUrl", "releaseNotes", "icon", "license", "tags", "copyright"):
        assert text[name].text, name
    assert text["authors"].text not in ("Wmmf", "Wmmf.Net")
    assert text["repository"].get("type") == "git"
    assert text["repository"].get("url")
    assert {"README.md", "icon.png"} <= set(content.namelist())


def test_documentation_file_holds_what_is_public(content: zipfile.ZipFile) -> None:
    for name in content.namelist():
        if name.endswith(".xml") and name.startswith("lib/"):
            members = [member.get("name") or "" for member in ElementTree.fromstring(content.read(name)).iter("member")]
            assert "T:Wmmf.FrameChannel" in members
            for hidden in ("NativeMethods", "wmmf_", "Waiter", "Lease", "HeldLocks", "SectionHandle"):
                assert not [member for member in members if hidden in member]


def test_assembly_has_a_strong_name(content: zipfile.ZipFile) -> None:
    """The public key is in the assembly."""
    key = (package.BINDINGS / "Wmmf/Wmmf.snk").read_bytes()
    modulus = key[20 : 20 + 256]
    assemblies = [name for name in content.namelist() if name.endswith("Wmmf.Net.dll")]
    assert len(assemblies) == 2
    assert all(modulus in content.read(name) for name in assemblies)


def test_packing_fails_without_a_native_library(tmp_path: Path) -> None:
    missing = "linux-musl-arm64"
    natives = tmp_path / "native"
    shutil.copytree(package.native_builds(), natives)
    shutil.rmtree(natives / missing)
    shutil.copytree(package.BINDINGS, tmp_path / "source", ignore=shutil.ignore_patterns("bin", "obj"))
    with pytest.raises(cache.LabError, match=f"/{missing}"):
        package.pack(tmp_path, natives)


def test_program_runs_on_linux(tmp_path: Path) -> None:
    build(tmp_path, "netcoreapp3.1")
    program = tmp_path / "bin/Release/netcoreapp3.1/consumer.dll"
    done = dotnet.run_linux(program, env={"DOTNET_ROLL_FORWARD": "Major"})
    assert (done.stdout, done.returncode) == (FINE, 0), done.stderr


def test_program_runs_on_windows(tmp_path: Path) -> None:
    """Published for Windows: the managed and the native file lie in one folder."""
    project = package.consumer(tmp_path, "netcoreapp3.1", properties="<RuntimeIdentifier>win-x64</RuntimeIdentifier>")
    options = ["-c", "Release", "--self-contained", "false", "-o", str(tmp_path / "out")]
    sdk.run(["publish", str(project), *options], cwd=tmp_path, feeds=[package.packed()])
    assert {"Wmmf.Net.dll", "wmmf.dll"} <= {path.name for path in (tmp_path / "out").iterdir()}
    done = dotnet.run_wine(tmp_path / "out/consumer.dll", env={"DOTNET_ROLL_FORWARD": "Major"})
    assert (done.stdout, done.returncode) == (FINE, 0), done.stderr


@pytest.mark.parametrize("rid", ["linux-musl-x64", "win-x86"])
def test_platform_gets_its_own_library(rid: str, tmp_path: Path) -> None:
    project = package.consumer(tmp_path, "netcoreapp3.1", properties=f"<RuntimeIdentifier>{rid}</RuntimeIdentifier>")
    options = ["-c", "Release", "--self-contained", "false", "-o", str(tmp_path / "out")]
    sdk.run(["publish", str(project), *options], cwd=tmp_path, feeds=[package.packed()])
    name = "wmmf.dll" if rid.startswith("win") else "libwmmf.so"
    assert (tmp_path / "out" / name).read_bytes() == (package.native_builds() / rid / name).read_bytes()


@pytest.mark.parametrize("rid", ["osx-arm64", "linux-musl-arm"])
def test_platform_without_a_library_is_refused_when_building(rid: str, tmp_path: Path) -> None:
    platform = f"<RuntimeIdentifier>{rid}</RuntimeIdentifier><SelfContained>false</SelfContained>"
    with pytest.raises(cache.LabError, match=f"WMMF001.*no native library for {rid}"):
        build(tmp_path, "netcoreapp3.1", properties=platform)
    own = f"{platform}<WmmfCheckRuntimeIdentifier>false</WmmfCheckRuntimeIdentifier>"
    build(tmp_path, "netcoreapp3.1", properties=own)


@pytest.mark.parametrize("switch", ["true", "false"])
def test_net_framework_gets_its_libraries_through_a_class_library(
    switch: str, tmp_path: Path, content: zipfile.ZipFile
) -> None:
    """Projects for another framework import the files for it, because its reference assemblies are not here."""
    content.extractall(tmp_path / "package")
    for name, inside in (
        ("library", '<Import Project="../package/build/net462/Wmmf.targets"/>'),
        ("program", '<ItemGroup><ProjectReference Include="../library/library.csproj"/></ItemGroup>'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.csproj").write_text(
            f"""<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>netcoreapp3.1</TargetFramework>
<UseAppHost>false</UseAppHost></PropertyGroup>{inside}</Project>"""
        )
    sdk.run(["build", str(tmp_path / "program"), "-c", "Release", f"-p:WmmfCopyNative={switch}"], cwd=tmp_path)
    out = tmp_path / "program/bin/Release/netcoreapp3.1"
    found = {path.parent.name: path.read_bytes() for path in out.glob("*/wmmf.dll")}
    folders = ("x86", "x64", "arm64") if switch == "true" else ()
    assert found == {folder: (package.native_builds() / f"win-{folder}/wmmf.dll").read_bytes() for folder in folders}


def test_missing_library_is_named_with_the_platform_and_the_places(tmp_path: Path) -> None:
    build(tmp_path, "netcoreapp3.1")
    out = tmp_path / "bin/Release/netcoreapp3.1"
    shutil.rmtree(out / "runtimes", ignore_errors=True)
    shutil.rmtree(tmp_path / "packages")
    done = dotnet.run_linux(out / "consumer.dll", env={"DOTNET_ROLL_FORWARD": "Major"})
    assert done.returncode != 0
    assert "System.DllNotFoundException: the native library wmmf was not found for linux-x64" in done.stderr
    assert str(out) in done.stderr


def test_net_standard_on_mono(tmp_path: Path) -> None:
    """.NET Standard 2.0 as programs other than .NET Core have it, compiled as C# 7."""
    with zipfile.ZipFile(next(package.packed().glob("Wmmf.*.nupkg"))) as content:
        (tmp_path / "Wmmf.Net.dll").write_bytes(content.read("lib/netstandard2.0/Wmmf.Net.dll"))
    tools = sdk.root() / "sdk" / sdk.VERSION
    desktop = tools / "Sdks/Microsoft.NET.Sdk.WindowsDesktop/tools/net472"
    for name in ("System.Memory", "System.Runtime.CompilerServices.Unsafe", "System.Numerics.Vectors"):
        shutil.copy(desktop / f"{name}.dll", tmp_path)
    for facade in (tools / "Microsoft/Microsoft.NET.Build.Extensions/net461/lib").glob("*.dll"):
        shutil.copy(facade, tmp_path)
    with zipfile.ZipFile(sdk.feed() / "System.Threading.Tasks.Extensions.4.5.4.nupkg") as extensions:
        library = "lib/netstandard2.0/System.Threading.Tasks.Extensions.dll"
        (tmp_path / Path(library).name).write_bytes(extensions.read(library))
    shutil.copy(native.programs("gcc") / "libwmmf.so", tmp_path)
    mono = Path(cache.tool("mono", "mono-mcs"))
    references = [
        tmp_path / f"{name}.dll" for name in ("Wmmf.Net", "System.Memory", "System.Threading.Tasks.Extensions")
    ]
    references.append(tmp_path / "netstandard.dll")
    program, out = Path(__file__).parent / "Consumer.cs", tmp_path / "consumer.exe"
    native.checked("mcs", "-langversion:7", *(f"-r:{path}" for path in references), f"-out:{out}", program)
    done = subprocess.run(
        [mono, out],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
        timeout=60,
    )
    assert (done.stdout, done.returncode) == (FINE, 0), done.stderr
