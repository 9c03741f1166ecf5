"""The platforms that everything is built for, by the names that users know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """One system on one kind of processor."""

    rid: str
    """.NET's name, which NuGet's packages use."""
    zig: str
    """The compiler's name. glibc 2.17 is that of manylinux2014."""
    wheel: str
    """Python's name."""
    archive: str
    """The name of the archive for C users; empty: there is none."""

    @property
    def windows(self) -> bool:
        """Whether it is a Windows."""
        return self.rid.startswith("win-")

    @property
    def library(self) -> str:
        """The file of the shared library."""
        return "wmmf.dll" if self.windows else "libwmmf.so"


PLATFORMS = [
    Platform("linux-x64", "x86_64-linux-gnu.2.17", "manylinux2014_x86_64", "linux-x86_64"),
    Platform("linux-arm64", "aarch64-linux-gnu.2.17", "manylinux2014_aarch64", "linux-aarch64"),
    Platform("linux-musl-x64", "x86_64-linux-musl", "musllinux_1_2_x86_64", ""),
    Platform("linux-musl-arm64", "aarch64-linux-musl", "musllinux_1_2_aarch64", ""),
    Platform("win-x64", "x86_64-windows-gnu", "win_amd64", "windows-x64"),
    Platform("win-x86", "x86-windows-gnu", "win32", "windows-x86"),
    Platform("win-arm64", "aarch64-windows-gnu", "win_arm64", "windows-arm64"),
]
