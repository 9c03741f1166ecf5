"""A language other than C#: what its compiler accepts works."""

from __future__ import annotations

import shutil
from pathlib import Path

import native
from csharp import programs
from lab import csc, dotnet, sdk

SOURCE = Path(__file__).parent / "VisualBasic.vb"


def test_visual_basic(tmp_path: Path) -> None:
    """On Linux: what its compiler makes is the same on Windows."""
    library, program = tmp_path / "Wmmf.Net.dll", tmp_path / "VisualBasic.dll"
    csc.compile(programs.LAYER, library, target="library", unsafe=True, optimize=True, defines=programs.DEFINES)
    compiler = sdk.root() / "sdk" / sdk.VERSION / "Roslyn/bincore/vbc.dll"
    switches = ["-nologo", "-nostdlib", f"-sdkpath:{dotnet.framework()}", "-optioninfer+", '-define:_MyType="Empty"']
    switches += [f"-r:{path}" for path in [*dotnet.framework().glob("*.dll"), library]]
    switches += ["-warnaserror+", "-target:exe", f"-out:{program}", str(SOURCE)]
    done = dotnet.run_linux(compiler, switches, timeout=300, env={"DOTNET_ROLL_FORWARD": "Major"})
    assert done.returncode == 0, done.stdout + done.stderr
    dotnet.write_runtime_config(program)
    shutil.copy(native.programs("gcc") / "libwmmf.so", tmp_path)
    done = dotnet.run_linux(program)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr
