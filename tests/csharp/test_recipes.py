"""The recipes of the package's page compile as they stand."""

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
    page = (programs.BINDINGS / "README.md").read_text()
    return re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def program(number: int, recipe: str) -> str:
    """A class as it is, or statements in a method that is given what they use."""
    if recipe.startswith("public "):
        body = recipe
    else:
        unsafe = "" if "await" in recipe else "unsafe "  # the compiler refuses both at once
        body = f"    internal static {unsafe}void Run({PARAMETERS})\n    {{\n{recipe}    }}\n"
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
    found = recipes()
    assert len(found) >= 5
    for number, recipe in enumerate(found):
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
