"""Make the pieces of the lab, so that no test has to wait for them: ``python -m lab all``."""

from __future__ import annotations

import argparse
import sys

from lab import cache, csc, dotnet, footage, msvc, sdk, wine, winpython, zig

PIECES = {
    "dotnet": [dotnet.linux],
    "csc": [csc.compiler],
    "zig": [zig.home],
    "footage": [footage.video],
    "sdk": [sdk.root, sdk.feed],
    "wine": [wine.prefix],
    "winpython": [winpython.home],
    "msvc": [msvc.home],
    "dotnet-windows": [dotnet.windows, dotnet.startup_hook],
}
NATIVE_PIECES = ("dotnet", "csc", "zig", "footage")

NATIVE_PACKAGES = (
    "build-essential cmake pkg-config clang libclang-rt-14-dev python3-dev python3-venv mono-mcs spin "
    "chromium chromium-driver"
)
WINDOWS_PACKAGES = "wine wine64 libwine-dev llvm gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64 gcc-mingw-w64-i686 lld"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("what", choices=[*PIECES, "all", "apt"], help="what to make; apt: name Debian's packages")
    parser.add_argument("--native", action="store_true", help="with all and apt: leave out what only Windows needs")
    options = parser.parse_args()
    if options.what == "apt":
        print(NATIVE_PACKAGES if options.native else f"{NATIVE_PACKAGES} {WINDOWS_PACKAGES}")
        return
    everything = NATIVE_PIECES if options.native else PIECES
    for name in everything if options.what == "all" else [options.what]:
        for piece in PIECES[name]:
            try:
                print(f"{name}: {piece()}", flush=True)
            except cache.LabError as error:
                sys.exit(f"lab: {name}: {error}")


main()
