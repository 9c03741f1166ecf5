"""The recipes of the package's page, and of the page about viewers, compile as they stand."""

from __future__ import annotations

import re
from pathlib import Path

from csharp import programs
from lab import csc, sdk

LIBRARIES = Path(__file__).parent / "Libraries.cs"
USINGS = """using System;
using System.Drawing;
using System.Drawing.Imaging;
using System.Threading;
using System.Threading.Tasks;
using System.Windows;
using System.Windows.Media.Imaging;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using OpenCvSharp;
using SixLabors.ImageSharp.PixelFormats;
using SkiaSharp;
using Image = SixLabors.ImageSharp.Image;
using Wmmf;
"""
GIVEN = """    private static void Inspect(ReadOnlySpan<byte> data, int width, int height, int stride)
    {
    }
"""
PARAMETERS = (
    "IEndpointRouteBuilder app, FrameChannel camera, SKBitmap skBitmap, WriteableBitmap writeableBitmap, Bitmap bitmap"
)


def recipes() -> list[str]:
    pages = (programs.BINDINGS / "README.md", programs.BINDINGS.parents[1] / "docs/how-to/csharp-viewer.md")
    texts = [re.findall(r"^```text\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL) for page in pages]
    assert [len(found) for found in texts] == [5, 2]
    return [*texts[0], *texts[1]]


def program(number: int, recipe: str) -> str:
    """A class as it is, or statements in a method that is given what they use."""
    if recipe.startswith("public "):
        body = recipe
    else:
        unsafe = "" if "await" in recipe else "unsafe "  # the compiler refuses both at once
        frame = "" if "var frame" in recipe else "using var frame = camera.Latest();\n"
        body = f"    internal static {unsafe}void Run({PARAMETERS})\n    {{\n{frame}{recipe}    }}\n"
    return f"{USINGS}public partial class Recipe{number}\n{{\n{GIVEN}{body}}}\n"


def test_recipes_compile(tmp_path: Path) -> None:
    pack = sdk.root() / "packs/Microsoft.AspNetCore.App.Ref"
    references = [
        path
        for path in sorted(pack.glob("*/ref/*/*.dll"))
        if path.name.startswith(("Microsoft.AspNetCore.", "Microsoft.Extensions."))
    ]
    assert references
    sources = [*programs.LAYER, LIBRARIES]
    for number, recipe in enumerate(recipes()):
        path = tmp_path / f"Recipe{number}.cs"
        path.write_text(program(number, recipe))
        sources.append(path)
    csc.compile(
        sources,
        tmp_path / "Recipes.dll",
        references=references,
        target="library",
        unsafe=True,
        defines=programs.DEFINES,
    )
